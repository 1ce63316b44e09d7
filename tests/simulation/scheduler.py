"""Virtual time and its own scheduling of real threads, decided by a seed.

The law of this file: exactly one task runs at a time, and where it may be interrupted is known: when it waits on
the monitor of its process, when it calls EDAS and, now and then, when it lets the monitor go. The same seed and
the same tasks give the same history, to the last digit. Time stands still while anybody can run; when nobody can,
it jumps to the next task that is due. A jump longer than any pause of the core means that a wake-up was lost.
"""

from __future__ import annotations

import math
import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

LONGEST_PAUSE: Final = 130.0
"""Seconds. The core never sleeps longer than two windows of a budget when it has something to do."""

MOST_SWITCHES: Final = 400_000
"""A history of a hundred operations needs some ten thousand; more is a loop that never ends."""

REAL_SECONDS: Final = 120.0
"""How long the real clock may run before a history counts as hanging outside the scheduler's sight."""


class KilledError(BaseException):
    """The process of this task was killed: it unwinds, and nothing it does has an effect any more."""


class StuckError(AssertionError):
    """Nobody can run and nobody ever will, or nobody comes to an end."""


@dataclass(eq=False)
class Process:
    """One process of the operating system, as far as it matters: it dies as a whole."""

    name: str
    dead: bool = False


@dataclass(eq=False)
class Task:
    """One thread; ``wakes_at`` is the moment it waits for, ``blocked_by`` the monitor it needs."""

    name: str
    process: Process
    body: Callable[[], None]
    gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    wakes_at: float = -math.inf
    blocked_by: SimRuntime | None = None
    done: bool = False
    error: BaseException | None = None

    def ready(self, now: float) -> bool:
        """Tell whether the task could run at this moment."""
        if self.done:
            return False
        if self.process.dead:
            return True
        if self.blocked_by is not None and self.blocked_by.owner is not None:
            return False
        return self.wakes_at <= now


class Scheduler:
    """Who runs next, and what time it is."""

    def __init__(self, seed: int, begin: float = 1_000.0) -> None:
        """Begin at a moment, with the random numbers of a seed."""
        self.now = begin
        self.rng = random.Random(seed)
        self.tasks: list[Task] = []
        self.switches = 0
        self._current: Task | None = None
        self._awaited: tuple[Task, ...] = ()
        self._driver = threading.Semaphore(0)
        self._stuck: StuckError | None = None

    @property
    def current(self) -> Task:
        """Return the task that runs."""
        assert self._current is not None, "only a task may use the virtual clock"
        return self._current

    def spawn(self, name: str, process: Process, body: Callable[[], None], *, delay: float = 0.0) -> Task:
        """Make a task that begins after a delay in seconds."""
        task = Task(name, process, body, wakes_at=self.now + delay)
        self.tasks.append(task)
        threading.Thread(target=self._live, args=(task,), name=name, daemon=True).start()
        return task

    def run(self, tasks: Iterable[Task]) -> None:
        """Let everybody run until these tasks are done; called by the driver, who is no task.

        Raises:
            StuckError: they never will be.
        """
        self._awaited = tuple(tasks)
        first = self._choose()
        if first is None:
            return
        self._current = first
        first.gate.release()
        if not self._driver.acquire(timeout=REAL_SECONDS):
            message = f"{self._current.name} hangs outside the scheduler"
            raise StuckError(message)
        self._current = None
        if self._stuck is not None:
            raise self._stuck

    def finish(self) -> None:
        """Kill whatever is left, so that no thread outlives the history."""
        self._stuck = None
        for task in self.tasks:
            task.process.dead = True
        self.run(tuple(self.tasks))

    def sleep(self, seconds: float) -> None:
        """Let the present task sleep."""
        task = self.current
        task.wakes_at = self.now + seconds
        self.switch()

    def switch(self) -> None:
        """Let the seed decide who runs next.

        Raises:
            KilledError: the process of the present task died meanwhile.
        """
        task = self.current
        chosen = self._choose()
        if chosen is not task:
            self._hand_over(chosen)
            task.gate.acquire()
        if task.process.dead:
            raise KilledError

    def _hand_over(self, chosen: Task | None) -> None:
        if chosen is None:
            self._driver.release()
        else:
            self._current = chosen
            chosen.gate.release()

    def _live(self, task: Task) -> None:
        task.gate.acquire()
        try:
            if not task.process.dead:
                task.body()
        except KilledError:
            pass
        except BaseException as error:  # noqa: BLE001 - the driver decides what it means
            task.error = error
        task.done = True
        self.tasks.remove(task)
        self._hand_over(self._choose())

    def _choose(self) -> Task | None:
        """Return who runs next, None when the driver goes on."""
        self.switches += 1
        while not all(task.done for task in self._awaited) and self._stuck is None:
            ready = [task for task in self.tasks if task.ready(self.now)]
            if self.switches > MOST_SWITCHES:
                self._stuck = StuckError("the history does not come to an end")
                return None
            if ready:
                chosen = ready[0] if len(ready) == 1 else self.rng.choice(ready)
                chosen.wakes_at = -math.inf
                chosen.blocked_by = None
                return chosen
            due = min((task.wakes_at for task in self.tasks if task.blocked_by is None), default=math.inf)
            if due - self.now > LONGEST_PAUSE:
                who = ", ".join(f"{task.name} until {task.wakes_at:.0f}" for task in self.tasks)
                self._stuck = StuckError(f"at {self.now:.1f} nobody has anything to do: {who}")
                return None
            self.now = due
        return None


class SimRuntime:
    """A ``runtime.Runtime`` on virtual time: the one monitor of a process."""

    def __init__(self, scheduler: Scheduler, process: Process, *, switch_chance: float = 0.1) -> None:
        """Make the monitor of a process; ``switch_chance`` is that of a switch when the lock is let go."""
        self.scheduler = scheduler
        self.process = process
        self.owner: Task | None = None
        self._waiting: list[Task] = []
        self._switch_chance = switch_chance

    def __enter__(self) -> object:
        self._acquire(self.scheduler.current)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.owner = None
        if not self.process.dead and self.scheduler.rng.random() < self._switch_chance:
            self.scheduler.switch()

    def now(self) -> float:
        """Return the virtual time."""
        return self.scheduler.now

    def random(self) -> float:
        """Return a number in [0, 1) from the random numbers of the history."""
        return self.scheduler.rng.random()

    def wait(self, seconds: float) -> None:
        """Let the lock go until notified or until the seconds have passed."""
        task = self.scheduler.current
        assert self.owner is task, f"{task.name} waits on a monitor it does not hold"
        self.owner = None
        task.wakes_at = self.scheduler.now + seconds
        self._waiting.append(task)
        try:
            self.scheduler.switch()
        finally:
            self._waiting.remove(task)
        self._acquire(task)

    def notify(self) -> None:
        """Wake everybody who waits."""
        assert self.owner is self.scheduler.current, "notify without the lock"
        for task in self._waiting:
            task.wakes_at = -math.inf

    def held_by(self, task: Task) -> bool:
        """Tell whether a task holds the lock."""
        return self.owner is task

    def _acquire(self, task: Task) -> None:
        assert self.owner is not task, f"{task.name} takes the monitor a second time: a deadlock"
        while self.owner is not None and not self.process.dead:
            task.blocked_by = self
            self.scheduler.switch()
        self.owner = task
