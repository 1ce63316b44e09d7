"""How long a failing reading is tried again, on virtual time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.clock import DeadlineExceeded, OperationContext
from pulumi_edas_scale.domain.errors import EndpointError, NotSentError, UnavailableError
from pulumi_edas_scale.edas.reads import Reads
from tests.unit.quiet import QuietClient, QuietRuntime
from tests.unit.readings import application

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.errors import EdasError
    from pulumi_edas_scale.domain.model import Application


@dataclass
class FailingClient(QuietClient):
    """An EDAS of which every reading fails the same way, until a moment of virtual time."""

    error: type[EdasError] = EndpointError
    clock: QuietRuntime | None = None
    until: float = float("inf")

    def read_application(self, app_id: str) -> Application:
        """Fail, or answer when that is over."""
        if self.clock is not None and self.clock.now() >= self.until:
            return super().read_application(app_id)
        raise self.error("QueryApplicationStatus", message="a cause")


def read(error: type[EdasError], *, retry_timeout: float | None = None, until: float = float("inf")) -> float:
    """Read once with a deadline of half an hour; return after how many seconds it was answered."""
    clock = QuietRuntime()
    client = FailingClient(application(), error=error, clock=clock, until=until)
    context = OperationContext(clock, 1800.0, retry_timeout=retry_timeout)
    try:
        Reads(client, clock).application(client.live.app_id, context, begun_after=0.0)
    except Exception as failure:
        failure.args = (*failure.args, clock.now())
        raise
    return clock.now()


@pytest.mark.parametrize(("retry_timeout", "longest"), [(None, 60.0), (60.0, 10.0), (8.0, 10.0)])
def test_s88_what_does_not_mend_itself_ends(retry_timeout: float | None, longest: float) -> None:
    """S88: an endpoint that cannot be used as configured ends an update within a minute, a refresh in ten seconds."""
    with pytest.raises(EndpointError, match="a cause") as caught:
        read(EndpointError, retry_timeout=retry_timeout)
    assert caught.value.args[-1] <= longest


def test_a_name_may_be_missing_for_a_moment() -> None:
    """A name that resolves after two seconds is no failure: networks come up late."""
    assert read(EndpointError, until=2.0, retry_timeout=60.0) < 10.0
    assert read(EndpointError, until=10.0) < 30.0


@pytest.mark.parametrize("error", [NotSentError, UnavailableError])
def test_what_may_mend_itself_is_waited_for(error: type[EdasError]) -> None:
    """A refused connection, a reset and a time-out are tried again until the deadline."""
    with pytest.raises(DeadlineExceeded):
        read(error)
