"""The wheel alone, in the environment of a project and nowhere on PATH, is all that a Python program needs."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.conftest import ROOT
from tests.e2e.stack import membership
from tests.e2e.test_found import deactivate

if TYPE_CHECKING:
    from tests.e2e.stack import Stack


PIP = (sys.executable, "-m", "pip", "--quiet", "--isolated")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built as a user builds it."""
    directory = tmp_path_factory.mktemp("dist")
    build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", directory, ROOT)
    subprocess.run([*PIP, *build], check=True)
    [built] = directory.glob("*.whl")
    return built


@pytest.mark.parametrize("way", ["directory", "index"])
def test_a_development_build_is_found_where_wheels_are_kept(wheel: Path, tmp_path: Path, way: str) -> None:
    """A directory of wheels and a private index give the build by its name alone, without ``--pre``."""
    environment = tmp_path / "environment"
    venv.create(environment)
    page = tmp_path / "simple" / "pulumi-edas-scale" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="{wheel.as_uri()}">{wheel.name}</a>')
    where = {
        "directory": ("--no-index", "--find-links", wheel.parent),
        "index": ("--index-url", (tmp_path / "simple").as_uri()),
    }

    install = ("install", "--no-deps", *where[way], "pulumi-edas-scale")
    subprocess.run([*PIP, "--python", environment, *install], check=True)

    assert list(environment.glob("lib/python*/site-packages/pulumi_edas_scale/plugin.py"))


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """An environment with the wheel of this tree; what it depends on is that of the environment that runs the tests."""
    made = tmp_path_factory.mktemp("wheel") / "environment"
    venv.create(made)
    subprocess.run([*PIP, "--python", made, "install", "--no-deps", "--no-index", wheel], check=True)
    [packages] = made.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return made


@pytest.mark.scenario("S93")
def test_s93_the_wheel_in_the_environment_of_a_project_is_enough(stack: Stack, environment: Path) -> None:
    """Up, a clean preview and destroy with either front end, from the files of the wheel, imported names included."""
    deactivate(stack)
    stack.environment["PULUMI_PYTHON_CMD"] = str(environment / "bin" / "python")
    modules = ("pulumi_edas_scale", "pulumi_edas_scale_sdk")
    used = f"pulumi.export('used', [__import__(name).__file__ for name in {modules}])"
    stack.write(membership(instance_ids=["i-a", "i-b"]), used)

    stack.up(preview=True)

    files = json.loads(stack.run("stack", "output", "used", "--json").output)
    assert [Path(each).is_relative_to(environment) for each in files] == [True, True]
    stack.preview(expect_no_changes=True)
    stack.destroy()
    assert orders.orders(stack.edas) == [("scale_out", ["i-a", "i-b"]), ("scale_in", ["i-a", "i-b"])]


TYPED_PROGRAM = """
import pulumi
from pulumi_edas_scale import DeployGroupMembership
from pulumi_edas_scale_sdk import DeployGroupMembership as Imported

for kind in (DeployGroupMembership, Imported):
    web = kind("web", app_id="app", group_id="group", instance_ids=["i-a"])
    running: pulumi.Output[int] = web.running_count
wrong = Imported("wrong", app_id=1, group_id="group")
"""


def test_the_wheel_types_the_program_of_a_user(environment: Path, tmp_path: Path) -> None:
    """A strict type checker follows both names that programs import, and finds what is wrong in them."""
    program = tmp_path / "program.py"
    program.write_text(TYPED_PROGRAM)
    mypy = (
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--config-file=",
        "--cache-dir=cache",
    )

    checked = subprocess.run(
        [*mypy, "--python-executable", environment / "bin" / "python", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    [line] = checked.stdout.splitlines()
    assert 'program.py:9: error: Argument "app_id"' in line, checked.stdout + checked.stderr
