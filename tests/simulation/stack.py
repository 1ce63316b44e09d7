"""A stack and its engine: what Pulumi does around the provider, as far as state and processes matter.

The law of this file: state is kept as the engine keeps it. Success writes what came back; a partial failure
writes the outputs (a create also its id, an update keeps the old inputs); a plain failure and a kill write
nothing. Every run is a new process, and a preview is one of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.domain.errors import InputError, OperationError, PartialFailureError
from pulumi_edas_scale.domain.inputs import parse_recorded
from pulumi_edas_scale.domain.settings import Settings
from pulumi_edas_scale.operations.request import Request
from pulumi_edas_scale.operations.service import Service
from tests.simulation.conduct import Conduct
from tests.simulation.edas import SimClient
from tests.simulation.laws import Claimed, Doing, ecu_of
from tests.simulation.scheduler import Process, SimRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pulumi_edas_scale.domain.model import Recorded, RecordedMember
    from tests.simulation.edas import Fault, SimulatedEdas
    from tests.simulation.laws import Laws
    from tests.simulation.scheduler import Task

REGION: Final = "cn-hangzhou"

OLD_READING: Final = re.compile(r"Members as read [1-9]\d* seconds ago")


@dataclass
class Recording:
    """What the state file holds of one resource."""

    id: str
    inputs: dict[str, object]
    outputs: dict[str, object]


@dataclass
class Outcome:
    """How one operation ended; ``error`` is None for success."""

    kind: str
    urn: str
    error: BaseException | None
    seconds: float
    repaired: bool = False

    @property
    def well(self) -> bool:
        """Whether it succeeded."""
        return self.error is None


@dataclass
class _Host:
    """The front end: collects what is said, and holds the stop sign."""

    laws: Laws
    said: list[str] = field(default_factory=list)
    reason: str | None = None

    def progress(self, urn: str, text: str) -> None:
        """Let the laws see a status line; they know whose by the task."""
        del urn
        self.laws.line_said(self.laws.edas.scheduler.current, text)

    def info(self, urn: str, text: str) -> None:
        """Keep a line."""
        self.said.append(f"{urn}: {text}")

    def warn(self, urn: str, text: str) -> None:
        """Keep a warning."""
        self.said.append(f"{urn}: {text}")

    def stopped(self) -> str | None:
        """Return why nothing more may be sent."""
        return self.reason


class Run:
    """One run of the engine: a process with a provider, and what the engine asks of it."""

    def __init__(
        self,
        stack: Stack,
        name: str,
        *,
        faults: Sequence[Fault] = (),
        on_cancel: str = "detach",
        switch_chance: float = 0.1,
    ) -> None:
        """Start a process."""
        scheduler = stack.edas.scheduler
        self.stack = stack
        self.process = Process(name)
        self.host = _Host(stack.laws)
        self.runtime = SimRuntime(scheduler, self.process, switch_chance=switch_chance)
        self.client = SimClient(stack.edas, self.process, self.runtime, faults)
        self.provider = Service(
            settings=Settings(region_id=REGION, on_cancel=on_cancel),
            host=self.host,
            connect=lambda _settings, _region: self.client,
            runtime=self.runtime,
        )
        if on_cancel == "abort":
            stack.laws.aborting.add(self.process)
        self.claims: dict[str, Claimed] = {}
        self.outcomes: list[Outcome] = []
        self.plans: dict[str, str] = {}

    def spawn(self, body: Callable[[], None]) -> Task:
        """Let the engine of this run do something."""
        return self.stack.edas.scheduler.spawn(f"{self.process.name} engine", self.process, body)

    def stop(self, reason: str) -> None:
        """Put up the stop sign; called by a task of another process."""
        self.host.reason = reason
        self.stack.laws.stopped[self.process] = reason
        self.provider.wake()

    # -- what the engine does ------------------------------------------------------------------------------------

    def preview(self, program: Mapping[str, Mapping[str, object]]) -> None:
        """Check and diff every resource, in the order of the program."""
        for urn, inputs in program.items():
            old = self.stack.state.get(urn)
            begun = self.stack.edas.scheduler.now
            try:
                checked = self._check(urn, old, inputs)
                if old is None:
                    self.provider.preview_create(Request(urn, news=checked))
                else:
                    answer = self.provider.diff(Request(urn, old.id, checked, old.outputs))
                    if answer.changes:
                        self.plans[urn] = str(answer.detailed)
            except (InputError, OperationError) as error:
                self._ended("preview", urn, error, begun)

    def update(
        self,
        program: Mapping[str, Mapping[str, object]],
        *,
        replaced: frozenset[str] = frozenset(),
        pause: float = 0.0,
    ) -> None:
        """Bring the stack to the program: steps are made one after the other and carried out side by side.

        Args:
            program: inputs by name of the resource.
            replaced: resources that are replaced although nothing asks for it (``--replace``).
            pause: how many seconds the program takes at most before it comes to its next resource.
        """
        scheduler = self.stack.edas.scheduler
        tasks: list[Task] = []
        leftovers: list[tuple[str, Recording]] = []
        for urn, inputs in program.items():
            if pause:
                scheduler.sleep(scheduler.rng.uniform(0.0, pause))
            body = self._step(urn, inputs, leftovers, forced=urn in replaced)
            if body is not None:
                tasks.append(self._task(urn, body))
        self._await(tasks)
        if any(not each.well for each in self.outcomes):
            return
        gone = [(urn, old) for urn, old in self.stack.state.items() if urn not in program]
        deletes = [self._deleting(urn, old, forget=True) for urn, old in gone]
        deletes += [self._deleting(urn, old, forget=False) for urn, old in leftovers]
        self._await(deletes)

    def destroy(self) -> None:
        """Delete every resource, side by side."""
        self._await([self._deleting(urn, old, forget=True) for urn, old in list(self.stack.state.items())])

    def refresh(self) -> None:
        """Read every resource and write down what is true."""
        for urn, old in list(self.stack.state.items()):
            begun = self.stack.edas.scheduler.now
            try:
                answer = self.provider.read(Request(urn, old.id, old.inputs, old.outputs))
            except OperationError as error:
                self._ended("refresh", urn, error, begun)
                continue
            self._ended("refresh", urn, None, begun)
            if answer is None:
                del self.stack.state[urn]
            else:
                self.stack.state[urn] = Recording(answer.id, answer.inputs, answer.outputs)

    def import_groups(self, full_names: Mapping[str, tuple[str, str]]) -> None:
        """Read groups that no state knows, whole."""
        for urn, (app_id, group_id) in full_names.items():
            begun = self.stack.edas.scheduler.now
            if urn in self.stack.state:
                continue
            try:
                answer = self.provider.read(Request(urn, f"{REGION}/{app_id}/{group_id}"))
            except OperationError as error:
                self._ended("import", urn, error, begun)
                continue
            assert answer is not None, "an import of nothing is an error"
            self._ended("import", urn, None, begun)
            self.stack.state[urn] = Recording(answer.id, answer.inputs, answer.outputs)

    def _step(
        self,
        urn: str,
        inputs: Mapping[str, object],
        leftovers: list[tuple[str, Recording]],
        *,
        forced: bool,
    ) -> Callable[[], None] | None:
        """Return what is to be done for one resource, None for nothing."""
        old = self.stack.state.get(urn)
        begun = self.stack.edas.scheduler.now
        try:
            checked = self._check(urn, old, inputs)
            if old is None:
                return lambda: _drop(self._create(urn, checked))
            answer = self.provider.diff(Request(urn, old.id, checked, old.outputs))
        except (InputError, OperationError) as error:
            self._ended("check", urn, error, begun)
            return None
        if answer.replaces and answer.delete_before_replace:
            return lambda: self._delete_then_create(urn, old, checked)
        if answer.replaces or forced:
            return lambda: self._create_then_leave(urn, old, checked, leftovers)
        if answer.changes:
            return lambda: _drop(self._update(urn, old, checked))
        self._ended("same", urn, None, begun)
        return None

    def _check(self, urn: str, old: Recording | None, inputs: Mapping[str, object]) -> dict[str, object]:
        checked = self.provider.check(Request(urn, news=inputs, olds=old.inputs if old else {}))
        # Whoever is to leave afterwards waits for the resources that had spoken up, and cannot know of others.
        self.claims[urn] = Claimed(str(inputs["groupId"]), listed(inputs), self.stack.edas.scheduler.now)
        if checked.failures:
            raise InputError(checked.failures)
        return checked.inputs

    def _delete_then_create(self, urn: str, old: Recording, inputs: dict[str, object]) -> None:
        if self._delete(urn, old, forget=True):
            self._create(urn, inputs)

    def _create_then_leave(
        self, urn: str, old: Recording, inputs: dict[str, object], leftovers: list[tuple[str, Recording]]
    ) -> None:
        if self._create(urn, inputs):
            leftovers.append((urn, old))

    # -- operations ----------------------------------------------------------------------------------------------

    def _create(self, urn: str, inputs: dict[str, object]) -> bool:
        begun = self._begin("create", urn, inputs, None)
        try:
            made = self.provider.change(Request(urn, news=inputs))
        except PartialFailureError as failure:
            self.stack.state[urn] = Recording(failure.id, failure.inputs, failure.outputs)
            return self._ended("create", urn, failure, begun)
        except (InputError, OperationError) as failure:
            return self._ended("create", urn, failure, begun)
        self.stack.state[urn] = Recording(made.id, inputs, made.outputs)
        return self._ended("create", urn, None, begun)

    def _update(self, urn: str, old: Recording, inputs: dict[str, object]) -> bool:
        begun = self._begin("update", urn, inputs, old)
        try:
            outputs = self.provider.change(Request(urn, old.id, inputs, old.outputs)).outputs
        except PartialFailureError as failure:
            self.stack.state[urn] = Recording(old.id, old.inputs, failure.outputs)
            return self._ended("update", urn, failure, begun)
        except (InputError, OperationError) as failure:
            return self._ended("update", urn, failure, begun)
        self.stack.state[urn] = Recording(old.id, inputs, outputs)
        return self._ended("update", urn, None, begun)

    def _delete(self, urn: str, old: Recording, *, forget: bool) -> bool:
        begun = self._begin("delete", urn, old.outputs, old)
        try:
            self.provider.delete(Request(urn, old.id, olds=old.outputs))
        except (InputError, OperationError) as failure:
            return self._ended("delete", urn, failure, begun)
        if forget and self.stack.state.get(urn) is old:
            del self.stack.state[urn]
        return self._ended("delete", urn, None, begun)

    def _begin(self, kind: str, urn: str, inputs: Mapping[str, Any], old: Recording | None) -> float:
        scheduler = self.stack.edas.scheduler
        recorded = parse_recorded(old.outputs if old else {})
        deleting = kind == "delete"
        self.stack.laws.doing[scheduler.current] = Doing(
            kind=kind,
            urn=urn,
            process=self.process,
            app_id=str(inputs["appId"]),
            group_id=str(inputs["groupId"]),
            desired=frozenset() if deleting else listed(inputs),
            managed=frozenset(each.ecu_id for each in recorded.members)
            | frozenset(ecu_of(each.id) for each in recorded.listed),
            claims=self.claims,
            settled={each.ecu_id: each.ecc_id for each in recorded.members if _is_settled(each, recorded)},
            exclusive=inputs.get("exclusive") is True,
            min_running=int(inputs.get("minRunning", 1)),
            waits_for_running=inputs.get("waitFor", "running") == "running",
            batch_size=int(_number(inputs, "batchSize", 50)),
            max_removals=int(inputs["maxRemovals"]) if "maxRemovals" in inputs else None,
            conduct=Conduct(
                begun=scheduler.now,
                timeout=_number(inputs, "timeoutSeconds", 1800.0),
                join_timeout=_number(inputs, "joinTimeoutSeconds", 300.0),
                pause=_number(inputs, "batchPauseSeconds", 0.0),
                confirms=inputs.get("confirmBatches") is True,
                recorded_orders=frozenset(recorded.change_order_ids),
            ),
        )
        return scheduler.now

    def _ended(self, kind: str, urn: str, error: BaseException | None, begun: float) -> bool:
        scheduler = self.stack.edas.scheduler
        doing = self.stack.laws.doing.get(scheduler.current)
        repaired = doing is not None and bool(doing.repaired)
        result = Outcome(kind, urn, error, scheduler.now - begun, repaired)
        self.outcomes.append(result)
        if doing is not None and doing.kind == kind:
            self.stack.laws.operation_ends(doing, error)
            self.stack.judge(self, doing, result)
        return error is None

    def _deleting(self, urn: str, old: Recording, *, forget: bool) -> Task:
        return self._task(urn, lambda: _drop(self._delete(urn, old, forget=forget)))

    def _task(self, urn: str, body: Callable[[], None]) -> Task:
        name = f"{self.process.name} {urn}"
        return self.stack.edas.scheduler.spawn(name, self.process, body)

    def _await(self, tasks: Sequence[Task]) -> None:
        """Let the engine look at its operations twice a second until they are done."""
        scheduler = self.stack.edas.scheduler
        while not all(task.done for task in tasks):
            scheduler.sleep(0.5)
        for task in tasks:
            if task.error is not None:
                raise task.error


def _number(inputs: Mapping[str, Any], name: str, default: float) -> float:
    given = inputs.get(name)
    return default if given is None else float(given)


def _is_settled(member: RecordedMember, recorded: Recorded) -> bool:
    """Tell whether the last operation left a member as it was, so that it is no failed join."""
    return member.joined or member.ecu_id not in recorded.unsettled


def _drop(_: object) -> None:
    """Drop a result that nobody waits for."""


def listed(inputs: Mapping[str, Any]) -> frozenset[str]:
    """Return the ECU ids a program lists."""
    return frozenset(ecu_of(each) for name in ("instanceIds", "ecuIds") for each in inputs.get(name) or ())


@dataclass
class Stack:
    """The state file, and the judge of what is written into it."""

    edas: SimulatedEdas
    laws: Laws
    state: dict[str, Recording] = field(default_factory=dict)

    def judge(self, run: Run, doing: Doing, result: Outcome) -> None:
        """Hold what an operation says against what is true."""
        quiet = self.laws.is_quiet(doing.app_id) and self.laws.lonely
        if not quiet or doing.app_id not in self.edas.world.applications:
            return
        members = self.laws.members(doing.app_id, doing.group_id)
        if result.well:
            self._judge_success(doing, members)
        recording = self.state.get(doing.urn)
        reported = not result.well and not isinstance(result.error, PartialFailureError)
        # Where the network stays away nobody can know what an order did, and the message says how old its reading is.
        reported = reported or OLD_READING.search(str(result.error)) is not None
        if recording is not None and not reported and not doing.deleting and run.host.reason is None:
            self._judge_state(doing, recording, self.laws.listed(doing.app_id, doing.group_id))

    def _judge_success(self, doing: Doing, members: Mapping[str, Any]) -> None:
        missing = doing.desired - members.keys()
        if missing:
            self.laws.broke(1, f"{doing.urn} {doing.kind} succeeded without {sorted(missing)}")
        unseen = self.laws.in_flux(doing.app_id)
        kept = doing.claimed(self.edas.scheduler.now)
        stayed = ((doing.managed - doing.desired - kept) & members.keys()) - unseen
        if stayed:
            self.laws.broke(1, f"{doing.urn} {doing.kind} succeeded, but {sorted(stayed)} are still members")
        if doing.exclusive and not doing.deleting and members.keys() - unseen != doing.desired - unseen:
            self.laws.broke(1, f"{doing.urn} is exclusive and not alone: {sorted(members)}")

    def _judge_state(self, doing: Doing, recording: Recording, members: Mapping[str, Any]) -> None:
        written = {each["ecuId"]: each for each in _dicts(recording.outputs["members"])}
        foreign = {each["ecuId"] for each in _dicts(recording.outputs["foreignMembers"])}
        if ((written.keys() | foreign) ^ members.keys()) - self.laws.in_flux(doing.app_id):
            self.laws.broke(
                6,
                f"{doing.urn} records {sorted(written)} and foreign {sorted(foreign)}, true: {sorted(members)}",
            )
            return
        for ecu, entry in written.items():
            if ecu in members and entry["eccId"] != members[ecu].ecc_id:
                self.laws.broke(6, f"{doing.urn} records another ECC for {ecu}")
        disowned = (doing.desired & members.keys()) - written.keys() - self.laws.in_flux(doing.app_id)
        if disowned:
            self.laws.broke(6, f"{doing.urn} does not record as its own {sorted(disowned)}")


def _dicts(value: object) -> list[dict[str, Any]]:
    return list(value) if isinstance(value, list) else []
