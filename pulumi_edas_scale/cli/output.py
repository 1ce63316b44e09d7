"""How results and failures are printed.

This file's law: what a program or EDAS said reaches the terminal printable, never as control characters. Text
is for people and may change; JSON has camelCase names that stay.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

from pulumi_edas_scale.domain.codes import with_code

if TYPE_CHECKING:
    from collections.abc import Sequence

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
"""Exit codes: there is work to do or something failed; wrong arguments or settings."""

PLAIN_WIDTH: Final = 400
"""Columns where no terminal says how many there are: a table in a file or a pipe is never folded."""


class Failure(click.ClickException):
    """A failure that the user is told in one line.

    Args:
        message: full sentences: what was attempted, the evidence, the next command.
    """

    exit_code = FAILED

    def __init__(self, message: str) -> None:
        super().__init__(printable(with_code(" ".join(message.split()))))


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
    """Print what is about the answer and no part of it."""
    click.echo(printable(text), err=True)


def say_json(value: object, *, on_one_line: bool = False) -> None:
    """Print a value as JSON, on one line where several follow each other."""
    click.echo(json.dumps(value, indent=None if on_one_line else 2))


def say_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under headings; words of state have a colour on a terminal.

    Empty columns are left out. The first one holds what people copy, and is never broken.
    """
    from rich.console import Console  # noqa: PLC0415 - only a command that prints a table needs it
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    used = [index for index in range(len(headings)) if any(row[index] for row in rows)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index in used:
        table.add_column(headings[index], overflow="fold", no_wrap=index == 0)
    for row in rows:
        cells = (printable(row[index]) for index in used)
        table.add_row(*(Text(cell, style=COLOURS.get(cell.split(" (")[0], "")) for cell in cells))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
