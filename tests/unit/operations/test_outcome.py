"""What is said of an operation that did not end well."""

from __future__ import annotations

import pytest

from pulumi_edas_scale.domain.clock import DeadlineExceeded, OperationContext
from pulumi_edas_scale.domain.errors import BusinessError
from pulumi_edas_scale.domain.model import Outcome, Policy
from pulumi_edas_scale.operations.observe import Target
from pulumi_edas_scale.operations.outcome import Followed, Operation, Progress, call_failed, timed_out
from tests.unit.operations.account import Account, Stack
from tests.unit.quiet import QuietClient, quiet_session
from tests.unit.readings import SCOPE, application

REFUSED = BusinessError("GetChangeOrderInfo", "601", "not exist")


class Silent:
    """A reporter that drops all."""

    def progress(self, text: str) -> None:
        """Take no note."""

    def info(self, text: str) -> None:
        """Take no note."""

    def warn(self, text: str) -> None:
        """Take no note."""


def words(progress: Progress) -> str:
    """Return what is said when a poll is refused for good."""
    session = quiet_session(QuietClient(application()))
    target = Target("", SCOPE, (), Policy())
    operation = Operation(session, target, OperationContext(session.runtime), Silent(), progress=progress)
    return call_failed(operation, REFUSED).message


def test_an_order_whose_end_was_not_seen_is_named() -> None:
    """S69: when polls are refused for good, the message names the order that may still run, ours or not."""
    ours = Progress(order_ids=["order-1"], own_running=True, running=Followed("order-1", None, 0.0))
    theirs = Progress(running=Followed("order-2", 1, 0.0))
    assert "Change order order-1 was active" in words(ours)
    assert "Change order order-2 was running (1)" in words(theirs)
    assert all("goes on in EDAS unless it has ended since" in words(each) for each in (ours, theirs))
    assert "order-1" not in words(Progress(order_ids=["order-1"]))


@pytest.mark.parametrize(("deleting", "command"), [(False, "pulumi up"), (True, "pulumi destroy")])
def test_a_write_without_an_answer_is_looked_for_by_the_same_command(deleting: bool, command: str) -> None:  # noqa: FBT001
    """S70: after a time-out with a write under way, the message says which command looks for its order."""
    session = quiet_session(QuietClient(application()))
    target = Target("", SCOPE, (), Policy(), deleting=deleting)
    progress = Progress(unanswered="ScaleInApplication")
    operation = Operation(session, target, OperationContext(session.runtime), Silent(), progress=progress)
    assert (
        f"ScaleInApplication was sent and not answered, so a change order may have begun; the next '{command}'"
        in (timed_out(operation, DeadlineExceeded()).message)
    )


def test_a_delete_of_what_is_gone_has_nobody_left_and_keeps_its_names() -> None:
    """The group or its application is gone: no member, nobody else, and what was recorded of the place."""
    stack = Stack(Account().free("a"))
    stack.up("a")
    stack.account.gone = True
    assert stack.destroy() == Outcome((), (), 0, "web", "cluster", ("order-1",))
