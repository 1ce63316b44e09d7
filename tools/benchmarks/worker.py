"""The provider without a front end, in a process of its own: one operation a line, answered by one line.

The law of this file: it calls the core as the dynamic front end does when the engine runs an ``up``, and the clock
runs over all of it. Every operation is a run of the engine of its own: what was read or claimed by the one before is
forgotten. What the process loads at its first operation is part of that operation.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from pulumi_edas_scale.operations.service import Service

ROOT: Final = Path(__file__).resolve().parents[2]
URN: Final = "urn:pulumi:dev::bench::pulumi-python:dynamic/edas-scale:DeployGroupMembership::web"


class Worker:
    """Such a process; use it as a context manager.

    Args:
        environment: variables that point to an EDAS.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tools.benchmarks.worker"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._recorded: dict[str, Any] = {}
        self._id = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate("")

    def begin(self, **inputs: object) -> None:
        """Start an operation: a create, or when there is one already an update, or a diff when nothing changed.

        Without inputs it is a delete.
        """
        self._ask({"inputs": inputs, "id": self._id, "recorded": self._recorded})

    def end(self) -> float:
        """Return the seconds that the operation begun last took.

        Raises:
            RuntimeError: it failed.
        """
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the provider's process has ended; what it said is above")
        answer = json.loads(line)
        self._id, self._recorded = answer["id"], answer["outputs"]
        return float(answer["seconds"])

    def change(self, **inputs: object) -> float:
        """Begin and end an operation."""
        self.begin(**inputs)
        return self.end()

    def _ask(self, question: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - as above
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()


class _Silent:
    """A host to which nobody listens."""

    def progress(self, urn: str, text: str) -> None:
        """Drop a status line."""

    def info(self, urn: str, text: str) -> None:
        """Drop a line."""

    def warn(self, urn: str, text: str) -> None:
        """Drop a warning."""

    def stopped(self) -> str | None:
        """Never stop."""
        return None


def _answer(provider: Service, question: Mapping[str, Any]) -> tuple[str, Mapping[str, object]]:
    from pulumi_edas_scale.operations.request import Request  # noqa: PLC0415 - the parent process needs none of it

    known, recorded = question["id"], question["recorded"]
    if not question["inputs"]:
        provider.delete(Request(URN, known, olds=recorded))
        return "", {}
    checked = provider.check(Request(URN, news=question["inputs"], olds=recorded))
    if checked.failures:
        raise ValueError(str(checked.failures))
    if not recorded:
        provider.preview_create(Request(URN, news=checked.inputs))
    request = Request(URN, known, checked.inputs, recorded)
    if recorded and not provider.diff(request).changes:
        return known, recorded
    made = provider.change(request)
    return made.id, made.outputs


def main() -> None:
    """Answer until stdin ends."""
    from pulumi_edas_scale.domain.settings import resolve_settings  # noqa: PLC0415 - as above
    from pulumi_edas_scale.operations.service import Service  # noqa: PLC0415 - the parent process needs none of it

    settings, host = resolve_settings({}, os.environ), _Silent()
    for line in sys.stdin:
        began = time.monotonic()
        provider = Service(settings, host)
        id_, outputs = _answer(provider, json.loads(line))
        answer = {"seconds": time.monotonic() - began, "id": id_, "outputs": outputs}
        provider.leave_run()
        print(json.dumps(answer, default=str), flush=True)


if __name__ == "__main__":
    main()
