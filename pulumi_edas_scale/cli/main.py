"""The command line beside the provider: ``edas-scale``.

This file's law: it finds the command, and turns every failure that is not a bug of ours into one line on
stderr. Exit codes: 0 success, 1 something failed or is not as it should be, 2 wrong arguments or settings; only
``plan`` has its own.
Commands are imported when they are called, so that help and completion are quick.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final, cast

import click

from pulumi_edas_scale.cli.output import FAILED, Failure, WrongUse, no_color_option
from pulumi_edas_scale.domain.errors import EdasScaleError, InputError
from pulumi_edas_scale.version import __version__


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
    "emulator": Entry("cli.emulator:emulator", "Start an EDAS emulator, or copy an application into one."),
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
        return cast("click.Command", getattr(import_module(f"pulumi_edas_scale.{module}"), function))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a line; one that is misspelt is told the right one."""
        near = get_close_matches(args[0], COMMANDS, 1)
        if args[0] not in COMMANDS and near:
            raise click.UsageError(f"No such command '{args[0]}'. Did you mean '{near[0]}'?", ctx)
        return super().resolve_command(ctx, args)

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
            raise (Failure if ctx.invoked_subcommand == "plan" else WrongUse)(error.with_code()) from error
        except EdasScaleError as error:
            raise Failure(error.with_code()) from error


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 success, 1 something failed or is not as it should be, 2 wrong arguments or settings; "
    "'plan' has its own.\n\n"
    'Completion: eval "$(_EDAS_SCALE_COMPLETE=bash_source edas-scale)" (also zsh_source, fish_source).',
)
@click.version_option(__version__, prog_name="edas-scale")
@no_color_option
def cli() -> None:
    """Look at EDAS applications, their deploy groups and change orders, beside the Pulumi provider."""


def main() -> None:
    """Run the command line of this process."""
    try:
        cli.main(prog_name="edas-scale")
    except OSError as error:  # click itself ends when a pipe is closed, not when a disk is full
        with suppress(OSError):
            sys.stderr.write(f"Error: the output cannot be written: {error}\n")
        os._exit(FAILED)  # not sys.exit, at which the interpreter tries to write the same again


if __name__ == "__main__":
    main()
