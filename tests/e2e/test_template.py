"""The page "Getting started" works as it stands: its commands, on a project of the template, print what it shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.emulator import Emulator
from tests.e2e.stack import FrontEnd
from tools.demo import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.stack import Stack

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "start.md").read_text("utf-8").partition("## With an account")[0]
STEP = re.compile(r"```console\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)
BY_FIXTURES = (
    "git clone ",
    "mkdir ",
    "cd ",
    "python3 -m venv ",
    ". .venv/",
    "pip install ",
    "edas-scale emulator",
)
"""The beginnings of commands whose effect the test has already: directory, environment, emulator."""


def steps() -> Iterator[tuple[str, str]]:
    """Yield each command that the page runs, with the end of what it prints; empty where the page shows nothing."""
    for commands, text in STEP.findall(PAGE):
        wanted = [each for each in commands.splitlines() if not each.startswith(BY_FIXTURES)]
        for each in wanted:
            yield each, text.strip() if each == wanted[-1] else ""


@pytest.mark.parametrize("front_end", [FrontEnd.DYNAMIC], ids=["dynamic"])
def test_getting_started_prints_what_the_page_shows(stack: Stack) -> None:
    """From ``pulumi new`` over drift to ``destroy`` and ``stack rm``; afterwards the foreign member is still there."""
    project, backend = stack.directory / "shop", stack.directory / "another-backend"
    project.mkdir()
    backend.mkdir()
    with Emulator() as edas:
        assert re.findall(r"^export (\w+)=", PAGE, re.MULTILINE) == list(edas.environment())
        environment = stack.variables() | edas.environment() | {"PULUMI_BACKEND_URL": backend.as_uri()}
        for command, shown in steps():
            done = subprocess.run(
                ["bash", "-c", command.replace("../pulumi-edas-scale", str(ROOT))],
                cwd=project,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0 or command.startswith("edas-scale plan"), done.stdout + done.stderr
            printed = (
                digest(done.stdout)
                .partition("\n\nDuration:")[0]
                .replace("Diagnostics:\n\n", "Diagnostics:\n")
            )
            if command.startswith("pulumi new"):
                (project / ".venv").symlink_to(Path(sys.executable).parents[1])
                assert printed.startswith(shown)
            else:
                assert printed.endswith(shown), f"{command} printed:\n{printed}"

        assert [each["instanceId"] for each in edas.members("_DEFAULT_GROUP", "shop")] == ["i-bp111"]
