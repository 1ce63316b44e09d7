"""What the recipes share: the examples of the repository, run as a reader would run them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

EXAMPLES = Path(__file__).parents[3] / "examples"


def run_beside(
    stack: Stack, *command: str | Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program as the person who owns the stack would, in the directory of the program."""
    return subprocess.run(
        list(map(str, command)),
        cwd=stack.program,
        env={**stack.variables(), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
