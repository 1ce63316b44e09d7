"""The example policy pack, by its rules and through the engine."""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.recipes.beside import EXAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.stack import Stack

PACK = EXAMPLES / "policy"
ABC = ["i-a", "i-b", "i-c"]


def rules() -> Any:  # noqa: ANN401  # a module that is no part of a package
    """Return the module with the rules."""
    spec = importlib.util.spec_from_file_location("rules", PACK / "rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("rule", "inputs", "found"),
    [
        ("floor_is_missing", {"minRunning": 0.0}, 1),
        ("floor_is_missing", {"minRunning": 1.0}, 0),
        ("floor_is_missing", {}, 0),
        ("limit_is_missing", {}, 1),
        ("limit_is_missing", {"maxRemovals": 0.0}, 0),
        ("floor_is_too_low", {"instanceIds": ABC, "minRunning": 1.0}, 1),
        ("floor_is_too_low", {"instanceIds": ABC, "minRunning": 2.0}, 0),
        ("floor_is_too_low", {"instanceIds": ["i-a"], "ecuIds": ["e-b"]}, 0),
    ],
)
def test_the_rules(rule: str, inputs: dict[str, Any], found: int) -> None:
    """Each rule says what is wrong, and nothing where nothing is."""
    assert len(list(getattr(rules(), rule)(inputs))) == found


@pytest.mark.parametrize(
    ("stack", "is_it"), [("prod", True), ("production-eu", True), ("dev", False), ("prodigy", False)]
)
def test_where_the_rules_hold(stack: str, *, is_it: bool) -> None:
    """The rules hold for production stacks by name."""
    assert rules().is_production(stack) is is_it


@pytest.fixture
def pack(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack, under a runtime of our own that starts it with Python.

    The Python host that can be built from Go modules is older than the engine, and too old to start a policy pack.
    For a runtime that has no language host the engine starts `pulumi-analyzer-policy-RUNTIME` from PATH.
    """
    directory = tmp_path_factory.mktemp("pack")
    copied = shutil.copytree(PACK, directory / "policy", ignore=shutil.ignore_patterns("__pycache__"))
    project = copied / "PulumiPolicy.yaml"
    project.write_text(project.read_text().replace("runtime: python", "runtime: here"))
    start = directory / "pulumi-analyzer-policy-here"
    # Unbuffered, as a host would: the engine waits for the port that the pack prints.
    start.write_text('#!/bin/sh\nexec python -u "$2" "$1"\n')
    start.chmod(0o755)
    stack.environment["PATH"] = os.pathsep.join([str(directory), stack.variables()["PATH"]])
    return copied


def test_the_engine_refuses_what_production_forbids(stack: Stack, pack: Path) -> None:
    """A preview with the pack fails for a production stack, and says which policy; for another stack it passes."""
    stack.declare(ABC, min_running=0)
    stack.preview("--policy-pack", str(pack))
    stack.run("stack", "init", "prod")
    stack.environment["PULUMI_STACK"] = "prod"

    refused = stack.preview("--policy-pack", str(pack), fails=True)

    assert "deploy-group-floor" in refused.words
    assert "deploy-group-limit" in refused.words
    assert "minRunning is 0" in refused.words
    stack.declare(ABC, min_running=2, max_removals=1)
    stack.preview("--policy-pack", str(pack))
