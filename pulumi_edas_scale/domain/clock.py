"""Time, chance and the one monitor of a process.

This file's law: nothing else in the core sleeps, locks, looks at a clock or draws a random number. Everything that
threads share (the queue of an application, shared readings, budgets, claims) is guarded by one monitor per process, and
every wait is a wait on it, so that one ``notify`` wakes all who may have something to do: a stop sign, a freed
queue, an ended order. The simulation in the tests puts a virtual clock and its own scheduling of threads in this
place, and a seed then replays a history exactly.
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from pulumi_edas_scale.domain.errors import EdasScaleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType


class Runtime(Protocol):
    """Where time, chance and waiting come from. Used as a context manager it is the monitor's lock."""

    def __enter__(self) -> object: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> object: ...

    def now(self) -> float:
        """Return seconds on a monotonic clock."""
        ...

    def random(self) -> float:
        """Return a number in [0, 1)."""
        ...

    def wait(self, seconds: float) -> None:
        """Release the lock until notified or until the seconds have passed, then hold it again."""
        ...

    def notify(self) -> None:
        """Wake every waiter; the lock must be held."""
        ...


class ThreadRuntime:
    """The real one: threads, the system's monotonic clock, the system's randomness."""

    def __init__(self) -> None:
        self._condition = threading.Condition(threading.Lock())
        self._random = random.SystemRandom()

    def __enter__(self) -> object:
        return self._condition.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._condition.__exit__(kind, value, trace)

    def now(self) -> float:
        """Return seconds on the system's monotonic clock."""
        return time.monotonic()

    def random(self) -> float:
        """Return a number in [0, 1) from the system's randomness."""
        return self._random.random()

    def wait(self, seconds: float) -> None:
        """Release the lock until notified or until the seconds have passed."""
        self._condition.wait(seconds)

    def notify(self) -> None:
        """Wake every waiter."""
        self._condition.notify_all()


ENGINE_GONE: Final = "the engine is gone"
CANCELLED: Final = "the run was cancelled"
"""Why an operation must stop; a front end answers ``stopped`` with one of these, or with the next."""

ENGINE_IN_DOUBT: Final = "it is not sure that the engine is there"
"""For some hundredths of a second: an operation may go on, but nothing may be sent."""

DOUBT_SECONDS: Final = 0.02
"""Between two questions whether the doubt is over."""


IMPATIENT_RETRY_SECONDS: Final = 8.0
"""How long a call that keeps failing is repeated for a preview or a command: a failure now is better than an answer
in a minute."""

LINE_SECONDS: Final = 8.0
"""Between two status lines of one wait, whatever it is for; law 14 allows ten."""


class Cancelled(EdasScaleError):  # noqa: N818 - a sign that somebody put up, not an error
    """The stop sign was up: the engine is gone or the user cancelled; ``reason`` is one of the constants above."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)

    @property
    def by_user(self) -> bool:
        """Whether somebody is there who asked for it."""
        return self.reason == CANCELLED


class DeadlineExceeded(EdasScaleError):  # noqa: N818 - as above
    """The deadline passed. ``reconcile.py`` turns this into a message that says what is true."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How pauses between tries grow: ``first`` seconds, ``factor`` times more after each, at most ``longest``.

    ``jitter`` spreads a pause by up to that share of itself either way, so that many who failed together do not try
    again together.
    """

    first: float
    factor: float
    longest: float
    jitter: float = 0.0

    def pause(self, tries: int, chance: float = 0.5) -> float:
        """Return the seconds to wait after so many earlier pauses; ``chance`` is a number in [0, 1)."""
        grown = min(self.first * self.factor ** min(tries, 30), self.longest)
        return grown * (1.0 + self.jitter * (2.0 * chance - 1.0))


@dataclass(slots=True)
class OperationContext:
    """What bounds one operation: its deadline and its stop sign.

    Attributes:
        runtime: where time comes from.
        deadline: a moment on the runtime's clock, None before the operation had its first turn.
        stopped: returns why the operation must stop, None while it may go on; never blocks.
        retry_timeout: seconds for which a call that keeps failing is retried, None to retry until the deadline.
        fail_fast: whether a throttled read is left to the caller, who has another way to learn the same.
        report: called with what is waited for and why a call is repeated; never blocks.
    """

    runtime: Runtime
    deadline: float | None = None
    stopped: Callable[[], str | None] = lambda: None
    retry_timeout: float | None = None
    fail_fast: bool = False
    report: Callable[[str], None] = lambda _: None

    def check(self) -> None:
        """Raise when the operation must not go on.

        Raises:
            Cancelled: the engine went away or cancelled.
            DeadlineExceeded: the deadline passed.
        """
        reason = self.stopped()
        if reason is not None and reason != ENGINE_IN_DOUBT:
            raise Cancelled(reason)
        if self.deadline is not None and self.runtime.now() >= self.deadline:
            raise DeadlineExceeded

    def shortened(self, seconds: float) -> OperationContext:
        """Return the same bounds for a part of the operation, which ends so many seconds from now at the latest."""
        latest = self.runtime.now() + seconds
        return replace(self, deadline=latest if self.deadline is None else min(latest, self.deadline))

    def check_before_write(self) -> None:
        """Raise when nothing may be sent; wait while that is in doubt.

        Raises:
            Cancelled: the engine went away or cancelled.
            DeadlineExceeded: the deadline passed.
        """
        while self.stopped() == ENGINE_IN_DOUBT:
            self.sleep(DOUBT_SECONDS)
        self.check()

    def wait(self, seconds: float) -> None:
        """Wait on the monitor, whose lock must be held, never past the deadline; any ``notify`` wakes."""
        self.check()
        if self.deadline is not None:
            seconds = min(seconds, self.deadline - self.runtime.now())
        self.runtime.wait(max(seconds, 0.0))
        self.check()

    def sleep(self, seconds: float) -> None:
        """Let the seconds pass, unless stopped or out of time before."""
        end = self.runtime.now() + seconds
        with self.runtime:
            self.check()
            while (left := end - self.runtime.now()) > 0:
                self.wait(left)

    @contextmanager
    def deadline_paused(self) -> Iterator[None]:
        """Let the time spent inside not count: time in a queue of our own does not count."""
        deadline, begun = self.deadline, self.runtime.now()
        self.deadline = None
        try:
            yield
        finally:
            if deadline is not None:
                self.deadline = deadline + self.runtime.now() - begun
