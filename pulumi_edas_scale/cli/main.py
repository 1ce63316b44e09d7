"""The command line beside the provider: ``edas-scale``.

This file's law: it finds the command, and turns every failure that is not a bug of ours into one line on
stderr. Exit codes: 0 success, 1 something failed or is not as it should be, 2 wrong arguments or settings; only
``plan`` has its own.
Commands are imported when they are called, so that help and completion are quick. The emulator is started
here because this is the only file of the package that may import it.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from pulumi_edas_scale.cli.output import Failure, Form, WrongUse, no_color_option, output_options, say_value
from pulumi_edas_scale.domain.errors import EdasScaleError, InputError
from pulumi_edas_scale.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from pulumi_edas_scale.emulator import Emulator


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is, as ``module:function``, and what the overview says about it."""

    place: str
    summary: str


COMMANDS: Final = {
    "apps": Entry("cli.apps:apps", "List the applications of a region."),
    "status": Entry("cli.status:status", "Show groups, members and change orders under way."),
    "orders": Entry("cli.orders:orders", "List the recent change orders of an application."),
    "order": Entry("cli.orders:order", "Explain one change order: batches, instances, failures."),
    "plan": Entry("cli.plan:plan", "Show what a membership would change now; nothing is sent."),
    "adopt": Entry("cli.adopt:adopt", "Print a program and import commands for an application."),
    "doctor": Entry("cli.doctor:doctor", "Check credentials, endpoint, permissions and tools."),
    "explain": Entry("cli.explain:explain", "Explain a short code or a message."),
    "ram-policy": Entry("cli.ram_policy:ram_policy", "Print the minimal RAM policy as JSON."),
    "emulator": Entry("cli.main:emulator", "Start an EDAS emulator, or copy an application into one."),
}
"""Every command, in the order of the overview."""


class Commands(click.Group):
    """The commands of the table, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None when there is none of that name."""
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, function = entry.place.partition(":")
        if module == "cli.main":
            return cast("click.Command", globals()[function])
        return cast("click.Command", getattr(import_module(f"pulumi_edas_scale.{module}"), function))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview without importing a command."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as in click
        """Run a command; what it could not do becomes one line."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if (
                error.ctx is None or type(error).__name__ == "NoArgsIsHelpError"
            ):  # newer than the oldest click
                raise
            message = f"{error.format_message()} See '{error.ctx.command_path} --help'."
            # 2 is how `plan` says that something would change.
            raise (Failure if error.ctx.info_name == "plan" else WrongUse)(message) from error
        except InputError as error:
            raise (Failure if ctx.invoked_subcommand == "plan" else WrongUse)(str(error)) from error
        except EdasScaleError as error:
            raise Failure(str(error)) from error


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 success, 1 something failed or is not as it should be, 2 wrong arguments or settings; "
    "'plan' has its own. "
    'Completion: eval "$(_EDAS_SCALE_COMPLETE=bash_source edas-scale)" (also zsh_source, fish_source).',
)
@click.version_option(__version__, prog_name="edas-scale")
@no_color_option
def cli() -> None:
    """Look at EDAS applications, their deploy groups and change orders, beside the Pulumi provider."""


def main() -> None:
    """Run the command line of this process."""
    cli.main(prog_name="edas-scale")


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
    from_account: str | None,
    region: str | None,
    endpoint: str | None,
    profile: str | None,
    form: Form,
) -> None:
    """Start an emulated EDAS and print the variables that point a program at it.

    It listens on the loopback unless told otherwise, and ends with Ctrl-C. With --from-account nothing is
    started: groups, members and machines of a real application become a world file in which ECS ids, ECU ids,
    addresses and machine names are replaced, each always by the same invented one.
    """
    if from_account is not None:
        from pulumi_edas_scale.cli.context import open_cloud
        from pulumi_edas_scale.cli.copy_application import copy_application

        copy_application(
            open_cloud(ctx, region=region, endpoint=endpoint, profile=profile), from_account, world
        )
        return
    with _interrupt() as interrupted:
        served = _open_emulator(world, host, port, switches)
        try:
            _tell_exports(served, form=form)
            interrupted.wait()
        finally:
            served.stop()


def _open_emulator(world: Path | None, host: str, port: int, switches: Sequence[str]) -> Emulator:
    from pulumi_edas_scale.emulator import Emulator
    from pulumi_edas_scale.emulator.json_text import parse_json
    from pulumi_edas_scale.emulator.world.world_file import BUILT_IN_WORLD, WorldFileError, build_world

    try:
        data = BUILT_IN_WORLD if world is None else parse_json(world.read_text(encoding="utf-8"))
        built = build_world(data, _switches(switches))
    except WorldFileError as error:
        raise WrongUse(str(error)) from error
    except (OSError, ValueError) as error:
        raise WrongUse(f"The world file {world} cannot be read: {error}") from error
    served = Emulator(built, port=port, address=host)
    try:
        return served.start()
    except OSError as error:
        raise Failure(f"The emulator cannot listen on {host}:{port}: {error}") from error


def _switches(given: Sequence[str]) -> dict[str, object]:
    """Read NAME=VALUE pairs; a value that is JSON, such as true or 3, is taken as that."""
    from pulumi_edas_scale.emulator.json_text import parse_json

    switches: dict[str, object] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise WrongUse(f"--switch takes NAME=VALUE, not '{pair}'.")
        try:
            switches[name] = parse_json(value)
        except ValueError:
            switches[name] = value
    return switches


def _tell_exports(served: Emulator, *, form: Form) -> None:
    import shlex

    variables = served.environment()
    if form is not Form.TABLE:
        say_value({"url": served.url, "environment": variables}, form)
    else:
        for name, value in variables.items():
            click.echo(f"export {name}={shlex.quote(value)}")
    click.echo(f"EDAS is emulated at {served.url}; Ctrl-C ends it.", err=True)


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


if __name__ == "__main__":
    main()
