"""The fixtures of the end-to-end tests, and the conformance table they fill.

Every test gets an emulated EDAS, a Pulumi stack and a front end. ``--conformance FILE`` writes what became of each
scenario.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import subprocess
import sys
import uuid
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pulumi_edas_scale.emulator import Emulator
from tests.e2e.stack import STACK, FrontEnd, Stack
from tests.e2e.world import scenario_world
from tests.fetching import fetching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pulumi_edas_scale.emulator.world.state import World

ROOT = Path(__file__).parents[2]

# -- the conformance table ---------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.addoption("--conformance", metavar="FILE", help="write what became of each scenario, as JSON")
    parser.addoption("--soak", action="store_true", help="also run the end-to-end tests that take minutes")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and collect outcomes where all of them arrive."""
    config.addinivalue_line("markers", "scenario(*ids): the rows of the scenario table that a test holds")
    config.addinivalue_line("markers", "soak: takes minutes, and runs with --soak only")
    file = config.getoption("--conformance", default=None)
    if file is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Conformance(Path(file)))


@pytest.hookimpl(trylast=True)  # a test that is asked for by its name runs
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it is asked for."""
    if config.getoption("--soak", default=False):
        return
    left_out = [item for item in items if item.get_closest_marker("soak") is not None]
    left_out += left_to_the_other([item for item in items if item not in left_out])
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def left_to_the_other(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests that one front end leaves to the other.

    A behaviour is shown by both; where it has several variants, they take turns with them. ``--soak`` plays all.
    """
    variants: dict[str, dict[str, list[pytest.Item]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        spec = getattr(item, "callspec", None)
        if spec is not None and isinstance(spec.params.get("front_end"), FrontEnd):
            others = {name: value for name, value in spec.params.items() if name != "front_end"}
            variants[item.nodeid.partition("[")[0]][repr(others)].append(item)
    return [
        both[number.bit_count() % 2]  # so that with two parameters each value of both meets both front ends
        for by_variant in variants.values()
        for number, both in enumerate(by_variant.values())
        if len(by_variant) > 1 and len(both) == len(FrontEnd)
    ]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Send the rows, the front end and the sentence of a test along with its reports, from any worker."""
    ids = [id_ for marker in item.iter_markers("scenario") for id_ in marker.args]
    spec = getattr(item, "callspec", None)
    front_end = spec.params.get("front_end") if spec is not None else None
    function = getattr(item, "function", None)
    item.user_properties.append(
        (
            "scenario",
            {
                "ids": ids,
                "front_end": front_end.name.lower() if isinstance(front_end, FrontEnd) else None,
                "behaviour": " ".join((getattr(function, "__doc__", None) or "").split()),
            },
        )
    )


class Conformance:
    """Collects what became of each scenario and writes it at the end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._tests: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember the worst phase of each test, with its row."""
        if report.passed and report.when != "call":
            return
        reported = dict(report.user_properties).get("scenario")
        if isinstance(reported, dict) and reported["ids"]:
            self._tests[report.nodeid] = {"test": report.nodeid, **reported, "outcome": report.result}

    def pytest_sessionfinish(self) -> None:
        """Write the table."""
        rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for test in self._tests.values():
            for id_ in test["ids"]:
                rows[id_].append({key: value for key, value in test.items() if key != "ids"})
        ordered = sorted(rows.items(), key=lambda row: int(row[0].removeprefix("S")))
        self._file.write_text(json.dumps(dict(ordered), indent=2) + "\n")


# -- the CLI -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def path() -> tuple[Path, ...]:
    """The directories of the language environment and of the CLI, which is got when there is none."""
    get = [sys.executable, str(ROOT / "tools" / "pulumi_cli.py"), "--languages", "python,yaml,nodejs"]
    with fetching():
        got = subprocess.run(get, check=True, stdout=subprocess.PIPE, text=True)
    return Path(sys.executable).parent, Path(got.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for PYTHONPATH whose pip knows what is installed, which no test changes, without looking.

    The language host asks for it in every command, and a look is a sixth of a command's processor time.
    """
    directory = tmp_path_factory.mktemp("packages")
    listed = subprocess.run(
        [sys.executable, "-m", "pip", *ASKED], check=True, stdout=subprocess.PIPE, text=True
    )
    (directory / "pip").mkdir()
    (directory / "pip" / "__init__.py").touch()
    source = PIP.format(asked=ASKED, environment=sys.prefix, listed=listed.stdout)
    (directory / "pip" / "__main__.py").write_text(source, "utf-8")
    return directory


ASKED = ["list", "-v", "--format", "json"]
PIP = """
import os, sys
if sys.argv[1:] == {asked!r} and sys.prefix == {environment!r}:
    print({listed!r})
else:
    del os.environ["PYTHONPATH"]
    os.execv(sys.executable, [sys.executable, "-m", "pip", *sys.argv[1:]])
"""


# -- front ends, EDAS, stacks -----------------------------------------------------------------------------------------


@pytest.fixture(params=list(FrontEnd), ids=lambda front_end: front_end.name.lower())
def front_end(request: pytest.FixtureRequest) -> FrontEnd:
    """Both front ends, one after the other; a test that is about one of them parametrises it itself."""
    found: FrontEnd = request.param
    return found


@pytest.fixture
def edas() -> Iterator[Emulator]:
    """An EDAS with the world of ``world.py``."""
    with Emulator(scenario_world()) as emulator:
        yield emulator


@pytest.fixture
def mark() -> str:
    """What all processes of this test inherit."""
    return uuid.uuid4().hex


@pytest.fixture(scope="session")
def new_stack(
    path: tuple[Path, ...], packages: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[FrontEnd, Path, Emulator, str], Stack]:
    """Return how a stack is made: a copy of one that ``pulumi stack init`` made."""
    templates: dict[FrontEnd, Stack] = {}

    def make(front_end: FrontEnd, directory: Path, edas: Emulator, mark: str) -> Stack:
        if front_end not in templates:
            template = Stack(
                tmp_path_factory.mktemp(f"init-{front_end.name.lower()}"), front_end, edas, mark, path
            )
            template.environment["PYTHONPATH"] = str(packages)
            template.prepare()
            template.run("stack", "init", STACK)
            templates[front_end] = template
        return templates[front_end].copy(directory, edas, mark)

    return make


@pytest.fixture
def stack(
    front_end: FrontEnd,
    edas: Emulator,
    mark: str,
    tmp_path: Path,
    new_stack: Callable[[FrontEnd, Path, Emulator, str], Stack],
) -> Iterator[Stack]:
    """An empty stack; when the test ends every process of it must have ended too."""
    made = new_stack(front_end, tmp_path, edas, mark)
    yield made
    left = made.close()
    assert not left, f"still alive: {left}"


class Established:
    """Makes stacks that have a membership, once per kind, and hands out copies of state and world."""

    def __init__(self, tmp_path_factory: pytest.TempPathFactory, new_stack: Callable[..., Stack]) -> None:
        self._directories = tmp_path_factory
        self._new_stack = new_stack
        self._made: dict[str, tuple[Stack, World]] = {}

    def copy(self, stack: Stack, inputs: dict[str, Any]) -> None:
        """Give a stack, and its EDAS, a ``web`` with these inputs."""
        key = f"{stack.front_end.name} {sorted(inputs.items())!r}"
        if key not in self._made:
            self._made[key] = self._make(stack.front_end, inputs)
        template, world = self._made[key]
        stack.edas.host.world = copy.deepcopy(world)
        template.copy(stack.directory, stack.edas, stack.mark)

    def _make(self, front_end: FrontEnd, inputs: dict[str, Any]) -> tuple[Stack, World]:
        mark = uuid.uuid4().hex
        with Emulator(scenario_world()) as edas:
            made = self._new_stack(front_end, self._directories.mktemp("established"), edas, mark)
            try:
                made.declare(**inputs)
                made.up()
            finally:
                made.close()
            edas.clear_log()
            with edas.host.lock:
                world = copy.deepcopy(edas.world)
            world.orders.clear()
            return made, world


@pytest.fixture(scope="session")
def established(tmp_path_factory: pytest.TempPathFactory, new_stack: Callable[..., Stack]) -> Established:
    """Return what makes memberships that are there already."""
    return Established(tmp_path_factory, new_stack)


@pytest.fixture
def stacks(
    tmp_path: Path, new_stack: Callable[..., Stack], established: Established
) -> Iterator[Callable[..., Stack]]:
    """Return what makes any number of stacks that have a ``web``, each on an EDAS of its own."""
    with contextlib.ExitStack() as undo:
        count = itertools.count()

        def make(front_end: FrontEnd, **inputs: Any) -> Stack:  # noqa: ANN401
            edas = undo.enter_context(Emulator(scenario_world()))
            made = new_stack(front_end, tmp_path / f"{next(count)}", edas, uuid.uuid4().hex)
            undo.callback(made.close, 0.0)
            established.copy(made, inputs)
            edas.reset_running_minimum()
            return made

        yield make


@pytest.fixture
def given(stack: Stack, established: Established) -> Callable[..., Stack]:
    """Return what gives the stack a membership ``web`` with some inputs; no order or call is on record."""

    def give(**inputs: Any) -> Stack:  # noqa: ANN401
        established.copy(stack, inputs)
        stack.edas.reset_running_minimum()
        return stack

    return give


@pytest.fixture
def web(given: Callable[..., Stack]) -> Stack:
    """A stack whose membership ``web`` has i-a, i-b and i-c in ``beta``."""
    return given(instance_ids=["i-a", "i-b", "i-c"])
