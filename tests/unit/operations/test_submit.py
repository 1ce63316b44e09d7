"""One write, and what becomes of it when its answer is a refusal, is lost, or does not come in time (law 7)."""

from __future__ import annotations

import pytest

from pulumi_edas_scale.domain.clock import CANCELLED, Cancelled, DeadlineExceeded
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    CredentialsError,
    EdasError,
    PermissionDeniedError,
    UnavailableError,
)
from pulumi_edas_scale.operations.outcome import ChangeError
from tests.unit.operations.account import FAILED, Account, Stack

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


def test_refusals_are_counted_anew_for_the_next_order() -> None:
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
