"""How late the ends of many change orders are seen, and what that costs in calls.

The law of this file: no clock and no network. It lives through the simulation of ``tests/simulation/looks.py``, whose
time is virtual, so that two runs of one tree give the same figures on any machine. The version before polls left room
for others lives through the same orders in the same run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.looks import COUNTS, DOCUMENTED, HINTS, REPORT, SHAPES, concurrent
from tools.benchmarks.results import CALLS, VIRTUAL_SECONDS, Figure
from tools.benchmarks.sizes import FULL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.benchmarks.sizes import Sizes

ROOT: Final = Path(__file__).resolve().parents[2]

BEFORE: Final = "84b4ed210ba2"
"""The last commit whose polls took what the account has."""

NEIGHBOUR_CALLS: Final = 60
"""Calls a minute of somebody who asks for the state of an order once a second, as the Jenkins plugin does."""

MOST_COMPARED: Final = 200
"""More orders at once are simulated by ``--size full`` only, with a fresh hint: their ends need far more polls
than there are."""

BREACHES: Final = "calls beyond the limits"

_LIVE: Final = """
import json, sys
from tests.simulation.looks import SHAPES, concurrent
for count in json.loads(sys.argv[1]):
    for shape in SHAPES:
        found = concurrent(count, shape)
        print(json.dumps([count, shape, found.median, found.worst_twentieth, dict(found.busiest)]))
"""


def measure_pacing(sizes: Sizes) -> Iterator[Figure]:
    """Live through every number of orders and every shape of durations, with every kind of hint."""
    before = _live_before()
    breaches: list[int] = []
    throttled: list[int] = []
    counts = [each for each in COUNTS if each <= MOST_COMPARED or sizes is FULL]
    for count in counts:
        for shape in SHAPES:
            case = f"{count}: {shape}"
            busiest = 0
            for hint in HINTS if count <= MOST_COMPARED else ("fresh",):
                found = concurrent(count, shape, hint)
                yield _seconds(case, f"median, hint {hint}", found.median)
                yield _seconds(case, f"95 %, hint {hint}", found.worst_twentieth)
                busiest = max(busiest, found.busiest[REPORT])
                breaches.append(found.breaches)
            throttled.append(_throttled(busiest))
            yield _calls(case, f"{REPORT}, busiest minute", busiest)
            if (count, shape) in before:
                median, worst_twentieth, polls = before[count, shape]
                yield _seconds(case, "median, before", median)
                yield _seconds(case, "95 %, before", worst_twentieth)
                yield _calls(case, f"{REPORT}, busiest minute, before", polls)
                yield _calls(case, "a neighbour's throttled calls, before", _throttled(polls))
    cases = f"{len(breaches)} simulations of 1 to {counts[-1]} orders, together"
    yield Figure("pacing", cases, BREACHES, CALLS, (float(sum(breaches)),), 0.0)
    yield Figure(
        "pacing",
        cases,
        "throttled calls of a neighbour who polls once a second",
        CALLS,
        (float(max(throttled)),),
        0.0,
    )


def _live_before() -> dict[tuple[int, str], tuple[float, float, int]]:
    """Return median, 95 % and busiest minute of the version before; nothing where the history is not there."""
    archive = subprocess.run(["git", "archive", BEFORE], check=False, cwd=ROOT, capture_output=True)
    if archive.returncode:
        print(f"bench: {archive.stderr.decode().strip()}; nothing to compare to", file=sys.stderr)
        return {}
    with tempfile.TemporaryDirectory() as directory:
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
            files.extractall(directory, filter="data")
        counts = [each for each in COUNTS if each <= MOST_COMPARED]
        done = subprocess.run(
            [sys.executable, "-c", _LIVE, json.dumps(counts)],
            check=True,
            cwd=directory,
            env={**os.environ, "PYTHONPATH": directory},
            stdout=subprocess.PIPE,
            text=True,
        )
    lines: list[Any] = [json.loads(line) for line in done.stdout.splitlines()]
    return {(count, shape): (median, late, busiest[REPORT]) for count, shape, median, late, busiest in lines}


def _throttled(polls: int) -> int:
    return max(polls + NEIGHBOUR_CALLS - DOCUMENTED[REPORT], 0)


def _seconds(case: str, what: str, value: float) -> Figure:
    return Figure("pacing", case, what, VIRTUAL_SECONDS, (value,))


def _calls(case: str, what: str, value: int) -> Figure:
    return Figure("pacing", case, what, CALLS, (float(value),))
