"""What the number of a change order's status means, and when a bad end is believed.

This file's law: the table below is the only place that knows the numbers. A number that is not in it is waited
for, never guessed.

Source: EDAS API 2017-08-01, GetChangeOrderInfo, field ``Status`` (7 only in the SDK's comments).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final


class Phase(enum.Enum):
    """What a status asks of the one who waits."""

    ACTIVE = "active"
    HELD = "held"
    SUCCEEDED = "succeeded"
    ENDED_BADLY = "ended badly"
    UNKNOWN = "unknown"


STATUSES: Final[dict[int, tuple[str, Phase]]] = {
    0: ("ready", Phase.ACTIVE),
    1: ("running", Phase.ACTIVE),
    2: ("success", Phase.SUCCEEDED),
    3: ("failed", Phase.ENDED_BADLY),
    6: ("aborted", Phase.ENDED_BADLY),
    7: ("partial", Phase.ENDED_BADLY),
    8: ("held", Phase.HELD),
    9: ("batch wait", Phase.ACTIVE),
    10: ("system failure", Phase.ENDED_BADLY),
}


class OrderType(enum.Enum):
    """What an order changes, as far as its display text can be understood."""

    SCALE_OUT = "scale out"
    SCALE_IN = "scale in"
    OTHER = "something else"
    UNKNOWN = "not known"


_TYPE_WORDS: Final = (
    (OrderType.SCALE_OUT, ("scale out", "scaleout", "\u6269\u5bb9")),
    (OrderType.SCALE_IN, ("scale in", "scalein", "\u7f29\u5bb9")),
    (OrderType.OTHER, ("deploy", "start", "stop", "roll back", "rollback", "reset", "change", "delete")),
    (OrderType.OTHER, ("\u90e8\u7f72", "\u542f\u52a8", "\u505c\u6b62", "\u91cd\u542f", "\u56de\u6eda")),
)
"""``CoType`` is a text for people, in English or Chinese; ``CoTypeCode`` pairs a scale out with ``CoDeploy``, so it
says nothing."""


def type_of(co_type: str) -> OrderType:
    """Return what an order changes; UNKNOWN for a text that is not understood, which proves nothing."""
    text = co_type.casefold().replace("-", " ").replace("_", " ")
    return next(
        (kind for kind, words in _TYPE_WORDS if any(each in text for each in words)), OrderType.UNKNOWN
    )


AGREEING_LOOKS: Final = 3
"""EDAS retries a failed task by itself, so a failure can turn again; another client polls three times as well."""

AGREEING_SECONDS: Final = 15.0
"""Three looks within a second would see the same moment; the looks that agree must span this long."""


def phase_of(status: int | None) -> Phase:
    """Return what a status asks of the one who waits; UNKNOWN for a missing one or one EDAS does not document.

    The batches, instances and tasks of an order have the same numbers.
    """
    return STATUSES[status][1] if status in STATUSES else Phase.UNKNOWN


def is_ended(status: int | None) -> bool:
    """Return whether nothing more happens by itself after that status (2, 3, 6, 7, 10)."""
    return phase_of(status) in {Phase.SUCCEEDED, Phase.ENDED_BADLY}


def is_active(status: int) -> bool:
    """Return whether an order of that status occupies its application (0, 1, 8, 9)."""
    return phase_of(status) in {Phase.ACTIVE, Phase.HELD}


def word_of(status: int) -> str:
    """Return the status in a word, ``failed``."""
    return STATUSES.get(status, ("of unknown state", Phase.UNKNOWN))[0]


def describe_status(status: int) -> str:
    """Return the status in word and number, ``failed (3)``."""
    return f"{word_of(status)} ({status})"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How sure a bad end is: since when, and how many looks in a row agreed."""

    since: float | None = None
    looks: int = 0

    def after(self, status: int, now: float) -> Confirmation:
        """Return the belief after one more look, at the moment ``now`` in seconds."""
        if phase_of(status) is not Phase.ENDED_BADLY:
            return Confirmation()
        return self.once_more(now)

    def once_more(self, now: float) -> Confirmation:
        """Return the belief after one more answer, at the moment ``now``, that agrees with those before."""
        return Confirmation(now if self.since is None else self.since, self.looks + 1)

    def confirmed(self, now: float) -> bool:
        """Return whether the bad end is believed at the moment ``now``."""
        return (
            self.since is not None and self.looks >= AGREEING_LOOKS and now - self.since >= AGREEING_SECONDS
        )

    def next_poll(self, now: float) -> float:
        """Return the moment of the next look that could settle the question; ``now`` when nothing is in doubt."""
        if self.since is None:
            return now
        missing = max(AGREEING_LOOKS - self.looks, 1)
        return now + max((self.since + AGREEING_SECONDS - now) / missing, 0.0)
