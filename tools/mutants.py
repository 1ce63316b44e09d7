"""Change the deciding files one operator at a time, and see whether a unit or property test notices.

mutmut makes the changes; this script runs them, because mutmut collects the tests again for each of four thousand
changes. Here they are collected once, and every change gets a fork of the process that has them in memory.

The law of this file: a change counts as noticed only if a test failed that passes without it, or ran out of time. One
that nobody notices is listed with what it changes, or stands in ``tools/mutants_left.json`` with the reason why it may.

    python tools/mutants.py                        every change of every deciding file: hours
    python tools/mutants.py domain/plan edas/      those of one file, or of a folder
    python tools/mutants.py --every 4 edas/parse   every fourth of them, spread over the file
    python tools/mutants.py --again                those that nobody noticed in the last run, and new ones of its files

Which test calls which function is kept in ``build/``: only new tests are watched again. A test that has come to call
more since then can only be missing, so that a change looks less noticed than it is.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import importlib
import inspect
import json
import os
import resource
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from io import StringIO
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import pytest
from mutmut import __main__ as mutmut
from mutmut.configuration import config
from mutmut.mutation.data import MutantLineSpans
from mutmut.utils.file_utils import copy_src_dir
from mutmut.utils.format_utils import mangled_name_from_mutant_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).parent.parent
TREE: Final = ROOT / "mutants"
PACKAGE: Final = "pulumi_edas_scale"
RESULTS: Final = ROOT / "build" / "mutants.json"
WATCHED: Final = ROOT / "build" / "mutants_tests.json"
NUMBERS: Final = ROOT / "docs" / "mutants.json"
LEFT: Final = ROOT / "tools" / "mutants_left.json"
NOTICED: Final = 1
TIMED_OUT: Final = (-signal.SIGXCPU, -signal.SIGKILL)
# A change may make the tests slower without being wrong; one that makes them three times slower waits for ever.
SLOWER: Final = 3
GRACE_SECONDS: Final = 5
# What takes longer holds a change only where nothing quicker reaches it: thousands of changes must end within hours.
LONGEST_TEST_SECONDS: Final = 2.0


class Identity(NamedTuple):
    """What stays the same of a change when the file is edited elsewhere.

    Attributes:
        file: the file below the package.
        function: the function, with its class.
        before: the lines that are changed.
        after: what they become.
    """

    file: str
    function: str
    before: str
    after: str


class Mutant(NamedTuple):
    """One change: how mutmut names it, which moves with the file, and what it is."""

    name: str
    identity: Identity

    @property
    def file(self) -> str:
        """The file below the package."""
        return self.identity.file

    @property
    def place(self) -> str:
        """The file and the function, as :func:`called_by` names them."""
        return f"{self.file}:{self.identity.function.rpartition('.')[2]}"

    def apply(self) -> None:
        """Let the function do what the change makes of it, for whoever has it in hand already."""
        found: Any = importlib.import_module(self.name.rpartition(".")[0])
        for part in self.identity.function.split("."):
            found = vars(found)[part]
        function = inspect.unwrap(getattr(found, "__func__", found))
        function.__code__ = mutated_codes(self.file)[self.name.rpartition(".")[2]]


@cache
def mutated_codes(file: str) -> dict[str, CodeType]:
    """Return what mutmut made of the functions of a file, by its names for them."""
    source = (TREE / PACKAGE / file).read_text(encoding="utf-8")
    codes, found = {}, [compile(source, str(ROOT / PACKAGE / file), "exec", dont_inherit=True)]
    while found:
        inner = [each for each in found.pop().co_consts if isinstance(each, CodeType)]
        codes.update({each.co_name: each for each in inner})
        found.extend(inner)
    return codes


@dataclass
class Run:
    """The tests as pytest collected them, and what is known of each.

    Attributes:
        chosen: the changes to hold against them.
        at_once: how many processes run beside each other.
        tests: the tests that call a function, by its place.
        seconds: the processor time of each test without a change.
        outcomes: what became of each change.
        failures: how many tests failed in this process.
    """

    chosen: Sequence[Mutant]
    at_once: int
    tests: dict[str, list[pytest.Item]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    outcomes: dict[Mutant, str] = field(default_factory=dict)
    failures: int = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests once as they are, then again for each change that they reach."""
        self._watch(session)
        if not self.failures:
            self._hold_all()
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what fails."""
        self.failures += report.failed

    def _watch(self, session: pytest.Session) -> None:
        known = json.loads(WATCHED.read_text(encoding="utf-8")) if WATCHED.exists() else {}
        for item in session.items:
            if item.nodeid not in known:
                begin = time.process_time()
                called = called_by(item)
                if self.failures:
                    print(f"fails without any change: {item.nodeid}", file=sys.stderr)
                    return
                known[item.nodeid] = {"seconds": time.process_time() - begin, "calls": sorted(called)}
            self.seconds[item.nodeid] = known[item.nodeid]["seconds"]
            for place in known[item.nodeid]["calls"]:
                self.tests.setdefault(place, []).append(item)
        for place, items in self.tests.items():
            items.sort(key=lambda item: self.seconds[item.nodeid])
            quick = [item for item in items if self.seconds[item.nodeid] <= LONGEST_TEST_SECONDS]
            self.tests[place] = quick or items
        WATCHED.write_text(json.dumps(known, indent=1), encoding="utf-8")

    def _hold_all(self) -> None:
        gc.freeze()  # a fork that collects would copy what it only wants to read
        running: dict[int, tuple[Mutant, float]] = {}
        waiting = list(reversed(self.chosen))
        while waiting or running:
            while waiting and len(running) < self.at_once:
                mutant = waiting.pop()
                items = self.tests.get(mutant.place, [])
                if not items:
                    self._note(mutant, "no test reaches it")
                    continue
                mutated_codes(mutant.file)  # once, and not in each fork
                seconds = SLOWER * sum(self.seconds[item.nodeid] for item in items) + GRACE_SECONDS
                # Of the processor's time: a busy machine takes longer for it, and a deadlock takes none.
                end = time.monotonic() + 3 * seconds
                running[self._fork(mutant, items, seconds)] = mutant, end
            if running:
                self._reap(running)

    def _fork(self, mutant: Mutant, items: Sequence[pytest.Item], seconds: float) -> int:
        child = os.fork()
        if child:
            return child
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds), int(used + seconds) + 5))
        try:
            mutant.apply()
            for item in items:
                run_test(item)
                if self.failures:
                    os._exit(NOTICED)
        except BaseException:  # noqa: BLE001  # a change that breaks pytest itself is noticed as well
            os._exit(NOTICED)
        os._exit(0)

    def _reap(self, running: dict[int, tuple[Mutant, float]]) -> None:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child:
            mutant, _ = running.pop(child)
            code = os.waitstatus_to_exitcode(status)
            self._note(
                mutant, "noticed by time" if code in TIMED_OUT else "noticed" if code else "not noticed"
            )
            return
        for late in [child for child, (_, end) in running.items() if time.monotonic() > end]:
            os.kill(late, signal.SIGKILL)
        time.sleep(0.02)

    def _note(self, mutant: Mutant, outcome: str) -> None:
        self.outcomes[mutant] = outcome
        if len(self.outcomes) % 20 == 0:
            print(f"{len(self.outcomes)} of {len(self.chosen)}", file=sys.__stderr__, flush=True)


def run_test(item: pytest.Item) -> None:
    """Run one test with its fixtures, and take all of them down."""
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


def called_by(item: pytest.Item) -> set[str]:
    """Run a test and return the places of the package that it calls, in whatever thread."""
    called: set[CodeType] = set()

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code)

    sys.setprofile(watch)
    threading.setprofile(watch)
    try:
        run_test(item)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    package = ROOT / PACKAGE
    return {
        f"{Path(code.co_filename).relative_to(package)}:{code.co_name}"
        for code in called
        if code.co_filename.startswith(f"{package}{os.sep}")
    }


def make_mutants() -> None:
    """Write the package with its changes into ``mutants/``."""
    with redirect_stdout(StringIO()):
        copy_src_dir()
        mutmut.create_mutants(os.cpu_count() or 2)


def all_mutants() -> Iterator[Mutant]:
    """Yield the changes of every file, in the order of the file."""
    _, found = mutmut.collect_source_file_mutation_data(mutant_names=())
    for path, data in sorted(found.items()):
        lines = (TREE / path).read_text(encoding="utf-8").splitlines()
        spans = cast("MutantLineSpans", MutantLineSpans.load(path)).span_by_function_name
        # Without the line that has the name, which is another one in each.
        texts = {
            name: [line for line in lines[span.start - 1 : span.end] if "__mutmut_" not in line]
            for name, span in spans.items()
        }
        for name in data.exit_code_by_key:
            mutated = name.rpartition(".")[2]
            function = mangled_name_from_mutant_name(mutated)
            before, after = difference(texts[f"{function}__mutmut_orig"], texts[mutated])
            place = function.removeprefix("x_").replace("xǁ", "").replace("ǁ", ".")
            yield Mutant(name, Identity(str(Path(path).relative_to(PACKAGE)), place, before, after))


def difference(original: Sequence[str], mutated: Sequence[str]) -> tuple[str, str]:
    """Return the lines of a function that are changed, and what they become."""
    lines = list(difflib.unified_diff(original, mutated, n=0, lineterm=""))[2:]
    before = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
    after = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
    return before, after


def read_rows(path: Path, column: str) -> dict[Identity, str]:
    """Return a column of a file of changes, by what they are: the outcomes of earlier runs, or the reasons."""
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return {Identity(**{key: row[key] for key in Identity._fields}): row[column] for row in rows}


def main() -> int:
    """Run what the command line asks for; 1 if a change that nobody explained is not noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*", help="the beginning of a file's path below the package")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="hold every Nth change only")
    parser.add_argument(
        "--again", action="store_true", help="hold only what was not noticed, or not held yet"
    )
    parser.add_argument("--at-once", type=int, default=2, metavar="N", help="processes beside each other (2)")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    make_mutants()
    every = list(all_mutants())
    outcomes, explained = read_rows(RESULTS, "outcome"), read_rows(LEFT, "reason")
    chosen = [mutant for mutant in every if mutant.file.startswith(tuple(arguments.files or [""]))]
    chosen = chosen[:: arguments.every]
    if arguments.again:
        chosen = [each for each in chosen if not outcomes.get(each.identity, "").startswith("noticed")]
    print(f"{len(chosen)} changes", file=sys.stderr)
    run = Run(chosen, arguments.at_once)
    configuration = config()
    os.environ["HYPOTHESIS_PROFILE"] = "mutants"
    options = [
        "-q",
        "--no-header",
        "--tb=no",
        "--assert=plain",
        "-p",
        "no:xdist",
        *configuration.pytest_add_cli_args,
    ]
    pytest.main([*options, *configuration.pytest_add_cli_args_test_selection], plugins=[run])
    # The same line twice in a function is one change here, and what was noticed of it is what was noticed of both.
    for mutant, outcome in sorted(
        run.outcomes.items(), key=lambda row: row[1].startswith("noticed"), reverse=True
    ):
        outcomes[mutant.identity] = outcome
    outcomes = {each.identity: outcomes[each.identity] for each in every if each.identity in outcomes}
    rows = [{**identity._asdict(), "outcome": outcome} for identity, outcome in outcomes.items()]
    RESULTS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if run.failures else report(every, outcomes, explained)


def report(
    every: Sequence[Mutant], outcomes: Mapping[Identity, str], explained: Mapping[Identity, str]
) -> int:
    """Keep the numbers of each file for docs/testing.md, print what nobody explained, and return the exit code."""
    # A run of a part says nothing about the other files, whose numbers stay.
    numbers = json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.exists() else {}
    for file, changes in Counter(mutant.file for mutant in every).items():
        held = [outcome for each, outcome in outcomes.items() if each.file == file]
        if held:
            noticed = sum(outcome.startswith("noticed") for outcome in held)
            numbers[file] = {"changes": changes, "held": len(held), "noticed": noticed}
            print(f"{file}: {noticed} of {len(held)} held are noticed, {100 * noticed / len(held):.0f} %")
    NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    unexplained = [
        each
        for each, outcome in outcomes.items()
        if not outcome.startswith("noticed") and each not in explained
    ]
    for each in unexplained:
        print(f"{outcomes[each]}: {each.file} {each.function}\n    - {each.before}\n    + {each.after}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
