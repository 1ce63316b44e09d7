"""One write, and what becomes of it when its answer is a refusal, is lost, or does not come in time (law 7)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pulumi_edas_scale.domain.clock import CANCELLED, Cancelled, DeadlineExceeded
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    CredentialsError,
    EdasError,
    NotSentError,
    PermissionDeniedError,
    UnavailableError,
)
from pulumi_edas_scale.operations.outcome import ChangeError
from tests.unit.operations.account import FAILED, SCOPE, SUCCESS, Account, Stack

OUT = "ScaleOutApplication"
LOST = UnavailableError(OUT, message="the connection was interrupted")
REFUSED = BusinessError(OUT, "601", "refused")


@pytest.mark.parametrize(
    "error", [PermissionDeniedError(OUT, "403", "denied"), CredentialsError(OUT, "403", "no such key")]
)
def test_a_write_without_permission_is_sent_once(error: EdasError) -> None:
    """Permission does not come by itself."""
    stack = Stack(Account().free("a"))
    stack.account.answers = [(error, False)] * 3
    with pytest.raises(ChangeError, match="403"):
        stack.up("a")
    assert stack.account.writes == ["out a"]


@pytest.mark.parametrize("sign", [Cancelled(CANCELLED), DeadlineExceeded()])
def test_a_write_that_was_left_under_way_is_in_state(sign: Exception) -> None:
    """Nobody knows whether EDAS executed it: the failure says so with an outcome, and the next run finds its order."""
    stack = Stack(Account().free("a"))
    stack.account.answers = [(sign, True)]
    with pytest.raises(ChangeError, match="ScaleOutApplication was sent and not answered") as failure:
        stack.up("a")
    assert failure.value.outcome is not None
    stack.up("a")
    assert stack.account.writes == ["out a"]
    assert [each.instance_id for each in stack.recorded.members] == ["i-a"]


def test_a_busy_application_is_no_refusal() -> None:
    """A colleague is faster time and again: each time his order is waited for, and ours is sent after it."""
    stack = Stack(Account().running("z").free("a"))
    account = stack.account
    account.before_write.extend([lambda: account.start("Application Deployment", ["z"], seconds=30.0)] * 4)
    stack.up("z", "a")
    assert account.writes == ["out a"] * 5


def test_a_refusal_beside_an_order_that_failed_just_now_is_no_verdict_yet() -> None:
    """EDAS may go on with an order that it shows as failed: a bad end counts when it has stayed."""
    stack = Stack(Account().free("a"))
    account = stack.account
    account.start("Deploy Application", ["b"], seconds=0.0, end=FAILED)
    order = account.orders["order-1"]

    def go_on() -> None:
        order.end, order.ends_at = SUCCESS, account.runtime.moment + 60.0

    account.runtime.after(4.0, go_on)
    account.answers = [(REFUSED, False)]
    stack.up("a")
    assert account.writes == ["out a", "out a"]
    assert account.runtime.moment > 1000.0 + 60.0


def test_an_order_that_failed_for_good_is_waited_for_once() -> None:
    """After that the refusals count as ever, and the last one is told."""
    stack = Stack(Account().free("a"))
    account = stack.account
    account.start("Deploy Application", ["b"], seconds=0.0, end=FAILED)
    account.answers = [(REFUSED, False)] * 9
    with pytest.raises(ChangeError, match="refused"):
        stack.up("a")
    assert account.writes == ["out a"] * 4


def test_refusals_are_counted_again_for_the_next_order() -> None:
    """What was refused twice and then taken leaves the next write its own patience."""
    stack = Stack(Account().free("a", "b"))
    stack.account.answers = [(REFUSED, False)] * 2
    account = stack.account
    account.before_write.extend([lambda: None] * 3)
    account.before_write.append(lambda: account.answers.extend([(REFUSED, False)] * 2))
    stack.up("a", "b", batch_size=1)
    assert stack.account.writes == ["out a"] * 3 + ["out b"] * 3


def test_a_refused_write_is_decided_again_from_a_new_reading() -> None:
    """Somebody added the machine meanwhile: the refusal was right, and nothing is left to do."""
    stack = Stack(Account().free("a"))
    account = stack.account
    account.answers = [(REFUSED, False)]
    account.before_write = [lambda: account.runtime.after(0.5, lambda: account.join("ecu-a"))]
    stack.up("a")
    assert account.writes == ["out a"]
    assert [each.instance_id for each in stack.recorded.members] == ["i-a"]


def test_a_lost_write_whose_order_failed_is_told_as_failed() -> None:
    """The order of our kind for our machine is found, and its bad end is the answer that was lost."""
    stack = Stack(Account(ends=[FAILED]).free("a"))
    stack.account.answers = [(LOST, True)]
    with pytest.raises(ChangeError, match=r"order-1 ended as failed \(3\)"):
        stack.up("a")
    assert stack.account.writes == ["out a"]
    assert stack.recorded.unsettled == frozenset({"ecu-a"})


def test_a_lost_write_is_looked_for_among_the_orders_of_its_group_alone() -> None:
    """An order of another group that begins meanwhile says nothing about ours, and is not waited for."""
    stack = Stack(Account().free("a"))
    account = stack.account
    account.answers = [(LOST, True)]

    def elsewhere() -> None:
        from dataclasses import replace  # noqa: PLC0415 - of this test alone

        other = account.start("Application Scale Out", ["a"], seconds=4.0, end=FAILED)
        account.orders[other].line = replace(account.orders[other].line, group_id="beta")

    account.before_write = [lambda: account.runtime.after(0.1, elsewhere)]
    stack.up("a")
    assert account.writes == ["out a"]
    assert stack.recorded.change_order_ids == ("order-1",)


@pytest.mark.parametrize(
    ("co_type", "names"),
    [("Application Scale In", ["c"]), ("Application Deployment", ["b"]), ("", ["b", "c"])],
)
def test_a_colleagues_order_that_failed_is_not_the_lost_one(co_type: str, names: list[str]) -> None:
    """Another kind or other machines: its bad end is not ours, which is sent again when all was quiet."""
    stack = Stack(Account().running("a", "b", "c"))
    stack.up("a", "b", "c")
    account = stack.account
    account.answers = [(LOST, False)]
    account.before_write.append(
        lambda: account.runtime.after(0.5, lambda: account.start(co_type, names, seconds=3.0, end=FAILED))
    )
    stack.up("a", "c")
    assert account.writes == ["in b", "in b"]


def test_a_cancel_while_a_lost_write_is_looked_for_leaves_an_outcome() -> None:
    """It may have been executed, so state must say what is true."""
    stack = Stack(Account().running("a").free("b"))
    stack.account.answers = [(LOST, False)]
    stack.account.before_write.append(
        lambda: stack.account.runtime.after(5.0, lambda: stack.stopped.append(CANCELLED))
    )
    with pytest.raises(ChangeError, match="was stopped") as failure:
        stack.up("a", "b")
    assert failure.value.outcome is not None


def test_a_lost_answer_is_told_and_looked_for_at_once() -> None:
    """The first looks come in quick succession: most answers are lost on the way back."""
    stack = Stack(Account().free("a"))
    account = stack.account
    account.answers = [(LOST, False)]
    stack.up("a")
    sent = next(moment for moment, name in account.calls if name == OUT)
    looks = sorted(
        {
            moment - sent
            for moment, name in account.calls
            if name == "QueryApplicationStatus" and moment >= sent
        }
    )
    assert looks[:3] == pytest.approx([0.0, 0.3, 0.75])
    assert any("ScaleOutApplication was lost; looking" in each for each in stack.heard.progressed)


def test_an_order_found_after_a_lost_answer_is_named_before_it_is_waited_for() -> None:
    """Law 14: its first poll may be half a minute away, and until then the display says what is waited for."""
    stack = Stack(Account().free("a"))
    stack.account.answers = [(LOST, True)]
    stack.up("a")
    lines = iter(stack.heard.progressed)
    assert any("ScaleOutApplication was lost" in each for each in lines)
    assert next(lines).startswith("waiting for change order")


def test_a_lost_answer_is_looked_for_with_a_line_and_its_cause() -> None:
    """Law 14: while it is not known whether EDAS executed it there is a line every ten seconds, with the cause."""
    stack = Stack(Account().free("a"))
    account = stack.account
    account.answers = [(LOST, False)]
    stack.up("a")
    lines = [each for each in stack.heard.progressed if "was lost; looking" in each]
    assert len(lines) >= 4
    assert all("the connection was interrupted" in each for each in lines)


def test_a_time_out_while_an_answer_is_looked_for_says_so() -> None:
    """The failure names the write and how it ended: an order may have begun."""
    stack = Stack(Account().free("a"))
    stack.account.answers = [(LOST, False)]
    with pytest.raises(ChangeError, match=r"sent and not answered.*the connection was interrupted"):
        stack.up("a", timeout_seconds=20)


@pytest.mark.parametrize(("chance", "pauses"), [(0.5, [2.0, 8.0]), (0.0, [1.0, 4.0])])
def test_the_pauses_after_refusals_grow_and_are_spread(chance: float, pauses: list[float]) -> None:
    """Many who were refused together do not come again together."""
    stack = Stack(Account().free("a"))
    account = stack.account
    account.runtime.random = lambda: chance  # type: ignore[method-assign]
    account.answers = [(REFUSED, False)] * 2
    stack.up("a")
    sent = [moment for moment, name in account.calls if name == OUT]
    assert [two - one for one, two in pairwise(sent)] == pytest.approx(pauses)


@pytest.mark.parametrize("order_seconds", [0.1, 5.0])
def test_a_lost_scale_out_with_a_late_listing_is_not_sent_again(order_seconds: float) -> None:
    """Its order is found and ended well, whichever call shows that; the listing gets its minute (law 7)."""
    stack = Stack(Account(order_seconds=order_seconds, listing_lag=45.0).free("a"))
    stack.account.answers = [(LOST, True)]
    stack.up("a")
    assert stack.account.writes == ["out a"]


def test_the_run_knows_who_leaves_from_the_order_on_and_for_a_minute_after_its_end() -> None:
    """Other processes must not count on a placement that is on its way out (law 11)."""
    stack = Stack(Account(order_seconds=100.0).running("a", "b"))
    stack.up("a", "b")
    account, ecc_id = stack.account, stack.account.members["ecu-b"].ecc_id
    early: list[float] = []
    account.runtime.after(20.0, lambda: early.append(stack.ownership.removed(SCOPE)[ecc_id]))
    begun = account.runtime.moment
    stack.up("a")
    assert begun <= early[0] < begun + 20.0
    assert stack.ownership.removed(SCOPE)[ecc_id] >= begun + 100.0


def test_two_orders_that_appear_after_a_lost_answer_are_both_looked_at() -> None:
    """A colleague was as fast as we: ours is found beside his, and nothing is sent again."""
    stack = Stack(Account().running("z").free("a"))
    account = stack.account
    account.answers = [(LOST, True)]
    account.before_write.append(lambda: account.start("Application Reset", ["z"], seconds=0.0))
    stack.up("z", "a")
    assert account.writes == ["out a"]
    assert stack.recorded.change_order_ids == ("order-2",)


def test_the_pauses_of_a_write_that_is_not_sent_grow() -> None:
    """A network that is away for a minute is asked a few times, not a hundred."""
    stack = Stack(Account().free("a"))
    stack.account.answers = [(NotSentError(OUT, message="connection refused"), False)] * 5
    stack.up("a")
    moments = [moment for moment, name in stack.account.calls if name == OUT]
    gaps = [later - sooner for sooner, later in pairwise(moments)]
    assert len(gaps) == 5
    assert gaps[-1] > 4 * gaps[0]
