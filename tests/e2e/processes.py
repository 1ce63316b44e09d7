"""Every process that a test started, by a mark in its environment; the test fails when one lives on.

The engine puts its plugins into process groups of their own, so neither a process id nor a group finds them all;
children inherit the environment. Where there is no ``/proc`` nothing is found, and nothing is checked.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from pathlib import Path

MARK = "E2E_TEST"
"""The variable that children inherit; its value is different for each test."""

_PROC = Path("/proc")


def find(mark: str, *words: str) -> list[int]:
    """Return the processes that inherited a mark and whose command line holds all ``words``, oldest first."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it has ended meanwhile, or is somebody else's
            environment = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if wanted in environment and all(word in command for word in words):
                found.append(int(entry.name))
    return sorted(found)


def describe(pid: int) -> str:
    """Return a process in words."""
    with contextlib.suppress(OSError):
        return (
            f"{pid}: {(_PROC / str(pid) / 'cmdline').read_bytes().replace(bytes(1), b' ').decode().strip()}"
        )
    return f"{pid}: has ended"


def await_end(mark: str, *words: str, timeout: float) -> list[int]:
    """Wait until no process that ``find`` finds lives; return those that still do after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while (living := find(mark, *words)) and (left := deadline - time.monotonic()) > 0:
        await_exit(living[0], left)
    return living


def await_exit(pid: int, timeout: float) -> bool:
    """Wait until a process has ended; return whether it did."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], timeout)[0])
    finally:
        os.close(handle)


def kill(mark: str, *words: str) -> list[int]:
    """Kill the processes of a mark whose command line holds all ``words``; return which they were."""
    found = find(mark, *words)
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return found
