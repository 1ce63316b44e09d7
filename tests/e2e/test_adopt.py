"""``edas-scale adopt``: an application that grew by hand comes under Pulumi, and nothing is sent."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.e2e import orders
from tests.e2e.stack import COMMAND_TIMEOUT, FrontEnd
from tests.e2e.world import BETA, GAMMA, SHOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.stack import Stack


def adopt(stack: Stack, *words: str) -> str:
    """Return what the command prints, run as a user runs it."""
    done = subprocess.run(
        ["edas-scale", "adopt", "shop", *words],
        env=stack.variables(),
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def save_python(stack: Stack) -> None:
    """Make the printed program that of the stack."""
    (stack.program / "__main__.py").write_text(adopt(stack, "--language", "python"))


def save_yaml(stack: Stack) -> None:
    """Make the printed resources those of the project."""
    project = json.loads((stack.program / "Pulumi.yaml").read_text())
    project["runtime"] = "yaml"
    project["resources"] = yaml.safe_load(adopt(stack, "--language", "yaml"))["resources"]
    (stack.program / "Pulumi.yaml").write_text(json.dumps(project))


@pytest.mark.parametrize("front_end", [FrontEnd.NATIVE], ids=["native"])
@pytest.mark.parametrize("save", [save_python, save_yaml])
def test_what_adopt_prints_previews_clean(stack: Stack, save: Callable[[Stack], None]) -> None:
    """The program is saved, the printed commands are run, and the preview shows no change."""
    for group, instances in {BETA: ["i-a", "i-b"], GAMMA: ["i-c"]}.items():
        for each in instances:
            stack.edas.action("join", group=group, application=SHOP, instance=each)
    save(stack)

    commands = adopt(stack, "--commands").splitlines()
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "pulumi"
        stack.run(*words)

    stack.preview(expect_no_changes=True)
    adopted = sorted(
        tuple(each["inputs"]["instanceIds"])
        for each in stack.resources()
        if each["type"] == FrontEnd.NATIVE.type_token
    )
    assert len(adopted) == len(commands)
    assert {("i-a", "i-b"), ("i-c",)} <= set(adopted)
    assert orders.writes(stack.edas) == []
