"""What EDAS answered, word for word.

The values of ``model.py`` hold what the provider needs; a person who looks into a change order, or checks a fact
about the API, needs the rest too. This file's law: it only remembers.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pulumi_edas_scale.edas.client import Exchange

REMEMBERED_CALLS: Final = 64
"""Enough for a command that ends; one that watches for hours must not keep every answer."""


class Recorder:
    """The last calls of one client, which calls ``note``; for one thread."""

    def __init__(self) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=REMEMBERED_CALLS)

    def remember_all(self) -> None:
        """Forget nothing from now on: a recording is made, which ends after some minutes."""
        self._exchanges = deque(self._exchanges)

    def note(self, exchange: Exchange) -> None:
        """Remember a call."""
        self._exchanges.append(exchange)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The last calls, oldest first."""
        return tuple(self._exchanges)

    def body_of(self, operation: str) -> object:
        """Return the body of the last good answer to an operation, None when there was none."""
        good = (
            each.body for each in reversed(self._exchanges) if each.operation == operation and not each.error
        )
        return next(good, None)
