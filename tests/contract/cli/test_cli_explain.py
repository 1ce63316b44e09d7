from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.codes import ROWS
from pulumi_edas_scale.domain.task_errors import TASK_ERRORS

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator import Emulator
    from tests.contract.cli.terminal import Terminal

MESSAGE = (
    "instanceIds[1]: 'i-a' is not in cluster 0d247b93 of application 3616cdca, so EDAS cannot add it. [ES301]"
)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("explain-code.text", ("ES301",)),
        ("explain-message.text", (MESSAGE,)),
        ("explain-code.json", ("ES301", "--json")),
        ("explain-task-error.text", ("EDAS-10001",)),
        ("explain-all.text", ()),
    ],
)
def test_what_a_message_means(terminal: Terminal, edas: Emulator, name: str, what: tuple[str, ...]) -> None:
    """A code of ours or of EDAS and a message with its code are explained without a call."""
    terminal.environ = {}
    assert terminal.golden(name, "explain", *what).exit_code == 0
    assert not edas.log()


@pytest.mark.parametrize("what", [("[es301]",), (MESSAGE,), tuple(MESSAGE.split())])
def test_as_it_was_printed(terminal: Terminal, what: tuple[str, ...]) -> None:
    """A code may be in its brackets and in small letters, a message quoted or not."""
    assert terminal.run("explain", *what).stdout == terminal.run("explain", "ES301").stdout


def test_each_code_of_a_message(terminal: Terminal) -> None:
    """Of a message with several codes each is explained."""
    both = terminal.run(
        "explain", f"{MESSAGE} 'i-b' is in that cluster, but its agent is off. [ES304]"
    ).stdout
    assert both == "".join(terminal.run("explain", code).stdout for code in ("ES301", "ES304"))
    as_json = terminal.run("explain", "[ES301] [ES304]", "--json").stdout
    assert [json.loads(line)["code"] for line in as_json.splitlines()] == ["ES301", "ES304"]


def test_everything_is_listed(terminal: Terminal) -> None:
    """The list as JSON holds every code of ours and of EDAS."""
    listed = json.loads(terminal.run("explain", "--json").stdout)
    assert [each["code"] for each in listed] == [*(row.code for row in ROWS), *sorted(TASK_ERRORS)]


@pytest.mark.parametrize("what", ["ES999", "no message of anybody"])
def test_what_nobody_says(terminal: Terminal, what: str) -> None:
    """Something else is refused, with what can be asked."""
    result = terminal.run("explain", what)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"'{what}' is neither a short code of pulumi-edas-scale (ES101 to ES901)" in result.stderr
