"""When a reading that fails is believed.

This file's law: one answer is not the truth (law 15). EDAS answers Code 601 when it refuses and when it has stumbled,
and nobody knows how it spells an empty list, so a refusal, or an answer that is not understood, is a doubt until it
has been seen again. What is unavailable or throttled says nothing about EDAS and is never believed, however often.

Pure: no clock, no I/O; every method gets the moment ``now``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain.errors import BusinessError, EdasError, NotUnderstoodError

if TYPE_CHECKING:
    from typing_extensions import Self

FORGOTTEN_SECONDS: Final = 60.0
"""A failure says nothing about another one that comes so much later."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """How often the same must be seen, and over how many seconds, before it is believed."""

    looks: int
    seconds: float


AGREED: Final = Threshold(looks=3, seconds=15.0)
"""What law 15 asks for."""

TWICE: Final = Threshold(looks=2, seconds=5.0)
"""Where another witness says the same."""

AT_ONCE: Final = Threshold(looks=1, seconds=0.0)
"""Where the caller itself asks again, or expected nothing else."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often the same was seen, and since when."""

    since: float
    looks: int

    def believed(self, threshold: Threshold, now: float) -> bool:
        """Return whether that is enough."""
        return self.looks >= threshold.looks and now - self.since >= threshold.seconds


@dataclass(frozen=True, slots=True)
class Trouble:
    """The failures of one reading since it last went well, of all callers.

    Attributes:
        since: when the first call that failed began.
        last: when the last one did.
        error: how the last one failed.
        tries: how many there were.
        refused, misunderstood: those that EDAS answered, by kind: the two do not agree with each other.
    """

    since: float
    last: float
    error: EdasError
    tries: int = 1
    refused: Agreement | None = None
    misunderstood: Agreement | None = None

    @classmethod
    def beginning(cls, error: EdasError, now: float) -> Self:
        """Return the trouble after a first failure."""
        return cls(
            now,
            now,
            error,
            1,
            Agreement(now, 1) if isinstance(error, BusinessError) else None,
            Agreement(now, 1) if isinstance(error, NotUnderstoodError) else None,
        )

    def after(self, error: EdasError, now: float) -> Trouble:
        """Return the trouble after one more failure, whose call began at the moment ``now``."""
        fresh = Trouble.beginning(error, now)
        if now - self.last > FORGOTTEN_SECONDS:
            return fresh
        return Trouble(
            self.since,
            now,
            error,
            self.tries + 1,
            _joined(self.refused, fresh.refused),
            _joined(self.misunderstood, fresh.misunderstood),
        )

    @property
    def doubt(self) -> Agreement | None:
        """What agrees with the last failure; None when EDAS gave no answer that could be believed."""
        if isinstance(self.error, BusinessError):
            return self.refused
        return self.misunderstood if isinstance(self.error, NotUnderstoodError) else None


def _joined(before: Agreement | None, fresh: Agreement | None) -> Agreement | None:
    if before is None or fresh is None:
        return before or fresh
    return Agreement(before.since, before.looks + 1)
