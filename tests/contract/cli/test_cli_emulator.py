from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_edas_scale.cli.redaction import Redactor
from pulumi_edas_scale.emulator import Emulator
from tests.contract.cli.terminal import SHOP, Terminal, assert_golden

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = Path(sys.executable).parent / "edas-scale"


@pytest.mark.parametrize("way", ["text", "json"])
def test_the_emulator_prints_the_exports_and_ends_when_interrupted(tmp_path: Path, way: str) -> None:
    """The installed program serves a world file until Ctrl-C, which is exit code 0."""
    world = tmp_path / "world.json"
    world.write_text(json.dumps({"region": "cn-test", "accessKeys": [{"id": "key", "secret": "secret"}]}))
    command = [str(PROGRAM), "emulator", "--world", str(world), "--switch", "order_duration=polls:1"]
    command += ["--json"] if way == "json" else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        ready = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert_golden(f"emulator.{way}", re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", output + ready))
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--world", "nowhere.json"), "The world file nowhere.json cannot be read: "),
        (("--switch", "order_duration"), "--switch takes NAME=VALUE, not 'order_duration'."),
        (("--switch", "nothing=1"), "switches.nothing: no such switch"),
        (("--port", "70000"), "Invalid value for '--port'"),
    ],
)
def test_a_wrong_world_or_switch_is_one_line(
    terminal: Terminal, arguments: tuple[str, ...], message: str
) -> None:
    """Nothing is started, and the exit code says that the arguments are wrong."""
    result = terminal.run("emulator", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_address_that_is_not_ours_is_a_failure(terminal: Terminal) -> None:
    """The emulator cannot listen where this machine is not."""
    result = terminal.run("emulator", "--host", "203.0.113.1")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The emulator cannot listen on 203.0.113.1:0: ")


def test_an_application_is_copied_without_its_machines(terminal: Terminal, edas: Emulator) -> None:
    """Groups, states and ids of the application are kept; every ECS id, ECU id and address is another one."""
    result = terminal.golden("emulator-from-account.json", "emulator", "--from-account", "shop")
    assert result.exit_code == 0
    for machine in edas.state()["clusters"][0]["ecus"]:
        for name in ("instanceId", "ecuId"):
            assert machine[name] not in result.stdout


def test_a_copy_serves_the_same_groups(terminal: Terminal, edas: Emulator, tmp_path: Path) -> None:
    """What was copied starts, and shows as many members in the same states as the account did."""
    file = tmp_path / "copy.json"
    result = terminal.run("emulator", "--from-account", SHOP, "--world", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    with Emulator(json.loads(file.read_text())) as copy:
        looked = Terminal(copy.environment()).run("status", SHOP, "--json")
    assert counts(json.loads(looked.stdout)) == counts(
        json.loads(terminal.run("status", SHOP, "--json").stdout)
    )
    assert len(edas.log("ListScaleOutEcu")) == 1


def counts(status: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the states of the members of each group."""
    return {
        group["groupId"]: sorted(member["state"] for member in group["members"]) for group in status["groups"]
    }


def test_a_copy_overwrites_no_file(terminal: Terminal, edas: Emulator, tmp_path: Path) -> None:
    """A file that is there stays, and EDAS is not even asked."""
    file = tmp_path / "copy.json"
    file.write_text("mine")
    result = terminal.run("emulator", "--from-account", "shop", "--world", str(file))
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert file.read_text() == "mine"
    assert not edas.log()


def test_an_application_on_kubernetes_is_not_copied(terminal: Terminal) -> None:
    """There are no machines to copy, and the reason is said."""
    terminal.golden("emulator-from-kubernetes.text", "emulator", "--from-account", "on-kubernetes")


CANARIES = {
    "AppId": "3616cdca-4f92-4413-a1b2-0123456789ab",
    "Name": "secret-shop",
    "UserId": "canary@example.com",
    "Phone": "13800138000",
    "SomethingNew": "canary-text",
    "RegionId": "cn-hangzhou:canary-namespace",
    "TaskMessage": "password=canary-password",
    "InstanceIp": "47.1.2.3 (Public)<br>172.16.9.9 (Private)",
    "Message": "Application(secret-shop) of 1172123412346608 at https://canary.example.com/x?token=canary is gone",
    "State": "RUNNING canary@example.com",
}


def test_a_recorded_body_names_nobody() -> None:
    """Names, addresses, accounts and keys nobody thought of are invented; words of EDAS are kept."""
    redacted = Redactor().body({**CANARIES, "Code": 601, "StageName": "Scale Out", "UserNumber": 7})
    assert isinstance(redacted, dict)
    text = json.dumps(redacted)
    for piece in (
        "canary",
        "secret-shop",
        "13800138000",
        "1172123412346608",
        "47.1.2.3",
        "172.16.9.9",
        "4f92",
    ):
        assert piece not in text
    assert redacted["StageName"] == "Scale Out"
    assert redacted["Code"] == 601
    assert redacted["RegionId"].startswith("cn-hangzhou:")
    assert redacted["Message"].startswith("Application(redacted-")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(CANARIES)), inner),
    max_leaves=20,
)


def shape(value: object) -> object:
    """Return what a value is made of."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else isinstance(value, str)


@given(JSON)
def test_redaction_keeps_the_shape_and_is_consistent(value: object) -> None:
    """Any JSON value keeps its shape, and the same value gives the same answer twice."""
    redactor = Redactor()
    first = redactor.body(value)
    assert shape(first) == shape(value)
    assert redactor.body(value) == first or "Message" in json.dumps(value)
