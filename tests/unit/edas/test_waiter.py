"""Orders are awaited on virtual time; what each poll is answered stands in the test."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import pytest

from pulumi_edas_scale.domain.clock import CANCELLED, Cancelled, DeadlineExceeded, OperationContext
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    EdasError,
    EndpointError,
    NotSentError,
    NotUnderstoodError,
    PermissionDeniedError,
    ThrottledError,
    UnavailableError,
)
from pulumi_edas_scale.domain.model import Application, ApplicationSummary, ChangeOrder, OrderReport
from pulumi_edas_scale.edas.poll_schedule import PollSchedule
from pulumi_edas_scale.edas.rate_limit import POLLS_PER_MINUTE
from pulumi_edas_scale.edas.reads import ORDER_LIST, ORDER_REPORT, Reads
from pulumi_edas_scale.edas.waiter import Awaited, Waiter, Way
from tests.simulation.looks import most_in_a_minute
from tests.unit.quiet import QuietClient, QuietRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

APP: Final = "app"
ORDER: Final = "order"
READY, RUNNING, SUCCESS, FAILED, HELD = 0, 1, 2, 3, 8

REFUSED: Final = BusinessError(ORDER_REPORT, "601", "service exception", "request-1")
GARBLED: Final = NotUnderstoodError(ORDER_REPORT, "200", "expected an object, got text")
BROKEN: Final = UnavailableError(ORDER_REPORT, "503", "bad gateway")
UNTRUSTED: Final = EndpointError(ORDER_REPORT, message="the certificate of the endpoint is not trusted")
REFUSED_CONNECTION: Final = NotSentError(ORDER_REPORT, message="the connection was refused")


@dataclass
class ScriptedClient(QuietClient):
    """An EDAS in which one order goes on as ``report`` says; each function gets the moment of the poll."""

    runtime: QuietRuntime = field(default_factory=QuietRuntime)
    report: Callable[[float], int | EdasError] = lambda _: SUCCESS
    listed: Callable[[float], int | EdasError | None] | None = None
    hint: Callable[[Sequence[str]], tuple[ApplicationSummary, ...]] = lambda _: ()
    polls: list[tuple[str, float]] = field(default_factory=list)

    def read_application_states(self, app_ids: Sequence[str]) -> tuple[ApplicationSummary, ...]:
        """Answer as the script says."""
        return self.hint(app_ids)

    def read_change_order(self, order_id: str) -> OrderReport:
        """Answer as the script says."""
        self.polls.append((ORDER_REPORT, self.runtime.moment))
        status = self.report(self.runtime.moment)
        if isinstance(status, EdasError):
            raise status
        return OrderReport(order_id, status, "scale out", "somebody", (), None)

    def read_change_orders(self, app_id: str) -> tuple[ChangeOrder, ...]:
        """Answer as the script says; without one for the list, the list agrees with the report."""
        assert app_id == APP
        self.polls.append((ORDER_LIST, self.runtime.moment))
        status = (self.listed or self.report)(self.runtime.moment)
        if isinstance(status, EdasError):
            raise status
        if status is None:
            return ()
        return (ChangeOrder(ORDER, "group", status, "scale out", "somebody", ""),)


@dataclass
class Told:
    """A watcher that remembers."""

    statuses: list[int] = field(default_factory=list)
    failures: list[tuple[str, str, float]] = field(default_factory=list)

    def seen(self, report: OrderReport, age_seconds: float) -> None:
        """Remember a status."""
        assert age_seconds >= 0
        self.statuses.append(report.status)

    def poll_failed(self, order_id: str, error: EdasError, age_seconds: float) -> None:
        """Remember a failure."""
        self.failures.append((order_id, str(error), age_seconds))


@dataclass
class Scene:
    """One order of one application, and who waits for it."""

    client: ScriptedClient
    waiter: Waiter
    told: Told = field(default_factory=Told)

    def await_end(self, *, deadline: float | None = None, kind: str = "scale out") -> OrderReport:
        """Wait for the order, which begins now."""
        runtime = self.client.runtime
        context = OperationContext(runtime, deadline)
        return self.waiter.await_end(Awaited(ORDER, APP, kind, runtime.now()), context, self.told)

    def moments(self, operation: str) -> list[float]:
        """Return when an operation was called."""
        return [moment for each, moment in self.client.polls if each == operation]


def scene(
    report: Callable[[float], int | EdasError],
    listed: Callable[[float], int | EdasError | None] | None = None,
) -> Scene:
    """Return an order whose polls are answered so."""
    runtime = QuietRuntime()
    client = ScriptedClient(
        Application(APP, "name", "cluster", (), ()), runtime=runtime, report=report, listed=listed
    )
    return Scene(client, Waiter(Reads(client, runtime)))


def ends_at(end: float, *failures: tuple[float, float, EdasError]) -> Callable[[float], int | EdasError]:
    """Return the script of an order that succeeds at a moment; polls from one moment to another fail."""

    def answer(now: float) -> int | EdasError:
        for begin, until, error in failures:
            if begin <= now < until:
                return error
        return SUCCESS if now >= end else RUNNING

    return answer


def test_an_order_that_ends_well() -> None:
    """The end is seen soon after it came, and every poll before it is told."""
    one = scene(ends_at(3.0))
    assert one.await_end().status == SUCCESS
    assert 3.0 <= one.client.runtime.moment <= 3.5
    assert set(one.told.statuses) == {RUNNING}
    assert one.told.failures == []


@pytest.mark.parametrize("error", [REFUSED, GARBLED, BROKEN])
@pytest.mark.parametrize(("begin", "until"), [(0.0, 1.0), (0.0, 6.0), (4.0, 9.0)])
def test_a_failed_poll_is_a_doubt(error: EdasError, begin: float, until: float) -> None:
    """S69: a poll that is refused, at the first or in the middle, does not end the wait, and is told."""
    one = scene(ends_at(10.0, (begin, until, error)))
    assert one.await_end().status == SUCCESS
    assert one.client.runtime.moment <= 12.0
    assert one.told.failures
    assert all(order == ORDER and str(error) == words for order, words, _ in one.told.failures)


@pytest.mark.parametrize("error", [REFUSED, GARBLED])
def test_a_refusal_that_stays_is_believed(error: EdasError) -> None:
    """S69: after at least three refused polls over at least fifteen seconds the refusal ends the wait."""
    one = scene(ends_at(1000.0, (2.0, 1000.0, error)))
    with pytest.raises(type(error)) as caught:
        one.await_end()
    first = min(age for _, _, age in one.told.failures)
    assert len(one.told.failures) >= 2
    assert 15.0 <= one.client.runtime.moment - first <= 20.0
    assert caught.value is error


@pytest.mark.parametrize(
    "error", [BROKEN, UNTRUSTED, REFUSED_CONNECTION], ids=lambda error: type(error).__name__
)
def test_a_failing_poll_is_told_at_least_every_ten_seconds(error: EdasError) -> None:
    """S70, S88: while nothing is answered, a line with the cause comes again and again; it is the deadline's cause."""
    one = scene(ends_at(1000.0, (5.0, 1000.0, error)))
    with pytest.raises(DeadlineExceeded) as caught:
        one.await_end(deadline=300.0)
    assert caught.value.__cause__ is error
    ages = [age for _, _, age in one.told.failures]
    assert all(later - earlier < 10.0 for earlier, later in itertools.pairwise(ages))
    assert ages[-1] > 290.0


def test_refusals_that_do_not_agree() -> None:
    """An answer in between begins the doubt again, and what got no answer neither proves nor disproves it."""
    one = scene(ends_at(40.0, (2.0, 9.0, REFUSED), (12.0, 24.0, REFUSED), (28.0, 29.0, BROKEN)))
    assert one.await_end().status == SUCCESS


def test_no_permission_is_believed_at_once() -> None:
    """S29: the first poll asks for the report, and a missing permission ends the wait."""
    one = scene(lambda _: PermissionDeniedError(ORDER_REPORT, "403", "no", action="edas:ReadApplication"))
    with pytest.raises(PermissionDeniedError):
        one.await_end()
    assert [operation for operation, _ in one.client.polls] == [ORDER_REPORT]


def test_the_deadline_without_a_failure() -> None:
    """When polls were answered, the deadline has no cause."""
    one = scene(ends_at(1000.0))
    with pytest.raises(DeadlineExceeded) as caught:
        one.await_end(deadline=30.0)
    assert caught.value.__cause__ is None
    assert one.client.runtime.moment == pytest.approx(30.0)


def test_a_stop_ends_the_wait() -> None:
    """The stop sign is heeded at once, and the order is polled no more."""
    one = scene(ends_at(1000.0))
    runtime = one.client.runtime
    context = OperationContext(runtime, None, lambda: CANCELLED if runtime.moment > 5.0 else None)
    with pytest.raises(Cancelled):
        one.waiter.await_end(Awaited(ORDER, APP, "", 0.0), context, one.told)
    assert runtime.moment < 8.0


def test_a_bad_end_is_believed_when_it_stays() -> None:
    """S33: a failure that turns again is no end; one that stays for fifteen seconds is."""
    one = scene(lambda now: FAILED if 4.0 <= now < 12.0 or now > 20.0 else RUNNING)
    assert one.await_end().status == FAILED
    assert one.client.runtime.moment >= 35.0


def test_a_throttled_poll() -> None:
    """S14: a throttled poll is told, and made again after the pause EDAS asks for."""
    throttled = ThrottledError(ORDER_REPORT, "Throttling.User", "too many", retry_after=5.0)
    one = scene(ends_at(20.0, (0.0, 1.0, throttled)))
    assert one.await_end().status == SUCCESS
    assert {words for _, words, _ in one.told.failures} == {str(throttled)}
    first, second = one.moments(ORDER_REPORT)[:2]
    assert second - first >= 5.0


def test_an_order_the_list_does_not_know() -> None:
    """An order that the list leaves out, or says too little of, is polled by its report alone."""
    answers: Sequence[Callable[[float], int | None]] = (lambda _: None, lambda _: HELD, lambda _: FAILED)
    for listed in answers:
        one = scene(ends_at(20.0), listed)
        assert one.await_end().status == SUCCESS
        assert len(one.moments(ORDER_LIST)) == 1


@pytest.mark.parametrize(
    ("report", "listed"),
    [
        (ends_at(100.0), None),
        (ends_at(100.0), lambda _: None),
        (lambda now: SUCCESS if now >= 100.0 else HELD, None),
    ],
    ids=["by turns", "not listed", "held"],
)
def test_one_order_costs_at_most_thirty_calls_a_minute(
    report: Callable[[float], int | EdasError], listed: Callable[[float], int | EdasError | None] | None
) -> None:
    """Law 17, S72: of any operation, also when only its report tells of it; its end is seen within 3 s."""
    one = scene(report, listed)
    one.await_end()
    assert max(most_in_a_minute(one.moments(each)) for each in (ORDER_REPORT, ORDER_LIST)) <= 30
    assert one.client.runtime.moment <= 103.0


def test_kinds_are_learned_from() -> None:
    """A second order of a kind is polled when it is as old as the first one became."""
    one = scene(ends_at(30.0))
    one.await_end()
    begun = one.client.runtime.moment
    one.client.report = ends_at(begun + begun)
    one.await_end()
    assert one.client.runtime.moment <= 2 * begun + 0.2


def test_both_operations_are_spent() -> None:
    """Without calls to spare nobody polls; polls go on when the minute is over."""
    one = scene(ends_at(70.0))
    for operation in (ORDER_REPORT, ORDER_LIST):
        for _ in range(100):
            one.waiter.reads.begin_poll(operation, 0.0)
    assert one.await_end().status == SUCCESS
    assert one.client.polls[0][1] >= 60.0


def test_an_order_steps_aside_when_its_report_is_spent() -> None:
    """An order that only its report tells of waits for calls of that operation, and lets others poll meanwhile."""
    one = scene(ends_at(70.0), lambda _: None)
    for _ in range(int(POLLS_PER_MINUTE[ORDER_REPORT])):
        one.waiter.reads.begin_poll(ORDER_REPORT, 0.0)
    assert one.await_end().status == SUCCESS
    assert min(one.moments(ORDER_REPORT)) >= 60.0


def test_ways_take_turns() -> None:
    """An order is polled by report and by list in turns, by the other where one is spent, by none where both are."""
    way = Way()
    assert way.choose({ORDER_REPORT: 5.0, ORDER_LIST: 5.0}) == ORDER_REPORT
    assert way.choose({ORDER_REPORT: 0.5, ORDER_LIST: 5.0}) == ORDER_LIST
    way.polls = 1
    assert way.choose({ORDER_REPORT: 5.0, ORDER_LIST: 5.0}) == ORDER_LIST
    assert way.choose({ORDER_REPORT: 0.0, ORDER_LIST: 0.0}) is None
    way.reports_only = True
    assert way.choose({ORDER_REPORT: 0.0, ORDER_LIST: 5.0}) is None
    assert way.choose({ORDER_REPORT: 1.0, ORDER_LIST: 5.0}) == ORDER_REPORT


def beside_another(one: Scene) -> list[str]:
    """Let another order of another application be polled by somebody else; return what is asked for hints."""
    one.waiter.poll_schedule.watch("other", "other", "", 0.0, 0.0)
    one.waiter.poll_schedule.poll_begins("other", 0.0)
    asked: list[str] = []
    line = ApplicationSummary(APP, "name", "cluster", 2)

    def read(app_ids: Sequence[str]) -> tuple[ApplicationSummary, ...]:
        asked.extend(app_ids)
        state = "DEPLOYING" if one.client.runtime.moment < 29.0 else "RUNNING"
        return (replace(line, state=state),)

    one.client.hint = read
    return asked


def test_a_hint_is_followed() -> None:
    """With two orders the list of applications is asked, and who leaves DEPLOYING is polled at once."""
    one = scene(ends_at(29.0))
    asked = beside_another(one)
    assert one.await_end().status == SUCCESS
    assert one.client.runtime.moment <= 31.5
    assert set(asked) == {APP, "other"}


@pytest.mark.parametrize("error", [BROKEN, DeadlineExceeded()])
def test_a_hint_that_fails_is_left_alone(error: Exception) -> None:
    """S73: the hint fails for ever; the order ends all the same, and the hint is asked ever more seldom."""
    one = scene(ends_at(60.0))
    asked = beside_another(one)

    def fail(app_ids: Sequence[str]) -> tuple[ApplicationSummary, ...]:
        asked.extend(app_ids)
        raise error

    one.client.hint = fail
    assert one.await_end(deadline=100.0).status == SUCCESS
    assert len(asked) <= 2 * 4


def test_no_call_to_spare_for_a_hint() -> None:
    """A hint is asked for within what polls may take."""
    one = scene(ends_at(20.0))
    asked = beside_another(one)
    while one.waiter.reads.begin_hint(0.0):
        pass
    assert one.await_end().status == SUCCESS
    assert asked == []


def test_every_poll_and_the_end_wake_those_who_wait() -> None:
    """Whoever is next in the schedule learns at once that its turn has come, and not when its own wait ends."""
    one = scene(ends_at(3.0))
    one.await_end()
    # When a poll begins and when it was answered; the end of the order takes the place of the last answer.
    assert one.client.runtime.notified == 2 * len(one.client.polls)


def test_failed_polls_are_made_again_ever_later() -> None:
    """After half a second, one, two, four, and then every seven and a half."""
    one = scene(lambda _: BROKEN)
    with pytest.raises(DeadlineExceeded):
        one.await_end(deadline=40.0)
    gaps = [later - earlier for (_, earlier), (_, later) in itertools.pairwise(one.client.polls)]
    assert gaps[:6] == pytest.approx([0.5, 1.0, 2.0, 4.0, 7.5, 7.5], abs=0.3)


def test_a_bad_end_is_looked_at_a_few_times_only() -> None:
    """Three looks over fifteen seconds decide: more of them would tell no more."""
    one = scene(lambda now: FAILED if now > 4.0 else RUNNING)
    assert one.await_end().status == FAILED
    assert 3 <= len([each for each in one.client.polls if each[1] > 4.0]) <= 5


def test_a_bad_end_teaches_nothing_about_good_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does an order of a kind that is not known."""
    learned: list[str] = []
    monkeypatch.setattr(PollSchedule, "learn", lambda _, order_id, __: learned.append(order_id))
    scene(lambda _: FAILED).await_end()
    scene(ends_at(3.0)).await_end(kind="")
    assert learned == []
    scene(ends_at(3.0)).await_end()
    assert learned == [ORDER]


def test_an_order_that_has_ended_is_polled_no_more() -> None:
    """The schedule forgets it, so that those who go on are polled instead."""
    one = scene(ends_at(3.0))
    one.await_end()
    assert one.waiter.poll_schedule.next_poll(100.0) is None


def test_every_poll_tells_whose_order_it_is() -> None:
    """The list and the report both say what it does and who began it; failures and batches are the report's."""
    one, reports = scene(ends_at(30.0)), []

    @dataclass
    class Keeper(Told):
        def seen(self, report: OrderReport, age_seconds: float) -> None:
            reports.append(report)
            super().seen(report, age_seconds)

    one.told = Keeper()
    one.await_end()
    assert one.moments(ORDER_LIST)
    assert set(reports) == {OrderReport(ORDER, RUNNING, "scale out", "somebody", (), None)}


@pytest.mark.parametrize(("deadline", "bounds"), [(None, 3.0), (100.0, 3.0), (31.0, 31.0)])
def test_a_hint_holds_up_nobody_for_long(deadline: float | None, bounds: float) -> None:
    """A call for it ends three seconds after it began, or with its operation."""
    one = scene(ends_at(29.0))
    beside_another(one)
    deadlines: list[tuple[float, float | None]] = []
    client, read = one.client, one.client.hint

    def within(context: OperationContext) -> ScriptedClient:
        deadlines.append((client.runtime.moment, context.deadline))
        return client

    def hint(app_ids: Sequence[str]) -> tuple[ApplicationSummary, ...]:
        moment, latest = deadlines[-1]
        assert latest == min(moment + 3.0, deadline or 1000.0)
        return read(app_ids)

    client.within, client.hint = within, hint  # type: ignore[assignment,method-assign]
    one.await_end(deadline=deadline)
    assert bounds
    assert len(deadlines) > 3


def test_who_waits_for_its_turn_looks_every_second() -> None:
    """Another order is due first; whoever polls it wakes the others, and one look a second bounds the wait."""
    one = scene(ends_at(20.0))
    one.waiter.poll_schedule.watch("first", "other", "", 0.0, 0.0)
    runtime = one.client.runtime
    with pytest.raises(DeadlineExceeded):
        one.await_end(deadline=10.0)
    assert max(runtime.waits) <= 1.0
    assert one.client.polls == []
