"""What the operations of one process share: one account in one region.

This file's law: it holds the parts together and has no behaviour of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pulumi_edas_scale.edas.lookout import Lookout
from pulumi_edas_scale.edas.queue import KeyedQueue
from pulumi_edas_scale.edas.reads import Reads
from pulumi_edas_scale.edas.waiter import Waiter
from pulumi_edas_scale.operations.ghosts import Ghosts

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.clock import Runtime
    from pulumi_edas_scale.domain.codes import Message
    from pulumi_edas_scale.edas.api import EdasClient
    from pulumi_edas_scale.operations.ownership import Ownership


class Reporter(Protocol):
    """Where an operation says what it sees; no method blocks or raises."""

    def progress(self, text: str) -> None:
        """Replace the status line of the resource."""
        ...

    def info(self, text: str) -> None:
        """Leave a line under the resource."""
        ...

    def warn(self, warning: Message) -> None:
        """Leave a warning under the resource."""
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """The shared readings, looks and queues of one account in one region."""

    runtime: Runtime
    reads: Reads
    waiter: Waiter
    queue: KeyedQueue
    ownership: Ownership
    lookout: Lookout
    ghosts: Ghosts = field(default_factory=Ghosts)
    place: str = ""
    """Which endpoint is asked, and with which profile, for messages."""

    @property
    def client(self) -> EdasClient:
        """The boundary to EDAS."""
        return self.reads.client


def open_session(client: EdasClient, runtime: Runtime, ownership: Ownership, place: str = "") -> Session:
    """Put the parts together; no call is made."""
    reads = Reads(client, runtime)
    return Session(
        runtime, reads, Waiter(reads), KeyedQueue(runtime), ownership, Lookout(runtime), place=place
    )
