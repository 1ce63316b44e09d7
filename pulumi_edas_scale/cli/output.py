"""How results and failures are printed.

This file's law: what a program or EDAS said reaches the terminal printable, never as control characters. Tables
are for people and may change; JSON and YAML have camelCase names that stay.
"""

from __future__ import annotations

import enum
import functools
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_C = TypeVar("_C", bound="Callable[..., object]")

COLOURS: Final = {
    "running": "green",
    "success": "green",
    "ok": "green",
    "unhealthy": "yellow",
    "held": "yellow",
    "warning": "yellow",
    "stopped": "red",
    "agentOff": "red",
    "failed": "red",
    "aborted": "red",
    "partial": "red",
    "system failure": "red",
    "red": "red",
}
"""Colours of words on a terminal; a word that is not here has none."""

FAILED: Final = 1
WRONG_USE: Final = 2
"""Exit codes: something failed, or is not as it should be; wrong arguments or settings."""

WOULD_CHANGE: Final = 2
"""Exit code of ``plan``, as of ``terraform plan -detailed-exitcode``; its wrong arguments are failures (1)."""

PLAIN_WIDTH: Final = 400
"""Columns where no terminal says how many there are: a table in a file or a pipe is never folded."""


class Failure(click.ClickException):
    """A failure that is printed in one line.

    Args:
        message: full sentences: what was attempted, the evidence, the next command.
    """

    exit_code = FAILED

    def __init__(self, message: str) -> None:
        super().__init__(printable(" ".join(message.split())))


class WrongUse(Failure):
    """Arguments or settings that cannot be right."""

    exit_code = WRONG_USE


def printable(text: str) -> str:
    """Return a text in which control characters, line ends aside, are written as escapes."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in text
    )


def say(text: str = "") -> None:
    """Print what was asked for."""
    click.echo(printable(text))


def note(text: str) -> None:
    """Print what is about the answer but not part of it."""
    click.echo(printable(text), err=True)


class Form(enum.Enum):
    """How a command prints its answer."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def output_options(command: Callable[..., object]) -> Callable[..., object]:
    """Give a command ``--output`` and its short forms, and ``form`` in their place."""

    @functools.wraps(command)
    def formatted(*, output: str, as_json: bool, **rest: Any) -> object:  # noqa: ANN401
        return command(form=Form.JSON if as_json else Form(output), **rest)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="Short for --output json."),
        click.option(
            "-o",
            "--output",
            type=click.Choice([each.value for each in Form]),
            default=Form.TABLE.value,
            show_default=True,
            help="How to print the answer.",
        ),
    ):
        formatted = option(formatted)
    return no_color_option(formatted)


def say_value(value: object, form: Form = Form.JSON, *, one_of_many: bool = False) -> None:
    """Print a value as JSON or YAML.

    Args:
        value: what JSON can hold.
        form: which of the two.
        one_of_many: whether others follow: then JSON is one line, and YAML a document of its own.
    """
    if form is Form.YAML:
        import yaml  # noqa: PLC0415 - only this form needs it

        mark = "---\n" if one_of_many else ""
        click.echo(mark + yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
        return
    click.echo(json.dumps(value, indent=None if one_of_many else 2))


def no_color_option(command: _C) -> _C:
    """Give a command ``--no-color``, which ``NO_COLOR`` (no-color.org) means too."""

    def switch_off(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - as in click
        del param
        if value or os.environ.get("NO_COLOR"):
            ctx.color = False  # click and ``say_table`` look here

    option = click.option(
        "--no-color", is_flag=True, expose_value=False, callback=switch_off, help="Print without colours."
    )
    return option(command)


def say_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under headings; words of state have a colour on a terminal.

    Empty columns are left out. People copy ids, so no word is broken: a terminal that is too narrow wraps the line.
    """
    from rich.console import Console  # noqa: PLC0415 - only a command that prints a table needs it
    from rich.measure import Measurement  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    on_terminal = sys.stdout is not None and sys.stdout.isatty()  # as click.echo decides about colours
    used = [index for index in range(len(headings)) if any(row[index] for row in rows)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index in used:
        of_words = index > 0 and any(" " in row[index] for row in rows)
        longest = max(len(word) for row in (headings, *rows) for word in row[index].split())
        min_width = longest if of_words and on_terminal else None
        table.add_column(headings[index], overflow="fold", no_wrap=not of_words, min_width=min_width)
    for row in rows:
        cells = (printable(row[index]) for index in used)
        table.add_row(*(Text(cell, style=COLOURS.get(cell.split(" (")[0], "")) for cell in cells))
    console = Console(
        highlight=False, no_color=click.get_current_context().color is False, force_terminal=on_terminal
    )
    widths = Measurement.get(console, console.options.update(width=PLAIN_WIDTH), table)
    console.width = max(console.width, widths.minimum) if on_terminal else PLAIN_WIDTH
    with console.capture() as captured:
        console.print(table, crop=False)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
