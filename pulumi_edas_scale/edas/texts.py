"""Texts of strangers, made harmless where answers enter.

This file's law: what comes out can be printed in a terminal or a log of CI, put into a state file and sent to an
engine: valid Unicode, one line, bounded, without control and bidirectional characters, and without anything that
Pulumi or a CI runner would obey. A text in which nothing of that is found stays as it is, so ids keep their spelling.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

LONGEST_TEXT: Final = 10_000
"""Characters. A log tail with a task's error code is shorter; nobody reads more."""

DEEPEST: Final = 50
"""Levels of an answer; EDAS nests about ten."""

_TERMINAL_SEQUENCE: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    "|(?:\x1b[\\]P^_X]|[\x90\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)"  # titles, links
)

_PULUMI_MARK: Final = re.compile(r"<(?=\{%)")
_RUNNER_COMMAND: Final = re.compile(r"(?:(?<=\s)|^):(?=:[A-Za-z])|#(?=#\w*\[)")
"""``::error::`` and its like count at the start of a line; ``##[error]`` and ``##vso[...]`` anywhere."""


def clean_text(text: str) -> str:
    """Return a text without what somebody might obey, trip over or be misled by."""
    if not (text.isprintable() and len(text) <= LONGEST_TEXT):
        text = _TERMINAL_SEQUENCE.sub("", text[: LONGEST_TEXT * 2])
        text = " ".join("".join(map(_clean_character, text)).split())
        text = text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
    text = _PULUMI_MARK.sub("< ", text)
    return _RUNNER_COMMAND.sub(lambda found: f"{found.group()} ", text)


def _clean_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":  # half a character, as one that was cut in the middle leaves it
        return "\ufffd"
    if category == "Cf":  # invisible: bidirectional marks among them
        return ""
    return " " if category in {"Cc", "Zl", "Zp"} else character


def clean_json(value: object, depth: int = 0) -> object:
    """Return a JSON value whose texts are clean; what is nested deeper than any answer of EDAS is left out."""
    if isinstance(value, str):
        return clean_text(value)
    if depth > DEEPEST:
        return None
    if isinstance(value, list):
        return [clean_json(each, depth + 1) for each in value]
    if isinstance(value, Mapping):
        return {key: clean_json(each, depth + 1) for key, each in value.items()}
    return value
