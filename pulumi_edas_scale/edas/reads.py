"""What EDAS shows, read as seldom as possible and as often as needed.

This file's law: every reading says when it began, and nobody gets one that began before the moment asked for. A
read that fails because the call failed is retried until the operation's deadline; one that EDAS refuses, or answers
in a way that is not understood, until ``doubts.py`` believes it; permission and credentials errors are believed at
once. Each failure is reported with its cause (law 14). Callers that ask while others fail share what they have seen.
Writes are not made here, only let through (``reserve``).
"""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from pulumi_edas_scale.domain.clock import LINE_SECONDS, Backoff, DeadlineExceeded
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    CutListError,
    EdasError,
    EndpointError,
    MissingListError,
    ThrottledError,
    UnavailableError,
    UnknownShapeError,
)
from pulumi_edas_scale.domain.messages import describe_budget, describe_retry, describe_shared
from pulumi_edas_scale.domain.orders import is_active
from pulumi_edas_scale.domain.resolution import with_instance_ids
from pulumi_edas_scale.edas.doubts import AGREED, AT_ONCE, Threshold, Trouble
from pulumi_edas_scale.edas.rate_limit import (
    CALLS_PER_MINUTE,
    POLL_SHARE,
    POLLS_PER_MINUTE,
    UNLISTED_CALLS_PER_MINUTE,
    WINDOW_SECONDS,
    Budget,
    PollShare,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pulumi_edas_scale.domain.clock import OperationContext, Runtime
    from pulumi_edas_scale.domain.model import (
        Application,
        ApplicationSummary,
        ChangeOrder,
        Cluster,
        ClusterMember,
        Machine,
        Member,
        OrderReport,
        Page,
    )
    from pulumi_edas_scale.edas.api import EdasClient

_T = TypeVar("_T")

FRESH_SECONDS: Final = 10.0
"""A reading younger than this serves the first decision of a change, when no order came after it."""

PREVIEW_FRESH_SECONDS: Final = 60.0
"""A reading younger than this serves what is only shown: a large stack is previewed or refreshed for longer than ten
seconds, and reading every application again meanwhile would spend EDAS's calls of a minute on one run."""

ADOPTION_FRESH_SECONDS: Final = 5.0
ADOPTION_FRESH_SECONDS_EACH: Final = 0.25
"""How old the recent orders may be for a membership whose members may all be there, and how much older for each that
has asked before it: a hundred share a reading for ten seconds, and the next of a few soon sees what another resource of
the program has done to the application meanwhile."""

CLUSTER_FRESH_SECONDS: Final = 5.0
"""ListScaleOutEcu allows 20 calls a minute: what a cluster offers is read at most this often."""

RETRY_BACKOFF: Final = Backoff(first=0.5, factor=2.0, longest=6.5, jitter=0.5)

BRIEF_WAIT_SECONDS: Final = 2.0
"""A wait for the budget that is shorter is not worth a status line."""

CUT_LIST_SECONDS: Final = 60.0
"""How long after the end of an order the number of instances may run ahead of the list of placements."""

ENDPOINT_PATIENCE_SECONDS: Final = 20.0
"""How long an operation tries again while its endpoint cannot be used as configured."""

SHORT_ENDPOINT_PATIENCE_SECONDS: Final = 3.0
"""The same where somebody waits: in a preview, a refresh, a function, a command."""

APPLICATION: Final = "QueryApplicationStatus"
"""The operation that shows the groups and members of one application."""

ORDER_REPORT: Final = "GetChangeOrderInfo"
ORDER_LIST: Final = "ListRecentChangeOrder"
"""The operations that show how an order goes on."""

HINT: Final = "ListApplication"
"""What shows of many applications at once which of them changed."""


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
    _poll_share: PollShare = field(default_factory=PollShare)
    _readings: defaultdict[str, dict[str, Reading[Any]]] = field(default_factory=lambda: defaultdict(dict))
    _in_flight: set[tuple[str, str]] = field(default_factory=set)
    _order_ended: dict[str, float] = field(default_factory=dict)
    _orders_seen: dict[str, deque[_OrdersSeen]] = field(default_factory=dict)
    _adopting: dict[str, int] = field(default_factory=dict)
    _troubles: dict[tuple[str, str], Trouble] = field(default_factory=dict)
    _instance_ids: dict[str, str] = field(default_factory=dict)

    def application(
        self, app_id: str, context: OperationContext, *, begun_after: float, group_id: str | None = None
    ) -> Reading[Application]:
        """Return a reading of an application that began no earlier than the given moment.

        Args:
            app_id: the application.
            context: bounds of the operation.
            begun_after: the moment.
            group_id: the group that must have been understood, None for all groups.
        """
        name = (APPLICATION, app_id)
        name_of_group = (name[0], f"{app_id}/{group_id or ''}")
        while True:
            reading = self._shared(
                name,
                begun_after,
                context,
                lambda: self._read(name, lambda client: client.read_application(app_id), context),
            )
            odd = reading.value.oddity_of(group_id)
            if not odd:
                self.seems_not(name_of_group)
                with self.runtime:
                    self._learn(reading.value.members)
                    # EDAS leaves the ECS id of a machine out at times, so any that was ever read counts.
                    return Reading(with_instance_ids(reading.value, self._instance_ids), reading.begun)
            self._failed(name_of_group, UnknownShapeError(name[0], "200", odd), reading.begun, context)
            begun_after = max(begun_after, self.runtime.now())

    def recent_application(
        self,
        app_id: str,
        context: OperationContext,
        *,
        within: float = FRESH_SECONDS,
        group_id: str | None = None,
    ) -> Reading[Application]:
        """Return a reading of an application from after its last order, at most so many seconds old."""
        begun_after = self._since(app_id, within)
        return self.application(app_id, context, begun_after=begun_after, group_id=group_id)

    def shown_application(
        self, app_id: str, context: OperationContext, *, group_id: str | None = None
    ) -> Reading[Application]:
        """Return a reading of an application that is only shown, and may be older."""
        return self.recent_application(app_id, context, within=self._shown_seconds(), group_id=group_id)

    def shown_change_orders(self, app_id: str, context: OperationContext) -> tuple[ChangeOrder, ...]:
        """Return the recent change orders of an application where they are only shown."""
        return self.recent_change_orders(app_id, context, within=self._shown_seconds())

    def _shown_seconds(self) -> float:
        """Return how old a reading may be that is only shown.

        Resources of one application may stand far apart in a program, and others are read in between: each is read once
        if a reading serves for as long as EDAS lets all of them be read.
        """
        with self.runtime:
            minutes = len(self._readings[APPLICATION]) / CALLS_PER_MINUTE[APPLICATION]
        return PREVIEW_FRESH_SECONDS + minutes * WINDOW_SECONDS

    def _since(self, app_id: str, seconds: float) -> float:
        """Return the moment so many seconds ago, or that of the application's last order if it ended later."""
        return max(self.runtime.now() - seconds, self._order_ended.get(app_id, float("-inf")))

    def application_refusal(self, app_id: str, context: OperationContext) -> BusinessError | None:
        """Return how EDAS refuses to read an application now, None when it does not.

        It is one answer, which the caller doubts.
        """
        name = (APPLICATION, app_id)
        try:
            self._read(name, lambda client: client.read_application(app_id), context, AT_ONCE)
        except BusinessError as error:
            return error
        return None

    def change_orders(self, app_id: str, context: OperationContext) -> tuple[ChangeOrder, ...]:
        """Return the recent change orders of an application, read now."""
        return self._read_orders(app_id, context).value

    def recent_change_orders(
        self, app_id: str, context: OperationContext, *, within: float
    ) -> tuple[ChangeOrder, ...]:
        """Return the recent change orders of an application, read at most so many seconds ago."""
        return self._recent_orders(app_id, context, within).value

    def change_orders_to_adopt(
        self, app_id: str, context: OperationContext
    ) -> Reading[tuple[ChangeOrder, ...]]:
        """Return the recent change orders for a membership that may have nothing to submit; many share a reading."""
        with self.runtime:
            adopting = self._adopting[app_id] = self._adopting.get(app_id, 0) + 1
        within = min(ADOPTION_FRESH_SECONDS + ADOPTION_FRESH_SECONDS_EACH * adopting, FRESH_SECONDS)
        return self._recent_orders(app_id, context, within)

    def _recent_orders(
        self, app_id: str, context: OperationContext, within: float
    ) -> Reading[tuple[ChangeOrder, ...]]:
        return self._shared(
            (ORDER_LIST, app_id),
            self._since(app_id, within),
            context,
            lambda: self._read_orders(app_id, context),
        )

    def _read_orders(self, app_id: str, context: OperationContext) -> Reading[tuple[ChangeOrder, ...]]:
        reading = self._read((ORDER_LIST, app_id), lambda client: client.read_change_orders(app_id), context)
        self._remember_orders(app_id, reading.value)
        return reading

    def _remember_orders(self, app_id: str, orders: Sequence[ChangeOrder]) -> None:
        ids = frozenset(each.order_id for each in orders)
        with self.runtime:
            self._note_orders(app_id, ids, any(is_active(each.status) for each in orders))

    def change_order(self, order_id: str, context: OperationContext) -> OrderReport:
        """Return the state of one change order, read now."""
        return self._read(
            (ORDER_REPORT, order_id), lambda client: client.read_change_order(order_id), context
        ).value

    def poll_order(self, order_id: str, context: OperationContext) -> OrderReport:
        """Return the state of one change order, asked once; what a failure means is the waiter's business."""
        return self._poll(ORDER_REPORT, lambda client: client.read_change_order(order_id), context)

    def poll_orders(self, app_id: str, context: OperationContext) -> tuple[ChangeOrder, ...]:
        """Return the recent change orders of an application, asked once."""
        orders = self._poll(ORDER_LIST, lambda client: client.read_change_orders(app_id), context)
        self._remember_orders(app_id, orders)
        return orders

    def machines(self, cluster_id: str, app_id: str, context: OperationContext) -> tuple[Machine, ...]:
        """Return what a cluster offers to scale out to, read within the last five seconds.

        Args:
            cluster_id: the cluster; empty when the application does not name its own.
            app_id: the application, asked about where the cluster is not known.
            context: bounds of the operation.
        """
        name = ("ListScaleOutEcu", cluster_id or app_id)
        found = self._shared(
            name,
            self.runtime.now() - CLUSTER_FRESH_SECONDS,
            context,
            lambda: self._read(
                name, lambda client: client.read_scale_out_machines(cluster_id, app_id), context
            ),
        ).value
        with self.runtime:
            self._learn(found)
        return found

    def cluster(
        self,
        cluster_id: str,
        context: OperationContext,
        *,
        begun_after: float = float("-inf"),
        threshold: Threshold = AGREED,
    ) -> Cluster:
        """Return what kind of cluster it is, and whether it is there.

        Args:
            cluster_id: the cluster.
            context: bounds of the operation.
            begun_after: how old the reading may be; any will do for the kind, which does not change.
            threshold: when a refusal is believed.
        """
        name = ("GetCluster", cluster_id)
        return self._shared(
            name,
            begun_after,
            context,
            lambda: self._read(name, lambda client: client.read_cluster(cluster_id), context, threshold),
        ).value

    def cluster_members(self, cluster_id: str, context: OperationContext) -> tuple[ClusterMember, ...]:
        """Return all instances of a cluster, read within the last five seconds."""
        found = self._shared_list(
            ("ListClusterMembers", cluster_id),
            self.runtime.now() - CLUSTER_FRESH_SECONDS,
            context,
            lambda client, page, size: client.read_cluster_members(cluster_id, page, size),
        )
        with self.runtime:
            self._learn(found)
        return found

    def applications(
        self, context: OperationContext, *, begun_after: float | None = None
    ) -> tuple[ApplicationSummary, ...]:
        """Return all applications of the region, read after a moment, or else within the last ten seconds."""
        since = self.runtime.now() - FRESH_SECONDS if begun_after is None else begun_after
        return self._shared_list(
            ("ListApplication", ""),
            since,
            context,
            lambda client, page, size: client.read_applications(page, size),
        )

    def _learn(self, known: Iterable[Member | Machine | ClusterMember]) -> None:
        self._instance_ids.update(
            (each.ecu_id, each.instance_id) for each in known if each.ecu_id and each.instance_id
        )

    def seems(self, name: tuple[str, str], error: EdasError, threshold: Threshold) -> bool:
        """Note what a failure seems to say, and return whether that has been seen often enough to be believed.

        Args:
            name: what it seems to be, and of what; ``seems_not`` takes it back.
            error: the failure.
            threshold: how often is enough.
        """
        now = self.runtime.now()
        with self.runtime:
            doubt = self._noted(name, error, now).doubt
        return doubt is not None and doubt.believed(threshold, now)

    def seems_not(self, name: tuple[str, str]) -> None:
        """Take back what seemed to be so."""
        with self.runtime:
            self._troubles.pop(name, None)

    def reserve(self, operation: str, context: OperationContext) -> bool:
        """Wait until the operation may be called once more, and count that call.

        Returns:
            Whether it had to wait, so that what was read before is no longer fresh.
        """
        waited = False
        reported_at = float("-inf")
        with self.runtime:
            budget = self._budget(operation)
            context.check()
            while (wait := budget.wait_seconds(self.runtime.now())) > 0:
                if wait > BRIEF_WAIT_SECONDS and self.runtime.now() - reported_at >= LINE_SECONDS:
                    reported_at = self.runtime.now()
                    context.report(describe_budget(operation, wait))
                waited = True
                context.wait(min(wait, LINE_SECONDS))
            budget.spend(self.runtime.now())
        return waited

    def refused(self, error: ThrottledError) -> None:
        """Note that EDAS refused a call because too many were made."""
        with self.runtime:
            now = self.runtime.now()
            self._budget(error.operation).refused(now, error.retry_after, self.runtime.random())
            self._poll_share.refused(now)
            self.runtime.notify()

    def order_ended(self, app_id: str, order_id: str | None) -> None:
        """Note that an order of an application ended now: older readings of it serve nobody any more."""
        with self.runtime:
            self._order_ended[app_id] = self.runtime.now()
            seen = self._orders_seen.get(app_id)
            if seen and order_id is not None:
                self._note_orders(app_id, seen[-1].ids | {order_id}, active=False)

    def forget(self) -> None:
        """Drop every reading: another run begins, and must see the world as it is."""
        with self.runtime:
            self._readings.clear()
            self._orders_seen.clear()
            self._adopting.clear()
            self._troubles.clear()

    def unchanged_since(self, app_id: str, moment: float) -> bool:
        """Return whether the orders read last are those known before the moment, and none was or is active."""
        with self.runtime:
            seen = self._orders_seen.get(app_id, deque())
            before = [each for each in seen if each.at <= moment]
            if not before:
                return False
            return before[-1].ids == seen[-1].ids and not before[-1].active and not seen[-1].active

    def spare_polls(self, now: float) -> dict[str, float]:
        """Return how many polls each operation allows at once; the monitor's lock must be held."""
        part = self._poll_share.part(now)
        return {each: self._budget(each).spare_polls(now, part) for each in (ORDER_REPORT, ORDER_LIST)}

    def poll_part(self, now: float) -> float:
        """Return which part of their allowance polls take now; the monitor's lock must be held."""
        return self._poll_share.part(now)

    def begin_hint(self, now: float) -> bool:
        """Count a reading of ListApplication for a hint, if one is to spare; the monitor's lock must be held."""
        budget = self._budget(HINT)
        if budget.spare_polls(now, self._poll_share.part(now)) < 1:
            return False
        budget.spend_poll(now)
        return True

    def read_hint(self, app_ids: Sequence[str], context: OperationContext) -> tuple[ApplicationSummary, ...]:
        """Return what ListApplication shows of some applications, asked once; ``begin_hint`` has counted it."""
        return self._poll(HINT, lambda client: client.read_application_states(app_ids), context)

    def begin_poll(self, operation: str, now: float) -> None:
        """Count a poll that begins now; the monitor's lock must be held since it was found to be to spare."""
        self._budget(operation).spend_poll(now)

    def _poll(self, operation: str, call: Callable[[EdasClient], _T], context: OperationContext) -> _T:
        """Make a call that ``begin_poll`` has counted."""
        try:
            value = call(self.client.within(context))
        except ThrottledError as error:
            self.refused(error)
            raise
        with self.runtime:
            self._budget(operation).accepted()
        return value

    def _note_orders(self, app_id: str, ids: frozenset[str], active: bool) -> None:  # noqa: FBT001 - private
        seen = self._orders_seen.setdefault(app_id, deque(maxlen=4))
        # The first of equal lists is kept: it proves the same, and of more readings of the application.
        if not seen or (seen[-1].ids, seen[-1].active) != (ids, active):
            seen.append(_OrdersSeen(self.runtime.now(), ids, active))

    def _budget(self, operation: str) -> Budget:
        budget = self._budgets.get(operation)
        if budget is None:
            documented = CALLS_PER_MINUTE.get(operation, UNLISTED_CALLS_PER_MINUTE)
            budget = Budget(documented, polls=POLLS_PER_MINUTE.get(operation, POLL_SHARE * documented))
            self._budgets[operation] = budget
        return budget

    def _shared(
        self,
        name: tuple[str, str],
        begun_after: float,
        context: OperationContext,
        read: Callable[[], Reading[_T]],
    ) -> Reading[_T]:
        """Return the reading of that name if it is recent enough, else read; who asks meanwhile shares it."""
        operation, subject = name
        reported: Trouble | None = None
        with self.runtime:
            context.check()
            asked = self.runtime.now()
            next_line = asked + LINE_SECONDS
            while True:
                known = cast("Reading[_T] | None", self._readings[operation].get(subject))
                if known is not None and known.begun >= begun_after:
                    return known
                if name not in self._in_flight:
                    self._in_flight.add(name)
                    break
                trouble, now = self._troubles.get(name), self.runtime.now()
                # One moment for the line and for the wait: two subtractions may round to a wait of nothing, for ever.
                if trouble is not reported or now >= next_line:
                    reported, next_line = trouble, now + LINE_SECONDS
                    # Who reads may also wait for its place below a limit, or for an answer: its own row says which.
                    context.report(
                        describe_shared(operation, now - asked)
                        if trouble is None
                        else describe_retry(trouble.error, now - trouble.since)
                    )
                try:
                    context.wait(min(RETRY_BACKOFF.longest, next_line - now))
                except DeadlineExceeded as sign:
                    raise sign from (None if trouble is None else trouble.error)
        try:
            reading = read()
            with self.runtime:
                self._readings[operation][subject] = reading
        finally:
            with self.runtime:
                self._in_flight.discard(name)
                self.runtime.notify()
        return reading

    def _shared_list(
        self,
        name: tuple[str, str],
        begun_after: float,
        context: OperationContext,
        read_page: Callable[[EdasClient, int, int | None], Page[_T]],
    ) -> tuple[_T, ...]:
        """Share a list that EDAS documents to be complete when no page is asked for.

        A gateway may cut it all the same, so another page is asked for where the total says more, or where the first
        answer is of a round size; what it refuses is taken for the end. A list that stays away is empty: no member's
        place rests on it.
        """
        operation, subject = name

        def read_all() -> Reading[tuple[_T, ...]]:
            begun = self.runtime.now()
            try:
                first = self._read(name, lambda client: read_page(client, 1, None), context).value
            except MissingListError:
                return Reading((), begun)
            found = dict.fromkeys(first.items)
            for page in itertools.count(2) if first.may_be_cut else ():
                page_name = (operation, f"{subject} page {page}")

                def call(client: EdasClient, page: int = page, size: int = len(first.items)) -> Page[_T]:
                    return read_page(client, page, size)

                try:
                    items = self._read(page_name, call, context, _PAGE_BEHIND).value.items
                except BusinessError:
                    break
                before = len(found)
                found.update(dict.fromkeys(items))
                if len(found) in {before, first.total} or len(items) < len(first.items):
                    break
            return Reading(tuple(found), begun)

        return self._shared(name, begun_after, context, read_all).value

    def _read(
        self,
        name: tuple[str, str],
        call: Callable[[EdasClient], _T],
        context: OperationContext,
        threshold: Threshold = AGREED,
    ) -> Reading[_T]:
        """Call until EDAS answers well, or until a failure is final.

        Raises:
            EdasError: EDAS refused, or answered what cannot be understood, often enough; or the call failed for longer
                than the operation has patience.
            DeadlineExceeded: the deadline passed; its cause is the last failure, or that no answer came. Without one it
                was the queue of our own calls.
        """
        operation, _ = name
        client = self.client.within(context)
        last: EdasError | None = None
        try:
            while True:
                self.reserve(operation, context)
                begun = self.runtime.now()
                try:
                    value = call(client)
                except DeadlineExceeded:
                    words = "no answer had arrived when the time was over"
                    last = last or UnavailableError(operation, message=words)
                    raise
                except (BusinessError, ThrottledError, UnavailableError) as error:
                    last = error
                    self._failed(name, error, begun, context, threshold)
                else:
                    with self.runtime:
                        self._troubles.pop(name, None)
                        self._budget(operation).accepted()
                    return Reading(value, begun)
        except DeadlineExceeded as sign:
            # Without a call of our own it is how others have failed just now: the budget may pause because of them.
            trouble = self._troubles.get(name)
            theirs = trouble.error if trouble and isinstance(trouble.error, ThrottledError) else None
            raise sign from last or theirs

    def _failed(
        self,
        name: tuple[str, str],
        error: EdasError,
        begun: float,
        context: OperationContext,
        threshold: Threshold = AGREED,
    ) -> None:
        """Raise a failure that is final; else say it, and let time pass before the next try."""
        if isinstance(error, ThrottledError):
            self.refused(error)
        with self.runtime:
            trouble = self._noted(name, error, begun)
            self.runtime.notify()  # all who wait for this reading say the same
        now = self.runtime.now()
        believed_at = self._believed_at(name, trouble, threshold, now)
        patience = context.retry_timeout
        if isinstance(error, EndpointError):
            # A certificate or a name does not mend itself, but both may look wrong while a network starts.
            patience = ENDPOINT_PATIENCE_SECONDS if patience is None else SHORT_ENDPOINT_PATIENCE_SECONDS
        if patience is not None and believed_at is not None:
            patience = max(patience, threshold.seconds)
        with self.runtime:
            # A pause that outlasts the patience is not begun: its end would bring no other answer.
            paused = self._budget(name[0]).wait_seconds(now) if isinstance(error, ThrottledError) else 0.0
        if (
            (believed_at is not None and believed_at <= now)
            or (patience is not None and now + paused - trouble.since >= patience)
            or (context.fail_fast and isinstance(error, ThrottledError))
        ):
            raise error
        context.report(describe_retry(error, now - trouble.since))
        if isinstance(error, ThrottledError):
            return  # its budget pauses
        pause = RETRY_BACKOFF.pause(trouble.tries - 1, self.runtime.random())
        # The try that settles a doubt is made when it can settle it, and not a long pause later.
        context.sleep(pause if believed_at is None else min(pause, believed_at - now))

    def _believed_at(
        self, name: tuple[str, str], trouble: Trouble, threshold: Threshold, now: float
    ) -> float | None:
        """Return from when on a failure is believed; None when it says nothing that could be."""
        doubt = trouble.doubt
        if doubt is None:
            return None
        settled = doubt.since + threshold.seconds
        if isinstance(trouble.error, CutListError):
            settled = max(settled, self._order_ended.get(name[1], float("-inf")) + CUT_LIST_SECONDS)
        return settled if doubt.looks >= threshold.looks else max(settled, now + RETRY_BACKOFF.first)

    def _noted(self, name: tuple[str, str], error: EdasError, begun: float) -> Trouble:
        known = self._troubles.get(name)
        trouble = Trouble.beginning(error, begun) if known is None else known.after(error, begun)
        self._troubles[name] = trouble
        return trouble


_PAGE_BEHIND: Final = Threshold(looks=2, seconds=0.0)
"""A page that is asked for only to be sure, and refused, is behind the last one."""
