"""A terminal without a terminal: commands run in this process, their output is compared with golden files.

Time is virtual, so that a command that waits takes no time. ``UPDATE_GOLDEN=1`` writes the golden files again.
"""

from __future__ import annotations

import inspect
import re
import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner, Result

from pulumi_edas_scale.cli.context import CliContext
from pulumi_edas_scale.cli.main import cli
from tests.golden import golden

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent / "golden"

WORLD: dict[str, Any] = {
    "region": "cn-hangzhou",
    "accessKeys": [{"id": "LTAI-canary-key", "secret": "canary-secret-0123456789"}],
    "clusters": [
        {
            "id": "0d247b93-8d62-4e34-8a00-000000000001",
            "name": "ecs",
            "ecus": [
                {
                    "instanceId": f"i-bp1{name}",
                    "ip": f"10.0.0.{number}",
                    "zone": f"cn-hangzhou-{'hi'[number % 2]}",
                    "online": name != "g",
                }
                for number, name in enumerate("abcdefgh", start=1)
            ],
            "instances": ["i-bp1z"],
        },
        {"id": "0d247b93-8d62-4e34-8a00-000000000002", "name": "kubernetes", "type": 5},
    ],
    "applications": [
        {
            "id": "3616cdca-4f92-4413-a1b2-000000000001",
            "name": "shop",
            "cluster": "ecs",
            "groups": [
                {
                    "id": "8123db90-880f-486f-b1c2-000000000001",
                    "name": "_DEFAULT_GROUP",
                    "members": ["i-bp1a", "i-bp1b", {"instanceId": "i-bp1c", "appState": 1}],
                },
                {"id": "4f1fb6f5-6769-4bd6-9a00-000000000001", "name": "beta", "members": ["i-bp1d"]},
                {"id": "4f1fb6f5-6769-4bd6-9a00-000000000002", "name": "empty"},
            ],
        },
        {
            "id": "3616cdca-4f92-4413-a1b2-000000000002",
            "name": "never-deployed",
            "cluster": "ecs",
            "deployed": False,
            "groups": [
                {
                    "id": "8123db90-880f-486f-b1c2-000000000002",
                    "name": "_DEFAULT_GROUP",
                    "members": ["i-bp1h"],
                }
            ],
        },
        {
            "id": "3616cdca-4f92-4413-a1b2-000000000003",
            "name": "on-kubernetes",
            "cluster": "kubernetes",
            "groups": [{"id": "8123db90-880f-486f-b1c2-000000000003", "name": "_DEFAULT_GROUP"}],
        },
    ],
}
"""A group with a member that does not run, one that is well, an empty one, and applications beside them."""

SHOP = "3616cdca-4f92-4413-a1b2-000000000001"
DEFAULT = "8123db90-880f-486f-b1c2-000000000001"
BETA = "4f1fb6f5-6769-4bd6-9a00-000000000001"
EMPTY = "4f1fb6f5-6769-4bd6-9a00-000000000002"

# Before click 8.2 stdout and stderr were only told apart when asked to.
SEPARATELY: dict[str, Any] = (
    {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
)

SECRETS = ("canary-secret-0123456789", "LTAI-canary-key")


@dataclass
class VirtualTime:
    """A runtime whose waiting takes no time; ``on_wait`` is called with the number of each wait, from 1."""

    time: float = 0.0
    waits: int = 0
    on_wait: Callable[[int], None] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __enter__(self) -> object:
        return self._lock.__enter__()

    def __exit__(self, *ended: object) -> None:
        self._lock.release()

    def now(self) -> float:
        """Return seconds since this object was made."""
        return self.time

    def random(self) -> float:
        """Return the middle."""
        return 0.5

    def wait(self, seconds: float) -> None:
        """Let the seconds pass."""
        self.waits += 1
        if self.on_wait is not None:
            self.on_wait(self.waits)
        self.time += max(seconds, 0.001)

    def notify(self) -> None:
        """Nobody else waits."""


def interrupt_at(count: int) -> Callable[[int], None]:
    """Return what presses Ctrl-C in the wait of that number."""

    def wait(number: int) -> None:
        if number >= count:
            raise KeyboardInterrupt

    return wait


MOMENT = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)


@dataclass
class Terminal:
    """Where commands are typed."""

    environ: dict[str, str]
    time: VirtualTime = field(default_factory=VirtualTime)
    replace: dict[str, str] = field(default_factory=dict)
    wall_clock: Callable[[], datetime] = lambda: MOMENT

    def run(self, *arguments: str, color: bool = False) -> Result:
        """Run a command, on a terminal that may show colours; anything but an exit is raised."""
        cli_context = CliContext(environ=self.environ, runtime=self.time, wall_clock=self.wall_clock)
        result = CliRunner(env={"COLUMNS": "100", "TERM": "dumb"}, **SEPARATELY).invoke(
            cli, list(arguments), obj=cli_context, prog_name="edas-scale", color=color
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert not any(secret in result.stdout + result.stderr for secret in SECRETS)
        return result

    def golden(self, name: str, *arguments: str) -> Result:
        """Run a command and compare all that a user sees of it with a golden file."""
        result = self.run(*arguments)
        assert_golden(name, self.transcript(arguments, result))
        return result

    def transcript(self, arguments: tuple[str, ...], result: Result) -> str:
        """Return command, output, messages and exit code, without what differs from run to run."""
        typed = " ".join(f"'{each}'" if " " in each or not each else each for each in arguments)
        parts = [f"$ edas-scale {typed}\n", result.stdout]
        if result.stderr:
            parts += ["--- stderr\n", result.stderr]
        parts.append(f"--- exit code {result.exit_code}\n")
        return self.normalise("".join(parts))

    def normalise(self, text: str) -> str:
        """Replace ports, times and request numbers by words."""
        for old, new in self.replace.items():
            text = text.replace(old, new)
        text = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:PORT", text)
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
        text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?", "<moment>", text)
        return re.sub(r"RequestId [0-9A-F-]+", "RequestId <request>", text)


def assert_golden(name: str, text: str) -> None:
    """Compare a text with a golden file, or write that file when asked to."""
    assert text == golden(GOLDEN / name, text)
