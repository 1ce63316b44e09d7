"""`python -m pulumi_edas_scale.emulator`: serve until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi_edas_scale.emulator.in_process import environment_of
from pulumi_edas_scale.emulator.json_text import parse_json
from pulumi_edas_scale.emulator.server import Host, bind
from pulumi_edas_scale.emulator.world.world_file import BUILT_IN_WORLD, WorldFileError, build_world

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0 after an interrupt, 2 for wrong arguments or a wrong world."""
    options = _parser().parse_args(arguments)
    try:
        text = options.world.read_text(encoding="utf-8") if options.world else None
        world = build_world(BUILT_IN_WORLD if text is None else parse_json(text), _switches(options.switch))
    except (OSError, ValueError) as error:
        place = "" if isinstance(error, WorldFileError) else f"{options.world}: "
        sys.stderr.write(f"{place}{error}\n")
        return 2
    try:
        asyncio.run(_serve(Host(world), options.host, options.port))
    except OSError as error:
        sys.stderr.write(f"cannot listen on {options.host}:{options.port}: {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pulumi_edas_scale.emulator", description="An EDAS for laptops and CI."
    )
    parser.add_argument("--world", type=Path, metavar="FILE", help="world file; a built-in world without it")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind to (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to bind to; 0 takes a free one (default)")
    parser.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a switch, such as order_duration=seconds:5; may be repeated",
    )
    return parser


def _switches(given: Sequence[str]) -> dict[str, object]:
    """Read NAME=VALUE pairs; a value that is JSON, such as true or 3, is taken as that."""
    switches: dict[str, object] = {}
    for pair in given:
        name, _, value = pair.partition("=")
        try:
            switches[name] = parse_json(value)
        except ValueError:
            switches[name] = value
    return switches


async def _serve(host: Host, address: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # before the first line: who reads it may interrupt at once
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner, url = await bind(host, address, port)
    variables = environment_of(host.world, url).items()
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables)
    try:
        sys.stdout.write(f"{url}\n{exports}")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    raise SystemExit(main())
