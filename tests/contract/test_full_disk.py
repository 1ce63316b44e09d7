"""Programs whose output goes to a full disk end with one line where it can be written, never with a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
SCRIPTS = Path(sys.executable).parent

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        (["edas-scale", "--version"], 1),
        (["edas-scale", "explain", "ES101"], 1),
        (["edas-scale", "emulator"], 1),
        (["pulumi-resource-edas-scale", "--version"], 1),
        (["pulumi-resource-edas-scale"], 1),
        (["python", "-m", "pulumi_edas_scale.emulator"], 2),
    ],
)
def test_a_full_stdout_is_one_line(command: list[str], exit_code: int) -> None:
    """Neither a traceback nor what the interpreter says about it at its end, but why the program ended."""
    with FULL.open("w") as full:
        done = subprocess.run(
            [SCRIPTS / command[0], *command[1:]],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == exit_code
    assert "No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_nothing_can_be_said() -> None:
    """With stderr full as well, the exit code is all that is left."""
    with FULL.open("w") as full:
        command = [str(SCRIPTS / "edas-scale"), "nonsense"]
        done = subprocess.run(command, stdout=full, stderr=full, timeout=60, check=False)
    assert done.returncode == 1
