"""The laws of a membership in invented lives: ``make test`` plays some hundreds, ``make soak`` thousands of others."""

from __future__ import annotations

import os
import pprint
import random
import time
from typing import Final

import pytest

from tests.simulation.histories import History, Report, play
from tests.simulation.invention import invent, shorten

SEEDS: Final = range(300)
CHUNK: Final = 20
SOAK: Final = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
SOAK_HISTORIES: Final = 10_000
SOAK_SECONDS: Final = float(os.environ.get("SOAK_SECONDS", "3000"))


def failure_of(seed: int, history: History, report: Report) -> str:
    """Return what a person needs to see and to replay: the shortest history found, and what happened in it."""
    shortest = shorten(history)
    reported = play(shortest) if play(shortest).broken else report
    return "\n".join(
        [
            f"seed {seed} broke: {'; '.join(report.broken)}",
            "a shorter history that fails, for test_histories.py:",
            pprint.pformat(shortest, width=110),
            *reported.lines,
            *reported.broken,
        ]
    )


@pytest.mark.parametrize("first", SEEDS[::CHUNK])
def test_no_invented_history_breaks_a_law(first: int) -> None:
    """Whatever other people, EDAS and accidents do: the ten laws hold, and the last program is reached."""
    for seed in range(first, first + CHUNK):
        history = invent(seed)
        report = play(history)
        assert not report.broken, failure_of(seed, history, report)


def test_a_history_is_the_same_every_time() -> None:
    """A seed decides everything: two plays of one history tell the same, to the last digit."""
    for seed in (3, 11, 19):
        assert play(invent(seed)) == play(invent(seed))


@pytest.mark.skipif(not SOAK, reason="make soak plays new histories for an hour at most")
@pytest.mark.timeout(0)
def test_no_new_history_breaks_a_law() -> None:
    """The same with other seeds in every run, as many as time allows."""
    begin = random.SystemRandom().randrange(10**9)
    print(f"\nsoak: seeds from {begin}")  # noqa: T201 - who reads a soak wants to repeat it
    end = time.monotonic() + SOAK_SECONDS
    for seed in range(begin, begin + SOAK_HISTORIES):
        if time.monotonic() > end:
            print(f"soak: time is over after {seed - begin} histories")  # noqa: T201 - as above
            break
        history = invent(seed)
        report = play(history)
        assert not report.broken, failure_of(seed, history, report)
