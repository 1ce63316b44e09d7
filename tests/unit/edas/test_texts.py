"""Texts of strangers (S83)."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_edas_scale.edas.failures import Answer
from pulumi_edas_scale.edas.texts import LONGEST_TEXT, clean_json, clean_text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("07bd417a-b863-477d-9c00-000000000001", "07bd417a-b863-477d-9c00-000000000001"),
        ("扩容失败 😀", "扩容失败 😀"),
        ("half an emoji: \ud83d", "half an emoji: \ufffd"),
        ("two\r\nlines\u2028three", "two lines three"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b", "link"),
        ("\u202eabc\u2066\ufeff", "abc"),
        ("nul\x00 bell\x07 \x9b31mc1", "nul bell c1"),
        ("<{%fg 1%}>red<{%reset%}>", "< {%fg 1%}>red< {%reset%}>"),
        ("::error::x", ": :error::x"),
        ("a\n::stop-commands::token", "a : :stop-commands::token"),
        ("fe80::1, ::1", "fe80::1, ::1"),
        ("##[error]x ##vso[task.complete]", "# #[error]x # #vso[task.complete]"),
        ("###[", "## #["),
    ],
)
def test_a_text_is_made_harmless(text: str, clean: str) -> None:
    """Half characters, line ends, escapes, marks and commands go; everything else stays (S83)."""
    assert clean_text(text) == clean


@given(st.text(st.characters(exclude_categories=()), max_size=80))
def test_any_text(text: str) -> None:
    """Whatever EDAS sends: it can be encoded, is one line, nobody obeys it, and cleaning it again changes nothing."""
    clean = clean_text(text)
    clean.encode()
    assert not {unicodedata.category(each) for each in clean} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert "<{%" not in clean
    assert not re.search(r"##\w*\[", clean)
    assert not re.match(r"\s*::[A-Za-z]", clean)
    assert clean_text(clean) == clean


def test_a_long_text_is_cut() -> None:
    """A whole log is cut."""
    assert len(clean_text("x" * 1_000_000)) == LONGEST_TEXT
    assert len(clean_text("y\n" * 1_000_000)) == LONGEST_TEXT


def test_every_text_of_an_answer() -> None:
    """An answer is clean from its first moment, however deep its texts stand; numbers stay what they are."""
    answer = Answer(200, {"Code": 200, "List": [{"Name": "a\nb"}]}, text="c\rd", denied_action="e\x1bf")
    assert answer.body == {"Code": 200, "List": [{"Name": "a b"}]}
    assert (answer.text, answer.denied_action) == ("c d", "e f")


def test_an_answer_without_a_ground() -> None:
    """What is nested without end is cut."""
    value: object = 1
    for _ in range(5000):
        value = [value]
    clean_json(value)
