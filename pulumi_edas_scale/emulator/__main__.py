"""`python -m pulumi_edas_scale.emulator`: serve until interrupted."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi_edas_scale.emulator.in_process import Emulator
from pulumi_edas_scale.emulator.inputs import InputError
from pulumi_edas_scale.emulator.world.world_file import read_world

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0 after an interrupt, 2 for wrong arguments or a wrong world."""
    parser = argparse.ArgumentParser(
        prog="python -m pulumi_edas_scale.emulator", description="An EDAS for laptops and CI."
    )
    parser.add_argument("--world", type=Path, metavar="FILE", help="world file; a built-in world without it")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one (default)")
    parser.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a switch, such as order_duration=seconds:5; may be repeated",
    )
    options = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # before the first line: its reader may interrupt at once
        signal.signal(number, lambda *_: stop.set())
    try:
        world = read_world(options.world, options.switch)
        with Emulator(world, host=options.host, port=options.port) as edas:
            variables = edas.environment().items()
            exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables)
            sys.stdout.write(f"{edas.url}\n{exports}")
            sys.stdout.flush()
            stop.wait()
    except InputError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"cannot serve at {options.host}:{options.port}: {error}")
    return 0


def _refuse(reason: str) -> int:
    with suppress(OSError):  # a full disk, which may be the reason itself
        sys.stderr.write(f"{reason}\n")
    return 2


if __name__ == "__main__":
    # Not SystemExit, at which the interpreter would try again, and report, what a full disk has refused.
    os._exit(main())
