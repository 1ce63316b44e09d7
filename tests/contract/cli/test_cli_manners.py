"""The installed program on a terminal, in a pipe and without either, as people and scripts meet it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.cli.terminal import BETA, DEFAULT, SHOP

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator import Emulator

PROGRAM = str(Path(sys.executable).parent / "edas-scale")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(edas: Emulator, columns: int, *words: str, **variables: str) -> str:
    """Return what a command prints on a terminal of that width."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environ = {**os.environ, "TERM": "xterm", **edas.environment(), **variables}
    with subprocess.Popen([PROGRAM, *words], stdout=there, stderr=there, env=environ) as process:
        os.close(there)
        printed = b""
        with contextlib.suppress(OSError):  # how Linux says that the other side is closed
            while piece := os.read(here, 65536):
                printed += piece
    os.close(here)
    assert process.returncode == 0, printed
    return printed.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [60, 80])
def test_ids_are_whole_on_a_narrow_terminal(edas: Emulator, columns: int) -> None:
    """What people copy is never broken into lines; where it does not fit, the terminal wraps the line."""
    apps = COLOUR.sub("", on_terminal(edas, columns, "apps"))
    members = COLOUR.sub("", on_terminal(edas, columns, "status", "shop"))
    assert [line for line in apps.splitlines() if SHOP in line and line.startswith("shop ")]
    for each in (DEFAULT, BETA, "i-bp1a", "10.0.0.1", "cn-hangzhou-i"):
        assert re.search(rf"(^|\W){re.escape(each)}(\W|$)", members), members


def test_a_wide_text_is_folded_between_words(edas: Emulator) -> None:
    """The listing of codes fits the terminal, and each of its words is whole."""
    listed = COLOUR.sub("", on_terminal(edas, 80, "explain")).splitlines()
    assert max(map(len, listed)) <= 80
    assert any(line.startswith("ES101 ") for line in listed)


@pytest.mark.parametrize("words", [("status", "shop"), ("apps",)], ids=["status", "apps"])
def test_colours_can_be_switched_off_everywhere(edas: Emulator, words: tuple[str, ...]) -> None:
    """A terminal gets colours, but not with NO_COLOR, nor with --no-color before or behind the command."""
    assert COLOUR.search(on_terminal(edas, 80, *words))
    assert not COLOUR.search(on_terminal(edas, 80, *words, NO_COLOR="1"))
    assert not COLOUR.search(on_terminal(edas, 80, *words, "--no-color"))
    assert not COLOUR.search(on_terminal(edas, 80, "--no-color", *words))


def in_pipe(edas: Emulator, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell in which ``$P`` is the program."""
    environ = {**os.environ, "P": PROGRAM, **edas.environment(), **variables}
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=300, check=False, env=environ
    )


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what a command said beside its answer; on a busy machine it also says what it waits for."""
    return [line for line in done.stderr.splitlines() if not line.startswith("waiting for ")]


def test_a_pipe_gets_plain_lines_of_any_length(edas: Emulator) -> None:
    """Neither a narrow COLUMNS nor FORCE_COLOR, which many pipelines set, folds or colours what a program reads."""
    done = in_pipe(edas, "$P apps", FORCE_COLOR="1", COLUMNS="40")
    shop = next(line for line in done.stdout.splitlines() if line.startswith("shop"))
    assert SHOP in shop
    assert shop.endswith("ECS")
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    "command", ["apps", "status shop", "explain", "doctor", "apps -o json", "ram-policy"]
)
def test_a_pipe_that_is_closed_early_is_no_error(edas: Emulator, command: str) -> None:
    """Nothing is said when ``head`` has what it wants."""
    done = in_pipe(edas, f"$P {command} | head -1")
    assert (done.returncode, complaints(done)) == (0, [])
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("statsu shop", "No such command 'statsu'. Did you mean 'status'? See 'edas-scale --help'."),
        ("nonsense", "No such command 'nonsense'. See 'edas-scale --help'."),
        ("status --wach", "See 'edas-scale status --help'."),
    ],
    ids=["command", "nothing near", "option"],
)
def test_a_misspelt_word_is_told_the_right_one(edas: Emulator, line: str, said: str) -> None:
    """As gh and kubectl do it, in one line, with the exit code of wrong arguments."""
    done = in_pipe(edas, f"$P {line}")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["apps", "status shop", "explain ES101", "ram-policy"])
def test_closed_streams_are_no_error(edas: Emulator, command: str) -> None:
    """A command of a service that has neither stdin nor stdout ends well."""
    done = in_pipe(edas, f"$P {command} <&- >&-")
    assert (done.returncode, complaints(done)) == (0, [])
