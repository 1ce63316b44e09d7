"""The engine finds the provider where the environment is not activated, or one sentence says what to do."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.version import __version__
from tests.e2e import orders
from tests.e2e.stack import FrontEnd

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

ABC = ["i-a", "i-b", "i-c"]
PROGRAMS = Path(sys.executable).parent
LAUNCHER = Path(
    "home", ".pulumi", "plugins", f"resource-edas-scale-v{__version__}", "pulumi-resource-edas-scale"
)


def deactivate(stack: Stack) -> None:
    """Take the environment off PATH; the program still runs in it, as with ``runtime.options.virtualenv``."""
    stack.path = tuple(each for each in stack.path if each != PROGRAMS)
    stack.environment["PULUMI_PYTHON_CMD"] = sys.executable
    set_project(stack, runtime="python")


def set_project(stack: Stack, **project: object) -> None:
    """Write the project file, without the path of the plugin that other tests use."""
    (stack.program / "Pulumi.yaml").write_text(json.dumps({"name": "shop", **project}))


@pytest.fixture
def native(stack: Stack) -> Stack:
    """A stack whose program uses the plugin, in an environment that is not activated."""
    deactivate(stack)
    stack.declare(ABC)
    return stack


only_native = pytest.mark.parametrize("front_end", [FrontEnd.NATIVE], ids=["native"])
only_dynamic = pytest.mark.parametrize("front_end", [FrontEnd.DYNAMIC], ids=["dynamic"])


@only_native
@pytest.mark.scenario("S93")
def test_s93_the_plugin_is_found_without_an_activated_environment(native: Stack) -> None:
    """The first program says in one sentence where it put a launcher; up, refresh and destroy work from then on."""
    first = native.up(preview=True)
    first.must_say("The plugin pulumi-resource-edas-scale is not on PATH, so a launcher for it was put into")
    assert (native.directory / LAUNCHER).is_file()
    assert native.members() == ABC

    again = native.preview(expect_no_changes=True)
    assert "launcher" not in again.output
    native.refresh()
    native.destroy()
    assert orders.orders(native.edas) == [("scale_out", ABC), ("scale_in", ABC)]


@only_native
@pytest.mark.scenario("S93")
def test_s93_another_machine_gets_the_plugin_by_one_command(native: Stack) -> None:
    """The engine loads the plugin of a state before the program runs; the command that the words name gives it one."""
    told = native.up().words
    (native.directory / LAUNCHER).unlink()
    (native.directory / LAUNCHER).parent.rmdir()
    command = (
        f"plugin install resource edas-scale {__version__} --file {PROGRAMS / 'pulumi-resource-edas-scale'}"
    )
    assert f"run 'pulumi {command}'" in told

    native.run(*command.split())

    native.preview(expect_no_changes=True)
    native.destroy()


@only_native
@pytest.mark.scenario("S93")
def test_s93_a_launcher_whose_environment_is_gone_says_what_to_do(native: Stack) -> None:
    """A refresh, which runs no program, prints one sentence; with an environment in the project it works again."""
    native.up()
    launcher = native.directory / LAUNCHER
    launcher.write_text(launcher.read_text().replace(sys.executable, "/gone/bin/python"))

    native.run("refresh", "--yes", fails=True).must_say(
        "/gone/bin/python is gone. Activate an environment with pulumi-edas-scale, or run "
        f"'pulumi plugin rm resource edas-scale {__version__}' and the program again."
    )

    (native.program / ".venv").symlink_to(PROGRAMS.parent)
    native.preview(expect_no_changes=True)
    assert sys.executable in launcher.read_text()


@only_native
@pytest.mark.scenario("S93")
def test_s93_where_no_launcher_can_be_put_one_sentence_says_what_to_do(native: Stack) -> None:
    """The failure names the plugin, the place, and the directory that belongs on PATH."""
    place = native.directory / LAUNCHER.parent
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file where the directory belongs")

    failed = native.run("preview", fails=True)

    failed.must_say(
        "Pulumi does not find the plugin pulumi-resource-edas-scale, and it cannot be put into",
        f"put {PROGRAMS} on PATH, for instance by activating the environment.",
    )


@only_dynamic
@pytest.mark.scenario("S93")
@pytest.mark.parametrize("where", ["virtualenv", "absent"])
def test_s93_a_host_without_the_package_is_told_in_one_sentence(stack: Stack, where: str) -> None:
    """A virtualenv without this package is named before Pulumi starts its Python, with what to install; no order."""
    environment = stack.program / ".other"
    if where == "virtualenv":
        venv.create(environment)
    set_project(stack, runtime={"name": "python", "options": {"virtualenv": ".other"}})
    stack.declare(ABC)

    failed = stack.run("preview", fails=True)

    failed.must_say(
        f"Pulumi starts dynamic providers with {environment}/bin/python, where pulumi-edas-scale is not installed: "
        f"install it there ({environment}/bin/python -m pip install pulumi-edas-scale), or set "
        f"runtime.options.virtualenv of Pulumi.yaml to {sys.prefix}, which this program runs in."
    )
    assert not orders.writes(stack.edas)


INLINE = """
import sys
from pulumi import automation
from pulumi_edas_scale import DeployGroupMembership

def program():
    DeployGroupMembership("web", app_id={app!r}, group_id={group!r}, instance_ids=["i-a"])

stack = automation.create_or_select_stack("inline", "shop", program)
stack.preview(on_output=print)
"""


@only_dynamic
@pytest.mark.scenario("S93")
def test_s93_an_inline_program_of_another_python_is_told(stack: Stack) -> None:
    """A program of the automation API runs in its own Python, dynamic providers in the python3 on PATH."""
    from tests.e2e.world import BETA, SHOP  # noqa: PLC0415

    deactivate(stack)
    del stack.environment["PULUMI_PYTHON_CMD"]
    other = stack.directory / "other"
    venv.create(other)
    stack.path = (other / "bin", *stack.path)
    script = stack.directory / "inline.py"
    script.write_text(INLINE.format(app=SHOP, group=BETA))

    done = subprocess.run(
        [sys.executable, script],
        cwd=stack.directory,
        env=stack.variables(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    words = " ".join((done.stdout + done.stderr).split())
    assert (
        f"Pulumi starts dynamic providers with {other}/bin/python3, where pulumi-edas-scale is not installed"
        in words
    )
    assert not orders.writes(stack.edas)
