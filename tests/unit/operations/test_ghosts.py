"""Placements that are listed although a scale in of somebody else has just taken them away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from pulumi_edas_scale.domain.clock import OperationContext
from pulumi_edas_scale.domain.errors import BusinessError, EdasError, UnavailableError
from pulumi_edas_scale.domain.model import ChangeOrder, MemberState, OrderReport, Recorded, RecordedMember
from pulumi_edas_scale.domain.plan import VISIBILITY_LAG_SECONDS
from pulumi_edas_scale.operations.ghosts import MOST_REPORTS, Ghosts
from tests.unit.operations.account import TimedRuntime
from tests.unit.readings import application, member

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pulumi_edas_scale.edas.reads import Reads

IN, OUT, SUCCESS = "Scale In", "Scale Out", 2


@dataclass
class Reports:
    """What the reports of orders name: machines by their letters, or the error of asking."""

    names: dict[str, str | EdasError]
    runtime: TimedRuntime = field(default_factory=TimedRuntime)
    asked: list[str] = field(default_factory=list)

    def change_order(self, order_id: str, _: OperationContext) -> OrderReport:
        """Return the report of an order."""
        self.asked.append(order_id)
        named = self.names.get(order_id, "")
        if isinstance(named, EdasError):
            raise named
        ips = frozenset(f"10.0.0.{ord(each) - ord('a') + 1}" for each in named)
        return OrderReport(order_id, SUCCESS, "", "colleague", (), None, ips)


def order(order_id: str, hour: int, co_type: str = IN) -> ChangeOrder:
    """Return an order that began at an hour and ended well."""
    return ChangeOrder(order_id, "group-1", SUCCESS, "", "colleague", f"2026-01-01 {hour:02}:00:00", co_type)


def named(
    ghosts: Ghosts,
    reports: Reports,
    orders: Sequence[ChangeOrder],
    *,
    recorded: Recorded | None = None,
    besides: Collection[str] = (),
) -> str:
    """Return the letters of the ghosts among the listed members a, b and c."""
    found = ghosts.named(
        cast("Reads", reports),
        orders,
        application(member("a"), member("b"), member("c")),
        recorded or Recorded(),
        OperationContext(cast("Any", reports.runtime)),
        besides=besides,
    )
    return "".join(sorted(each.removeprefix("ecc-") for each in found))


def test_the_newest_scale_ins_are_asked_whom_they_named() -> None:
    """A report costs a call: of many scale ins the newest are asked, in whatever order they are listed."""
    count = MOST_REPORTS + 1
    reports = Reports({f"in-{hour}": "a" if hour == 0 else "b" for hour in range(count)})
    orders = [order(f"in-{hour}", hour) for hour in range(count)]
    assert named(Ghosts(), reports, orders) == "b"
    assert reports.asked == [f"in-{hour}" for hour in reversed(range(1, count))]


def test_an_end_is_as_old_as_it_has_been_known_for_each_order_alone() -> None:
    """What was seen to have ended a minute ago is shown as it is by now; another order has a minute of its own."""
    ghosts, reports = Ghosts(), Reports({"in-1": "a", "in-2": "b"})
    assert named(ghosts, reports, [order("in-1", 1)]) == "a"
    reports.runtime.moment += VISIBILITY_LAG_SECONDS - 0.1
    assert named(ghosts, reports, [order("in-2", 2), order("in-1", 1)]) == "ab"
    reports.runtime.moment += 0.1
    # The newer one comes first and the older one is past: it does not end the search.
    assert named(ghosts, reports, [order("in-1", 3), order("in-2", 2)]) == "b"
    reports.runtime.moment += VISIBILITY_LAG_SECONDS
    assert named(ghosts, reports, [order("in-1", 1), order("in-2", 2)]) == ""


def test_an_order_of_the_operation_itself_is_not_asked() -> None:
    """The operation knows better whom it took away; those of others are asked all the same."""
    reports = Reports({"ours": "a", "theirs": "b"})
    assert named(Ghosts(), reports, [order("ours", 2), order("theirs", 1)], besides={"ours"}) == "b"
    assert reports.asked == ["theirs"]


def test_a_placement_that_was_added_since_is_no_ghost() -> None:
    """Under another ECC than the recorded one the machine was added again; under the recorded one it is going."""
    reports = Reports({"in-1": "ab"})
    recorded = Recorded(
        members=tuple(
            RecordedMember(f"ecu-{name}", f"i-{name}", ecc_id, "", MemberState.RUNNING, joined=True)
            for name, ecc_id in (("a", "ecc-a"), ("b", "ecc-before"))
        )
    )
    assert named(Ghosts(), reports, [order("in-1", 1)], recorded=recorded) == "a"


def test_whom_a_later_scale_out_names_is_there_again() -> None:
    """Later, or in the same second: EDAS tells no finer time."""
    reports = Reports({"in-5": "abc", "out-4": "a", "out-5": "b", "out-6": "c"})
    orders = [order("in-5", 5), order("out-4", 4, OUT), order("out-5", 5, OUT), order("out-6", 6, OUT)]
    assert named(Ghosts(), reports, orders) == "a"


def test_a_report_that_is_refused_names_nobody_and_is_asked_for_once() -> None:
    """One that fails otherwise is asked for again, and the failure is the caller's."""
    ghosts, reports = Ghosts(), Reports({"in-1": BusinessError("GetChangeOrderInfo", "601", "not found")})
    assert named(ghosts, reports, [order("in-1", 1)]) == ""
    assert named(ghosts, reports, [order("in-1", 1)]) == ""
    assert reports.asked == ["in-1"]
    reports.names["in-2"] = UnavailableError("GetChangeOrderInfo", message="reset")
    try:
        named(ghosts, reports, [order("in-2", 2)])
    except UnavailableError:
        reports.names["in-2"] = "b"
    assert named(ghosts, reports, [order("in-2", 2)]) == "b"
