"""All provider processes of one engine run: what one learns the others know, whichever is killed, and nothing stays."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from pulumi_edas_scale.dynamic import Provider
from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.hosts.protocol import provider_pb2
from tests.contract.dynamic.host_process import URN as DYNAMIC_URN
from tests.contract.dynamic.host_process import HostProcess, RecordingEngine, reference
from tests.contract.plugin.harness import URN, WAIT, struct
from tests.contract.plugin.processes import APP, GROUP, Process, plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEFAULT = "8123db90-880f-486f-b1c2-000000000001"
ID = f"cn-hangzhou/{APP}/{DEFAULT}"
INPUTS = {"regionId": "cn-hangzhou", "appId": APP, "groupId": DEFAULT, "instanceIds": ["i-bp111"]}
REFERENCE = reference(Provider())


class Run:
    """One run of an engine with two plugin processes and the host of the dynamic provider.

    Attributes:
        left: where the processes share what they know; it must not be there in the end.
    """

    def __init__(self, opened: ExitStack, edas: Emulator, folder: Path) -> None:
        environ = {**edas.environment(), "XDG_RUNTIME_DIR": str(folder)}
        self.left = folder / "pulumi-edas-scale"
        self.engine = RecordingEngine()
        opened.callback(self.engine.vanish)
        self.plugins = [opened.enter_context(plugin(self.engine.address, environ=environ)) for _ in range(2)]
        for each in self.plugins:
            each.configure()
        self.dynamic = HostProcess(self.engine.address, environ=environ)
        opened.callback(self.dynamic.kill)
        self.check(self.dynamic.stub, DYNAMIC_URN, groupId=GROUP, instanceIds=[], __provider=REFERENCE)

    def check(self, stub: Any, urn: str, **inputs: object) -> list[str]:  # noqa: ANN401  # generated stubs
        """Ask a process for a check, and return what it refuses."""
        request = provider_pb2.CheckRequest(urn=urn, olds=struct({}), news=struct({**INPUTS, **inputs}))
        return [each.reason for each in stub.Check(request, timeout=WAIT).failures]


@pytest.fixture
def edas() -> Iterator[Emulator]:
    """Return an EDAS whose orders end at once."""
    with Emulator(order_duration="immediate") as emulator:
        yield emulator


@pytest.fixture
def run(edas: Emulator, tmp_path: Path) -> Iterator[Run]:
    """Return a run whose processes serve."""
    with ExitStack() as opened:
        yield Run(opened, edas, tmp_path)


def start_check(process: Process) -> None:
    """Ask for a check, and do not wait for the answer."""
    process.stub.Check.future(provider_pb2.CheckRequest(urn=f"{URN}-2", news=struct(INPUTS)))


def start_change(process: Process) -> None:
    """Ask for a change of the other group, and wait until it is at work."""
    news = struct({**INPUTS, "groupId": GROUP, "instanceIds": ["i-bp101"]})
    process.stub.Create.future(provider_pb2.CreateRequest(urn=f"{URN}-2", properties=news))


def test_what_one_process_checks_the_others_know(run: Run) -> None:
    """S55: an id in two memberships, and an exclusive one beside another, are refused whichever process checks them."""
    one, two = run.plugins
    assert run.check(one.stub, URN) == []
    (same,) = run.check(run.dynamic.stub, DYNAMIC_URN, __provider=REFERENCE)
    assert f"i-bp111 of deploy group {DEFAULT} is also listed by {URN}" in same
    (exclusive,) = run.check(two.stub, f"{URN}-2", instanceIds=[], exclusive=True)
    assert f"{URN}-2 is exclusive" in exclusive


@pytest.mark.parametrize("moment", [None, start_check, start_change])
def test_a_killed_process_keeps_its_claims_and_loses_its_questions(
    run: Run, edas: Emulator, moment: Callable[[Process], None] | None
) -> None:
    """S53: the process that checked the new name is killed; another deletes the old one, soon, and takes nobody.

    Killed after its check, in the middle of another one, and in the middle of a change.
    """
    one, two = run.plugins
    imported = two.stub.Read(provider_pb2.ReadRequest(urn=f"{URN}-old", id=ID), timeout=WAIT)
    assert run.check(one.stub, URN) == []
    if moment is not None:
        moment(one)
    one.popen.kill()
    one.popen.wait(WAIT)
    old = provider_pb2.DeleteRequest(urn=f"{URN}-old", id=ID, properties=imported.properties)
    two.stub.Delete(old, timeout=WAIT)
    assert edas.log("ScaleInApplication") == []
    assert [path.parent for path in run.left.glob("*/records")] == list(run.left.iterdir())


def test_without_a_claim_the_members_leave(run: Run, edas: Emulator) -> None:
    """A membership that the program no longer has is scaled in: what keeps members is the claim, not the ledger."""
    two = run.plugins[1]
    imported = two.stub.Read(provider_pb2.ReadRequest(urn=URN, id=ID), timeout=WAIT)
    two.stub.Delete(provider_pb2.DeleteRequest(urn=URN, id=ID, properties=imported.properties), timeout=WAIT)
    assert len(edas.log("ScaleInApplication")) == 1


@pytest.mark.parametrize("killed", [False, True])
def test_nothing_is_left_behind(run: Run, *, killed: bool) -> None:
    """When the engine is gone its processes end and take the run with them, also what a killed one has left."""
    one, two = run.plugins
    assert run.check(one.stub, URN) == []
    assert run.left.is_dir()
    if killed:
        one.popen.kill()
        one.popen.wait(WAIT)
    run.engine.vanish()
    for each in (one, two):
        each.end()
    run.dynamic.end()
    assert not run.left.exists()


def test_the_next_run_clears_away_a_run_of_which_all_were_killed(
    run: Run, edas: Emulator, tmp_path: Path
) -> None:
    """Whatever was killed with the engine is found by the next run of this user, which leaves nothing either."""
    for each in run.plugins:
        each.popen.kill()
        each.popen.wait(WAIT)
    run.dynamic.kill()
    (dead,) = run.left.iterdir()
    with ExitStack() as opened:
        successor = Run(opened, edas, tmp_path)
        assert dead not in run.left.iterdir()
        successor.engine.vanish()
        for each in successor.plugins:
            each.end()
        successor.dynamic.end()
    assert not run.left.exists()
