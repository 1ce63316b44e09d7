"""Readings, wishes and a quiet EDAS for the property tests of the planner: small, and with everything in them."""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from pulumi_edas_scale.domain.choices import ForceScaleIn, WaitFor
from pulumi_edas_scale.domain.model import (
    Application,
    DeployGroup,
    Listed,
    Machine,
    Member,
    MemberState,
    Policy,
    TaskState,
)
from pulumi_edas_scale.domain.plan import OrderKind, PlanInput, decide, join_failed
from pulumi_edas_scale.domain.resolution import Absent, Cause

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.plan import Order, Plan

GROUP: Final = "g-1"
OTHER_GROUP: Final = "g-2"
ECUS: Final = tuple(f"ecu-{number}" for number in range(7))

WELL: Final = (MemberState.RUNNING, TaskState.SUCCESS, True)
CONDITIONS: Final = (
    WELL,
    WELL,
    (MemberState.RUNNING, TaskState.FAILED, True),
    (MemberState.STOPPED, TaskState.FAILED, True),
    (MemberState.STOPPED, TaskState.FAILED, None),
    (MemberState.STOPPED, TaskState.SUCCESS, True),
    (MemberState.STOPPED, TaskState.PROCESSING, True),
    (MemberState.AGENT_OFF, TaskState.SUCCESS, False),
    (MemberState.STOPPED, TaskState.FAILED, False),
    (MemberState.UNHEALTHY, TaskState.SUCCESS, True),
    (MemberState.UNKNOWN, TaskState.UNKNOWN, None),
)


def instance_of(ecu_id: str) -> str:
    """Return the ECS id of a machine."""
    return ecu_id.replace("ecu-", "i-", 1)


def member(
    ecu_id: str,
    *,
    group_id: str = GROUP,
    state: MemberState = MemberState.RUNNING,
    task: TaskState = TaskState.SUCCESS,
    online: bool | None = True,
    ecc_id: str = "",
) -> Member:
    """Return a member, well unless said otherwise."""
    ecc_id = ecc_id or ecu_id.replace("ecu-", "ecc-", 1)
    return Member(ecu_id, instance_of(ecu_id), ecc_id, "10.0.0.1", "zone-a", group_id, state, task, online)


def machine(ecu_id: str, *, online: bool = True) -> Machine:
    """Return a machine that can be scaled out to."""
    return Machine(ecu_id, instance_of(ecu_id), "10.0.0.1", "zone-a", online)


def application(*members: Member, deployed: bool = True) -> Application:
    """Return a reading of an application with two groups."""
    groups = (DeployGroup(GROUP, "web", deployed), DeployGroup(OTHER_GROUP, "beta", deployed=True))
    return Application("app-1", "shop", "cluster-1", groups, tuple(sorted(members)))


POLICIES: Final = st.builds(
    Policy,
    exclusive=st.booleans(),
    min_running=st.integers(0, 4),
    max_removals=st.sampled_from([None, None, 0, 1, 2, 4]),
    batch_size=st.sampled_from([1, 2, 3, 50]),
    wait_for=st.sampled_from(WaitFor),
    force_scale_in=st.sampled_from(ForceScaleIn),
)
SOME_ECUS: Final = st.frozensets(st.sampled_from(ECUS))


class Facet(enum.Flag):
    """What can be said of one machine besides where it is; one drawn number holds all of it."""

    DESIRED = enum.auto()
    MANAGED = enum.auto()
    SETTLED = enum.auto()
    UNSETTLED = enum.auto()
    SPARED = enum.auto()
    LATE = enum.auto()


PLACES: Final = ("", GROUP, GROUP, GROUP, OTHER_GROUP)
FACETS: Final = 2 ** len(Facet)

WHERE: Final = st.lists(
    st.integers(0, len(PLACES) * len(CONDITIONS) - 1), min_size=len(ECUS), max_size=len(ECUS)
)
WHAT: Final = st.lists(st.integers(0, FACETS - 1), min_size=len(ECUS), max_size=len(ECUS))


def _reading(where: list[int], *, deployed: bool) -> Application:
    found = []
    for ecu_id, number in zip(ECUS, where, strict=True):
        place, (state, task, online) = PLACES[number % len(PLACES)], CONDITIONS[number // len(PLACES)]
        if place:
            found.append(member(ecu_id, group_id=place, state=state, task=task, online=online))
    return application(*found, deployed=deployed)


def readings() -> st.SearchStrategy[Application]:
    """Return a strategy for readings of an application."""
    return st.builds(lambda where, flags: _reading(where, deployed=flags > 0), WHERE, st.integers(0, 3))


def situations() -> st.SearchStrategy[PlanInput]:
    """Return a strategy for everything a decision depends on; instances that are not there yet included."""
    return st.builds(_plan_input, WHERE, WHAT, POLICIES, st.integers(0, 63))


def _plan_input(where: list[int], what: list[int], policy: Policy, flags: int) -> PlanInput:
    """Decode a situation; ``flags`` thins out what is rare."""
    live = _reading(where, deployed=flags % 4 > 0)
    deleting = flags // 4 % 4 == 3
    facets = {ecu_id: Facet(number) for ecu_id, number in zip(ECUS, what, strict=True)}
    rare = dict.fromkeys((Facet.UNSETTLED, Facet.SPARED), flags // 16 % 2 == 1)
    rare[Facet.LATE] = flags // 32 == 1

    def those(facet: Facet) -> frozenset[str]:
        return frozenset(each for each in ECUS if facet in facets[each] and rare.get(facet, True))

    used = {each.ecu_id for each in live.members}
    elsewhere = {each.ecu_id for each in live.members if each.group_id != GROUP}
    desired = frozenset[str]() if deleting else those(Facet.DESIRED)
    late = elsewhere | (those(Facet.LATE) - used)
    return PlanInput(
        group_id=GROUP,
        live=live,
        desired=desired,
        managed=those(Facet.MANAGED),
        settled={
            each.ecu_id: each.ecc_id if each.ecu_id in those(Facet.SETTLED) else "ecc-before"
            for each in live.members
        },
        unsettled=those(Facet.UNSETTLED),
        protected=those(Facet.SPARED) - desired,
        ready=frozenset(ECUS) - used - late,
        absent=tuple(
            Absent(
                Listed("ecuIds[0]", each), Cause.OTHER_GROUP if each in elsewhere else Cause.NOT_IN_CLUSTER
            )
            for each in sorted(desired & late)
        ),
        policy=policy,
        deleting=deleting,
        our_scale_out_failed=rare[Facet.UNSETTLED],
    )


@dataclass
class QuietEdas:
    """An EDAS in which every order ends well at once and nobody else does anything."""

    plan_input: PlanInput
    sent: list[Order] = field(default_factory=list)
    lowest: int = 10**6
    _eccs: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def carry_out(self, order: Order) -> None:
        """Let an order happen."""
        self.sent.append(order)
        live = self.plan_input.live
        if order.kind is OrderKind.SCALE_OUT:
            joined = [self._joined(ecu_id, deployed=live.groups[0].deployed) for ecu_id in order.ecu_ids]
            members = (*live.members, *joined)
        else:
            members = tuple(each for each in live.members if each.ecc_id not in order.ecc_ids)
        used = {each.ecu_id for each in members}
        self.plan_input = replace(
            self.plan_input,
            live=replace(live, members=tuple(sorted(members))),
            ready=(self.plan_input.ready | frozenset(order.ecu_ids)) - used,
            history=self.plan_input.history.after(order),
        )
        self.lowest = min(self.lowest, self.running)

    def settle(self) -> None:
        """Let every joiner of this operation, and of one that failed before, come up unless its join has failed."""
        live = self.plan_input.live
        if not live.groups[0].deployed:
            return
        joiners = (self.plan_input.history.ordered | self.plan_input.unsettled) & self.plan_input.desired
        members = tuple(
            replace(each, state=MemberState.RUNNING, task=TaskState.SUCCESS, online=True)
            if each.ecu_id in joiners and each.group_id == GROUP and not join_failed(each)
            else each
            for each in live.members
        )
        self.plan_input = replace(self.plan_input, live=replace(live, members=members))

    def run(self) -> Plan:
        """Decide and carry out until nothing is left to do; return the last plan."""
        self.lowest = min(self.lowest, self.running)
        for _ in range(4 * len(ECUS)):
            self.settle()
            plan = decide(self.plan_input)
            order = plan.next_order
            if order is None:
                return plan
            self.carry_out(order)
        message = f"the loop does not end: {self.sent}"
        raise AssertionError(message)

    @property
    def members(self) -> frozenset[str]:
        """Return the ECU ids in the group."""
        return frozenset(each.ecu_id for each in self.plan_input.live.members_of(GROUP))

    @property
    def running(self) -> int:
        """Return how many members of the group run."""
        return sum(each.runs for each in self.plan_input.live.members_of(GROUP))

    def _joined(self, ecu_id: str, *, deployed: bool) -> Member:
        state = MemberState.RUNNING if deployed else MemberState.STOPPED
        return member(ecu_id, state=state, ecc_id=f"ecc-new-{next(self._eccs)}")
