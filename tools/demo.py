"""A stack on an emulated EDAS, from nothing to drift and back: what Pulumi prints beside what EDAS saw.

The law of this file: everything shown happened. Each step is one command of the real Pulumi CLI on the program of
``examples/minimal``, and the right-hand column is the emulator's own record. Nothing outlives the demo: its project,
its home and its backend are in a temporary directory, and every process ends with it, also after Ctrl-C.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pulumi_edas_scale.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType
    from typing import Any

EXAMPLE: Final = Path(__file__).parents[1] / "examples" / "minimal"
STACK: Final = "demo"

APPLICATION: Final = "shop"
GROUP: Final = "beta"

COMMAND_TIMEOUT: Final = 120.0
"""Seconds; a command takes three, most of them to start the CLI and Python."""

LAST_WORDS_TIMEOUT: Final = 8.0
"""Seconds for the CLI to end its plugins once it is told to; it kills them itself after five."""

HEADINGS: Final = ("Diagnostics:", "Resources:")
WIDTH: Final = 118


class StepFailedError(Exception):
    """A command did not do what the demo shows; the argument is what it printed."""


@dataclass
class Project:
    """The project of the demo and the commands on it.

    Args:
        directory: a temporary one, for everything.
        edas: the emulator.
    """

    directory: Path
    edas: Emulator
    running: subprocess.Popen[str] | None = None

    def prepare(self) -> None:
        """Copy the example and make a stack."""
        shutil.copytree(EXAMPLE, self.program)
        (self.directory / "backend").mkdir()
        self.run("stack", "init", STACK)

    @property
    def program(self) -> Path:
        """The directory of the program."""
        return self.directory / "program"

    def list_instances(self, *instance_ids: str) -> None:
        """Set the configuration that the example reads, as ``pulumi config set`` would."""
        world = self.edas.state()
        shop = next(each for each in world["applications"] if each["name"] == APPLICATION)
        beta = next(each for each in shop["groups"] if each["name"] == GROUP)
        settings = {
            "edas-scale-minimal:appId": shop["id"],
            "edas-scale-minimal:groupId": beta["id"],
            "edas-scale-minimal:instanceIds": list(instance_ids),
        }
        file = self.program / f"Pulumi.{STACK}.yaml"
        salt = [line for line in file.read_text().splitlines() if line.startswith("encryptionsalt:")]
        file.write_text("\n".join([*salt, f"config: {json.dumps(settings)}", ""]))

    def run(self, *command: str, color: str = "never") -> str:
        """Run the CLI and return what it printed.

        Raises:
            StepFailedError: it did not succeed, or not in time.
        """
        # A session of its own: a Ctrl-C in the terminal reaches the demo, which then ends the CLI in order.
        self.running = subprocess.Popen(
            ["pulumi", *command, "--non-interactive", "--color", color],
            cwd=self.program,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = self.running.communicate(timeout=COMMAND_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise StepFailedError(f"pulumi {command[0]} took more than {COMMAND_TIMEOUT:.0f} s") from None
        if self.running.returncode != 0:
            raise StepFailedError(output)
        return output

    def close(self) -> None:
        """End the command that runs, and through it the processes it started."""
        if self.running is None or self.running.poll() is not None:
            return
        for _ in range(2):  # the first one lets a change end, the second one does not
            self.running.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self.running.communicate(timeout=LAST_WORDS_TIMEOUT)
                return
        self.running.kill()
        self.running.communicate()

    def _environment(self) -> dict[str, str]:
        foreign = ("ALIBABA", "ALICLOUD", "PULUMI_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        home = self.directory / "home"
        return {
            **kept,
            "HOME": str(home),
            "PULUMI_HOME": str(home / ".pulumi"),
            "PULUMI_BACKEND_URL": (self.directory / "backend").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": STACK,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_STACK": STACK,
            **self.edas.environment(),
        }


class Demo:
    """The steps, and how they are shown."""

    def __init__(self, project: Project, console: Console) -> None:
        self._project = project
        self._edas = project.edas
        self._console = console
        self._steps = 0

    def run(self) -> None:
        """Do all steps."""
        list_instances, edas = self._project.list_instances, self._edas
        list_instances("i-bp101", "i-bp102", "i-bp103")
        self._step("Three instances join an empty deploy group.", "up")
        list_instances("i-bp101", "i-bp102", "i-bp103", "i-bp104")
        self._step("A fourth is listed. The other three are in no order.", "up")
        list_instances("i-bp101", "i-bp102", "i-bp104", "i-bp105")
        self._step("i-bp105 takes the place of i-bp103: it runs before the other one leaves.", "up")
        edas.action("leave", instance="i-bp102")
        edas.action("join", group=GROUP, application=APPLICATION, instance="i-bp109")
        edas.reset_running_minimum()
        self._step(
            "Somebody removes i-bp102 and adds i-bp109 in the EDAS console. A preview shows it, without --refresh.",
            "preview",
        )
        self._step("i-bp102 comes back. i-bp109 is not ours and is left alone.", "up")
        self._step("The membership is destroyed: its members leave, the foreign one stays.", "destroy")

    def _step(self, title: str, command: str) -> None:
        """Run one command and show both sides of it."""
        self._steps += 1
        edas = self._edas
        edas.clear_log()
        edas.reset_running_minimum()
        known = len(edas.orders(APPLICATION))
        began = time.monotonic()
        options = [] if command == "preview" else ["--yes", "--skip-preview"]
        output = self._project.run(command, *options, "--suppress-outputs")
        seconds = time.monotonic() - began
        self._console.rule(f"{self._steps}. {title}", align="left", style="bold")
        table = Table(expand=True, padding=(0, 1))
        table.add_column(f"pulumi {command} ({seconds:.1f} s)", ratio=5)
        table.add_column("what EDAS saw", ratio=4)
        table.add_row(Text(digest(output)), Text("\n".join(self._record(known))))
        self._console.print(table)

    def _record(self, known_orders: int) -> Iterable[str]:
        """Return what the emulator recorded since the step began."""
        edas = self._edas
        orders = edas.orders(APPLICATION)[known_orders:]
        yield f"{len(orders) or 'no'} change order{'' if len(orders) == 1 else 's'}"
        for order in orders:
            took = (order["finishedAt"] or order["createdAt"]) - order["createdAt"]
            yield f"  {order['kind'].replace('_', ' ')}: {names(order['instances'])} ({took:.1f} s)"
        yield ""
        yield f"members now: {names(edas.members(GROUP, APPLICATION))}"
        yield f"lowest running meanwhile: {edas.running_minimum(GROUP, APPLICATION)}"
        yield ""
        calls = Counter(entry["operation"] for entry in edas.log())
        yield f"{sum(calls.values())} calls"
        for operation, count in calls.items():
            yield f"  {count} {operation}"


def names(things: Iterable[dict[str, Any]]) -> str:
    """Return the ECS ids of members or of instances of an order."""
    return ", ".join(sorted(each["instanceId"] for each in things)) or "none"


def digest(output: str) -> str:
    """Return the lasting part of what the CLI printed: messages and counts, without the progress."""
    lines = output.splitlines()
    first = next((number for number, line in enumerate(lines) if line in HEADINGS), 0)
    kept = [
        line.rstrip()
        for line in lines[first:]
        if not re.match(r"Duration:|\s+warning: using pulumi-resource-|\s+pulumi:pulumi:Stack ", line)
    ]
    text = "\n".join(kept).partition("\nThe resources in the stack have been deleted")[0]
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """End as after Ctrl-C."""
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo."""
    if shutil.which("pulumi") is None:
        print("There is no pulumi on PATH: run this by 'make demo', which gets one.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, interrupt)
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    with ExitStack() as undo:
        directory = undo.enter_context(tempfile.TemporaryDirectory(prefix="edas-scale-demo-"))
        edas = undo.enter_context(Emulator(order_duration="seconds:1"))
        project = Project(Path(directory), edas)
        undo.callback(project.close)
        console.print(f"An emulated EDAS answers at {edas.url}; the program is examples/minimal.")
        try:
            project.prepare()
            Demo(project, console).run()
        except StepFailedError as failure:
            print(failure, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            console.print("Interrupted; cleaning up.")
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
