"""Many change orders at once, as the pacer sees them: when they begin, when they end, when that is seen.

The law of this file: the pacer, the budgets and the choice between report and list are the real ones; only time,
the orders and EDAS's answers are made up here, and the same arguments give the same result to the last digit.
"""

from __future__ import annotations

import heapq
import math
import random
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain.model import Application, ApplicationSummary
from pulumi_edas_scale.edas.poll_schedule import PollSchedule
from pulumi_edas_scale.edas.rate_limit import CALLS_PER_MINUTE, UNLISTED_CALLS_PER_MINUTE
from pulumi_edas_scale.edas.reads import Reads
from pulumi_edas_scale.edas.waiter import Way
from tests.unit.quiet import QuietClient, QuietRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

REPORT: Final = "GetChangeOrderInfo"
LIST: Final = "ListRecentChangeOrder"
HINT: Final = "ListApplication"
DOCUMENTED: Final = {
    REPORT: CALLS_PER_MINUTE[REPORT],
    LIST: UNLISTED_CALLS_PER_MINUTE,
    HINT: CALLS_PER_MINUTE[HINT],
}
"""Calls a minute."""

KIND: Final = "scale out"

CALL_SECONDS: Final = 0.05

BEGIN_WITHIN_SECONDS: Final = 5.0

ENDS_TO_JUDGE_BY: Final = 200
"""Few orders are lived through several times, for the order of chance in one life says little."""

HINTS: Final[Mapping[str, float]] = {"fresh": 0.0, "3 s stale": 3.0, "never": math.inf, "failing": math.nan}
"""How old what ListApplication shows may be; seconds."""

COUNTS: Final = (1, 10, 50, 200, 1000)
"""How many orders run at once."""

SHAPES: Final[Mapping[str, Callable[[random.Random], float]]] = {
    "all 2 s": lambda _: 2.0,
    "all 30 s": lambda _: 30.0,
    "30 s, give or take a tenth": lambda rng: max(rng.gauss(30.0, 3.0), 1.0),
    "uniform, 10 to 60 s": lambda rng: rng.uniform(10.0, 60.0),
    "lognormal, median 20 s": lambda rng: min(rng.lognormvariate(3.0, 0.7), 600.0),
    "half 5 s, half 5 min": lambda rng: max(
        rng.gauss(5.0, 0.5) if rng.random() < 0.5 else rng.gauss(300.0, 15.0),
        1.0,
    ),
}
"""How the durations of orders may be spread; seconds."""


@dataclass
class Life:
    """Orders that take known times, one process that waits for them, and how late each end was seen.

    Attributes:
        begins: when each order begins, ascending.
        durations: how long each takes.
        pacer: who decides about the looks.
        late: seconds between the end of an order and the answer that showed it, by its place.
        calls: the moments of the calls of each operation, ascending.
    """

    begins: Sequence[float]
    durations: Sequence[float]
    stale: float = 0.0
    poll_schedule: PollSchedule = field(default_factory=PollSchedule)
    late: dict[int, float] = field(default_factory=dict)
    calls: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _clock: QuietRuntime = field(default_factory=QuietRuntime)
    _answers: list[tuple[float, int]] = field(default_factory=list)
    _ways: defaultdict[int, Way] = field(default_factory=lambda: defaultdict(Way))

    def __post_init__(self) -> None:
        nothing = Application("app", "app", "cluster", (), ())
        self._inventory = Reads(QuietClient(nothing), self._clock)

    def run(self, until: float = 7200.0) -> Life:
        """Let virtual time pass until every end was seen, or until a moment."""
        begun = 0
        while len(self.late) < len(self.begins) and self._clock.moment < until:
            now = self._clock.moment
            while begun < len(self.begins) and self.begins[begun] <= now:
                self.poll_schedule.watch(str(begun), str(begun), KIND, self.begins[begun], now)
                begun += 1
            while self._answers and self._answers[0][0] <= now:
                self._hear(heapq.heappop(self._answers)[1], now)
            self._hint(now)
            due = self._look(now), self.poll_schedule.next_hint(1.0)
            nexts = [now + 1.0, *self.begins[begun : begun + 1], *(each for each, _ in self._answers[:1])]
            self._clock.moment = min([*nexts, *(each for each in due if each is not None)])
        return self

    def _hint(self, now: float) -> None:
        """Ask for hints when it is time, as the waiter does; the answer is there at once, and made of the past."""
        moment = self.poll_schedule.next_hint(1.0)
        if moment is None or moment > now:
            return
        asked = self.poll_schedule.begin_hint(now)
        self.calls[HINT].append(now)
        if math.isnan(self.stale):
            self.poll_schedule.hints.failed(now)
            return
        self.poll_schedule.take_hint([self._line(each, now - self.stale) for each in asked], now)

    def _line(self, name: str, moment: float) -> ApplicationSummary:
        begun = self.begins[int(name)]
        ended = begun + self.durations[int(name)] <= moment
        running = begun <= moment and not ended
        return ApplicationSummary(
            name, name, "", 2, "DEPLOYING" if running else "RUNNING", 2, 2 if ended else 1
        )

    def _look(self, now: float) -> float | None:
        """Make the looks that are due, as the waiter does; return when the next will be, None if unknown."""
        while sum((spare := self._inventory.spare_polls(now)).values()) >= 1:
            choice = self.poll_schedule.next_poll(sum(spare.values()))
            if choice is None or choice[1] > now:
                return None if choice is None else choice[1]
            operation = self._ways[int(choice[0])].choose(spare)
            assert operation is not None
            self._ways[int(choice[0])].polls += 1
            self._inventory.begin_poll(operation, now)
            self.calls[operation].append(now)
            self.poll_schedule.poll_begins(choice[0], now)
            heapq.heappush(self._answers, (now + CALL_SECONDS, int(choice[0])))
        return None

    def _hear(self, place: int, now: float) -> None:
        name = str(place)
        end = self.begins[place] + self.durations[place]
        if end > now - CALL_SECONDS / 2:
            self.poll_schedule.poll_ends(name, now)
            return
        self.late[place] = now - end
        self.poll_schedule.learn(name, now)
        self.poll_schedule.forget(name)


@dataclass(frozen=True)
class Found:
    """What several lives with as many orders of one shape showed.

    Attributes:
        late: how late the ends were seen, ascending; seconds.
        busiest: the most calls of each operation within any minute.
    """

    late: tuple[float, ...]
    busiest: Mapping[str, int]

    @property
    def median(self) -> float:
        """How late the middle end was seen."""
        return statistics.median(self.late)

    @property
    def worst_twentieth(self) -> float:
        """How late nineteen in twenty ends were seen at most."""
        return self.late[int((len(self.late) - 1) * 0.95)]

    @property
    def breaches(self) -> int:
        """By how many calls the documented limits were exceeded in the busiest minute."""
        return sum(max(self.busiest.get(each, 0) - limit, 0) for each, limit in DOCUMENTED.items())


def concurrent(count: int, shape: str, hint: str = "fresh") -> Found:
    """Live through so many orders that begin within five seconds."""
    lives = [_life(count, shape, seed, HINTS[hint]) for seed in range(_lives(count))]
    late = sorted(each for life in lives for each in life.late.values())
    if len(late) != count * len(lives):
        raise RuntimeError(f"{count * len(lives) - len(late)} ends were never seen")
    busiest = {each: max(most_in_a_minute(life.calls[each]) for life in lives) for each in DOCUMENTED}
    return Found(tuple(late), busiest)


def _lives(count: int) -> int:
    """Return how many lives show enough ends; of a single order fewer do, because nobody is in its way."""
    return max(ENDS_TO_JUDGE_BY // max(count, 10), 1)


def _life(count: int, shape: str, seed: int, stale: float) -> Life:
    rng = random.Random(seed)
    begins = sorted(rng.uniform(0.0, BEGIN_WITHIN_SECONDS) for _ in range(count))
    return Life(begins, [SHAPES[shape](rng) for _ in begins], stale).run()


def most_in_a_minute(moments: Sequence[float]) -> int:
    """Return the largest number of ascending moments within any sixty seconds."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 60.0:
            first += 1
        most = max(most, last - first + 1)
    return most
