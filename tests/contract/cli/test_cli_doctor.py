from __future__ import annotations

import json
import platform
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.cli.tool_checks import TRICKS, probe_host
from pulumi_edas_scale.version import __version__
from tests.contract.cli.terminal import SECRETS, Terminal

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
        f"pulumi-edas-scale {__version__}": "pulumi-edas-scale <version>",
        f"Python {platform.python_version()}": "Python <version>",
    } | {
        f"{name} {version(name)}": f"{name} <version>"
        for name in ("pulumi", "alibabacloud-edas20170801", "alibabacloud-credentials")
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


def test_no_credentials(
    patient: Terminal, edas: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The sources that were looked at are named, and nothing else is asked."""
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    # The official library keeps what the environment said when it was first imported, by whatever test that was.
    monkeypatch.setattr("alibabacloud_credentials.utils.auth_util.environment_access_key_id", None)
    monkeypatch.setattr("alibabacloud_credentials.utils.auth_util.environment_access_key_secret", None)
    monkeypatch.setattr("alibabacloud_credentials.utils.auth_util.environment_ecs_metadata_disabled", "true")
    for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
        del patient.environ[name]
    assert patient.golden("doctor-no-credentials.text", "doctor").exit_code == 1
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


def test_recorded_answers_are_redacted(patient: Terminal, edas: Emulator, tmp_path: Path) -> None:
    """One file for each answer, with the shape of EDAS's and no id, address, name or account of the user."""
    give_an_order(edas)
    directory = tmp_path / "record"
    result = patient.run("doctor", "--record", str(directory), "--app", "shop")
    assert result.exit_code == 0
    files = {file.name: file.read_text() for file in directory.iterdir()}
    assert set(files) == {
        "GetChangeOrderInfo.2.json",
        "GetChangeOrderInfo.json",
        "GetCluster.json",
        "ListApplication.json",
        "ListClusterMembers.json",
        "ListRecentChangeOrder.json",
        "ListScaleOutEcu.json",
        "QueryApplicationStatus.2.json",
        "QueryApplicationStatus.json",
    }
    everything = "".join(files.values())
    for mine in ("i-bp1", "shop", "beta", "3616cdca", "edas_com_emulator", "ec000000", *SECRETS):
        assert mine not in everything
    gone = json.loads(files["QueryApplicationStatus.2.json"])
    assert (gone["refused"], gone["Code"]) == ("BusinessError", "601")
    order = json.loads(files["GetChangeOrderInfo.json"])["changeOrderInfo"]
    assert (order["Status"], order["CoType"]) == (2, "Deploy Application")


def test_a_directory_with_files_is_not_recorded_into(
    patient: Terminal, edas: Emulator, tmp_path: Path
) -> None:
    """Old answers beside new ones would be mistaken for them."""
    (tmp_path / "record").mkdir()
    (tmp_path / "record" / "old.json").write_text("{}")
    result = patient.run("doctor", "--record", str(tmp_path / "record"))
    assert result.exit_code == 2
    assert not edas.log()


def test_every_reach_into_the_installed_host_works(programs: Path) -> None:
    """The probe runs in a host as the engine starts it, and finds what it looks for."""
    assert probe_host({"PATH": str(programs)}) == {"front_end": True, **dict.fromkeys(TRICKS, True)}
