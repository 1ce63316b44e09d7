"""What is said of a member that left, or stays, by the orders that EDAS still lists."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.clock import CANCELLED, OperationContext
from pulumi_edas_scale.domain.errors import BusinessError, UnavailableError
from pulumi_edas_scale.domain.orders import OrderType
from pulumi_edas_scale.operations.ownership import Ownership
from pulumi_edas_scale.operations.request import Request
from pulumi_edas_scale.operations.session import open_session
from pulumi_edas_scale.operations.traces import EVIDENCE_SECONDS, MOST_REPORTS, find_traces
from tests.unit.operations.account import FAILED, SCOPE, Account
from tests.unit.operations.test_service import ID, URN, Program

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.drift import Traces

IN, OUT = OrderType.SCALE_IN, OrderType.SCALE_OUT


def after(account: Account, *orders: tuple[str, str]) -> Account:
    """Let change orders have run in an account, each of a kind and about some machines, the oldest first."""
    for co_type, names in orders:
        account.start(co_type, list(names), seconds=0.0)
    account.runtime.wait(1.0)
    return account


def look(account: Account, *names: str, kind: OrderType = IN) -> Traces:
    """Return what is known of machines."""
    session = open_session(account, account.runtime, Ownership())
    everybody = Account().running(*names).members.values()
    return find_traces(session, SCOPE, [*everybody], kind, OperationContext(account.runtime))


def test_the_last_order_that_names_a_machine_moved_it() -> None:
    """Of several scale ins the newest is meant; a deployment moves nobody."""
    account = after(Account(), ("Scale In", "a"), ("Scale Out", "ab"), ("Scale In", "ab"), ("Deploy", "ab"))
    found = look(account, "a", "b")
    assert {ecu: order.order_id for ecu, order in found.orders.items()} == {
        "ecu-a": "order-3",
        "ecu-b": "order-3",
    }


def test_an_order_before_the_last_join_explains_nothing() -> None:
    """Who was scaled out after the last scale in has left in another way, which no order shows."""
    found = look(after(Account(), ("Scale In", "a"), ("Scale Out", "a")), "a")
    assert (found.orders, found.looked) == ({}, True)


def test_in_one_second_the_order_is_meant_that_explains_what_is_seen() -> None:
    """EDAS's times have seconds, and the order of its list is not documented."""
    account = after(Account(), ("Scale In", "a"), ("Scale Out", "a"))
    for order in account.orders.values():
        order.line = replace(order.line, created_at="2026-01-01 00:00:00")
    assert look(account, "a").orders["ecu-a"].order_id == "order-1"
    assert look(account, "a", kind=OUT).orders["ecu-a"].order_id == "order-2"


def test_an_order_of_another_group_is_none_of_ours() -> None:
    """A machine that left this group was moved by an order of this group."""
    account = after(Account(), ("Scale In", "a"))
    account.orders["order-1"].line = replace(account.orders["order-1"].line, group_id="beta")
    assert look(account, "a").orders == {}


def test_a_few_reports_are_asked_for() -> None:
    """However long the list is, the newest orders are asked, each once."""
    account = after(Account(), ("Scale In", "a"), *[("Scale In", "z")] * MOST_REPORTS)
    assert look(account, "a").orders == {}
    assert [name for _, name in account.calls].count("GetChangeOrderInfo") == MOST_REPORTS


def test_nothing_is_read_for_nobody() -> None:
    """A clean group costs no call."""
    account = Account()
    assert look(account).orders == {}
    assert account.calls == []


def test_evidence_that_cannot_be_read_fails_nothing() -> None:
    """Without the list, or with a report that is refused, nothing is known, and nothing is claimed."""
    account = after(Account(), ("Scale In", "a"), ("Scale In", "b"))
    account.refuse_reads = {"GetChangeOrderInfo": BusinessError("GetChangeOrderInfo", "601", "no")}
    assert (look(account, "a").orders, look(account, "a").looked) == ({}, False)
    account.refuse_reads = {"ListRecentChangeOrder": UnavailableError("ListRecentChangeOrder", "503", "down")}
    session = open_session(account, account.runtime, Ownership())
    context = OperationContext(account.runtime, account.runtime.now() + 5.0, retry_timeout=1.0)
    gone = [*Account().running("a").members.values()]
    assert find_traces(session, SCOPE, gone, IN, context).looked is False


def test_evidence_takes_seconds_whatever_edas_does() -> None:
    """A refresh ends within half a minute: an outage of the reports costs it some seconds, once."""
    account = after(Account(), *[("Scale In", "a")] * MOST_REPORTS)
    session = open_session(account, account.runtime, Ownership())
    gone = [*Account().running("a").members.values()]
    account.refuse_reads = {"GetChangeOrderInfo": UnavailableError("GetChangeOrderInfo", "503", "down")}
    begun = account.runtime.moment
    found = find_traces(session, SCOPE, gone, IN, OperationContext(account.runtime, retry_timeout=20.0))
    assert (found.orders, found.looked) == ({}, False)
    assert account.runtime.moment - begun <= EVIDENCE_SECONDS + 1.0


def test_a_stop_while_evidence_is_read_fails_nothing() -> None:
    """Ctrl-C after a delete or a reading has ended well must not turn it into a failure."""
    account = after(Account(), ("Scale In", "a"))
    session = open_session(account, account.runtime, Ownership())
    gone = [*Account().running("a").members.values()]
    stopped = OperationContext(account.runtime, stopped=lambda: CANCELLED)
    assert find_traces(session, SCOPE, gone, IN, stopped).looked is False


# -- what is said ----------------------------------------------------------------------------------------------------


def gone_by(account: Account, program: Program, *, source: str) -> str:
    """Let an order take i-b out, and return what a refresh says of it."""
    leaving = account.members["ecu-b"].ecc_id
    order_id = account.start("Scale In", ["b"], seconds=0.0, effect=lambda: account.leave(leaving))
    account.orders[order_id].line = replace(account.orders[order_id].line, source=source)
    account.runtime.wait(100.0)
    program.refresh()
    (words,) = program.host.warnings
    return words


def test_an_order_through_the_api_may_be_that_of_a_killed_run() -> None:
    """An order that state does not list may have been sent by a run of this very stack that was killed."""
    program = Program(Account().running("a", "b"))
    program.create("a", "b")
    words = gone_by(program.account, program, source="pop")
    assert words.startswith("Drift: i-b left deploy group")
    assert (
        "by change order order-1 (started by colleague). Whether a killed run sent it is not known" in words
    )
    assert "outside Pulumi" not in words


def test_an_order_of_the_console_is_somebody_elses() -> None:
    """No program of ours works in the console."""
    program = Program(Account().running("a", "b"))
    program.create("a", "b")
    words = gone_by(program.account, program, source="console")
    assert "outside Pulumi, by change order order-1 of the EDAS console (started by colleague)." in words


def test_a_diff_of_who_was_evicted_by_the_same_run() -> None:
    """What this run took away itself is told as that."""
    program = Program(Account().running("a", "b"))
    program.create("a", "b")
    news = program.inputs("a", "b")
    service = program.process()
    service.ownership.note_removed(SCOPE, [program.account.members["ecu-b"].ecc_id], 0.0)
    program.account.members.pop("ecu-b")
    service.diff(Request(URN, ID, news, program.outputs))
    assert any("i-b left" in each and "by a scale in of this run." in each for each in program.host.warnings)


def test_a_diff_says_why_there_is_something_to_record() -> None:
    """After a failed update whose goal was reached meanwhile the engine proposes an update: a line says why."""
    program = Program(Account(ends=[FAILED]).running("a").free("b"))
    program.create("a")
    outputs = {**program.outputs, "instanceIds": ["i-a", "i-b"], "__unsettled": ["ecu-b"]}
    program.account.join("ecu-b")
    program.process().diff(Request(URN, ID, program.inputs("a", "b"), outputs))
    (line,) = [each for each in program.host.infos if "since the last update failed" in each]
    assert line.endswith("i-b. Nothing is sent for that; 'pulumi up' records it.")
    assert program.host.warnings == []


def test_a_diff_of_who_left_and_is_not_listed_any_more() -> None:
    """Who left as the program wants is neither drift nor work of ours: nobody knows who took it out."""
    program = Program(Account().running("a", "b"))
    program.create("a", "b")
    program.account.members.pop("ecu-b")
    program.process().diff(Request(URN, ID, program.inputs("a"), program.outputs))
    assert any(each.startswith("Neither listed nor in") and "i-b." in each for each in program.host.infos)
    assert program.host.warnings == []


def test_a_delete_says_who_stays_without_a_record() -> None:
    """S16: a joiner of an update that was killed is nobody's: a destroy leaves it there and says so."""
    program = Program(Account().running("a"))
    program.create("a")
    after(program.account, ("Scale Out", "b")).running("b")
    program.process().delete(Request(URN, ID, olds=program.outputs))
    assert program.account.writes == ["in a"]
    (line,) = program.host.infos
    assert line.startswith("i-b (change order order-1) stays in deploy group")
    assert line.endswith("list it, 'pulumi up', destroy again.")


def test_a_delete_says_nothing_of_members_that_are_known() -> None:
    """Foreign members that were recorded, and those of another membership, are no news."""
    program = Program(Account().running("a", "b", "c"))
    program.create("a")
    assert [each["ecuId"] for each in program.outputs["foreignMembers"]] == ["ecu-b", "ecu-c"]  # type: ignore[attr-defined]
    program.process().delete(Request(URN, ID, olds=program.outputs))
    assert program.host.infos == []


def test_a_report_that_failed_is_asked_for_again() -> None:
    """A call that failed says nothing of whom the order names, and is no answer to remember."""
    account = after(Account(), ("Scale In", "a"))
    session = open_session(account, account.runtime, Ownership())
    gone = [*Account().running("a").members.values()]
    account.refuse_reads = {"GetChangeOrderInfo": UnavailableError("GetChangeOrderInfo", "503", "down")}
    impatient = OperationContext(account.runtime, account.runtime.now() + 5.0, retry_timeout=1.0)
    assert find_traces(session, SCOPE, gone, IN, impatient).orders == {}
    account.refuse_reads = {}
    assert "ecu-a" in find_traces(session, SCOPE, gone, IN, OperationContext(account.runtime)).orders


@pytest.mark.parametrize(("source", "drift"), [("pop", False), ("console", True)])
def test_s52_an_arrival_by_an_order_of_the_api_is_not_called_drift(source: str, *, drift: bool) -> None:
    """It may be a member of another membership of the program, which the engine shows only after this one."""
    program = Program(Account().running("a"))
    program.create("a")
    order_id = program.account.start("Scale Out", ["b"], seconds=0.0)
    program.account.orders[order_id].line = replace(program.account.orders[order_id].line, source=source)
    program.account.running("b").runtime.wait(1.0)
    program.process().diff(Request(URN, ID, program.inputs("a"), program.outputs))
    program.refresh()
    told, refreshed = program.host.infos
    assert told == refreshed
    assert told.startswith("Drift: ") is drift
    assert "i-b joined deploy group web (web) of application" in told
