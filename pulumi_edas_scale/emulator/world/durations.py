"""How time passes for a change order: at once, by polls, or by seconds.

The law of this file: a duration is data. Nothing here looks at a clock; `progress.py` compares a duration with
the `now` it was given. The three forms let a test choose between "ended before anybody looked", "ended at the
n-th look" and "ended when n seconds had passed".
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Duration:
    """The length of one phase of a change order: in polls or in seconds; both None is "at once"."""

    polls: int | None = None  # reads of the order that still show the phase
    seconds: float | None = None

    @property
    def immediate(self) -> bool:
        """Return whether the phase takes no time at all."""
        return not self.polls and not self.seconds

    def divided(self, parts: int) -> Duration:
        """Return one of `parts` equal shares; polls are rounded up so that no share is lost."""
        if self.polls is not None:
            return Duration(polls=math.ceil(self.polls / parts))
        if self.seconds is not None:
            return Duration(seconds=self.seconds / parts)
        return self


IMMEDIATE = Duration()


def parse_duration(value: object) -> Duration:
    """Read `"immediate"`, `"polls:3"`, `"seconds:0.5"` or a bare number of seconds.

    Raises:
        ValueError: the text is none of these, or the count is negative; the caller names the place.
    """
    if value == "immediate":
        return IMMEDIATE
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    unit, _, count = f"seconds:{value}".partition(":") if is_number else str(value).partition(":")
    try:
        if unit == "polls" and int(count) >= 0:
            return Duration(polls=int(count))
        if unit == "seconds" and 0 <= float(count) < math.inf:
            return Duration(seconds=float(count))
    except ValueError:
        pass
    raise ValueError(f"must be 'immediate', 'polls:N', 'seconds:X' or a number of seconds, got {value!r}")
