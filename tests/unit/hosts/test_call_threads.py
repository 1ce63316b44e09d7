from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NoReturn

from pulumi_edas_scale.hosts.call_threads import CallThreads

if TYPE_CHECKING:
    import pytest

WAIT = 20.0  # seconds: how long a loaded machine may take; never how long something must take


def refuse(_thread: threading.Thread) -> NoReturn:
    """Start no thread, as a system does whose limit of them is reached."""
    raise RuntimeError("can't start new thread")


def test_a_call_waits_for_a_thread_where_the_system_gives_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused thread is no failure of the call that needed it: it is made when another one ends."""
    threads, free, made = CallThreads(2), threading.Event(), threading.Event()
    threads.submit(free.wait, WAIT)
    with monkeypatch.context() as system:
        system.setattr(threading.Thread, "start", refuse)
        threads.submit(made.set)
        assert not made.is_set()
        free.set()
        assert made.wait(WAIT)
    threads.shutdown()
