"""What is said of an operation that did not end well."""

from __future__ import annotations

from pulumi_edas_scale.domain.clock import OperationContext
from pulumi_edas_scale.domain.errors import BusinessError
from pulumi_edas_scale.domain.model import OrderReport, Policy
from pulumi_edas_scale.operations.observe import Target
from pulumi_edas_scale.operations.outcome import Operation, Progress, call_failed
from tests.unit.quiet import QuietClient, quiet_session
from tests.unit.readings import SCOPE, application

REFUSED = BusinessError("GetChangeOrderInfo", "601", "not exist")


class Silent:
    """Whoever is told nothing."""

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
    ours = Progress(order_ids=["order-1"], own_running=True)
    theirs = Progress(running=OrderReport("order-2", 1, "", "", (), None))
    assert "change order order-1 was not seen: it may still run" in words(ours)
    assert "change order order-2 was not seen: it may still run" in words(theirs)
    assert "change order" not in words(Progress(order_ids=["order-1"]))
