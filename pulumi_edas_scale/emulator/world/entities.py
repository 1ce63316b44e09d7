"""The nouns of the emulated EDAS: clusters, machines, applications, groups, members, change orders.

The law of this file: values and small facts about one value. Everything that concerns more than one of them,
or the passing of time, is in `state.py`. All moments are seconds since the epoch, given by the caller.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import NamedTuple

from pulumi_edas_scale.emulator.world.durations import IMMEDIATE, Duration

OWNER = "edas_com_emulator@aliyun.com"  # the account
DEFAULT_GROUP_NAME = "_DEFAULT_GROUP"
ECS_CLUSTER = 2
KUBERNETES_CLUSTERS = (3, 5)


class AppState(IntEnum):
    """AppState of an ECC."""

    AGENT_OFF = 0
    STOPPED = 1
    RUNNING_BUT_URL_FAILED = 3
    RUNNING = 7


class TaskState(IntEnum):
    """TaskState of an ECC: the result of its last task."""

    UNKNOWN = 0
    PROCESSING = 1
    SUCCESS = 2
    FAILED = 3


class OrderStatus(IntEnum):
    """The documented status codes of a change order; a script may show any other number too."""

    READY = 0
    RUNNING = 1
    SUCCESS = 2
    FAILED = 3
    ABORTED = 6
    PARTIAL = 7
    HELD = 8
    BATCH_WAIT = 9
    SYSTEM_FAILURE = 10


class OrderKind(Enum):
    """What a change order does, with the display strings EDAS shows for it."""

    SCALE_OUT = ("scale_out", "Application Scale Out", "CoDeploy", "Scale-Out", "Start Application")
    SCALE_IN = ("scale_in", "Application Scale In", "CoScaleIn", "Scale-In", "Stop Application")
    STOP = ("stop", "Stop Application", "CoStop", "Stop", "Stop Application")
    START = ("start", "Start Application", "CoStart", "Start", "Start Application")
    DEPLOY = ("deploy", "Deploy Application", "CoDeploy", "Deployment", "Deploy Application")

    def __init__(self, word: str, display: str, code: str, noun: str, task: str) -> None:
        """Name the parts of a row."""
        self.word = word
        self.display = display  # CoType
        self.code = code  # CoTypeCode; the documented sample pairs "Application Scale Out" with CoDeploy
        self.noun = noun  # for the order's Desc
        self.task = task


@dataclass(frozen=True)
class AccessKey:
    """A credential that the emulator accepts; with a token it is a temporary one."""

    id: str
    secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)


@dataclass
class Ecu:
    """An ECS instance of a cluster; it is an ECU once it has been converted."""

    ecu_id: str
    instance_id: str
    cluster_id: str
    ip: str
    public_ip: str
    zone: str
    name: str
    created_at: float
    online: bool = True
    cpu: int = 2
    memory_mb: int = 4096
    ready_at: float = 0.0  # infinity: never by itself
    start_state: AppState = AppState.RUNNING  # what the application comes up as when it is started here
    start_task_state: TaskState = TaskState.SUCCESS
    freed_at: float = -math.inf

    def is_ready(self, now: float) -> bool:
        """Return whether the conversion into an ECU is over."""
        return self.ready_at <= now


@dataclass
class Cluster:
    """A cluster and its machines, by ECU id."""

    id: str
    name: str
    type: int
    created_at: float
    ecus: dict[str, Ecu] = field(default_factory=dict)

    @property
    def is_kubernetes(self) -> bool:
        """Return whether membership by ECU has no meaning here."""
        return self.type in KUBERNETES_CLUSTERS


@dataclass
class Group:
    """A deploy group; empty version ids mean that it was never deployed."""

    id: str
    name: str
    type: int  # 0 the default group, 1 a user's group
    created_at: float
    app_version_id: str = ""
    package_version_id: str = ""

    @property
    def deployed(self) -> bool:
        """Return whether a package was ever deployed to the group."""
        return bool(self.package_version_id)


@dataclass
class Member:
    """An ECC: one application on one ECU, as a member of one group."""

    ecc_id: str
    ecu_id: str
    group_id: str
    created_at: float
    updated_at: float
    app_state: AppState = AppState.RUNNING
    task_state: TaskState = TaskState.SUCCESS
    visible_at: float = 0.0  # infinity: not before its order's end
    listed_until: float = math.inf  # finite: has left, and the listing lags
    starts_at: float | None = None  # will be running from then on

    def listed(self, now: float) -> bool:
        """Return whether EDAS lists the member at this moment."""
        return self.visible_at <= now < self.listed_until


class Figures(NamedTuple):
    """What ListApplication shows of an application from a moment on."""

    since: float
    instances: int
    running: int
    state: str


@dataclass
class Application:
    """An application with its groups (by id) and members (by ECC id)."""

    id: str
    name: str
    cluster_id: str
    type: str
    namespace: str  # "region" or "region:name"
    created_at: float
    past: deque[Figures] = field(default_factory=lambda: deque(maxlen=1_000))  # oldest first
    listed: bool = True  # false: ListApplication leaves it out, as it does without permission
    groups: dict[str, Group] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    departed: list[Member] = field(default_factory=list)  # left, still listed because the listing lags

    def listing(self, now: float) -> list[Member]:
        """Return the members EDAS lists now, in the order they joined, departed ones last."""
        return [member for member in [*self.members.values(), *self.departed] if member.listed(now)]

    def member_on(self, ecu_id: str) -> Member | None:
        """Return the member on an ECU, or None."""
        return next((member for member in self.members.values() if member.ecu_id == ecu_id), None)

    def members_of(self, group_id: str) -> list[Member]:
        """Return the true members of a group, listed or not, in the order they joined."""
        return [member for member in self.members.values() if member.group_id == group_id]

    def group_named(self, name: str) -> Group | None:
        """Return the group of that name, or None."""
        return next((group for group in self.groups.values() if group.name == name), None)


@dataclass(frozen=True)
class Outcome:
    """The scripted result of one instance in an order; None means: as in the world."""

    error: str | None = None  # EDAS's task error, code first
    app_state: AppState | None = None
    task_state: TaskState | None = None


@dataclass
class Target:
    """One instance of a change order."""

    ecc_id: str
    ecu_id: str
    instance_id: str
    ip: str
    public_ip: str
    name: str
    batch: int = 0
    status: int = OrderStatus.READY
    error: str = ""
    outcome: Outcome = field(default_factory=Outcome)
    state_before: AppState = AppState.STOPPED
    started_at: float | None = None
    finished_at: float | None = None

    @property
    def done(self) -> bool:
        """Return whether the task is over, well or badly."""
        return self.finished_at is not None


@dataclass(frozen=True)
class Phase:
    """A stretch of an order's life that shows one status."""

    status: int
    length: Duration = IMMEDIATE
    until_confirmed: bool = False
    batch: int | None = None  # the batch that is worked on
    completes: bool = False  # whether that batch is done at the end of the phase


@dataclass
class Order:
    """A change order: a script of phases, then an end."""

    id: str
    number: int  # 1 for the first of this world; breaks ties between orders of the same moment
    kind: OrderKind
    application_id: str
    group_id: str
    created_at: float
    source: str  # "pop" for the API, "console" for a foreign one
    user: str
    phases: list[Phase]
    targets: list[Target]
    batch_count: int = 1
    batch_type: str = "Automatic"
    scripted_end: int | None = None  # None: success, or failure when a target failed
    status: int = OrderStatus.READY
    started: bool = False
    phase_index: int = 0
    phase_since: float = 0.0
    phase_reads: int = 0
    reads: int = 0  # of GetChangeOrderInfo, refused ones too
    finished_at: float | None = None
    history: list[tuple[float, int]] = field(default_factory=list)

    @property
    def active(self) -> bool:
        """Return whether the order has not ended."""
        return self.finished_at is None

    @property
    def phase(self) -> Phase | None:
        """Return the present phase; None before the start and after the end."""
        if not self.started or not self.active or self.phase_index >= len(self.phases):
            return None
        return self.phases[self.phase_index]

    @property
    def phase_ends_at(self) -> float:
        """Return the moment at which time alone ends the present phase; infinity when reads or people do."""
        phase = self.phase
        if phase is None or phase.until_confirmed or phase.length.polls:
            return math.inf
        return self.phase_since + (phase.length.seconds or 0.0)

    def show(self, status: int, at: float) -> None:
        """Show another status from a moment on."""
        if not self.history or self.history[-1][1] != status:
            self.history.append((at, int(status)))
        self.status = int(status)

    def status_at(self, moment: float) -> int:
        """Return the status that was shown at an earlier moment."""
        shown = [status for since, status in self.history if since <= moment]
        return shown[-1] if shown else int(OrderStatus.READY)
