"""The template of ``pulumi new`` is a project that works as it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.stack import FrontEnd

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

TEMPLATE = Path(__file__).parents[2] / "examples" / "template"


@pytest.mark.parametrize("front_end", [FrontEnd.DYNAMIC], ids=["dynamic"])
def test_a_project_of_the_template_lives(stack: Stack) -> None:
    """From ``pulumi new`` over ``up`` and a clean preview to ``destroy``, with the answers to its questions."""
    project = ("--name", "shop", "--description", "Members", "--dir", str(stack.program), "--force", "--yes")
    stack.run("new", str(TEMPLATE), "--generate-only", *project)
    (stack.program / ".venv").symlink_to(Path(sys.executable).parents[1])
    stack.config.update(
        {"shop:application": "shop", "shop:deployGroup": "beta", "shop:instanceIds": "i-a, i-b"}
    )

    stack.up(preview=True)
    assert stack.run("stack", "output", "running").output.strip() == "2"
    stack.preview(expect_no_changes=True)
    stack.destroy()

    assert orders.orders(stack.edas) == [("scale_out", ["i-a", "i-b"]), ("scale_in", ["i-a", "i-b"])]
