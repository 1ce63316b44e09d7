"""``edas-scale emulator``: an EDAS for this machine, or a copy of a real application for it.

This file's law: it starts and stops the emulator and says how to point a program at it; nothing of the provider
is used but to read the application that is copied.
"""

from __future__ import annotations

import json
import shlex
import signal
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pulumi_edas_scale.cli.context import open_cloud
from pulumi_edas_scale.cli.copy_application import copy_application
from pulumi_edas_scale.cli.output import Failure, Form, WrongUse, output_options, say_value
from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.emulator.inputs import InputError
from pulumi_edas_scale.emulator.switches import switches_of_record
from pulumi_edas_scale.emulator.world.world_file import read_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@click.command("emulator")
@click.option(
    "--world",
    type=click.Path(dir_okay=False, path_type=Path),
    help="World file to start from, or with --from-account to write; a built-in world without it.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=0, type=click.IntRange(0, 65535), show_default=True, help="Port; 0 takes a free one."
)
@click.option(
    "--switch", "switches", multiple=True, metavar="NAME=VALUE", help="Set a switch; may be repeated."
)
@click.option(
    "--from-record",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Answer as the account did that 'edas-scale doctor --record FILE' recorded; --switch has precedence.",
)
@click.option(
    "--from-account",
    metavar="APP",
    help="Copy this application of the real account into a world file, redacted, and end.",
)
@click.option("--region", help="Region of the account to copy from.")
@click.option("--endpoint", help="Address of EDAS to copy from, with its scheme.")
@click.option("--profile", help="Profile of the credentials to copy with.")
@output_options
@click.pass_context
def emulator(  # noqa: PLR0913 - one argument per option
    ctx: click.Context,
    *,
    world: Path | None,
    host: str,
    port: int,
    switches: tuple[str, ...],
    from_record: Path | None,
    from_account: str | None,
    region: str | None,
    endpoint: str | None,
    profile: str | None,
    form: Form,
) -> None:
    """Start an EDAS emulator and print the variables that point a program at it.

    It listens on the loopback address by default, and ends with Ctrl-C. With --from-account nothing is
    started: groups, members and machines of a real application become a world file in which ECS ids, ECU ids,
    addresses and machine names are replaced, each always by the same invented one.
    """
    if from_account is not None:
        copy_application(
            open_cloud(ctx, region=region, endpoint=endpoint, profile=profile), from_account, world
        )
        return
    with _interrupt() as interrupted:
        # Before --switch, whose sides have precedence: a recording is the base that somebody tries a change on.
        recorded = _recorded_switches(from_record) if from_record is not None else []
        try:
            served = Emulator(read_world(world, [*recorded, *switches]), host=host, port=port).start()
        except InputError as error:
            raise WrongUse(str(error)) from error
        except OSError as error:
            raise Failure(f"The emulator cannot listen on {host}:{port}: {error}") from error
        try:
            variables = served.environment()
            if form is not Form.TABLE:
                say_value({"url": served.url, "environment": variables}, form)
            else:
                for name, value in variables.items():
                    click.echo(f"export {name}={shlex.quote(value)}")
            # On stderr, so that the exports alone can be evaluated by a shell.
            click.echo(f"EDAS is emulated at {served.url}; Ctrl-C ends it.", err=True)
            interrupted.wait()
        finally:
            served.stop()


def _recorded_switches(file: Path) -> list[str]:
    """Return what a recording settled, as options: a later one for the same switch has precedence."""
    try:
        recording = json.loads(file.read_text(encoding="utf-8"))
        sides = switches_of_record(recording["unknowns"])
    except (OSError, ValueError, KeyError, TypeError, InputError) as error:
        raise WrongUse(f"--from-record: {file} is not a recording of 'edas-scale doctor': {error}") from error
    return [f"{name}={json.dumps(side)}" for name, side in sides.items()]


@contextmanager
def _interrupt() -> Iterator[threading.Event]:
    """Set an event when the process is interrupted or terminated, instead of ending it."""
    interrupted = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        interrupted.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
