"""The threads in which the engine's calls are answered.

This file's law: a call that waits for EDAS takes no thread from a call that does not, and a system that gives no more
threads costs time and nothing else.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")

MOST_WAITING: Final = 1000
"""Calls that may wait for EDAS at the same time: the engine's ``--parallel`` has no bound. A thread is made when a call
needs it, and takes some 60 KB while it waits."""

MOST_ANSWERING: Final = 64
"""Calls at the same time of which none waits for EDAS."""


class CallThreads(ThreadPoolExecutor):
    """A pool that outlives a system without more threads: the call is made when one of those there are is free.

    gRPC submits in its only serving thread, which the exception would end: nobody would be answered any more.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a call made as soon as there is a thread for it."""
        try:
            return super().submit(fn, *args, **kwargs)
        except RuntimeError:  # can't start new thread
            return Future()  # the call is in the queue already, and gRPC never asks for its result


def answered_in(threads: CallThreads) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Have a method of a servicer called in other threads than those of its server.

    A gRPC that does not know this attribute any more uses the server's: fewer calls may wait, and nothing else changes.
    """

    def mark(method: Callable[P, T]) -> Callable[P, T]:
        marked: Any = method
        marked.experimental_thread_pool = threads
        return method

    return mark
