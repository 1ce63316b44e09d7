"""The emulated EDAS itself: what exists, and who belongs to what.

The laws of this file: no I/O, no clock, no randomness; one ECU serves one application. What time and change
orders do to the world is in `progress.py`; code that changes an application by other means calls `observe`
afterwards.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pulumi_edas_scale.emulator.faults import RuleBook
from pulumi_edas_scale.emulator.switches import Switches
from pulumi_edas_scale.emulator.world.entities import (
    AccessKey,
    Application,
    AppState,
    Cluster,
    Ecu,
    Figures,
    Member,
    Order,
)
from pulumi_edas_scale.emulator.world.identifiers import Identifiers
from pulumi_edas_scale.emulator.world.refusals import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_Thing = TypeVar("_Thing")

# An emulator may run for weeks on a laptop; this bounds its memory far above what a test run needs.
MAX_LOG_ENTRIES = 100_000


class Start(NamedTuple):
    """A member that is going to run from a moment on."""

    at: float
    application_id: str
    ecc_id: str


class World:
    """Everything one account owns in one region, plus the emulator's switches, rules and request log."""

    def __init__(
        self, region: str, access_keys: Iterable[AccessKey], switches: Switches | None = None
    ) -> None:
        """Make an empty world."""
        self.region = region
        self.access_keys: dict[str, AccessKey] = {key.id: key for key in access_keys}
        self.switches = switches or Switches()
        self.clusters: dict[str, Cluster] = {}
        self.applications: dict[str, Application] = {}
        self.orders: dict[str, Order] = {}
        self.ids = Identifiers()
        self.rules = RuleBook()
        self.log: deque[dict[str, Any]] = deque(maxlen=MAX_LOG_ENTRIES)
        self.calls_made: Counter[str] = Counter()  # for the numbers in the log and the limits
        self.recent_calls: dict[str, deque[float]] = {}  # operation to moments within the limit window
        self.breaches: Counter[str] = Counter()
        self.readings: Counter[str] = Counter()  # for the switch `refused_reading`
        self.moment = 0.0  # of the event that is being carried out
        self.version = 0  # grows with every change; a page compares it
        self.active: dict[str, Order] = {}  # the orders that have not ended, oldest first
        self.starting: list[Start] = []  # members that come up by themselves later
        self._lowest_running: dict[tuple[str, str], int] = {}

    # ---- reading ----

    def application(self, application_id: str) -> Application:
        """Return an application.

        Raises:
            NotFoundError: there is none of that id.
        """
        return _found(self.applications, "Application", application_id)

    def cluster(self, cluster_id: str) -> Cluster:
        """Return a cluster, or raise NotFoundError."""
        return _found(self.clusters, "Cluster", cluster_id)

    def order(self, order_id: str) -> Order:
        """Return a change order, or raise NotFoundError."""
        return _found(self.orders, "ChangeOrder", order_id)

    def ecu(self, ecu_id: str) -> Ecu | None:
        """Return a machine by its ECU id, in any cluster, or None."""
        return next(
            (cluster.ecus[ecu_id] for cluster in self.clusters.values() if ecu_id in cluster.ecus), None
        )

    def machines(self) -> Iterator[Ecu]:
        """Yield every machine of every cluster."""
        for cluster in self.clusters.values():
            yield from cluster.ecus.values()

    def owner_of(self, ecu_id: str) -> Application | None:
        """Return the application that uses an ECU, or None."""
        return next((app for app in self.applications.values() if app.member_on(ecu_id)), None)

    def owner_of_member(self, ecc_id: str) -> Application | None:
        """Return the application an ECC belongs to, or None."""
        return next((app for app in self.applications.values() if ecc_id in app.members), None)

    def machine_of(self, member: Member, application: Application) -> Ecu:
        """Return the machine a member is on, also after it was removed from the cluster."""
        known = self.clusters[application.cluster_id].ecus.get(member.ecu_id) or self.ecu(member.ecu_id)
        return known or _removed_machine(member.ecu_id, application.cluster_id)

    def app_state(self, member: Member, application: Application) -> AppState:
        """Return the AppState EDAS shows: agent off for a machine that is offline."""
        online = self.machine_of(member, application).online
        return member.app_state if online else AppState.AGENT_OFF

    def is_running(self, member: Member, application: Application) -> bool:
        """Return whether a member serves."""
        return self.app_state(member, application) == AppState.RUNNING

    def active_orders(self, application_id: str) -> list[Order]:
        """Return the orders of an application that have not ended, oldest first."""
        return [order for order in self.active.values() if order.application_id == application_id]

    def orders_of(self, application_id: str) -> list[Order]:
        """Return every order of an application, oldest first."""
        return [order for order in self.orders.values() if order.application_id == application_id]

    def lowest_running(self, application_id: str, group_id: str) -> int:
        """Return the smallest number of running members the group had since the last reset."""
        return self._lowest_running.get((application_id, group_id), 0)

    def reset_lowest_running(self) -> None:
        """Forget the past minima; the present numbers are the new ones."""
        self._lowest_running.clear()
        for application in self.applications.values():
            self.observe(application)

    def observe(self, application: Application) -> None:
        """Note the present numbers of running members; to be called after every change of an application."""
        self.version += 1
        count = sum(self.is_running(member, application) for member in application.members.values())
        changing = bool(self.active_orders(application.id))
        state = "DEPLOYING" if changing else "RUNNING" if count else "STOPPED"
        instances = len(application.listing(self.moment))
        application.past.append(Figures(self.moment, instances, count, state))
        for group_id in application.groups:
            running = sum(self.is_running(member, application) for member in application.members_of(group_id))
            key = (application.id, group_id)
            self._lowest_running[key] = min(running, self._lowest_running.get(key, running))

    # ---- changing ----

    def remove_member(self, application: Application, ecc_id: str, now: float, lag: float = 0.0) -> None:
        """Let a member leave at once; it is listed for `lag` seconds more."""
        member = application.members.pop(ecc_id)
        machine = self.ecu(member.ecu_id)
        if machine is not None:
            machine.freed_at = now
        if lag:
            member.listed_until = now + lag
            application.departed.append(member)
        self.observe(application)


def _found(things: Mapping[str, _Thing], entity: str, identifier: str) -> _Thing:
    thing = things.get(identifier)
    if thing is None:
        raise NotFoundError(entity, identifier)
    return thing


def _removed_machine(ecu_id: str, cluster_id: str) -> Ecu:
    """Stand in for a machine that was removed from its cluster while a member was on it."""
    return Ecu(
        ecu_id=ecu_id,
        instance_id="",
        cluster_id=cluster_id,
        ip="",
        public_ip="",
        zone="",
        name="",
        created_at=0.0,
        online=False,
    )
