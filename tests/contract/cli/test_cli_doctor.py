from __future__ import annotations

import json
import platform
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.cli.tool_checks import TRICKS, probe_host
from pulumi_edas_scale.emulator.switches import switches_of_record
from tests.contract.cli.terminal import SECRETS, Terminal
from tests.contract.sdk.sign_ins import EXPIRED_SIGN_IN, write_sign_in

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator import Emulator


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A directory with a Pulumi CLI and the plugin, as far as the doctor looks at them."""
    directory = tmp_path / "bin"
    directory.mkdir()
    put(directory, "pulumi", "echo v3.259.0")
    put(directory, "pulumi-resource-edas-scale", "exit 0")
    return directory


def put(directory: Path, name: str, script: str) -> None:
    """Write a program."""
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.fixture
def patient(terminal: Terminal, programs: Path, tmp_path: Path) -> Terminal:
    """A machine on which everything is well."""
    terminal.environ |= {"PATH": str(programs), "HOME": str(tmp_path)}
    terminal.wall_clock = lambda: datetime.now(timezone.utc)
    terminal.replace = {
        str(tmp_path): "<home>",
        str(Path(sys.executable).parent): "<environment>",
        sys.executable: "<python>",
        f"Python {platform.python_version()}": "Python <version>",
    } | {
        f"{name} {version(name)}": f"{name} <version>"
        for name in ("pulumi-edas-scale", "pulumi", "alibabacloud-edas20170801", "alibabacloud-credentials")
    }
    return terminal


def give_an_order(edas: Emulator) -> None:
    """Let there be a recent change order to ask about."""
    edas.action("start_order", group="beta", application="shop", duration="immediate")


@pytest.mark.parametrize("way", ["text", "json"])
def test_all_is_well(patient: Terminal, edas: Emulator, way: str) -> None:
    """Credentials by their source, endpoint, clock, each permission, versions, plugin and host; exit code 0."""
    give_an_order(edas)
    extra = ("--json",) if way == "json" else ()
    result = patient.golden(f"doctor-well.{way}", "doctor", *extra)
    assert result.exit_code == 0
    assert {call["operation"] for call in edas.log()}.isdisjoint(
        {"ScaleOutApplication", "ScaleInApplication"}
    )


def test_every_red_line_has_a_fix(patient: Terminal, edas: Emulator, programs: Path) -> None:
    """A machine without Pulumi, a clock that is off, permissions that are missing."""
    for program in programs.iterdir():
        program.unlink()
    edas.rule(operation="ListScaleOutEcu", effect="error", status=403, code="Forbidden.RAM", message="no")
    edas.rule(operation="ListRecentChangeOrder", effect="error", status=200, code=601, message="odd")
    edas.rule(operation="GetCluster", effect="throttle")
    patient.wall_clock = lambda: datetime.now(timezone.utc) + timedelta(minutes=20, seconds=1)
    result = patient.golden("doctor-ill.text", "doctor")
    assert result.exit_code == 1
    found = json.loads(patient.run("doctor", "--json").stdout)["findings"]
    assert all(each["fix"] for each in found if each["state"] == "red")


def test_an_old_pulumi_is_red(patient: Terminal, programs: Path) -> None:
    """A CLI that cannot do what the provider needs is named with the version that can."""
    put(programs, "pulumi", "echo v3.100.0")
    result = patient.run("doctor")
    assert "too old" in result.stdout
    assert result.exit_code == 1


def test_a_pulumi_that_does_not_start_is_red(patient: Terminal, programs: Path) -> None:
    """A broken installation is a finding and no traceback."""
    put(programs, "pulumi", "exit 3")
    result = patient.run("doctor")
    assert "failed: CalledProcessError" in result.stdout
    assert result.exit_code == 1


def test_an_installed_plugin_is_found_without_path(patient: Terminal, programs: Path, tmp_path: Path) -> None:
    """The engine looks into its own directory of plugins, too."""
    (programs / "pulumi-resource-edas-scale").unlink()
    (tmp_path / ".pulumi" / "plugins" / "resource-edas-scale-v9.9.9").mkdir(parents=True)
    assert "resource-edas-scale-v9.9.9 in <home>" in patient.normalise(patient.run("doctor").stdout)


def test_no_credentials(patient: Terminal, edas: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sources that were looked at are named, and nothing else is asked."""
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
    # The official library keeps what the environment said when it was first imported, by whatever test that was.
    monkeypatch.setattr("alibabacloud_credentials.utils.auth_util.environment_access_key_id", None)
    monkeypatch.setattr("alibabacloud_credentials.utils.auth_util.environment_access_key_secret", None)
    monkeypatch.setattr("alibabacloud_credentials.utils.auth_util.environment_ecs_metadata_disabled", "true")
    for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
        del patient.environ[name]
    assert patient.golden("doctor-no-credentials.text", "doctor").exit_code == 1
    assert not edas.log()


ROLE = {
    "ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1:role/r",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1:oidc-provider/p",
}
DEAD_PROXY = {"HTTPS_PROXY": "http://127.0.0.1:9", "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "{home}/token"}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "~/.aliyun/config.json: CloudSSO access token is empty or expired"),
        (
            {**ROLE, "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "/nowhere/token"},
            "No such file or directory: '/nowhere/token'",
        ),
        (ROLE, "are set, but ALIBABA_CLOUD_OIDC_TOKEN_FILE is not"),
        ({**ROLE, **DEAD_PROXY}, "sts.aliyuncs.com cannot be reached"),
    ],
    ids=["expired sign-in", "missing token file", "half set", "token service out of reach"],
)
def test_s89_the_doctor_names_what_is_wrong_with_credentials(
    edas: Emulator, tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    """S89: source and cause are in the red line; "no credentials" is only said when there are none."""
    # A process of its own: the official library keeps what the environment said when it was imported.
    (tmp_path / "token").write_text("canary-token-0123456789")
    if not variables:
        write_sign_in(tmp_path, **EXPIRED_SIGN_IN)
    done = subprocess.run(
        [sys.executable, "-m", "pulumi_edas_scale.cli.main", "doctor", "--json"],
        env={
            "HOME": str(tmp_path),
            "PATH": str(tmp_path),
            "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
            "ALIBABA_CLOUD_REGION_ID": "cn-hangzhou",
            "ALIBABA_CLOUD_ENDPOINT_EDAS": edas.url,
            **{name: value.replace("{home}", str(tmp_path)) for name, value in variables.items()},
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    [line] = [each for each in json.loads(done.stdout)["findings"] if each["name"] == "credentials"]
    assert line["state"] == "red"
    assert said in line["says"]
    assert "no credentials were found" not in done.stdout
    assert "canary" not in done.stdout + done.stderr
    assert not edas.log()


def test_wrong_credentials(patient: Terminal) -> None:
    """A key that EDAS does not accept is told from one that is missing; its text is never shown."""
    patient.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "another-canary-secret"
    result = patient.golden("doctor-wrong-credentials.text", "doctor")
    assert "another-canary" not in result.stdout + result.stderr


def test_edas_is_down(patient: Terminal) -> None:
    """An endpoint that does not answer is red; what could not be asked is left out."""
    patient.environ["ALIBABA_CLOUD_ENDPOINT_EDAS"] = "http://127.0.0.1:9"
    assert patient.golden("doctor-down.text", "doctor").exit_code == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALIBABA_CLOUD_REGION_ID", ""), ("ALIBABA_CLOUD_ENDPOINT_EDAS", "nonsense")],
)
def test_wrong_settings_are_a_finding(patient: Terminal, edas: Emulator, name: str, value: str) -> None:
    """The tools are looked at all the same."""
    patient.environ[name] = value
    result = patient.run("doctor", "--json")
    last = json.loads(result.stdout)["findings"][-1]
    assert (last["name"], last["state"], result.exit_code) == ("settings", "red", 1)
    assert not edas.log()


def test_an_account_without_applications_is_asked_what_can_be_asked(
    patient: Terminal, edas: Emulator
) -> None:
    """Without an application most readings have no subject, and are skipped with that reason."""
    for application in edas.state()["applications"]:
        edas.action("delete_application", application=application["id"])
    assert patient.golden("doctor-empty.text", "doctor").exit_code == 0


def test_a_recording_is_redacted(patient: Terminal, edas: Emulator, tmp_path: Path) -> None:
    """Every answer with its status, time and whole body, refusals too, and no id, name or account of the user."""
    give_an_order(edas)
    file = tmp_path / "record.json"
    result = patient.run("doctor", "--record", str(file), "--app", "shop")
    assert result.exit_code == 0
    text = file.read_text()
    for mine in ("i-bp1", "shop", "beta", "3616cdca", "edas_com_emulator", "ec000000", *SECRETS):
        assert mine not in text
    calls = json.loads(text)["calls"]
    gone = [each for each in calls if each["asked"] == {"app_id": "an id that nothing has"}]
    assert {each["operation"] for each in gone} == {"QueryApplicationStatus", "ListRecentChangeOrder"}
    assert all(each["httpStatus"] == 200 and each["body"]["Code"] == 601 for each in gone)
    assert all(each["milliseconds"] >= 0 for each in calls)
    order = next(each for each in calls if each["operation"] == "GetChangeOrderInfo")["body"][
        "changeOrderInfo"
    ]
    assert (order["Status"], order["CoType"]) == (2, "Deploy Application")


@pytest.mark.parametrize(
    "switches",
    [
        {"code_type": "number", "not_found": "body_601", "page_behind_last": "empty"},
        {"code_type": "text", "not_found": "body_404", "page_behind_last": "refused", "empty_list": "absent"},
        {"not_found": "http_500", "empty_list": "null", "total_size": "pages"},
        {"empty_list": "inner_null", "total_size": "members"},
    ],
    ids=lambda switches: switches.get("empty_list", "documented"),
)
def test_a_recording_settles_what_it_shows(
    patient: Terminal, edas: Emulator, tmp_path: Path, switches: dict[str, str]
) -> None:
    """What the emulator was told to be like is what a recording of it says, and an emulator can be started from it."""
    edas.switches(**switches)
    for application in edas.state()["applications"]:
        if application["name"] == "never-deployed":
            edas.action("leave", application=application["id"], instance="i-bp1h")
    file = tmp_path / "record.json"
    patient.run("doctor", "--record", str(file), "--app", "shop")
    unknowns = json.loads(file.read_text())["unknowns"]
    spelling = switches.pop("empty_list", "list")
    assert f"QueryApplicationStatus:{spelling}" in unknowns.pop("empty_list")
    assert {name: unknowns[name] for name in switches} == switches
    assert switches_of_record(unknowns) == unknowns


def test_a_change_is_recorded_while_it_runs(patient: Terminal, edas: Emulator, tmp_path: Path) -> None:
    """What the list of applications and the members show during somebody's order is in the recording."""
    edas.switches(order_duration="polls:3", joiner_visible="end")
    edas.action("start_order", group="beta", application="shop", duration="polls:3")
    file = tmp_path / "record.json"
    result = patient.run("doctor", "--record", str(file), "--app", "shop", "--during-change", "60")
    assert "Waiting for a change order of shop" in result.stderr
    recording = json.loads(file.read_text())
    assert recording["unknowns"]["list_application"] == "fresh"
    assert sum(each["operation"] == "GetChangeOrderInfo" for each in recording["calls"]) > 3


@pytest.mark.parametrize("arguments", [(), ("--record", "new.json"), ("--app", "shop")])
def test_a_change_is_watched_for_a_recording_only(
    patient: Terminal, edas: Emulator, arguments: tuple[str, ...]
) -> None:
    """Without a file or an application there is nothing to watch for, and nothing is asked."""
    assert patient.run("doctor", "--during-change", "60", *arguments).exit_code == 2
    assert not edas.log()


def test_a_recording_is_not_overwritten(patient: Terminal, edas: Emulator, tmp_path: Path) -> None:
    """A file that exists may be the only recording there is."""
    file = tmp_path / "record.json"
    file.write_text("{}")
    result = patient.run("doctor", "--record", str(file))
    assert result.exit_code == 2
    assert file.read_text() == "{}"
    assert not edas.log()


def test_every_reach_into_the_installed_host_works(programs: Path) -> None:
    """The probe runs in a host as the engine starts it, and finds what it looks for."""
    assert probe_host({"PATH": str(programs)}) == {"front_end": True, **dict.fromkeys(TRICKS, True)}
