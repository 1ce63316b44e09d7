"""The promised figures as a picture: how much of what is allowed was used.

The law of this file: one scale for all bars. A figure's median is drawn against its own limit, the spread over it, so
that the line at 1 is the promise, whatever the unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.benchmarks.results import Figure, Result

ROW: Final = 22
LABELS: Final = 560
BARS: Final = 420
TOP: Final = 64
SCALE_END: Final = 1.5
"""What is beyond one and a half times the limit is cut: it is missed, and by how much the table says."""

KEPT: Final = "#3b7d4f"
MISSED: Final = "#b3432b"
INK: Final = "#24292f"
FAINT: Final = "#8c959f"


def draw(result: Result) -> str:
    """Return the plot as SVG."""
    figures = [each for each in result.figures if each.limit]
    height = TOP + ROW * len(figures) + 12
    width = LABELS + BARS + 130
    about = result.about
    dates = sorted({run["date"] for run in about["sections"].values()})
    machine = (
        f"{about['cores']} cores, {about['memoryGiB']} GiB, Python {about['python']}, {', '.join(dates)}"
    )
    return "\n".join(
        [
            _opening(width, height),
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            '<text x="12" y="22" font-size="15" font-weight="bold">Share of the limit that was used</text>',
            f'<text x="12" y="40" fill="{FAINT}">Median, with the lowest and highest run. {escape(machine)}.</text>',
            *(_bar(each, TOP + ROW * number) for number, each in enumerate(figures)),
            *_axis(figures),
            "</svg>",
            "",
        ]
    )


def _opening(width: int, height: int) -> str:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" fill="{INK}">'


def _bar(figure: Figure, top: int) -> str:
    limit = figure.limit or 1.0
    color = KEPT if figure.kept else MISSED
    middle = top + ROW / 2
    low, high = _place(min(figure.values) / limit), _place(max(figure.values) / limit)
    short_name = f"{figure.case}: {figure.what}"
    value = f"{figure.median:.3g} of {limit:g} {figure.unit}"
    width = max(_place(figure.median / limit) - LABELS, 0.0)
    return "\n".join(
        [
            f'<text x="{LABELS - 8}" y="{middle + 4}" text-anchor="end">{escape(short_name)}</text>',
            f'<rect x="{LABELS}" y="{top + 4}" width="{width:.1f}" height="{ROW - 8}" fill="{color}"/>',
            f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="{INK}" stroke-width="1.5"/>',
            f'<text x="{LABELS + BARS + 8}" y="{middle + 4}" fill="{FAINT}">{escape(value)}</text>',
        ]
    )


def _axis(figures: Sequence[Figure]) -> list[str]:
    bottom = TOP + ROW * len(figures)
    lines = []
    for mark in (0.0, 0.5, 1.0, 1.5):
        color = INK if mark == 1.0 else "#d0d7de"
        lines.extend(
            [
                f'<path d="M{_place(mark):.1f} {TOP - 4}V{bottom}" stroke="{color}" stroke-dasharray="3 3"/>',
                f'<text x="{_place(mark):.1f}" y="{TOP - 8}" text-anchor="middle" fill="{FAINT}">{mark:g}</text>',
            ]
        )
    return lines


def _place(share: float) -> float:
    return LABELS + BARS * min(max(share, 0.0), SCALE_END) / SCALE_END
