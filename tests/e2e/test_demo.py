"""The demo shows what it says, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e import processes
from tests.e2e.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def demo(path: tuple[Path, ...], tmp_path: Path, mark: str) -> Iterator[subprocess.Popen[str]]:
    """The demo, started, with a temporary directory of its own."""
    environment = {
        "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]),
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        processes.MARK: mark,
    }
    with subprocess.Popen(
        [sys.executable, ROOT / "tools" / "demo.py"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        yield process
        process.kill()
    processes.kill(mark)


def test_the_demo_shows_a_life_of_a_membership(
    demo: subprocess.Popen[str], tmp_path: Path, mark: str
) -> None:
    """Create, add, swap without a loss, drift in a preview, healing and destroy, each beside what EDAS saw."""
    output, _ = demo.communicate(timeout=400)

    assert demo.returncode == 0, output
    steps = output.split("what EDAS saw")[1:]
    for step, words in zip(
        steps,
        (
            "scale out: i-bp101, i-bp102, i-bp103",
            "scale out: i-bp104",
            "lowest running meanwhile: 4",
            "no change orders",
            "scale out: i-bp102",
            "members now: i-bp109",
        ),
        strict=True,
    ):
        assert words in step, output
        assert step.count("\n") < 30, "a step is more than a screen"
    assert list(tmp_path.iterdir()) == []
    assert processes.await_end(mark, timeout=10) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_the_demo_cleans_up_when_it_is_interrupted(
    demo: subprocess.Popen[str], tmp_path: Path, mark: str, number: signal.Signals
) -> None:
    """After Ctrl-C in the middle of a command no process and no file is left."""
    assert demo.stdout is not None
    while line := demo.stdout.readline():
        if line.startswith("1. "):  # shown when the first command has ended: the second one runs
            break

    demo.send_signal(number)
    output, _ = demo.communicate(timeout=120)

    assert demo.returncode == 130, output
    assert "cleaning up" in output
    assert list(tmp_path.iterdir()) == []
    assert processes.await_end(mark, timeout=10) == []
