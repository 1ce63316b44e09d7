"""Run the Python blocks of the documentation under Pulumi's mocks, each beside a fresh emulated EDAS.

Run as a program, with a list of pages and sources as JSON on stdin.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from pulumi.runtime import mocks, stack

from pulumi_edas_scale.emulator import Emulator


class Engine(mocks.Mocks):
    """Makes whatever is asked for."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Answer with the inputs."""
        return f"id-of-{args.name}", {**args.inputs, "runningCount": 2.0, "members": []}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Answer no function: those of this package ask EDAS themselves."""
        raise NotImplementedError(args.token)


def run(page: str, source: str) -> None:
    """Run one block to its end, as the language host does."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mocks.set_mocks(Engine(), project="docs", stack="dev", preview=False)

    def execute() -> None:
        exec(compile(source, page, "exec"), {"__name__": "__main__"})  # noqa: S102  # a block of our own page

    loop.run_until_complete(stack.run_pulumi_func(execute))


def main() -> None:
    """Run them all."""
    programs = json.load(sys.stdin)
    with Emulator() as edas:
        os.environ.update(edas.environment())
        for page, source in programs:
            run(page, source)
    sys.stdout.write("\n" + json.dumps({"ran": len(programs)}) + "\n")


if __name__ == "__main__":
    main()
