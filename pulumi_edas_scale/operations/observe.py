"""From one reading of an application to all that a decision needs.

This file's law: it reads what the target makes necessary and no more. The members show themselves; the cluster is
read only for ids that are not members, and the recent orders only when a failed join has to be distinguished from a bad
deployment. A preview and a change observe alike, so they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain.clock import DeadlineExceeded
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    PermissionDeniedError,
    ThrottledError,
    UnavailableError,
)
from pulumi_edas_scale.domain.messages import (
    describe_listed_by_another,
    describe_misspelt,
    describe_repeated,
    full_names,
    short_name,
    short_names,
)
from pulumi_edas_scale.domain.model import (
    KUBERNETES_CLUSTER_TYPES,
    ApplicationSummary,
    Outcome,
    Recorded,
    TaskState,
)
from pulumi_edas_scale.domain.orders import Phase, phase_of
from pulumi_edas_scale.domain.plan import History, Plan, PlanInput, decide, is_up, join_failed
from pulumi_edas_scale.domain.resolution import (
    Resolution,
    find_member,
    missing_from_group,
    resolve,
    with_instance_ids,
)
from pulumi_edas_scale.edas.doubts import TWICE, Threshold
from pulumi_edas_scale.edas.reads import FRESH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.domain.codes import Failure
    from pulumi_edas_scale.domain.errors import EdasError
    from pulumi_edas_scale.domain.model import (
        Application,
        Listed,
        Machine,
        Member,
        Policy,
        Scope,
    )
    from pulumi_edas_scale.operations.session import Session


@dataclass(frozen=True, slots=True)
class Target:
    """What one operation must reach.

    Attributes:
        urn: the resource, empty when the front end does not know it.
        scope: the group.
        listed: the ids that must be members; empty for a delete.
        policy: how it may run.
        recorded: what the last operation wrote down; nothing for a create.
        deleting: whether the membership itself goes.
        unknown_ids: desired ids a preview does not know; None when not even their number is known.
        ignored: what ``ignoreChanges`` names of the lists (``instanceIds``, ``instanceIds[0]``): these are left to
            somebody else, an autoscaler.
    """

    urn: str
    scope: Scope
    listed: tuple[Listed, ...]
    policy: Policy
    recorded: Recorded = field(default_factory=Recorded)
    deleting: bool = False
    unknown_ids: int | None = 0
    ignored: frozenset[str] = frozenset()

    def wanted(self, live: Application) -> tuple[Listed, ...]:
        """Return the listed ids that are to be members, less those that somebody else, who may, has removed."""
        if not self.ignored or self.recorded.unsettled:  # what we failed to bring up is ours to finish
            return self.listed
        members = live.members_of(self.scope.group_id)
        before = {each.id for each in self.recorded.listed}
        return tuple(
            each
            for each in self.listed
            if each.id not in before
            or self.ignored.isdisjoint({each.path, each.input})
            or find_member(members, each.id) is not None
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading with everything that follows from it."""

    live: Application
    plan_input: PlanInput
    resolution: Resolution
    plan: Plan
    machines: tuple[Machine, ...]
    doubles: tuple[tuple[Listed, str, str], ...] = ()
    """Listed ids whose machine another membership lists by its other id, with that id and the URN."""

    @property
    def present(self) -> frozenset[str]:
        """The ECU ids of the members of the group."""
        return frozenset(each.ecu_id for each in self.live.members_of(self.plan_input.group_id))

    @property
    def names(self) -> dict[str, str]:
        """How each machine is called, by ECU id."""
        # A machine that has joined is offered no more, and may be listed as a member only later.
        spelled = {ecu_id: listed_id for listed_id, ecu_id in self.resolution.ecu_ids.items()}
        return spelled | short_names(self.live, self.machines)

    @property
    def wrong_ids(self) -> list[Failure]:
        """Listed ids that no later reading can make right."""
        return [
            *(describe_repeated(two.path, one.path, two.id, one.id) for one, two in self.resolution.repeated),
            *(describe_misspelt(each.path, each.id, right) for each, right in self.resolution.misspelt),
            *(
                describe_listed_by_another(each.path, each.id, other, urn)
                for each, other, urn in self.doubles
            ),
        ]

    @property
    def awaited_names(self) -> set[str]:
        """Which instances stand in the way of the next order, or of the end."""
        return {each.listed.id for each in self.plan.absent} or {
            *(self.names.get(each, each) for each in self.plan.awaited),
            *(short_name(each) for each in (*self.plan.vanishing, *self.starting)),
        }

    @property
    def starting(self) -> tuple[Member, ...]:
        """Adopted members that EDAS still starts (TaskState 1), as by an order of a run that was killed."""
        group, policy = self.live.group(self.plan_input.group_id), self.plan_input.policy
        deployed = group is not None and group.deployed
        return tuple(
            each
            for each in self.plan.adopt
            if each.task is TaskState.PROCESSING and not is_up(each, deployed=deployed, policy=policy)
        )

    def addresses(self, ecu_ids: Collection[str]) -> frozenset[str]:
        """Return the addresses of machines, as far as they are known."""
        known: tuple[Member | Machine, ...] = (*self.live.members, *self.machines)
        return frozenset(each.ip for each in known if each.ecu_id in ecu_ids and each.ip)

    @property
    def full_names(self) -> dict[str, str]:
        """How each machine is called, with address and zone, by ECU id."""
        return full_names(self.live, self.machines)


_NO_EXPECTATION: Final[Mapping[str, str]] = {}
_NOTHING_DONE: Final = History()


def observe(  # noqa: PLR0913 - a reading, a target, and what was done so far
    session: Session,
    target: Target,
    live: Application,
    context: OperationContext,
    *,
    history: History = _NOTHING_DONE,
    expected: Mapping[str, str] = _NO_EXPECTATION,
    ghosts: frozenset[str] = frozenset(),
) -> Observation:
    """Find out what a reading means for a target, and decide.

    Args:
        session: where further readings come from.
        target: what must be reached.
        live: the reading to decide from.
        context: bounds of the operation.
        history: what the operation has done so far.
        expected: ECU ids of listed ids that an order of the operation has added.
        ghosts: ECC ids that are listed although an order which ended just now has taken them away.

    Raises:
        EdasError: a further reading failed.
    """
    live = with_instance_ids(live, recorded_instance_ids(target.recorded))
    live, machines, resolution = _resolve(session, target, live, context, expected)
    # A delete of one's own URN is the end of what was replaced: the claim is that of the resource which stays.
    besides = None if target.deleting else target.urn
    with session.runtime:
        claims = session.ownership.claims
        protected = claims.protected(target.scope, besides=besides)
        floor = claims.floor(target.scope, besides=besides)
        # A Check compares the ids as they are spelled: that two are one machine is known from a reading alone.
        doubles = tuple(
            (each, other, urn)
            for each in target.listed
            if (other := resolution.other_ids.get(each.id))
            and (urn := claims.other_lister(target.scope, other, besides=target.urn)) is not None
        )
    plan_input = PlanInput(
        group_id=target.scope.group_id,
        live=live,
        desired=frozenset(resolution.ecu_ids.values()),
        managed=managed_ecus(target.recorded, live, target.scope.group_id),
        settled=target.recorded.settled,
        unsettled=target.recorded.unsettled,
        protected=protected,
        other_floor=floor,
        ready=frozenset(resolution.ready),
        absent=resolution.absent,
        # A list that is left to somebody else says nothing about who is not on it.
        policy=replace(target.policy, exclusive=False) if target.ignored else target.policy,
        deleting=target.deleting,
        our_scale_out_failed=_our_scale_out_failed(session, target, live, context),
        unknown_ids=target.unknown_ids,
        history=history,
        ghosts=ghosts,
    )
    return Observation(live, plan_input, resolution, decide(plan_input), machines, doubles)


def recorded_instance_ids(recorded: Recorded) -> dict[str, str]:
    """Return the ECS instance ids that the last operation wrote down, by ECU id."""
    return {each.ecu_id: each.instance_id for each in recorded.members if each.instance_id}


def managed_ecus(recorded: Recorded, live: Application, group_id: str) -> frozenset[str]:
    """Return the ECU ids that recorded state calls ours: the members, and what it lists as desired (law 6)."""
    members = live.members_of(group_id)
    found = (find_member(members, each.id) for each in recorded.listed)
    return frozenset(each.ecu_id for each in recorded.members) | frozenset(
        member.ecu_id for member in found if member is not None
    )


def outcome_of(  # noqa: PLR0913 - a reading, whose it is, and what is known of it
    live: Application,
    scope: Scope,
    managed: frozenset[str],
    recorded: Recorded,
    *,
    change_order_ids: tuple[str, ...] = (),
    unsettled: frozenset[str] = frozenset(),
) -> Outcome:
    """Return what is true of a membership in one reading.

    Args:
        live: the reading.
        scope: the group.
        managed: ECU ids that are ours.
        recorded: shows under which ECC a member was seen running before.
        change_order_ids: the orders of the operation.
        unsettled: ECU ids the operation did not bring up.
    """
    live = with_instance_ids(live, recorded_instance_ids(recorded))
    seen = {each.ecu_id: each.ecc_id for each in recorded.members if each.joined}
    group = live.group(scope.group_id)
    members = live.members_of(scope.group_id)
    return Outcome(
        members=tuple(
            (each, each.runs or seen.get(each.ecu_id) == each.ecc_id)
            for each in members
            if each.ecu_id in managed
        ),
        foreign=tuple(each for each in members if each.ecu_id not in managed),
        running_count=sum(each.runs for each in members),
        group_name=group.name if group is not None else recorded.group_name,
        cluster_id=live.cluster_id or recorded.cluster_id,
        change_order_ids=change_order_ids,
        unsettled=unsettled,
    )


KIND_SECONDS: Final = 8.0
"""How long it is tried to learn on what kind of cluster an application runs: it only makes a better message."""

_KIND_REFUSED: Final = Threshold(looks=2, seconds=0.0)


def find_kubernetes(
    session: Session, app_id: str, live: Application | None, context: OperationContext
) -> ApplicationSummary | None:
    """Return an application that runs on Kubernetes; None when it does not, or when it is not known.

    Args:
        session: where further readings come from.
        app_id: the application.
        live: a reading of it, whose cluster is asked; None when EDAS refuses one, so that the list has to do.
        context: bounds of the operation.
    """
    patient = replace(context.shortened(KIND_SECONDS), retry_timeout=KIND_SECONDS)
    try:
        if live is not None and live.cluster_id:
            cluster = session.reads.cluster(live.cluster_id, patient, threshold=_KIND_REFUSED)
            known = [ApplicationSummary(app_id, live.name, live.cluster_id, cluster.cluster_type)]
        else:
            known = [each for each in session.reads.applications(patient) if each.app_id == app_id]
    except (BusinessError, PermissionDeniedError, ThrottledError, UnavailableError):
        return None
    except DeadlineExceeded:
        context.check()  # that of the operation is its end
        return None
    return next((each for each in known if each.cluster_type in KUBERNETES_CLUSTER_TYPES), None)


def is_gone(session: Session, scope: Scope, cluster_id: str, context: OperationContext) -> bool:
    """Return whether an application about which EDAS refused a reading is really gone.

    *Gone* needs two witnesses, because EDAS has no one answer for it: the reading of the application is refused and
    ListApplication, answered well, does not list it; and the recorded cluster can still be read, or else this may be
    another account, region or endpoint. They must agree twice, seconds apart (law 15).

    Raises:
        CannotTellError: the cluster cannot be read either.
        EdasError: a reading did not answer well.
    """
    name = ("gone", scope.app_id)
    reads = session.reads
    while True:
        begun = session.runtime.now()
        refusal = reads.application_refusal(scope.app_id, context)
        listed = reads.applications(context, begun_after=begun)
        if refusal is None or any(each.app_id == scope.app_id for each in listed):
            reads.seems_not(name)
            return False
        if not cluster_id:
            raise CannotTellError(None)
        try:
            present = reads.cluster(cluster_id, context, begun_after=begun, threshold=TWICE).present
        except BusinessError as error:
            raise CannotTellError(error) from error
        if not present:
            raise CannotTellError(None)
        if reads.seems(name, refusal, TWICE):
            return True
        context.sleep(TWICE.seconds)


class CannotTellError(Exception):
    """It is not known whether an application is gone; the argument is what EDAS said of its cluster, or None."""

    def __init__(self, error: EdasError | None) -> None:
        self.error = error
        super().__init__(error)


def _resolve(
    session: Session,
    target: Target,
    live: Application,
    context: OperationContext,
    expected: Mapping[str, str],
) -> tuple[Application, tuple[Machine, ...], Resolution]:
    group_id, listed = target.scope.group_id, target.wanted(live)
    missing = [each for each in missing_from_group(listed, live, group_id) if each.id not in expected]
    elsewhere = [each for each in missing if find_member(live.members, each.id) is None]
    if not elsewhere:
        return live, (), resolve(listed, live, group_id, expected=expected)
    machines = session.reads.machines(live.cluster_id, live.app_id, context)
    offered = {each.ecu_id for each in machines} | {each.instance_id for each in machines}
    cluster = (
        ()
        if not live.cluster_id or all(each.id in offered for each in elsewhere)
        else session.reads.cluster_members(live.cluster_id, context)
    )
    live = with_instance_ids(live, {each.ecu_id: each.instance_id for each in cluster if each.instance_id})
    return (
        live,
        machines,
        resolve(listed, live, group_id, machines=machines, cluster=cluster, expected=expected),
    )


def _our_scale_out_failed(
    session: Session, target: Target, live: Application, context: OperationContext
) -> bool:
    """Return whether a recorded order ended badly; asked only when it may decide about a repair."""
    members = live.members_of(target.scope.group_id)
    if (
        target.deleting
        or not target.recorded.change_order_ids
        or not any(join_failed(each) for each in members)
    ):
        return False
    ours = set(target.recorded.change_order_ids)
    return any(
        phase_of(each.status) is Phase.ENDED_BADLY
        for each in session.reads.recent_change_orders(target.scope.app_id, context, within=FRESH_SECONDS)
        if each.order_id in ours
    )
