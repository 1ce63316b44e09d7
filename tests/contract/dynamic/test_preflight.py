"""Which Python Pulumi starts dynamic providers with, by the rules of its own script; mocks are left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from pulumi_edas_scale import DeployGroupMembership
from pulumi_edas_scale.hosts.preflight import host_python

if TYPE_CHECKING:
    from pathlib import Path


def project(directory: Path, **options: str) -> None:
    """Write a project file with these options of its runtime."""
    runtime = {"name": "python", "options": options} if options else "python"
    (directory / "Pulumi.yaml").write_text(json.dumps({"name": "shop", "runtime": runtime}))


@pytest.mark.parametrize(
    ("options", "variables", "expected"),
    [
        ({"virtualenv": "venv"}, {}, "venv/bin/python"),
        ({"virtualenv": "venv/"}, {"PULUMI_PYTHON_CMD": "python9"}, "venv/bin/python"),
        ({}, {"PULUMI_RUNTIME_VIRTUALENV": "of-a-variable"}, "of-a-variable/bin/python"),
        ({"toolchain": "uv"}, {}, ".venv/bin/python"),
        ({"toolchain": "uv", "virtualenv": "venv"}, {}, "venv/bin/python"),
        ({"toolchain": "pip"}, {}, "bin/python3"),
        ({"toolchain": "poetry"}, {}, None),
        ({}, {}, "bin/python3"),
        ({}, {"PULUMI_PYTHON_CMD": "python9"}, "bin/python9"),
        ({}, {"PULUMI_PYTHON_CMD": "none-such"}, None),
    ],
)
def test_the_python_of_the_host_is_found_as_pulumi_finds_it(
    tmp_path: Path, options: dict[str, str], variables: dict[str, str], expected: str | None
) -> None:
    """The virtual environment of the project wins, then the command of a variable, then python3 on PATH (S93)."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("python3", "python9"):
        (programs / name).touch(0o755)
    project(tmp_path, **options)

    found = host_python(tmp_path, {"PATH": str(programs), **variables})

    assert found == (None if expected is None else str(tmp_path / expected))


def test_the_project_is_found_from_a_directory_below(tmp_path: Path) -> None:
    """With ``main`` in Pulumi.yaml a program runs in a directory below its project."""
    project(tmp_path, virtualenv="/opt/venv")
    (tmp_path / "program").mkdir()

    assert host_python(tmp_path / "program", {}) == "/opt/venv/bin/python"


@pytest.mark.parametrize("text", ["runtime: [", "- a list", "runtime: {options: 3}", ""])
def test_a_project_file_that_is_not_understood_is_left_to_pulumi(tmp_path: Path, text: str) -> None:
    """Pulumi says what is wrong with it; here it has no options."""
    (tmp_path / "Pulumi.yaml").write_text(text)

    assert host_python(tmp_path, {"PATH": os.defpath, "PULUMI_PYTHON_CMD": "sh"}) is not None


MOCKED = """
import pulumi

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        return "id", args.inputs

    def call(self, args):
        return {}

pulumi.runtime.set_mocks(Mocks())
from pulumi_edas_scale import DeployGroupMembership, native

DeployGroupMembership("web", app_id="app", group_id="group", instance_ids=["i-a"])
native.DeployGroupMembership("native", app_id="app", group_id="group", instance_ids=["i-a"])
"""


def test_a_program_with_mocks_leaves_nothing_behind(tmp_path: Path) -> None:
    """A unit test of a program needs no plugin and no host, whatever PATH is (S93)."""
    variables: dict[str, Any] = {
        "PATH": os.defpath,
        "PULUMI_HOME": str(tmp_path),
        "PULUMI_PYTHON_CMD": "none-such",
    }

    subprocess.run([sys.executable, "-c", MOCKED], env=variables, cwd=tmp_path, check=True)

    assert list(tmp_path.iterdir()) == []


def test_s22_an_import_of_a_dynamic_resource_is_refused_in_a_sentence() -> None:
    """S22: Pulumi would end it with a traceback of its host; the create adopts the members without an order."""
    opts = pulumi.ResourceOptions(import_="cn-hangzhou/app/group")
    with pytest.raises(pulumi.RunError, match="Remove import_: the create adopts"):
        DeployGroupMembership("web", app_id="app", group_id="group", instance_ids=["i-a"], opts=opts)
