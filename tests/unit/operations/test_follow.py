"""Orders that are followed to their end, and what is said and sent on the way (law 12)."""

from __future__ import annotations

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
