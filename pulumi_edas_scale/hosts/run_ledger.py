"""The log that all provider processes of one engine run share: a private directory on this machine.

A run is known by the engine's address, which all its providers know. Its directory holds ``records``, a file
that is only ever appended to, and one file for each process, locked as long as the process lives, with the
questions it answers. A killed process so takes its questions with it and leaves its records behind. The first
process that finds no other alive removes what an ended run has left, and the last one removes everything.

This file's law: no method raises or waits for another process. Where the directory cannot be had (no such locks, a
full disk, somebody else's directory) the process works alone, and says so once at debug level.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import stat
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.domain.model import Scope
from pulumi_edas_scale.hosts.engine_watch import parse_address
from pulumi_edas_scale.operations.claims import Claim
from pulumi_edas_scale.operations.ownership import Begin, MemoryLog, Removal

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pulumi_edas_scale.operations.ownership import Record, RunLog

_NAME: Final = "pulumi-edas-scale"
_RECORDS: Final = "records"
_QUESTIONS: Final = struct.Struct("=qd")

_LOCK_SECONDS: Final = 2.0
"""The lock is held for the time of some file operations; past this its holder is stopped, not busy."""

_LOCK_PAUSE_SECONDS: Final = 0.01
_OWNER_ONLY: Final = 0o700
_CHUNK: Final = 1 << 20


def open_run_log(address: str | None, debug: Callable[[str], None]) -> RunLog:
    """Return the log of the engine's run; one of this process alone where none can be shared.

    Args:
        address: where the engine listens, None without an engine.
        debug: called with why the process works alone.
    """
    place = parse_address(address)
    if place is None:
        return MemoryLog()
    key = hashlib.sha256(f"{place[0]}:{place[1]}".encode()).hexdigest()[:20]
    try:
        return RunLedger(run_directory(), key)
    except OSError as error:
        debug(f"What this run does is not shared with other provider processes of it: {error}.")
        return MemoryLog()


def run_directory() -> Path:
    """Return where runs are kept: in the user's runtime directory, else among the temporary files.

    Raises:
        OSError: this system has no users or no file locks.
    """
    if sys.platform == "win32":
        message = "this system has no file locks"
        raise OSError(message)
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and _is_private(Path(runtime)):
        return Path(runtime, _NAME)
    return Path(tempfile.gettempdir(), f"{_NAME}-{os.geteuid()}")


class RunLedger:
    """One process's part in the log of a run (see ``operations.ownership.RunLog``).

    Args:
        base: the directory of all runs of this user.
        key: which run.

    Raises:
        OSError: it cannot be had.
    """

    def __init__(self, base: Path, key: str) -> None:
        self._base = base
        self._directory = base / key
        self._own = self._directory / f"{os.getpid()}-{secrets.token_hex(4)}"
        self._files: tuple[int, int] | None = None
        self._offset = 0
        self._tail = b""
        self._unwritten: list[Record] = []
        with _locked(base):
            for each in base.iterdir():
                if each.is_dir() and not _has_living(each):
                    shutil.rmtree(each)
            self._directory.mkdir(_OWNER_ONLY, exist_ok=True)
            life = os.open(self._own, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(life, fcntl.LOCK_EX)
            records = os.open(self._directory / _RECORDS, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._files = life, records

    def append(self, record: Record) -> None:
        """Add a record: one write, which is whole before any later one begins."""
        # A process may be killed in its write: the next record begins a line of its own.
        line = b"\n" + json.dumps(_to_json(record), separators=(",", ":")).encode() + b"\n"
        with contextlib.suppress(OSError):
            if self._files is not None and os.write(self._files[1], line) == len(line):
                return
        self._unwritten.append(record)

    def read(self) -> Iterable[Record]:
        """Return the records not returned before."""
        unwritten, self._unwritten = self._unwritten, []
        found: list[Record] = []
        with contextlib.suppress(OSError):
            while self._files is not None and (chunk := os.pread(self._files[1], _CHUNK, self._offset)):
                self._offset += len(chunk)
                self._tail += chunk
        *lines, self._tail = self._tail.split(b"\n")
        for line in lines:
            # A line that a killed process left half, or a record of a newer version, says nothing.
            with contextlib.suppress(ValueError, KeyError, TypeError):
                found.append(_from_json(json.loads(line)))
        return [*found, *unwritten]

    def note_questions(self, asking: int, answered_at: float) -> None:
        """Report to the other processes."""
        if self._files is not None:
            with contextlib.suppress(OSError):
                os.pwrite(self._files[0], _QUESTIONS.pack(asking, answered_at), 0)

    def other_questions(self) -> tuple[int, float]:
        """Return what the other living processes report."""
        asking, answered_at = 0, float("-inf")
        if self._files is None:
            return asking, answered_at
        with contextlib.suppress(OSError):
            for each in _processes(self._directory):
                record = _read_living(each) if each != self._own else None
                if record is not None and len(record) == _QUESTIONS.size:
                    theirs, moment = _QUESTIONS.unpack(record)
                    asking, answered_at = asking + theirs, max(answered_at, moment)
        return asking, answered_at

    def close(self) -> None:
        """Leave the run; the last one removes its directory."""
        if self._files is None:
            return
        files, self._files = self._files, None
        with contextlib.suppress(OSError), _locked(self._base):
            self._own.unlink()
            if not _has_living(self._directory):
                shutil.rmtree(self._directory)
                self._base.rmdir()  # refused while there is another run
        for each in files:
            os.close(each)


@contextlib.contextmanager
def _locked(base: Path) -> Iterator[None]:
    """Hold the lock of all runs of this user, in a directory that is there and nobody else's."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        with contextlib.suppress(FileExistsError):
            base.mkdir(_OWNER_ONLY)
        if not _is_private(base):
            raise PermissionError(f"{base} is not private to this user")
        directory = os.open(base, os.O_RDONLY)
        try:
            if _try_lock(directory) and _is_same(directory, base):
                yield
                return
        finally:
            os.close(directory)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{base} is locked")
        time.sleep(_LOCK_PAUSE_SECONDS)


def _is_private(directory: Path) -> bool:
    try:
        found = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_same(file: int, path: Path) -> bool:
    """Return whether a path still leads to an open file: the last process of a run removes the directory."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _processes(directory: Path) -> list[Path]:
    return [each for each in directory.iterdir() if each.name != _RECORDS]


def _has_living(directory: Path) -> bool:
    return any(_read_living(each) is not None for each in _processes(directory))


def _read_living(path: Path) -> bytes | None:
    """Return what a process reports, or None when it is dead: then its lock is free."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        # Shared, so that two who ask at once do not take each other for the owner.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(file, _QUESTIONS.size, 0)
    else:
        return None
    finally:
        os.close(file)


def _to_json(record: Record) -> dict[str, Any]:
    if isinstance(record, Begin):
        return {"kind": "begin", "urn": record.urn}
    if isinstance(record, Removal):
        return {
            "kind": "removal",
            "regionId": record.region_id,
            "appId": record.app_id,
            "eccIds": sorted(record.ecc_ids),
            "moment": record.moment,
        }
    return {
        "kind": "claim",
        "urn": record.urn,
        "scope": _scope_to_json(record.scope),
        "ids": sorted(record.ids),
        "recorded": sorted(record.recorded),
        "complete": record.complete,
        "exclusive": record.exclusive,
        "minRunning": record.min_running,
        "left": None if record.left is None else [_scope_to_json(record.left[0]), sorted(record.left[1])],
    }


def _from_json(line: Any) -> Record:  # noqa: ANN401  # whatever another process has written
    kind = line["kind"]
    if kind == "begin":
        return Begin(line["urn"])
    if kind == "removal":
        return Removal(line["regionId"], line["appId"], frozenset(line["eccIds"]), float(line["moment"]))
    if kind != "claim":
        raise ValueError(kind)
    left = line["left"]
    return Claim(
        urn=line["urn"],
        scope=Scope(*line["scope"]),
        ids=frozenset(line["ids"]),
        recorded=frozenset(line["recorded"]),
        complete=bool(line["complete"]),
        exclusive=bool(line["exclusive"]),
        min_running=int(line["minRunning"]),
        left=None if left is None else (Scope(*left[0]), frozenset(left[1])),
    )


def _scope_to_json(scope: Scope) -> list[str]:
    return [scope.region_id, scope.app_id, scope.group_id]
