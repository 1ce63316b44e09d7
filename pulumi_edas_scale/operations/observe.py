"""From one reading of an application to all that a decision needs.

This file's law: it reads what the wish makes necessary and no more. The members tell themselves; the cluster is
read only for ids that are not members, and the recent orders only when a failed join has to be told from a bad
deployment. A preview and a change survey alike, so they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain.errors import BusinessError, PermissionDeniedError
from pulumi_edas_scale.domain.messages import labels, places
from pulumi_edas_scale.domain.model import KUBERNETES_CLUSTER_TYPES, Recorded, Truth
from pulumi_edas_scale.domain.orders import Phase, phase_of
from pulumi_edas_scale.domain.plan import History, Plan, Situation, decide, join_failed
from pulumi_edas_scale.domain.resolution import Resolution, find_member, missing_from_group, resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pulumi_edas_scale.domain.clock import Limits
    from pulumi_edas_scale.domain.errors import EdasError
    from pulumi_edas_scale.domain.model import (
        Application,
        ApplicationSummary,
        Listed,
        Machine,
        Member,
        Policy,
        Scope,
    )
    from pulumi_edas_scale.operations.session import Session


@dataclass(frozen=True, slots=True)
class Wish:
    """What one operation shall reach.

    Attributes:
        urn: the resource, empty when the door cannot tell it.
        scope: the group.
        listed: the ids that shall be members; empty for a delete.
        policy: how it may run.
        recorded: what the last operation wrote down; nothing for a create.
        deleting: whether the membership itself goes.
        unknown_ids: desired ids a preview does not know; None when not even their number is known.
    """

    urn: str
    scope: Scope
    listed: tuple[Listed, ...]
    policy: Policy
    recorded: Recorded = field(default_factory=Recorded)
    deleting: bool = False
    unknown_ids: int | None = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """One reading with everything that follows from it."""

    live: Application
    situation: Situation
    resolution: Resolution
    plan: Plan
    machines: tuple[Machine, ...]

    @property
    def names(self) -> dict[str, str]:
        """How each machine is called, by ECU id."""
        return labels(self.live, self.machines)

    def addresses(self, ecu_ids: Collection[str]) -> frozenset[str]:
        """Return the addresses of machines, as far as they are told."""
        known: tuple[Member | Machine, ...] = (*self.live.members, *self.machines)
        return frozenset(each.ip for each in known if each.ecu_id in ecu_ids and each.ip)

    @property
    def places(self) -> dict[str, str]:
        """How each machine is called, with address and zone, by ECU id."""
        return places(self.live, self.machines)


_NO_EXPECTATION: Final[Mapping[str, str]] = {}
_NOTHING_DONE: Final = History()


def survey(  # noqa: PLR0913 - a reading, a wish, and what was done so far
    session: Session,
    wish: Wish,
    live: Application,
    limits: Limits,
    *,
    history: History = _NOTHING_DONE,
    expected: Mapping[str, str] = _NO_EXPECTATION,
) -> Survey:
    """Find out what a reading means for a wish, and decide.

    Args:
        session: where further readings come from.
        wish: what shall be reached.
        live: the reading to decide from.
        limits: bounds of the operation.
        history: what the operation has done so far.
        expected: ECU ids of listed ids that an order of the operation has added.

    Raises:
        EdasError: a further reading failed.
    """
    machines, resolution = _resolve(session, wish, live, limits, expected)
    situation = Situation(
        group_id=wish.scope.group_id,
        live=live,
        desired=frozenset(resolution.ecu_ids.values()),
        managed=managed_ecus(wish.recorded, live, wish.scope.group_id),
        settled=_settled(wish.recorded),
        unsettled=wish.recorded.unsettled,
        spared=_spared(session, wish),
        ready=frozenset(resolution.ready),
        absent=resolution.absent,
        policy=wish.policy,
        deleting=wish.deleting,
        our_scale_out_failed=_our_scale_out_failed(session, wish, live, limits),
        unknown_ids=wish.unknown_ids,
        history=history,
    )
    return Survey(live, situation, resolution, decide(situation), machines)


def managed_ecus(recorded: Recorded, live: Application, group_id: str) -> frozenset[str]:
    """Return the ECU ids that recorded state calls ours: the members, and what it lists as desired (law 6)."""
    members = live.members_of(group_id)
    found = (find_member(members, each.id) for each in recorded.listed)
    return frozenset(each.ecu_id for each in recorded.members) | frozenset(
        member.ecu_id for member in found if member is not None
    )


def truth_of(  # noqa: PLR0913 - a reading, whose it is, and what is known of it
    live: Application,
    scope: Scope,
    managed: frozenset[str],
    recorded: Recorded,
    *,
    change_order_ids: tuple[str, ...] = (),
    unsettled: frozenset[str] = frozenset(),
) -> Truth:
    """Return what is true of a membership in one reading.

    Args:
        live: the reading.
        scope: the group.
        managed: ECU ids that are ours.
        recorded: tells under which ECC a member was seen running before.
        change_order_ids: the orders of the operation.
        unsettled: ECU ids the operation did not bring up.
    """
    seen = {each.ecu_id: each.ecc_id for each in recorded.members if each.joined}
    group = live.group(scope.group_id)
    members = live.members_of(scope.group_id)
    return Truth(
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


def find_summary(session: Session, app_id: str, limits: Limits) -> ApplicationSummary | None:
    """Return ListApplication's line of an application, or None when it cannot be told."""
    try:
        known = session.inventory.known_applications(limits)
    except (PermissionDeniedError, BusinessError):
        return (
            None  # the type of the cluster only makes a better message; membership needs no such permission
        )
    return next((each for each in known if each.app_id == app_id), None)


def runs_on_kubernetes(summary: ApplicationSummary | None) -> bool:
    """Return whether an application is known to run on a Kubernetes cluster."""
    return summary is not None and summary.cluster_type in KUBERNETES_CLUSTER_TYPES


def is_gone(session: Session, scope: Scope, cluster_id: str, limits: Limits) -> bool:
    """Return whether an application whose reading failed as a business failure is really gone.

    *Gone* needs two witnesses, because EDAS has no one answer for it: ListApplication, answered well, does not
    list it; and the recorded cluster can still be read, or else this may be another account, region or endpoint.

    Raises:
        CannotTellError: the second witness is missing.
        EdasError: ListApplication did not answer well.
    """
    if any(each.app_id == scope.app_id for each in session.inventory.applications(limits)):
        return False
    if not cluster_id:
        raise CannotTellError(None)
    try:
        members = session.inventory.cluster_members(cluster_id, limits)
    except BusinessError as error:
        raise CannotTellError(error) from error
    if not members and not session.client.has_cluster(cluster_id):
        raise CannotTellError(None)
    return True


class CannotTellError(Exception):
    """Whether an application is gone cannot be told; the argument is what EDAS said of its cluster, or None."""

    def __init__(self, error: EdasError | None) -> None:
        self.error = error
        super().__init__(error)


def _resolve(
    session: Session, wish: Wish, live: Application, limits: Limits, expected: Mapping[str, str]
) -> tuple[tuple[Machine, ...], Resolution]:
    group_id = wish.scope.group_id
    missing = [each for each in missing_from_group(wish.listed, live, group_id) if each.id not in expected]
    elsewhere = [each for each in missing if find_member(live.members, each.id) is None]
    if not elsewhere or not live.cluster_id:
        return (), resolve(wish.listed, live, group_id, expected=expected)
    machines = session.inventory.machines(live.cluster_id, limits)
    offered = {each.ecu_id for each in machines} | {each.instance_id for each in machines}
    cluster = (
        ()
        if all(each.id in offered for each in elsewhere)
        else session.inventory.cluster_members(live.cluster_id, limits)
    )
    return machines, resolve(
        wish.listed, live, group_id, machines=machines, cluster=cluster, expected=expected
    )


def _settled(recorded: Recorded) -> dict[str, str]:
    """Return the members whose join is over: seen running, or left as they were by an operation that ended well."""
    return {
        each.ecu_id: each.ecc_id
        for each in recorded.members
        if each.joined or each.ecu_id not in recorded.unsettled
    }


def _spared(session: Session, wish: Wish) -> frozenset[str]:
    """Return the ids that must stay because another claim, or for a delete any claim, names them."""
    with session.runtime:
        return session.claims.ids(wish.scope, besides=None if wish.deleting else wish.urn)


def _our_scale_out_failed(session: Session, wish: Wish, live: Application, limits: Limits) -> bool:
    """Return whether a recorded order ended badly; asked only when it may decide about a repair."""
    members = live.members_of(wish.scope.group_id)
    if wish.deleting or not wish.recorded.change_order_ids or not any(join_failed(each) for each in members):
        return False
    ours = set(wish.recorded.change_order_ids)
    return any(
        phase_of(each.status) is Phase.ENDED_BADLY
        for each in session.inventory.change_orders(wish.scope.app_id, limits)
        if each.order_id in ours
    )
