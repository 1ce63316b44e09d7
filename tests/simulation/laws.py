"""The laws of a membership, held against the emulator's own truth while a history runs.

The law of this file: it looks and never touches. It knows what every operation wants and what its state said
before, and compares with the world itself, never with what the provider was told. What other people did less
than a reading ago nobody could have known: such moments are left out, and only such moments.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.emulator.world.entities import AppState, OrderKind, TaskState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi_edas_scale.emulator.world.entities import Application, Member
    from tests.simulation.edas import SimulatedEdas
    from tests.simulation.scheduler import Process, Task

SCALING: Final = {"ScaleOutApplication": "EcuInfo", "ScaleInApplication": "EccInfo"}
WRITES: Final = frozenset({*SCALING, "AbortChangeOrder", "ContinuePipeline"})

UNKNOWABLE_SECONDS: Final = 16.0
"""A shared reading may be ten seconds old, and calls travel: younger changes by others could not be known."""


class LawBrokenError(AssertionError):
    """A law of DESIGN section 3 was broken; the message begins with its number."""


def ecu_of(listed_id: str) -> str:
    """Return the ECU id of an id of either spelling; the machines of the simulation are named alike."""
    return listed_id.replace("i-", "ecu-", 1) if listed_id.startswith("i-") else listed_id


@dataclass
class Doing:
    """One create, update or delete while it runs."""

    kind: str
    urn: str
    process: Process
    app_id: str
    group_id: str
    desired: frozenset[str]
    managed: frozenset[str]
    claimed: frozenset[str]
    settled: Mapping[str, str]
    exclusive: bool
    min_running: int
    waits_for_running: bool
    begun: float
    outs: Counter[str] = field(default_factory=Counter)
    ins: Counter[str] = field(default_factory=Counter)
    repaired: set[str] = field(default_factory=set)

    @property
    def deleting(self) -> bool:
        """Whether the floor and ``exclusive`` do not apply."""
        return self.kind == "delete"


@dataclass
class _Seen:
    """What was true when a call was let in."""

    operation: str
    params: Mapping[str, str]
    doing: Doing | None
    targets: tuple[tuple[str, str, str, bool, bool], ...]  # ecu, ecc, group, running, broken
    present: frozenset[str]
    running: int
    floor_knowable: bool
    busy: frozenset[str]


@dataclass
class Laws:
    """The auditor of one history."""

    edas: SimulatedEdas
    doing: dict[Task, Doing] = field(default_factory=dict)
    stopped: set[Process] = field(default_factory=set)
    lonely: bool = True  # whether one process at a time uses the account
    broken: list[str] = field(default_factory=list)
    submissions: list[str] = field(default_factory=list)

    # -- asked by SimulatedEdas ----------------------------------------------------------------------------------

    def call_starts(self, process: Process, operation: str) -> None:
        """Look at a call before it travels: after the stop sign nothing is sent but the abort."""
        if process in self.stopped and operation in WRITES - {"AbortChangeOrder"}:
            self._broken(7, f"{process.name} sends {operation} after its stop sign")

    def call_begins(self, caller: Task, operation: str, params: Mapping[str, str]) -> _Seen | None:
        """Look at the world before a call is executed."""
        if operation not in SCALING:
            return None
        ids = [each for each in params.get(SCALING[operation], "").split(",") if each]
        if not ids:
            self._broken(9, f"{operation} with an empty {SCALING[operation]}")
        app = self.edas.world.applications.get(params["AppId"])
        if app is None:
            return None
        doing = self.doing.get(caller)
        return self._seen(app, operation, params, ids, doing)

    def _seen(
        self, app: Application, operation: str, params: Mapping[str, str], ids: list[str], doing: Doing | None
    ) -> _Seen:
        world, now = self.edas.world, self.edas.scheduler.now
        members = [app.members[each] for each in ids if each in app.members]
        group_id = params.get("DeployGroup") or (doing.group_id if doing else "")
        group = app.members_of(group_id)
        busy = {
            target.ecu_id
            for order in world.active_orders(app.id)
            for target in order.targets
            if order.source == "pop" and order.kind in {OrderKind.SCALE_OUT, OrderKind.SCALE_IN}
        }
        ghosts = any(each.listed(now) for each in app.departed)
        return _Seen(
            operation,
            dict(params),
            doing,
            tuple(
                (each.ecu_id, each.ecc_id, each.group_id, world.is_running(each, app), _is_broken(each))
                for each in members
            ),
            frozenset(each.ecu_id for each in group),
            sum(world.is_running(each, app) for each in group),
            self.is_quiet(app.id) and not ghosts,
            frozenset(busy),
        )

    def call_ends(self, before: object, entry: Mapping[str, Any]) -> None:
        """Judge a write that was accepted."""
        if not isinstance(before, _Seen) or not entry["executed"] or before.doing is None:
            return
        order_id = entry["changeOrderId"]
        forced = before.params.get("ForceStatus") == "true"
        if order_id is None and not (forced and entry["operation"] == "ScaleInApplication"):
            return
        if order_id is None and str(entry["code"]) not in {"200", "reset", "body"}:
            return
        moment = f"{self.edas.scheduler.now:8.1f}"
        ids = before.params[SCALING[before.operation]]
        self.submissions.append(f"{moment} {before.doing.urn} {before.doing.kind}: {before.operation} {ids}")
        if before.operation == "ScaleOutApplication":
            self._judge_scale_out(before, before.doing)
        else:
            self._judge_scale_in(before, before.doing)

    # -- the laws ------------------------------------------------------------------------------------------------

    def _judge_scale_out(self, seen: _Seen, doing: Doing) -> None:
        ecus = seen.params["EcuInfo"].split(",")
        for ecu in ecus:
            doing.outs[ecu] += 1
            if ecu not in doing.desired:
                self._broken(1, f"{doing.urn} scales out {ecu}, which nobody listed")
            if ecu in seen.busy and self.lonely:
                self._broken(7, f"{doing.urn} scales out {ecu} while an order for it is active")
            if ecu in seen.present and self.is_quiet(doing.app_id) and self.lonely:
                self._broken(2, f"{doing.urn} scales out {ecu}, which is a member")
            if doing.outs[ecu] > 1 + (ecu in doing.repaired):
                self._broken(7, f"{doing.urn} has {ecu} scaled out {doing.outs[ecu]} times in one operation")
        if seen.params["DeployGroup"] != doing.group_id:
            self._broken(1, f"{doing.urn} scales out into another group")

    def _judge_scale_in(self, seen: _Seen, doing: Doing) -> None:
        quiet = self.is_quiet(doing.app_id)
        for ecu, ecc, group_id, _, broken in seen.targets:
            doing.ins[ecu] += 1
            if ecu in doing.desired:
                self._judge_repair(doing, ecu, ecc, broken=broken, quiet=quiet)
            elif ecu not in doing.managed and (not doing.exclusive or doing.deleting):
                self._broken(4, f"{doing.urn} scales in {ecu}, which is foreign to it")
            if group_id != doing.group_id and quiet:
                self._broken(4, f"{doing.urn} scales in {ecu} of another group, {group_id}")
            if ecu in doing.claimed:
                self._broken(4, f"{doing.urn} scales in {ecu}, which another membership claims")
            if ecu in seen.busy and self.lonely:
                self._broken(7, f"{doing.urn} scales in {ecu} while an order for it is active")
            if doing.ins[ecu] > 1 + (ecu in doing.repaired):
                self._broken(7, f"{doing.urn} has {ecu} scaled in {doing.ins[ecu]} times in one operation")
        self._judge_joiners(seen, doing)
        taken = sum(running for _, _, _, running, _ in seen.targets)
        left = seen.running - taken
        if taken and not doing.deleting and seen.floor_knowable and self.lonely and left < doing.min_running:
            self._broken(3, f"{doing.urn} leaves {left} running, minRunning is {doing.min_running}")

    def _judge_joiners(self, seen: _Seen, doing: Doing) -> None:
        """Hold that nobody leaves before those that this operation has brought in run."""
        app = self.edas.world.applications[doing.app_id]
        leaving = {ecu for ecu, _, _, _, _ in seen.targets} - doing.desired
        if not (leaving and doing.waits_for_running and self.is_quiet(doing.app_id)):
            return
        if not app.groups[doing.group_id].deployed:
            return
        members = self.members(doing.app_id, doing.group_id)
        for ecu in sorted(doing.outs.keys() & doing.desired):
            if ecu not in members or not self.edas.world.is_running(members[ecu], app):
                self._broken(3, f"{doing.urn} scales in {sorted(leaving)} before {ecu} runs")

    def _judge_repair(self, doing: Doing, ecu: str, ecc: str, *, broken: bool, quiet: bool) -> None:
        if not quiet:
            return
        if not broken:
            self._broken(2, f"{doing.urn} scales in {ecu}, which is to stay and is not broken")
        if doing.settled.get(ecu) == ecc:
            self._broken(2, f"{doing.urn} repairs {ecu}, which is recorded as settled under {ecc}")
        if ecu in doing.repaired:
            self._broken(2, f"{doing.urn} repairs {ecu} a second time in one operation")
        doing.repaired.add(ecu)

    def is_quiet(self, app_id: str) -> bool:
        """Tell whether everything other people did to an application could be known by now."""
        now = self.edas.scheduler.now
        if now - self.edas.changed_at.get(app_id, -1e9) < UNKNOWABLE_SECONDS:
            return False
        return not any(
            order.source != "pop" and (order.active or now - (order.finished_at or now) < UNKNOWABLE_SECONDS)
            for order in self.edas.world.orders_of(app_id)
        )

    def _broken(self, law: int, what: str) -> None:
        self.broken.append(f"law {law}, at {self.edas.scheduler.now:.1f}: {what}")

    def broke(self, law: int, what: str) -> None:
        """Note that a law was broken, as somebody else has found."""
        self._broken(law, what)

    # -- what is true --------------------------------------------------------------------------------------------

    def members(self, app_id: str, group_id: str) -> dict[str, Member]:
        """Return the true members of a group by ECU id."""
        app = self.edas.world.applications.get(app_id)
        return {each.ecu_id: each for each in app.members_of(group_id)} if app else {}

    def listed(self, app_id: str, group_id: str) -> dict[str, Member]:
        """Return the members of a group that EDAS lists now, which may lag behind the truth."""
        app = self.edas.world.applications.get(app_id)
        found = app.listing(self.edas.scheduler.now) if app else []
        return {each.ecu_id: each for each in found if each.group_id == group_id}

    def in_flux(self, app_id: str) -> frozenset[str]:
        """Return the ECU ids that EDAS has begun or ceased to list since the oldest reading that may serve."""
        app = self.edas.world.applications[app_id]
        horizon = self.edas.scheduler.now - UNKNOWABLE_SECONDS
        return frozenset(
            each.ecu_id for each in app.members.values() if each.visible_at > horizon
        ) | frozenset(each.ecu_id for each in app.departed if each.listed_until > horizon)

    def state_word(self, app_id: str, member: Member) -> str:
        """Return the state of a member in the words of the outputs."""
        state = self.edas.world.app_state(member, self.edas.world.applications[app_id])
        return {0: "agentOff", 1: "stopped", 3: "unhealthy", 7: "running"}[state]


def _is_broken(member: Member) -> bool:
    return member.app_state == AppState.STOPPED and member.task_state == TaskState.FAILED
