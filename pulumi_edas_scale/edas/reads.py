"""What EDAS shows, read as seldom as possible and as often as needed.

This file's law: every reading says when it began, and nobody gets one that began before the moment asked for. A
read that fails because the call failed is retried until the operation's deadline; a read that EDAS answered is
never repeated here. Writes are not made here, only let through (``reserve``).
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from pulumi_edas_scale.domain.clock import Backoff, DeadlineExceeded
from pulumi_edas_scale.domain.errors import (
    EdasError,
    EndpointError,
    NotUnderstoodError,
    ThrottledError,
    UnavailableError,
)
from pulumi_edas_scale.domain.orders import is_active
from pulumi_edas_scale.edas.rate_limit import CALLS_PER_MINUTE, UNLISTED_CALLS_PER_MINUTE, Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pulumi_edas_scale.domain.clock import OperationContext, Runtime
    from pulumi_edas_scale.domain.model import (
        Application,
        ApplicationSummary,
        ChangeOrder,
        ClusterMember,
        Machine,
        OrderReport,
    )
    from pulumi_edas_scale.edas.api import EdasClient

_T = TypeVar("_T")

FRESH_SECONDS: Final = 10.0
"""A reading younger than this serves the first decision of a change, when no order came after it."""

PREVIEW_FRESH_SECONDS: Final = 60.0
"""A reading younger than this serves what is only shown: a large stack is previewed or refreshed for longer than ten
seconds, and reading every application anew meanwhile would spend EDAS's calls of a minute on one run."""

CLUSTER_FRESH_SECONDS: Final = 5.0
"""ListScaleOutEcu allows 20 calls a minute: what a cluster offers is read at most this often."""

PAGE_SIZE: Final = 100

RETRY_BACKOFF: Final = Backoff(first=0.5, factor=2.0, longest=10.0, jitter=0.5)

NOT_UNDERSTOOD_TRIES: Final = 5
"""A gateway that stumbles recovers within some seconds; an answer of a new shape never does."""

ENDPOINT_PATIENCE_SECONDS: Final = 20.0
"""How long an operation tries again while its endpoint cannot be used as configured."""

SHORT_ENDPOINT_PATIENCE_SECONDS: Final = 3.0
"""The same where somebody waits: in a preview, a refresh, a function, a command."""

POLLS_KEPT_FOR_DECISIONS: Final = 50
"""Calls of ListRecentChangeOrder that polls leave to the readings before a write."""


@dataclass(frozen=True, slots=True)
class Reading(Generic[_T]):
    """A value and the moment its call began."""

    value: _T
    begun: float


@dataclass(frozen=True, slots=True)
class _OrdersSeen:
    at: float
    ids: frozenset[str]
    active: bool


@dataclass(slots=True)
class Reads:
    """The shared readings and budgets of one account in one region."""

    client: EdasClient
    runtime: Runtime
    _budgets: dict[str, Budget] = field(default_factory=dict)
    _readings: dict[tuple[str, str], Reading[Any]] = field(default_factory=dict)
    _in_flight: set[tuple[str, str]] = field(default_factory=set)
    _order_ended: dict[str, float] = field(default_factory=dict)
    _orders_seen: dict[str, deque[_OrdersSeen]] = field(default_factory=dict)

    def application(
        self, app_id: str, context: OperationContext, *, begun_after: float
    ) -> Reading[Application]:
        """Return a reading of an application that began no earlier than the given moment."""
        operation = "QueryApplicationStatus"
        return self._shared(
            (operation, app_id),
            begun_after,
            context,
            lambda: self._read(operation, lambda client: client.read_application(app_id), context),
        )

    def recent_application(
        self, app_id: str, context: OperationContext, *, within: float = FRESH_SECONDS
    ) -> Reading[Application]:
        """Return a reading of an application from after its last order, at most so many seconds old."""
        ended = self._order_ended.get(app_id, float("-inf"))
        return self.application(app_id, context, begun_after=max(self.runtime.now() - within, ended))

    def change_orders(self, app_id: str, context: OperationContext) -> tuple[ChangeOrder, ...]:
        """Return the recent change orders of an application, read now."""
        return self._read_orders(app_id, context).value

    def recent_change_orders(
        self, app_id: str, context: OperationContext, *, within: float
    ) -> tuple[ChangeOrder, ...]:
        """Return the recent change orders of an application, read at most so many seconds ago."""
        ended = self._order_ended.get(app_id, float("-inf"))
        return self._shared(
            ("ListRecentChangeOrder", app_id),
            max(self.runtime.now() - within, ended),
            context,
            lambda: self._read_orders(app_id, context),
        ).value

    def _read_orders(self, app_id: str, context: OperationContext) -> Reading[tuple[ChangeOrder, ...]]:
        reading = self._read(
            "ListRecentChangeOrder", lambda client: client.read_change_orders(app_id), context
        )
        ids = frozenset(each.order_id for each in reading.value)
        with self.runtime:
            self._note_orders(app_id, ids, any(is_active(each.status) for each in reading.value))
        return reading

    def change_order(self, order_id: str, context: OperationContext) -> OrderReport:
        """Return the state of one change order, read now."""
        return self._read(
            "GetChangeOrderInfo", lambda client: client.read_change_order(order_id), context
        ).value

    def machines(self, cluster_id: str, context: OperationContext) -> tuple[Machine, ...]:
        """Return what a cluster offers to scale out to, read within the last five seconds."""
        operation = "ListScaleOutEcu"
        return self._shared(
            (operation, cluster_id),
            self.runtime.now() - CLUSTER_FRESH_SECONDS,
            context,
            lambda: self._read(operation, lambda client: client.read_scale_out_machines(cluster_id), context),
        ).value

    def cluster_members(self, cluster_id: str, context: OperationContext) -> tuple[ClusterMember, ...]:
        """Return all instances of a cluster, read within the last five seconds."""
        return self._shared_pages(
            ("ListClusterMembers", cluster_id),
            self.runtime.now() - CLUSTER_FRESH_SECONDS,
            context,
            lambda page: lambda client: client.read_cluster_members(cluster_id, page, PAGE_SIZE),
        )

    def applications(self, context: OperationContext) -> tuple[ApplicationSummary, ...]:
        """Return all applications of the region, read within the last ten seconds."""
        return self._shared_pages(
            ("ListApplication", ""),
            self.runtime.now() - FRESH_SECONDS,
            context,
            lambda page: lambda client: client.read_applications(page, PAGE_SIZE),
        )

    def known_applications(self, context: OperationContext) -> tuple[ApplicationSummary, ...]:
        """Return the applications as they were ever read by this process: what they run on does not change."""
        return self._shared_pages(
            ("ListApplication", ""),
            float("-inf"),
            context,
            lambda page: lambda client: client.read_applications(page, PAGE_SIZE),
        )

    def reserve(self, operation: str, context: OperationContext) -> bool:
        """Wait until the operation may be called once more, and count that call.

        Returns:
            Whether it had to wait, so that what was read before is no longer fresh.
        """
        waited = False
        with self.runtime:
            budget = self._budget(operation)
            context.check()
            while (wait := budget.wait_seconds(self.runtime.now())) > 0:
                waited = True
                context.wait(wait)
            budget.spend(self.runtime.now())
        return waited

    def refused(self, error: ThrottledError) -> None:
        """Note that EDAS refused a call because too many were made."""
        with self.runtime:
            self._budget(error.operation).refused(
                self.runtime.now(), error.retry_after, self.runtime.random()
            )
            self.runtime.notify()

    def order_ended(self, app_id: str, order_id: str | None) -> None:
        """Note that an order of an application ended now: older readings of it serve nobody any more."""
        with self.runtime:
            self._order_ended[app_id] = self.runtime.now()
            seen = self._orders_seen.get(app_id)
            if seen and order_id is not None:
                self._note_orders(app_id, seen[-1].ids | {order_id}, active=False)

    def forget(self) -> None:
        """Drop every reading: another run begins, and it shall see the world as it is."""
        with self.runtime:
            self._readings.clear()
            self._orders_seen.clear()

    def unchanged_since(self, app_id: str, moment: float) -> bool:
        """Return whether the orders read last are those known before the moment, and none was or is active."""
        with self.runtime:
            seen = self._orders_seen.get(app_id, deque())
            before = [each for each in seen if each.at <= moment]
            if not before:
                return False
            return before[-1].ids == seen[-1].ids and not before[-1].active and not seen[-1].active

    def spare_polls(self, now: float) -> float:
        """Return how many looks at change orders the budgets allow at once; the monitor's lock must be held."""
        join_list = self._budget("ListRecentChangeOrder").spare(now) - POLLS_KEPT_FOR_DECISIONS
        return self._budget("GetChangeOrderInfo").spare(now) + max(join_list, 0.0)

    def poll_by_list(self, now: float) -> bool:
        """Return whether a look should use ListRecentChangeOrder, because GetChangeOrderInfo is spent."""
        join_list = self._budget("ListRecentChangeOrder").spare(now)
        return self._budget("GetChangeOrderInfo").spare(now) < 1 and join_list > POLLS_KEPT_FOR_DECISIONS

    def _note_orders(self, app_id: str, ids: frozenset[str], active: bool) -> None:  # noqa: FBT001 - private
        seen = self._orders_seen.setdefault(app_id, deque(maxlen=4))
        seen.append(_OrdersSeen(self.runtime.now(), ids, active))

    def _budget(self, operation: str) -> Budget:
        budget = self._budgets.get(operation)
        if budget is None:
            budget = Budget(CALLS_PER_MINUTE.get(operation, UNLISTED_CALLS_PER_MINUTE))
            self._budgets[operation] = budget
        return budget

    def _shared(
        self,
        name: tuple[str, str],
        begun_after: float,
        context: OperationContext,
        read: Callable[[], Reading[_T]],
    ) -> Reading[_T]:
        """Return the reading of that name if it is recent enough, else read; whoever asks meanwhile shares it."""
        with self.runtime:
            context.check()
            while True:
                known = cast("Reading[_T] | None", self._readings.get(name))
                if known is not None and known.begun >= begun_after:
                    return known
                if name not in self._in_flight:
                    self._in_flight.add(name)
                    break
                context.wait(RETRY_BACKOFF.longest)
        try:
            reading = read()
            with self.runtime:
                self._readings[name] = reading
        finally:
            with self.runtime:
                self._in_flight.discard(name)
                self.runtime.notify()
        return reading

    def _shared_pages(
        self,
        name: tuple[str, str],
        begun_after: float,
        context: OperationContext,
        read_page: Callable[[int], Callable[[EdasClient], tuple[_T, ...]]],
    ) -> tuple[_T, ...]:
        """Share a list that comes in pages.

        A gateway may cap the size of a page, and the documented total is not to be trusted, so the next page is
        asked for while a page is full or of a round size, until one brings nothing new.
        """

        def read_all() -> Reading[tuple[_T, ...]]:
            found: dict[_T, None] = {}
            begun = self.runtime.now()
            for page in itertools.count(1):
                items = self._read(name[0], read_page(page), context).value
                before = len(found)
                found.update(dict.fromkeys(items))
                if len(found) == before or not _may_go_on(items):
                    break
            return Reading(tuple(found), begun)

        return self._shared(name, begun_after, context, read_all).value

    def _read(
        self, operation: str, call: Callable[[EdasClient], _T], context: OperationContext
    ) -> Reading[_T]:
        """Call until EDAS answers; throttled and failed calls are retried until the deadline.

        Raises:
            EdasError: EDAS answered and refused, or answered several times what cannot be understood.
            DeadlineSign: the deadline passed; its cause is the last failure, if there was one.
        """
        client = self.client.within(context)
        failures: list[EdasError] = []
        failing_since = self.runtime.now()
        while True:
            try:
                self._await_call(operation, failures, context)
                begun = self.runtime.now()
                failing_since = failing_since if failures else begun
                value = call(client)
            except DeadlineExceeded as sign:
                raise sign from (failures[-1] if failures else None)
            except (ThrottledError, UnavailableError) as error:
                failures.append(error)
                if isinstance(error, ThrottledError):
                    self.refused(error)
                if self._hopeless(failures, failing_since, context):
                    raise
            else:
                with self.runtime:
                    self._budget(operation).accepted()
                return Reading(value, begun)

    def _hopeless(self, failures: Sequence[EdasError], since: float, context: OperationContext) -> bool:
        misunderstood = sum(isinstance(each, NotUnderstoodError) for each in failures)
        out_of_patience = (
            context.retry_timeout is not None and self.runtime.now() - since >= context.retry_timeout
        )
        # A certificate or a name does not mend itself, but for some seconds both may look wrong while a network starts.
        patience = (
            ENDPOINT_PATIENCE_SECONDS if context.retry_timeout is None else SHORT_ENDPOINT_PATIENCE_SECONDS
        )
        unusable = isinstance(failures[-1], EndpointError) and self.runtime.now() - since >= patience
        gives_way = context.fail_fast and isinstance(failures[-1], ThrottledError)
        return misunderstood >= NOT_UNDERSTOOD_TRIES or out_of_patience or unusable or gives_way

    def _await_call(self, operation: str, failures: Sequence[EdasError], context: OperationContext) -> None:
        """Back off after failures, then wait for the budget; a throttled call is paused by its budget alone."""
        context.check()
        if failures and not isinstance(failures[-1], ThrottledError):
            context.sleep(RETRY_BACKOFF.pause(len(failures) - 1, self.runtime.random()))
        self.reserve(operation, context)


def _may_go_on(items: Sequence[object]) -> bool:
    """Return whether another page may follow; capped pages have a round size."""
    return len(items) > 0 and len(items) % 10 == 0
