"""Orders that are followed to their end, and what is said and sent on the way (law 12)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from pulumi_edas_scale.domain.clock import ENGINE_GONE
from pulumi_edas_scale.domain.errors import BusinessError, EdasError, ThrottledError, UnavailableError
from pulumi_edas_scale.operations.outcome import ChangeError
from tests.unit.operations.account import HELD, SUCCESS, Account, Stack

CONFIRMATION = "ContinuePipeline"


def test_a_held_order_is_confirmed_once_however_long_it_stays_held() -> None:
    """EDAS needs a while to go on; a second confirmation could be that of the next batch."""
    stack = Stack(Account(held=True, confirmation_lag=30.0).free("a"))
    stack.up("a", confirm_batches=True)
    assert stack.account.writes == ["out a", "confirm order-1"]


@pytest.mark.parametrize(
    "error",
    [
        BusinessError(CONFIRMATION, "601", "service exception"),
        ThrottledError(CONFIRMATION, "Throttling.User", "too many calls"),
        UnavailableError(CONFIRMATION, message="the connection was interrupted"),
    ],
)
def test_a_confirmation_that_fails_is_sent_again_while_the_order_is_held(error: EdasError) -> None:
    """Whether it was executed shows at the next poll; it fails nothing."""
    stack = Stack(Account(held=True, refuse_writes={CONFIRMATION: error}).free("a"))
    stack.up("a", confirm_batches=True)
    assert stack.account.writes == ["out a", "confirm order-1"]


def test_nothing_is_confirmed_once_the_engine_is_gone() -> None:
    """The poll that shows the held order may be the last thing before the engine goes."""
    stack = Stack(Account(held=True).free("a"))
    account, original = stack.account, stack.account.read_change_order

    def poll_and_stop(order_id: str) -> object:
        if account.status(order_id) == HELD:
            stack.stopped.append(ENGINE_GONE)
        return original(order_id)

    account.read_change_order = poll_and_stop  # type: ignore[assignment,method-assign]
    with pytest.raises(ChangeError, match="the engine is gone"):
        stack.up("a", confirm_batches=True)
    assert account.writes == ["out a"]


def test_a_status_that_nobody_knows_is_waited_for_and_told_once() -> None:
    """A new number of EDAS's is neither an end nor a failure."""
    stack = Stack(Account(ends=[77]).free("a"))

    def end_well() -> None:
        stack.account.orders["order-1"].end = SUCCESS
        stack.account.join("ecu-a")

    stack.account.runtime.after(60.0, end_well)
    stack.up("a")
    assert [each.instance_id for each in stack.recorded.members] == ["i-a"]
    assert len([each for each in stack.heard.warned if "77" in each]) == 1


def test_every_poll_says_which_order_is_how_far() -> None:
    """Who looks at the display knows the order, its status and its age; a poll that failed says why."""
    stack = Stack(Account(order_seconds=20.0).free("a"))
    account = stack.account
    account.refuse_reads["GetChangeOrderInfo"] = UnavailableError("GetChangeOrderInfo", message="reset")
    account.runtime.after(10.0, account.refuse_reads.clear)
    stack.up("a")
    said = stack.heard.progressed
    assert any(
        each.startswith("change order order-1, 0 s; asking again. ") and "reset" in each for each in said
    )
    assert any(each.startswith("change order order-1 is running (1), ") for each in said)


def test_an_order_whose_polls_all_fail_is_named_by_the_time_out() -> None:
    """EDAS has given its id: nobody may have to look for it (law 14)."""
    refused = {"GetChangeOrderInfo": UnavailableError("GetChangeOrderInfo", message="reset")}
    stack = Stack(Account(order_seconds=3600.0, refuse_reads=dict(refused)).free("a"))
    with pytest.raises(ChangeError, match="order-1"):
        stack.up("a", timeout_seconds=60.0)


def test_a_held_order_of_somebody_else_is_named_once_with_its_owner() -> None:
    """It waits for a person, so it says for whom; and an order that was there before is named as it is."""
    stack = Stack(Account(order_seconds=1.0).free("a"))
    account = stack.account
    account.start("Deploy Application", ["b"], seconds=1.0, held=True)
    account.runtime.after(60.0, lambda: account.confirm("order-1"))
    stack.up("a", confirm_batches=True)
    warned = [each for each in stack.heard.warned if "order-1" in each]
    assert len(warned) == 1
    assert "colleague" in warned[0]
    assert any("order-1" in each and "colleague" in each for each in stack.heard.progressed)
    assert account.writes == ["out a"]


def test_a_status_that_nobody_knows_names_its_order() -> None:
    """The number alone helps nobody to find it in the console."""
    stack = Stack(Account(ends=[77]).free("a"))
    stack.account.runtime.after(30.0, lambda: setattr(stack.account.orders["order-1"], "end", SUCCESS))
    stack.account.runtime.after(30.0, lambda: stack.account.join("ecu-a"))
    stack.up("a")
    assert any("order-1" in each and "77" in each for each in stack.heard.warned)


def test_the_end_of_a_recorded_order_of_ours_is_worth_recording() -> None:
    """A run that was killed left its order at work. Who followed it and is stopped then has something to save."""
    stack = Stack(Account().running("x"))
    account = stack.account
    stack.up("x")
    joined = partial(account.join, "ecu-a")
    order_id = account.start("Scale Out", ["a"], seconds=30.0, by="us", effect=joined)
    stack.recorded = replace(stack.recorded, change_order_ids=(order_id,))
    account.runtime.after(60.0, lambda: stack.stopped.append(ENGINE_GONE))
    with pytest.raises(ChangeError) as failure:
        stack.up("x", "a", "absent")
    assert failure.value.outcome is not None
    assert {each.instance_id for each, _ in failure.value.outcome.members} == {"i-a", "i-x"}


def test_after_an_order_nobody_uses_an_older_reading() -> None:
    """Whoever shares readings of that application reads anew."""
    stack = Stack(Account(order_seconds=5.0).free("a"))
    operation = stack.operation(["a"])
    reads, ended = operation.session.reads, []
    tell = reads.order_ended

    def order_ended(app_id: str, order_id: str) -> None:
        ended.append((app_id, order_id))
        tell(app_id, order_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(reads), "order_ended", lambda _, app_id, order_id: order_ended(app_id, order_id))
        stack._run(operation)
    assert ended == [(operation.target.scope.app_id, "order-1")]
