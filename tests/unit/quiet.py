"""A clock on which time passes only while somebody waits, and an EDAS in which nothing happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pulumi_edas_scale.domain.errors import BusinessError, InternalError
from pulumi_edas_scale.domain.model import Cluster, Page
from pulumi_edas_scale.operations.ownership import Ownership
from pulumi_edas_scale.operations.session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Self

    from pulumi_edas_scale.domain.model import (
        Application,
        ApplicationSummary,
        ChangeOrder,
        ClusterMember,
        Machine,
        OrderReport,
    )
    from pulumi_edas_scale.operations.session import Session

_T = TypeVar("_T")


@dataclass
class QuietRuntime:
    """One thread on virtual time; each wait first lets the next of ``meanwhile`` happen, and then returns."""

    moment: float = 0.0
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    notified: int = 0

    def __enter__(self) -> object:
        return self

    def __exit__(self, *_: object) -> None:
        """Free nothing: there is one thread."""

    def now(self) -> float:
        """Return the virtual moment."""
        return self.moment

    def random(self) -> float:
        """Return the middle of all chances."""
        return 0.5

    def wait(self, seconds: float) -> None:
        """Let the next thing happen at once, or else the time pass."""
        self.waits.append(seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        else:
            self.moment += seconds

    def notify(self) -> None:
        """Count who would have been woken."""
        self.notified += 1


@dataclass
class QuietClient:
    """An EDAS that shows what it was given and is never written to."""

    live: Application
    applications: tuple[ApplicationSummary, ...] = ()
    machines: tuple[Machine, ...] = ()
    cluster: tuple[ClusterMember, ...] = ()
    orders: tuple[ChangeOrder, ...] = ()

    def within(self, context: object) -> Self:
        """Return itself: its calls take no time of their own."""
        assert context is not None, "no call is without bounds"
        return self

    def read_application(self, app_id: str) -> Application:
        """Return the application if it is asked for."""
        if app_id != self.live.app_id:
            raise BusinessError("QueryApplicationStatus", "601", "application not exist")
        return self.live

    def read_applications(self, page: int = 1, page_size: int | None = None) -> Page[ApplicationSummary]:
        """Return the applications of a page."""
        return _page(self.applications, page, page_size)

    def read_application_states(self, app_ids: Sequence[str]) -> tuple[ApplicationSummary, ...]:
        """Return those of the applications."""
        return tuple(each for each in self.applications if each.app_id in app_ids)

    def read_scale_out_machines(self, cluster_id: str, app_id: str = "") -> tuple[Machine, ...]:
        """Return what the cluster of the application offers."""
        known = {self.live.cluster_id, ""} if app_id == self.live.app_id else {self.live.cluster_id}
        return self.machines if cluster_id in known else ()

    def read_cluster_members(
        self, cluster_id: str, page: int = 1, page_size: int | None = None
    ) -> Page[ClusterMember]:
        """Return the instances of a page."""
        return _page(self.cluster if cluster_id == self.live.cluster_id else (), page, page_size)

    def read_cluster(self, cluster_id: str) -> Cluster:
        """Return the cluster of the application, of the kind that the list of applications tells."""
        if cluster_id != self.live.cluster_id:
            raise BusinessError("GetCluster", "601", "cluster not exist")
        kinds = (each.cluster_type for each in self.applications if each.cluster_id == cluster_id)
        return Cluster(cluster_id, next(kinds, 2), present=True)

    def read_change_orders(self, app_id: str) -> tuple[ChangeOrder, ...]:
        """Return the orders of the application."""
        return self.orders if app_id == self.live.app_id else ()

    def read_change_order(self, order_id: str) -> OrderReport:
        """Refuse: nobody waits for an order here."""
        raise BusinessError("GetChangeOrderInfo", "601", f"no order {order_id}")

    def submit_scale_out(self, app_id: str, group_id: str, ecu_ids: Sequence[str]) -> str:
        """Refuse: nothing is written here."""
        raise InternalError(f"scale out of {app_id}, {group_id}, {ecu_ids}.")

    def submit_scale_in(self, app_id: str, ecc_ids: Sequence[str], *, force: bool) -> str | None:
        """Refuse: nothing is written here."""
        raise InternalError(f"scale in of {app_id}, {ecc_ids}, {force}.")

    def submit_abort(self, order_id: str) -> None:
        """Refuse: nothing is written here."""
        raise InternalError(f"abort of {order_id}.")

    def submit_confirmation(self, pipeline_id: str) -> None:
        """Refuse: nothing is written here."""
        raise InternalError(f"confirmation of {pipeline_id}.")


def _page(items: tuple[_T, ...], page: int, page_size: int | None) -> Page[_T]:
    size = page_size or len(items)
    return Page(items[(page - 1) * size : page * size], len(items))


def quiet_session(client: QuietClient) -> Session:
    """Return a session with that EDAS on virtual time."""
    return open_session(client, QuietRuntime(), Ownership())
