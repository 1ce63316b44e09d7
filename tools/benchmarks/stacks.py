"""Real stacks on the real engine, and what their commands cost.

The law of this file: the clock runs from the start of the CLI to its end, because that is what a user waits for; how
much of it is Pulumi's own is known from the same command over resources that do nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.emulator import Emulator
from tests.e2e import processes
from tests.e2e.stack import STACK, FrontEnd, Stack
from tools.benchmarks.estates import NOTHING_MODULE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from typing_extensions import Self

COMMAND_TIMEOUT: Final = 900.0
"""Seconds: far beyond the slowest command, which meets EDAS's limits with sixty groups."""

LOOK_INTERVAL: Final = 0.2
"""Seconds between looks at a process: memory's high-water mark and its time never fall, so that only the last tenths
may be missed."""

_STATUS: Final = re.compile(rb"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Cost:
    """What one command cost.

    Attributes:
        seconds: from start to end of the CLI.
        program_seconds: processor time of the Pulumi program, None when it does not tell.
        host_megabytes: most memory of the provider's process, 0 when there was none.
        host_seconds: processor time of the provider's processes together.
        calls: of the emulated EDAS, by operation.
        throttled: how many of them were refused for being too many.
        output: of the CLI.
    """

    seconds: float
    program_seconds: float | None
    host_megabytes: float
    host_seconds: float
    calls: Mapping[str, int]
    throttled: int
    output: str

    @property
    def total_calls(self) -> int:
        """All calls together."""
        return sum(self.calls.values())


@dataclass
class _Watch:
    """Memory and processor time of the provider's processes of a stack, sampled while a command runs."""

    stack: Stack
    kilobytes: int = 0
    _ticks: dict[int, int] = field(default_factory=dict)
    _end: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds(self) -> float:
        """Processor time of all processes, each as it was last seen."""
        return sum(self._ticks.values()) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        known: list[int] = []
        while not self._end.wait(LOOK_INTERVAL):
            known = [pid for pid in known if self._look(pid)] or self.stack.provider_processes()

    def _look(self, pid: int) -> bool:
        try:
            found = _STATUS.search(Path(f"/proc/{pid}/status").read_bytes())
            # After the name in brackets: the 12th and 13th field are ticks of the process and of the kernel for it.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return False
        self._ticks[pid] = int(fields[11]) + int(fields[12])
        if found is not None:
            self.kilobytes = max(self.kilobytes, int(found.group(1)))
        return found is not None


@dataclass
class Lab:
    """Where stacks are made.

    Attributes:
        path: directories with the language environment and the CLI.
        directory: everything is below.
    """

    path: tuple[Path, ...]
    directory: Path

    @contextmanager
    def stack(
        self, front_end: FrontEnd, world: dict[str, Any], state: dict[str, Any] | None = None
    ) -> Iterator[Stack]:
        """Give a stack of its own on an EDAS of its own, with a state if there is one; ends all its processes."""
        mark = uuid.uuid4().hex
        with Emulator(world) as edas:
            stack = self._template(front_end).copy(self.directory / mark, edas, mark)
            stack.environment["PYTHONPATH"] = str(stack.program)
            stack.environment["BENCH_PROGRAM_COST"] = str(stack.directory / "cost.json")
            (stack.program / "nothing.py").write_text(NOTHING_MODULE)
            if state is not None:
                stack.state_file.write_text(json.dumps(state))
            try:
                yield stack
            finally:
                stack.close()
                shutil.rmtree(stack.directory, ignore_errors=True)

    def _template(self, front_end: FrontEnd) -> Stack:
        """Return an empty stack that commands may be run on; made once for each front end."""
        directory = self.directory / f"template-{front_end.name}"
        edas = Emulator()  # never started: `stack init` calls nobody
        with edas:
            made = Stack(directory, front_end, edas, uuid.uuid4().hex, self.path)
            if not directory.exists():
                made.prepare()
                made.run("stack", "init", STACK)
            return made


@contextmanager
def open_lab(path: tuple[Path, ...]) -> Iterator[Lab]:
    """Give a laboratory in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        yield Lab(path, Path(directory))


def run(stack: Stack, *command: str) -> Cost:
    """Run a command and say what it cost.

    Raises:
        RuntimeError: it failed; with all it printed.
    """
    reported = Path(stack.environment["BENCH_PROGRAM_COST"])
    reported.unlink(missing_ok=True)
    stack.edas.clear_log()
    with _Watch(stack) as watch:
        began = time.monotonic()
        result = stack.start(*command).result(COMMAND_TIMEOUT)
        seconds = time.monotonic() - began
    if result.exit_code != 0:
        raise RuntimeError(str(result)[-4000:])
    # The next command must not share the processors with what this one left behind.
    processes.await_end(stack.mark, timeout=10.0)
    program = json.loads(reported.read_text())["seconds"] if reported.exists() else None
    calls: dict[str, int] = {}
    throttled = 0
    for entry in stack.edas.log():
        calls[entry["operation"]] = calls.get(entry["operation"], 0) + 1
        throttled += "Throttling" in str(entry["code"])
    return Cost(seconds, program, watch.kilobytes / 1024, watch.seconds, calls, throttled, result.output)


def write_program(stack: Stack, source: str) -> None:
    """Write a program that does not import the package."""
    (stack.program / "__main__.py").write_text(f"import pulumi\n\n{source}\n")


def up(stack: Stack, *words: str) -> Cost:
    """Run ``pulumi up`` without its preview."""
    return run(stack, "up", "--yes", "--skip-preview", *words)


def preview(stack: Stack, *words: str) -> Cost:
    """Run ``pulumi preview``, which must find nothing to do."""
    return run(stack, "preview", "--expect-no-changes", *words)


def refresh(stack: Stack, *words: str) -> Cost:
    """Run ``pulumi refresh``."""
    return run(stack, "refresh", "--yes", "--skip-preview", *words)


def destroy(stack: Stack, *words: str) -> Cost:
    """Run ``pulumi destroy`` without its preview."""
    return run(stack, "destroy", "--yes", "--skip-preview", *words)


def state_of(stack: Stack) -> dict[str, Any]:
    """Return the state, as the backend keeps it."""
    state: dict[str, Any] = json.loads(stack.state_file.read_text())
    return state
