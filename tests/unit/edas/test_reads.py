"""Shared readings: how fresh, how often, and what is made of one that fails. On virtual time."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import pytest

from pulumi_edas_scale.domain.clock import LINE_SECONDS, DeadlineExceeded, OperationContext
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    CredentialsError,
    CutListError,
    EdasError,
    MissingListError,
    NotUnderstoodError,
    PermissionDeniedError,
    ThrottledError,
    UnavailableError,
    UnknownShapeError,
)
from pulumi_edas_scale.domain.model import (
    Application,
    ApplicationSummary,
    Cluster,
    ClusterMember,
    OrderReport,
    Page,
)
from pulumi_edas_scale.edas.doubts import TWICE
from pulumi_edas_scale.edas.reads import FRESH_SECONDS, Reads
from tests.unit.quiet import QuietClient, QuietRuntime
from tests.unit.readings import application, machine, member

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulumi_edas_scale.edas.api import EdasClient

LIVE = application(member("a"))
REFUSED = BusinessError("QueryApplicationStatus", "601", "not exist")
LOST = UnavailableError("QueryApplicationStatus", "503", "ServiceUnavailable")
DONE = OrderReport("order-1", 2, "", "", (), None)


@dataclass
class Scripted:
    """An EDAS that answers each operation as scripted, and the last answer for ever; exceptions are raised."""

    runtime: QuietRuntime
    answers: dict[str, list[Any]]
    calls: list[tuple[str, tuple[object, ...], float]] = field(default_factory=list)

    def within(self, _: OperationContext) -> Scripted:
        """Return itself: no call takes time here."""
        return self

    def __getattr__(self, method: str) -> Callable[..., object]:
        """Return the method of the client of that name."""

        def call(*args: object) -> object:
            self.calls.append((method, args, self.runtime.now()))
            script = self.answers[method]
            answer = script.pop(0) if len(script) > 1 else script[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


@dataclass
class World:
    """One process: its clock, its EDAS, its reads, and what an operation of it reports."""

    answers: dict[str, list[Any]]
    runtime: QuietRuntime = field(default_factory=QuietRuntime)
    lines: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Put the parts together."""
        self.edas = Scripted(self.runtime, defaultdict(list, self.answers))
        self.reads = Reads(cast("EdasClient", self.edas), self.runtime)

    def context(self, deadline: float | None = None, retry_timeout: float | None = None) -> OperationContext:
        """Return the bounds of an operation."""
        return OperationContext(
            self.runtime,
            deadline,
            retry_timeout=retry_timeout,
            report=lambda text: self.lines.append((self.runtime.now(), text)),
        )

    def moments(self, method: str) -> list[float]:
        """Return when an operation was called."""
        return [at for name, _, at in self.edas.calls if name == method]


READS: dict[str, tuple[str, Callable[[Reads, OperationContext], object], object]] = {
    "QueryApplicationStatus": (
        "read_application",
        lambda reads, context: reads.application("app-1", context, begun_after=0).value,
        LIVE,
    ),
    "ListRecentChangeOrder": (
        "read_change_orders",
        lambda reads, context: reads.change_orders("app-1", context),
        (),
    ),
    "GetChangeOrderInfo": (
        "read_change_order",
        lambda reads, context: reads.change_order("order-1", context),
        DONE,
    ),
    "ListScaleOutEcu": (
        "read_scale_out_machines",
        lambda reads, context: reads.machines("cluster-1", "app-1", context),
        (machine("b"),),
    ),
    "ListClusterMembers": (
        "read_cluster_members",
        lambda reads, context: reads.cluster_members("cluster-1", context),
        Page((ClusterMember("i-b", "ecu-b", "", 1),), 1),
    ),
    "ListApplication": (
        "read_applications",
        lambda reads, context: reads.applications(context),
        Page((ApplicationSummary("app-1", "shop", "cluster-1", 2),)),
    ),
    "GetCluster": (
        "read_cluster",
        lambda reads, context: reads.cluster("cluster-1", context),
        Cluster("cluster-1", 2, present=True),
    ),
}


def value_of(answer: object) -> object:
    """Return what a reading gives of an answer."""
    return answer.items if isinstance(answer, Page) else answer


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("kind", [BusinessError, NotUnderstoodError, UnavailableError, ThrottledError])
def test_one_failure_is_nothing(operation: str, kind: type[EdasError]) -> None:
    """One refused, odd, lost or throttled answer of any reading is asked for again, soon and with a line (S69)."""
    method, read, answer = READS[operation]
    world = World({method: [kind(operation, "601", "stumbled"), answer]})
    assert read(world.reads, world.context()) == value_of(answer)
    assert world.runtime.now() <= 2
    assert [text for _, text in world.lines] == [f"{operation} answered 601 'stumbled'. Trying again."]


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("kind", [BusinessError, NotUnderstoodError, UnknownShapeError])
def test_what_stays_refused_is_believed(operation: str, kind: type[EdasError]) -> None:
    """A refusal, or an answer that is not understood, is final after fifteen seconds and three looks (law 15)."""
    method, read, _ = READS[operation]
    world = World({method: [kind(operation, "500", "没有权限")]})
    with pytest.raises(kind, match="没有权限"):
        read(world.reads, world.context(retry_timeout=1.0))
    assert 15 <= world.runtime.now() <= 16
    assert 3 <= len(world.edas.calls) <= 8
    assert len(world.lines) == len(world.edas.calls) - 1


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("kind", [PermissionDeniedError, CredentialsError])
def test_a_missing_permission_is_believed_at_once(operation: str, kind: type[EdasError]) -> None:
    """A permission or a key that is missing is no doubt."""
    method, read, _ = READS[operation]
    world = World({method: [kind(operation, "403", "no")]})
    with pytest.raises(kind):
        read(world.reads, world.context())
    assert len(world.edas.calls) == 1


def test_an_outage_is_told_while_it_lasts() -> None:
    """A reading that fails for long leaves a line with its cause at least every ten seconds (S70)."""
    world = World({"read_application": [LOST]})
    with pytest.raises(DeadlineExceeded) as caught:
        world.reads.application("app-1", world.context(deadline=300.0), begun_after=0)
    assert caught.value.__cause__ is LOST
    moments = [0.0, *(at for at, _ in world.lines)]
    assert max(after - before for before, after in itertools.pairwise(moments)) < 10
    assert moments[1] == 0
    assert "503 'ServiceUnavailable'. Trying again for" in world.lines[-1][1]


def test_a_call_that_the_deadline_ended_is_the_cause() -> None:
    """A time-out in the first call says that no answer came; only the queue of our own calls leaves no cause."""
    world = World({"read_application": [DeadlineExceeded()]})
    with pytest.raises(DeadlineExceeded) as caught:
        world.reads.application("app-1", world.context(deadline=25.0), begun_after=0)
    assert "QueryApplicationStatus failed: no answer had arrived" in str(caught.value.__cause__)


def test_who_shares_a_reading_that_fails_learns_the_cause() -> None:
    """The deadline of somebody who waits for another's reading passes: it is told how that one fails."""
    world = World({"read_application": [LOST, LIVE]})
    told: list[BaseException | None] = []

    def ask_too() -> None:
        with pytest.raises(DeadlineExceeded) as caught:
            world.reads.application("app-1", world.context(deadline=world.runtime.now() + 5.0), begun_after=0)
        told.append(caught.value.__cause__)

    world.runtime.meanwhile.append(ask_too)
    world.reads.application("app-1", world.context(), begun_after=0)
    assert told == [LOST]


def test_an_outage_ends_an_operation_without_patience() -> None:
    """A preview or a refresh does not wait for the end of an outage."""
    world = World({"read_application": [LOST]})
    with pytest.raises(UnavailableError):
        world.reads.application("app-1", world.context(retry_timeout=8.0), begun_after=0)
    assert 8 <= world.runtime.now() <= 20


def test_the_second_one_need_not_doubt_again() -> None:
    """What one operation has seen often enough, the next one believes at its first look."""
    world = World({"read_application": [REFUSED]})
    for _ in range(3):
        with pytest.raises(BusinessError):
            world.reads.application("app-1", world.context(), begun_after=world.runtime.now())
    assert world.runtime.now() <= 16
    assert len(world.moments("read_application")) <= 10


def test_a_good_answer_takes_doubts_back() -> None:
    """After one good answer, a refusal is one again."""
    world = World({"read_application": [REFUSED, REFUSED, LIVE, REFUSED, LIVE]})
    world.reads.application("app-1", world.context(), begun_after=0)
    world.runtime.moment += 20
    reading = world.reads.application("app-1", world.context(), begun_after=world.runtime.now())
    assert reading.value == LIVE


def test_an_odd_group_spoils_nobody_else() -> None:
    """A group of which something was not understood is read again, then an error; another group is served (S68)."""
    odd = application(member("a"), odd=(("group-2", "AppInfo.EccList.Ecc[3].EccId: expected an id"),))
    world = World({"read_application": [odd]})
    assert world.reads.application("app-1", world.context(), begun_after=0, group_id="group-1").value is odd
    assert len(world.edas.calls) == 1
    for group_id in ("group-2", None):
        with pytest.raises(UnknownShapeError, match=r"Ecc\[3\].EccId.*doctor --record"):
            world.reads.application("app-1", world.context(), begun_after=0, group_id=group_id)
    healed = World({"read_application": [odd, LIVE]})
    assert (
        healed.reads.application("app-1", healed.context(), begun_after=0, group_id="group-2").value == LIVE
    )


def test_a_cut_list_may_be_a_joiner_that_is_not_listed_yet() -> None:
    """A list with too few placements is an error after fifteen seconds, or a minute after the end of an order."""
    cut = CutListError("QueryApplicationStatus", "200", "AppInfo.EccList: expected a list of 2")
    world = World({"read_application": [cut]})
    with pytest.raises(CutListError):
        world.reads.application("app-1", world.context(), begun_after=0)
    assert 15 <= world.runtime.now() <= 16
    world = World({"read_application": [cut]})
    world.runtime.moment = 100.0
    world.reads.order_ended("app-1", "order-1")
    with pytest.raises(CutListError):
        world.reads.application("app-1", world.context(), begun_after=100)
    assert 160 <= world.runtime.now() <= 161


@pytest.mark.parametrize("operation", ["ListApplication", "ListClusterMembers"])
def test_a_list_that_stays_away_is_empty(operation: str) -> None:
    """A list that is not there, three times and for fifteen seconds, has nothing in it."""
    method, read, _ = READS[operation]
    world = World({method: [MissingListError(operation, "200", "expected a list, got null")]})
    assert read(world.reads, world.context()) == ()
    assert 15 <= world.runtime.now() <= 16


def instances(first: int, end: int) -> tuple[ClusterMember, ...]:
    """Return instances by number."""
    return tuple(ClusterMember(f"i-{number}", f"ecu-{number}", "", 1) for number in range(first, end))


PAGE_REFUSED = BusinessError("ListClusterMembers", "601", "no such page")


@pytest.mark.parametrize(
    ("pages", "count", "calls"),
    [
        ([Page(instances(0, 7))], 7, 1),
        ([Page(instances(0, 100), 100)], 100, 1),
        ([Page(instances(0, 100)), Page(())], 100, 2),
        ([Page(instances(0, 100), 1), Page(())], 100, 2),
        ([Page(instances(0, 100)), PAGE_REFUSED], 100, 3),
        ([Page(instances(0, 10), 12), Page(instances(10, 12), 12)], 12, 2),
        ([Page(instances(0, 10)), Page(instances(10, 20)), Page(instances(10, 20))], 20, 3),
        ([Page(instances(0, 7), 9), Page(instances(7, 9), 9)], 9, 2),
    ],
)
def test_lists_of_a_cluster(pages: list[object], count: int, calls: int) -> None:
    """The whole list is asked for at once; more only where it may be cut, and a refused page is the end (S74)."""
    world = World({"read_cluster_members": list(pages)})
    assert len(world.reads.cluster_members("cluster-1", world.context())) == count
    assert len(world.edas.calls) == calls
    assert world.edas.calls[0][1] == ("cluster-1", 1, None)
    assert world.runtime.now() <= 1


def test_the_machines_of_an_application_without_a_cluster() -> None:
    """Where the reading of an application tells no cluster, its offer is asked for by the application."""
    world = World({"read_scale_out_machines": [(machine("b"),)]})
    assert world.reads.machines("", "app-1", world.context()) == (machine("b"),)
    assert world.edas.calls[0][1] == ("", "app-1")


def test_many_applications_are_read_once_for_what_is_shown() -> None:
    """A preview of 250 applications, each with two resources far apart, reads each once under the documented limits."""

    @dataclass
    class Applications(QuietClient):
        """One that shows any application."""

        read: list[str] = field(default_factory=list)

        def read_application(self, app_id: str) -> Application:
            self.read.append(app_id)
            return replace(self.live, app_id=app_id)

    client, runtime = Applications(Application("app", "app", "cluster", (), ())), QuietRuntime()
    reads = Reads(client, runtime)
    for app_id in [f"app-{number}" for number in range(250)] * 2:
        reads.shown_application(app_id, OperationContext(runtime))
    assert len(client.read) == 250


def test_who_waits_for_the_reading_of_another_says_so() -> None:
    """Law 14: while another resource waits for its place below the limit, who needs the same reading is not silent."""
    world = World({})
    world.reads._in_flight.add(("QueryApplicationStatus", "app-1"))
    with pytest.raises(DeadlineExceeded):
        world.reads.application("app-1", world.context(deadline=60.0), begun_after=0.0)
    assert {text.partition(" for ")[2] for _, text in world.lines} == {
        "QueryApplicationStatus, which is being called for another resource"
    }
    moments = [0.0, *(at for at, _ in world.lines), 60.0]
    assert all(later - earlier < 10.0 for earlier, later in itertools.pairwise(moments))


def test_a_reading_is_shared_while_it_is_fresh() -> None:
    """Whoever asks within ten seconds gets the same reading; the end of an order makes it too old."""
    world = World({"read_application": [LIVE]})
    for _ in range(3):
        world.reads.recent_application("app-1", world.context())
    assert len(world.edas.calls) == 1
    world.runtime.moment += 1
    world.reads.order_ended("app-1", "order-1")
    world.reads.recent_application("app-1", world.context())
    assert len(world.edas.calls) == 2


def test_what_was_seen_twice() -> None:
    """A verdict of several readings is believed by agreement, too, and taken back."""
    world = World({})
    name = ("gone", "app-1")
    assert not world.reads.seems(name, REFUSED, TWICE)
    world.runtime.moment += 4
    assert not world.reads.seems(name, REFUSED, TWICE)
    world.runtime.moment += 1
    assert world.reads.seems(name, REFUSED, TWICE)
    world.reads.seems_not(name)
    assert not world.reads.seems(name, REFUSED, TWICE)


def test_a_long_wait_for_the_budget_is_told() -> None:
    """Who waits for the next minute of an operation's calls says so, again and again (law 14)."""
    world = World({"read_application": [LIVE]})
    for _ in range(101):
        world.reads.application("app-1", world.context(), begun_after=world.runtime.now() + 1e-9)
        world.runtime.moment += 1e-6
    assert (
        world.lines[0][1]
        == "waiting up to 61 s to call QueryApplicationStatus: EDAS limits its calls a minute"
    )
    moments = [at for at, _ in world.lines]
    assert 7 <= len(moments) <= 9
    assert max(after - before for before, after in itertools.pairwise(moments)) < 10


@pytest.mark.parametrize("retry_after", [None, 60.0])
def test_a_throttled_reading_does_not_outlive_the_patience(retry_after: float | None) -> None:
    """A refresh ends within its patience, also where the gateway asks to come again in a minute."""
    throttled = ThrottledError("QueryApplicationStatus", "Throttling.User", "too many", "", retry_after)
    world = World({"read_application": [throttled]})
    with pytest.raises(ThrottledError):
        world.reads.application("app-1", world.context(retry_timeout=20.0), begun_after=0)
    assert world.runtime.now() <= 20


def test_a_deadline_in_the_pause_after_a_throttled_answer_has_that_cause() -> None:
    """Who waits because somebody else was throttled in the same reading is told that, and not nothing."""
    throttled = ThrottledError("QueryApplicationStatus", "Throttling.User", "too many")
    world = World({"read_application": [throttled]})
    for _ in range(2):
        with pytest.raises(DeadlineExceeded) as caught:
            world.reads.application(
                "app-1",
                world.context(deadline=world.runtime.now() + 0.5),
                begun_after=world.runtime.now(),
            )
        assert caught.value.__cause__ is throttled
    assert len(world.edas.calls) == 1


def test_a_reading_wakes_those_who_share_it() -> None:
    """Whoever waits for it goes on when it is there, and when it failed for good."""
    world = World({"read_application": [LIVE]})
    world.reads.recent_application("app-1", world.context())
    assert world.runtime.notified == 1


def test_another_run_begins_without_readings() -> None:
    """What was read before is forgotten, so that the next run sees the world as it is."""
    world = World({"read_application": [LIVE]})
    for _ in range(2):
        world.reads.recent_application("app-1", world.context())
    world.reads.forget()
    world.reads.recent_application("app-1", world.context())
    assert len(world.edas.calls) == 2


def test_the_end_of_an_order_makes_older_readings_old() -> None:
    """What was read before an order ended shows nothing of what it did (law 6)."""
    world = World({"read_application": [LIVE]})
    world.reads.recent_application("app-1", world.context())
    world.runtime.moment += 1.0
    world.reads.order_ended("app-1", "order-1")
    world.reads.recent_application("app-1", world.context())
    assert len(world.edas.calls) == 2


def test_each_cluster_has_an_offer_of_its_own() -> None:
    """Two clusters of one application share nothing; an application that names none is asked by itself."""
    world = World({"read_scale_out_machines": [(machine("b"),)]})
    for cluster_id, app_id in (
        ("cluster-1", "app-1"),
        ("cluster-2", "app-1"),
        ("cluster-1", "app-2"),
        ("", "app-3"),
    ):
        world.reads.machines(cluster_id, app_id, world.context())
    assert [arguments for _, arguments, _ in world.edas.calls] == [
        ("cluster-1", "app-1"),
        ("cluster-2", "app-1"),
        ("", "app-3"),
    ]


def test_what_is_not_understood_names_the_operation_and_its_group() -> None:
    """Each group has doubts of its own, which end when it is understood again."""
    odd = application(member("a"), odd=(("group-2", "AppInfo.EccList.Ecc[3].EccId: expected an id"),))
    world = World({"read_application": [odd]})
    with pytest.raises(UnknownShapeError) as caught:
        world.reads.application("app-1", world.context(), begun_after=0, group_id="group-2")
    assert caught.value.operation == "QueryApplicationStatus"
    healed = World({"read_application": [odd, odd, LIVE, odd, odd, LIVE]})
    for _ in range(2):
        begun = healed.runtime.now()
        healed.reads.application("app-1", healed.context(), begun_after=begun + 0.001, group_id="group-2")
        healed.runtime.moment += 1.0
    assert len(healed.edas.calls) == 6


def test_many_adoptions_in_a_row_share_an_older_list_of_orders() -> None:
    """The first ones read anew; the more there are, the older the list may be, up to what is fresh."""
    world = World({"read_change_orders": [()]})
    for _ in range(40):
        world.reads.change_orders_to_adopt("app-1", world.context())
        world.runtime.moment += 1.5
    moments = world.moments("read_change_orders")
    gaps = [after - before for before, after in pairwise(moments)]
    assert gaps == sorted(gaps)
    assert gaps[0] < gaps[-1] <= FRESH_SECONDS + 1.5


def test_a_throttled_hint_is_counted_where_it_was_made() -> None:
    """It lowers what ListApplication may take, and halves what polls may."""
    throttled = ThrottledError("ListApplication", "Throttling.User", "too many")
    world = World({"read_application_states": [throttled]})
    spare = world.reads._budget("ListApplication").spare(0.0)
    with pytest.raises(ThrottledError):
        world.reads.read_hint(("app-1", "app-2"), world.context())
    assert world.reads._budget("ListApplication").spare(600.0) <= spare
    assert world.reads._budget("ListApplication").spare(0.5) == 0.0
    assert world.reads.poll_part(0.0) == 0.5


def test_who_shares_a_reading_never_waits_for_nothing() -> None:
    """A moment plus eight seconds, less that moment, may be a little less than eight: time must pass all the same."""
    begun = 1022.4985411395811
    assert begun + LINE_SECONDS - begun < LINE_SECONDS, "a moment at which the difference is rounded down"
    world = World({}, QuietRuntime(moment=begun))
    world.reads._in_flight.add(("QueryApplicationStatus", "app-1"))
    world.runtime.meanwhile = [partial(setattr, world.runtime, "moment", begun + LINE_SECONDS)]
    context = world.context(deadline=begun + 60.0)
    wait = world.runtime.wait

    def checked(seconds: float) -> None:
        assert seconds > 0.0
        wait(seconds)

    world.runtime.wait = checked  # type: ignore[method-assign]
    with pytest.raises(DeadlineExceeded):
        world.reads.application("app-1", context, begun_after=begun)
    assert world.lines
