"""The values of this package: what EDAS shows, in our words.

This file's law: values only. Nothing here asks, decides, waits or prints, and nothing here is ever changed after
it was made. Wire names (``EccInfo``) end in ``client.py``, camelCase names (``eccId``) in ``inputs.py`` and
the adapters; from here inwards there is one vocabulary (ARCHITECTURE.md, "Words").
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeVar

from pulumi_edas_scale.domain.choices import ForceScaleIn, OnDelete, WaitFor


class Unknown:
    """The one value that stands for an input the preview cannot know yet."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()
"""Adapters turn their engine's idea of an unknown value into this object; compare with ``is``."""


class MemberState(str, enum.Enum):
    """How a member is, in the words of our outputs; the integers are EDAS's ``AppState``."""

    RUNNING = "running"
    UNHEALTHY = "unhealthy"
    STOPPED = "stopped"
    AGENT_OFF = "agentOff"
    UNKNOWN = "unknown"


MEMBER_STATES: Final = {
    0: MemberState.AGENT_OFF,
    1: MemberState.STOPPED,
    3: MemberState.UNHEALTHY,
    7: MemberState.RUNNING,
}
"""EDAS's ``AppState`` in our words; any other code is ``MemberState.UNKNOWN``."""


class TaskState(enum.IntEnum):
    """How the last task of a member ended (``TaskState``); it is not its health: a running member may say failed."""

    UNKNOWN = 0
    PROCESSING = 1
    SUCCESS = 2
    FAILED = 3


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """One ECC: this application on one ECU, in one deploy group.

    Attributes:
        ecu_id: the machine, as EDAS names it; stable as long as the ECS instance lives.
        instance_id: the ECS instance id; empty when EDAS lists the ECC without its ECU.
        ecc_id: the placement; another one after every join.
        ip: private address, empty when not reported.
        zone: zone id, empty when not reported.
        group_id: the deploy group it is in.
        state: its health.
        task: how its last task ended.
        online: whether the EDAS agent of the machine answers, None when not reported.
    """

    ecu_id: str
    instance_id: str
    ecc_id: str
    ip: str
    zone: str
    group_id: str
    state: MemberState
    task: TaskState
    online: bool | None

    @property
    def runs(self) -> bool:
        """Whether it counts for ``minRunning``."""
        return self.state is MemberState.RUNNING

    @property
    def agent_off(self) -> bool:
        """Whether EDAS cannot start or stop anything on it."""
        return self.state is MemberState.AGENT_OFF or self.online is False


@dataclass(frozen=True, slots=True)
class DeployGroup:
    """One deploy group of an application; ``deployed`` is False when no package was ever deployed to it."""

    group_id: str
    name: str
    deployed: bool
    kind: int = 0  # GroupType: 0 default, 1 user's, 2 canary


@dataclass(frozen=True, slots=True)
class Application:
    """One reading of a whole application: every group and every member, from one call.

    ``groups`` are sorted by id and ``members`` by ECU id, so that equal truth makes equal values. ``cluster_id``
    is empty when EDAS does not report it. ``odd`` are pairs of a group and of what was not understood of it: such a
    group must not be taken for what it seems to be.
    """

    app_id: str
    name: str
    cluster_id: str
    groups: tuple[DeployGroup, ...]
    members: tuple[Member, ...]
    odd: tuple[tuple[str, str], ...] = ()

    def oddity_of(self, group_id: str | None) -> str:
        """Return what was not understood of a group (None: of any group); empty when everything was."""
        return next((what for group, what in self.odd if group_id in {group, None}), "")

    def group(self, group_id: str) -> DeployGroup | None:
        """Return the group of that id, or None when the application has no such group."""
        return next((group for group in self.groups if group.group_id == group_id), None)

    def members_of(self, group_id: str) -> tuple[Member, ...]:
        """Return the members of one group, sorted by ECU id."""
        return tuple(member for member in self.members if member.group_id == group_id)


@dataclass(frozen=True, slots=True)
class ApplicationSummary:
    """One line of ListApplication. How fresh its state and counts are is not documented.

    Attributes:
        app_id, name, cluster_id: whose line it is.
        cluster_type: 2 ECS, 3 and 5 Kubernetes; None when not reported.
        state: RUNNING, STOPPED, DEPLOYING or DELETING; empty when not reported.
        instances: members of all its groups; None when not reported.
        running: of these, the running ones; None when not reported.
    """

    app_id: str
    name: str
    cluster_id: str
    cluster_type: int | None
    state: str = ""
    instances: int | None = None
    running: int | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """One answer of GetCluster. ``cluster_type`` as in ``ApplicationSummary``; ``present``: it was not deleted."""

    cluster_id: str
    cluster_type: int | None
    present: bool


@dataclass(frozen=True, slots=True)
class WrongApplication:
    """Why an id is not that of an application: ``meant`` has it as its name, or only the ``listed`` ones exist."""

    meant: ApplicationSummary | None
    listed: tuple[ApplicationSummary, ...]


KUBERNETES_CLUSTER_TYPES: Final = frozenset({3, 5})
"""3 is a self-managed Kubernetes cluster, 5 is ACK: their applications have no ECU to scale out to."""


@dataclass(frozen=True, slots=True, order=True)
class Machine:
    """One ECU that can be scaled out to (ListScaleOutEcu): in the cluster, and in no application."""

    ecu_id: str
    instance_id: str
    ip: str
    zone: str
    online: bool
    name: str = ""


@dataclass(frozen=True, slots=True, order=True)
class ClusterMember:
    """One ECS instance of a cluster (ListClusterMembers), whether in use or not.

    ``ecu_id`` is empty while EDAS still converts the instance; ``status``: 1 running, 0 being converted,
    -1 conversion failed, -2 offline.
    """

    instance_id: str
    ecu_id: str
    ip: str
    status: int


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Page(Generic[_T]):
    """A part of a list; ``total`` is the number EDAS gives for the whole, None when it gives none."""

    items: tuple[_T, ...]
    total: int | None = None

    @property
    def may_be_cut(self) -> bool:
        """Whether more may follow it as the first page; the documented total may be one of pages."""
        count = len(self.items)
        return count > 0 and self.total != count and (count % 10 == 0 or (self.total or 0) > count)


@dataclass(frozen=True, slots=True)
class ChangeOrder:
    """One line of ListRecentChangeOrder. ``status`` is EDAS's number, read by ``orders.py``."""

    order_id: str
    group_id: str
    status: int
    description: str
    created_by: str
    created_at: str
    co_type: str = ""  # a display text, read by ``orders.type_of``
    source: str = ""  # ``console`` or ``pop``, the API


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """What EDAS says went wrong in a change order, for one instance or, with an empty ip, for the whole batch."""

    ip: str
    instance_name: str
    stage: str
    code: str  # EDAS-1xxxx, or empty
    message: str

    @property
    def reason(self) -> str:
        """What distinguishes two failures of one instance: EDAS repeats each in several places."""
        return self.code or self.message

    def explained_by(self, cause: TaskFailure) -> TaskFailure:
        """Return a failure that has no code, or says nothing, with the only reason given for its batch."""
        if self.code or (self.message and not cause.code):
            return self
        return replace(self, code=cause.code, message=self.message or cause.message)


@dataclass(frozen=True, slots=True)
class OrderReport:
    """One answer of GetChangeOrderInfo: the state of an order and what failed in it.

    ``held_pipeline_id`` names the batch that waits for a person's confirmation (status 8), else None. ``ips`` are
    the addresses of the instances it names, empty when it names none: EDAS reports no ids in an order.
    """

    order_id: str
    status: int
    description: str
    created_by: str
    failures: tuple[TaskFailure, ...]
    held_pipeline_id: str | None
    ips: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Whose members a membership manages: the three parts of a resource id, and names once a reading shows them."""

    region_id: str
    app_id: str
    group_id: str
    app_name: str = field(default="", compare=False)
    group_name: str = field(default="", compare=False)

    def named(self, live: Application) -> Scope:
        """Return the same with the names of a reading."""
        group = live.group(self.group_id)
        return replace(self, app_name=live.name, group_name=self.group_name if group is None else group.name)

    def __str__(self) -> str:
        return f"{self.region_id}/{self.app_id}/{self.group_id}"


@dataclass(frozen=True, slots=True)
class Listed:
    """One id of the two lists of the program. ``path`` is where it stands there (``instanceIds[1]``)."""

    path: str
    id: str

    @property
    def input(self) -> str:
        """The list it stands in."""
        return self.path.partition("[")[0]


@dataclass(frozen=True, slots=True)
class Policy:
    """How a change may run; the meaning of each field is that of the input of the same name.

    A value the preview does not know yet is taken as the one that forbids nothing.
    """

    exclusive: bool = False
    min_running: int = 1
    max_removals: int | None = None
    batch_size: int = 50
    batch_pause_seconds: float = 0.0
    wait_for: WaitFor = WaitFor.RUNNING
    join_timeout_seconds: int = 300
    force_scale_in: ForceScaleIn = ForceScaleIn.NEVER
    confirm_batches: bool = False
    on_delete: OnDelete = OnDelete.SCALE_IN
    timeout_seconds: int = 1800


@dataclass(frozen=True, slots=True)
class Spec:
    """What the program asks for, after the inputs were found right.

    Attributes:
        region_id, app_id, group_id: None while the preview does not know them.
        listed: the known ids of both lists, in the order of the program.
        unknown_ids: how many single ids are not known yet.
        open_ended: True when a whole list is not known yet, so that not even the number of ids is.
        policy: how the change may run.
    """

    region_id: str | None
    app_id: str | None
    group_id: str | None
    listed: tuple[Listed, ...]
    unknown_ids: int
    open_ended: bool
    policy: Policy

    @property
    def scope(self) -> Scope | None:
        """Whose members these are, None while the preview does not know all three parts."""
        if self.region_id is None or self.app_id is None or self.group_id is None:
            return None
        return Scope(self.region_id, self.app_id, self.group_id)

    @property
    def complete(self) -> bool:
        """Whether every desired id is known."""
        return not self.unknown_ids and not self.open_ended


@dataclass(frozen=True, slots=True)
class RecordedMember:
    """A member as the last operation wrote it down; ``joined``: it was seen running under this ``ecc_id``."""

    ecu_id: str
    instance_id: str
    ecc_id: str
    ip: str
    state: MemberState
    joined: bool

    def as_member(self) -> Member:
        """Return it as it was written down, when no reading shows it."""
        return Member(
            ecu_id=self.ecu_id,
            instance_id=self.instance_id,
            ecc_id=self.ecc_id,
            ip=self.ip,
            zone="",
            group_id="",
            state=self.state,
            task=TaskState.UNKNOWN,
            online=None,
        )


@dataclass(frozen=True, slots=True)
class Floor:
    """How many members of a group must run, and the other membership that says so; empty when none does."""

    min_running: int = 0
    urn: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the recorded outputs say: which members are managed, never what is true now (law 6).

    Attributes:
        members: the managed members of the last operation.
        listed: the ids the recorded outputs list as desired.
        change_order_ids: the orders of the last operation.
        unsettled: ECU ids the last operation failed to bring up; the next one waits for them or repairs them.
        cluster_id: where the application lived, empty when not recorded.
        group_name: the name of the group, empty when not recorded.
        policy: the recorded policy (delete has no other).
    """

    members: tuple[RecordedMember, ...] = ()
    listed: tuple[Listed, ...] = ()
    change_order_ids: tuple[str, ...] = ()
    unsettled: frozenset[str] = frozenset()
    cluster_id: str = ""
    group_name: str = ""
    policy: Policy = Policy()

    @property
    def settled(self) -> dict[str, str]:
        """The placements, by ECU id, whose join is over: seen running, or left as they were by a success."""
        return {
            each.ecu_id: each.ecc_id
            for each in self.members
            if each.joined or each.ecu_id not in self.unsettled
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is true of a membership after an operation or a reading; ``render_outputs`` writes it into state.

    Attributes:
        members: managed members that are in the group now, sorted by ECU id, as pairs with ``joined``.
        foreign: members of the group that are not managed, sorted by ECU id.
        running_count: members of the whole group that run.
        group_name, cluster_id: as EDAS reports them; empty when not reported.
        change_order_ids: the orders of the operation, in the order of their submission.
        unsettled: ECU ids a failed operation did not bring up.
    """

    members: tuple[tuple[Member, bool], ...]
    foreign: tuple[Member, ...]
    running_count: int
    group_name: str
    cluster_id: str
    change_order_ids: tuple[str, ...] = ()
    unsettled: frozenset[str] = frozenset()
