"""What was measured: figures with their spread, as a table, as JSON, and against an earlier result.

The law of this file: only ratios, counts and seconds of virtual time are compared. A real second depends on the machine
and on its other users; a ratio of two things measured in turns on the same machine, hardly.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FORMAT: Final = 1
"""Version of the stored file; another one is not compared."""

RATIO: Final = "x"
CALLS: Final = "calls"
SECONDS: Final = "s"
VIRTUAL_SECONDS: Final = "virtual s"
MEGABYTES: Final = "MB"

COMPARED: Final = frozenset({RATIO, CALLS, VIRTUAL_SECONDS})

RATIO_TOLERANCE: Final = 1.25
"""On a shared machine the median of few runs wanders by a fifth; less than this is no news."""

CALLS_TOLERANCE: Final = 1.05
"""How often an order is looked at depends on when it ends, by a call in twenty."""

CALLS_SLACK: Final = 1.0


@dataclass(frozen=True)
class Figure:
    """One thing that was measured, several times.

    Attributes:
        section: the part of the benchmark.
        case: what was done, and how large.
        what: what was measured of it.
        unit: of the values; ``x`` is a ratio.
        values: one for each run, in order.
        limit: the most that the median may be, None where nothing is promised.
    """

    section: str
    case: str
    what: str
    unit: str
    values: tuple[float, ...]
    limit: float | None = None

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"{self.section}, {self.case}, {self.what}: nothing was measured")

    @property
    def key(self) -> str:
        """What finds the same figure in another result."""
        return f"{self.section} | {self.case} | {self.what} | {self.unit}"

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def kept(self) -> bool | None:
        """Whether the median is within the limit; None without a limit."""
        return None if self.limit is None else self.median <= self.limit


@dataclass
class Result:
    """What was measured on one machine; both sides of a ratio belong to one run of their section.

    Attributes:
        about: the machine; under ``sections`` when, with what and in how busy a minute each section was begun.
        figures: in the order in which they were measured.
    """

    about: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)

    def replace_section(self, name: str, run: Mapping[str, Any], figures: Sequence[Figure]) -> None:
        """Put what was measured anew in place of what was known of a section."""
        self.about["sections"] = {**self.about["sections"], name: run}
        self.figures = [*(each for each in self.figures if each.section != name), *figures]

    def to_json(self) -> dict[str, Any]:
        """Return what is stored."""
        return {
            "format": FORMAT,
            "about": self.about,
            "figures": [
                {
                    "section": each.section,
                    "case": each.case,
                    "what": each.what,
                    "unit": each.unit,
                    "median": round(each.median, 4),
                    "values": [round(value, 4) for value in each.values],
                    "limit": each.limit,
                }
                for each in self.figures
            ],
        }


def parse_result(stored: Mapping[str, Any]) -> Result:
    """Return a stored result.

    Raises:
        ValueError: it was stored by another version of this file.
    """
    if stored.get("format") != FORMAT:
        raise ValueError(f"the stored result has format {stored.get('format')!r}, not {FORMAT}")
    return Result(
        stored["about"],
        [
            Figure(
                each["section"],
                each["case"],
                each["what"],
                each["unit"],
                tuple(each["values"]),
                each["limit"],
            )
            for each in stored["figures"]
        ],
    )


def ratio(
    section: str,
    case: str,
    what: str,
    pair: tuple[Sequence[float], Sequence[float]],
    limit: float | None = None,
) -> Figure:
    """Return how many times longer (or larger) one thing is than another that was measured in turns with it.

    Each value is divided by the *median* of the other side: runs of a pair are neighbours, yet not simultaneous, and
    one slow run of the other side must not make this one look good.
    """
    ours, theirs = pair
    middle = statistics.median(theirs)
    return Figure(section, case, what, RATIO, tuple(value / middle for value in ours), limit)


@dataclass(frozen=True)
class Worse:
    """A figure that was better in an earlier result."""

    now: Figure
    before: Figure

    def __str__(self) -> str:
        now, before = self.now, self.before
        unit = "" if now.unit == RATIO else f" {now.unit}"
        return (
            f"{now.section}, {now.case}, {now.what}: {_number(now.median, now.unit)}{unit} ({_spread(now)}), was "
            f"{_number(before.median, before.unit)}{unit} ({_spread(before)})"
        )


def compare(now: Result, before: Result) -> list[Worse]:
    """Return the figures that became worse, and are so beyond what one run differs from another.

    A figure that is not in both results, or measures with other sizes, is passed over.
    """
    known = {each.key: each for each in before.figures}
    pairs = ((each, known[each.key]) for each in now.figures if each.key in known and each.unit in COMPARED)
    return [Worse(new, old) for new, old in pairs if _is_worse(new, old)]


def _is_worse(now: Figure, before: Figure) -> bool:
    if now.unit == CALLS:
        return now.median > max(before.median * CALLS_TOLERANCE, before.median + CALLS_SLACK)
    return now.median > before.median * RATIO_TOLERANCE and min(now.values) > max(before.values)


def render_table(figures: Iterable[Figure]) -> str:
    """Return the figures as a Markdown table: readable on a screen, and in a document as it is."""
    rows = [("section", "case", "measured", "median", "lowest to highest", "runs", "limit", "")]
    for each in figures:
        limit = "" if each.limit is None else f"{_number(each.limit, each.unit)} {each.unit}"
        verdict = {None: "", True: "kept", False: "**missed**"}[each.kept]
        rows.append(
            (
                each.section,
                each.case,
                each.what,
                f"{_number(each.median, each.unit)} {each.unit}",
                _spread(each),
                str(len(each.values)),
                limit,
                verdict,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return f"| {' | '.join(cells)} |"


def _spread(figure: Figure) -> str:
    low, high = min(figure.values), max(figure.values)
    return "" if len(figure.values) == 1 else f"{_number(low, figure.unit)} to {_number(high, figure.unit)}"


def _number(value: float, unit: str) -> str:
    if unit == CALLS:
        return f"{value:g}"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"  # noqa: PLR2004 - three digits are enough
