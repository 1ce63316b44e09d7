from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, event, example, given, settings

from tests.contract.equivalence.engine import Stack, restart
from tests.contract.equivalence.front_ends import Diff, urn_of
from tests.contract.equivalence.histories import FAILED_THEN_REFRESHED, Step, histories

if TYPE_CHECKING:
    from tests.contract.equivalence.front_ends import FrontEnd

EXAMPLES = int(os.environ.get("EQUIVALENCE_EXAMPLES", "0"))
"""How many new histories a long search takes; without it, the same few in every run."""

NUMBERS = itertools.count()


def live(front_end: FrontEnd, history: list[Step]) -> list[dict[str, Any]]:
    """Live through a history in a new world, by one front end."""
    restart(front_end)
    stack = Stack(front_end, urn_of(front_end, next(NUMBERS)))
    return [stack.live(step) for step in history]


def comparable(reported: Any, like: Any) -> Any:  # noqa: ANN401  # anything that a step tells
    """Return a record without the detailed diffs that the other front end cannot say."""
    if isinstance(reported, Diff) and isinstance(like, Diff) and like.detailed is None:
        return Diff(reported.changes, reported.replaces, reported.delete_before_replace, None)
    if isinstance(reported, (list, tuple)) and isinstance(like, (list, tuple)) and len(reported) == len(like):
        return [comparable(*pair) for pair in zip(reported, like, strict=True)]
    if isinstance(reported, (list, tuple)):
        return list(reported)
    return reported


@settings(
    settings.get_profile("ci") if not EXAMPLES else settings(),
    max_examples=EXAMPLES or 40,
    derandomize=not EXAMPLES,
    # Histories shrink in minutes: the ordinary run shows what it found as it is.
    phases=[each for each in Phase if EXAMPLES or each is not Phase.shrink],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@example(history=FAILED_THEN_REFRESHED)
@given(history=histories)
def test_every_front_end_does_the_same(front_ends: tuple[FrontEnd, ...], history: list[Step]) -> None:
    """The same history ends in the same orders, members, answers and states, whichever front end it goes through."""
    with ThreadPoolExecutor(len(front_ends)) as threads:
        lives = list(threads.map(lambda front_end: live(front_end, history), front_ends))
    core, *others = lives
    for reported in core:
        event(f"submissions in a step: {len(reported['writes'])}")
        for what, _ in reported["answers"]:
            event(f"answer: {what}")
    for front_end, other in zip(front_ends[1:], others, strict=True):
        for step, expected, found in zip(history, core, other, strict=True):
            for name, value in expected.items():
                where = (type(front_end).__name__, name, step)
                assert comparable(found[name], value) == comparable(value, found[name]), where
