from __future__ import annotations

import re
from pathlib import Path

import pytest

from pulumi_edas_scale.domain.codes import BY_CODE, GAP, ROWS, TOPICS, Row, code_of, with_code
from pulumi_edas_scale.domain.errors import EdasError, InternalError, PermissionDeniedError
from pulumi_edas_scale.edas.failures import RULES, TRANSPORT_ERRORS, Rule, TransportError

MESSAGES = Path(__file__).parent / "golden" / "messages.txt"

PARTS_AND_STATUS_LINES = (
    "applications",
    "arrivals",
    "busy",
    "left alone",
    "members",
    "order",
    "plan",
    "silent leavers",
    "states",
    "status",
    "the end",
)
"""How the titles of golden texts begin that are status lines, or parts of a message with a code of its own."""

by_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)


def test_a_code_is_given_once_and_in_order() -> None:
    """A code means one thing, its first figure a topic, and the rows stand in the order of the codes."""
    codes = [row.code for row in ROWS]
    assert codes == sorted(set(codes))
    assert list(BY_CODE) == codes
    assert [code for code in codes if not re.fullmatch(r"ES[1-9]\d\d", code)] == []
    assert {row.topic for row in ROWS} == set(TOPICS.values())


@by_row
def test_a_row_says_enough(row: Row) -> None:
    """The cause is a part of a sentence, the fix is whole sentences, and neither breaks a table."""
    assert (
        row.cause[0].islower()
        or row.cause.split()[0].strip(",").isupper()
        or row.cause[:4] in {"EDAS", "Ctrl"}
    )
    assert not row.cause.endswith(".")
    assert row.fix.endswith(".")
    assert not set("|`\n") & set(row.words + row.cause + row.fix)


@by_row
def test_a_message_has_the_code_of_its_words(row: Row) -> None:
    """Words that one row has are no other row's, wherever they stand in a message."""
    message = f"instanceIds[0]: i-a {row.words.replace(GAP, ' 7 ')} i-b."
    assert with_code(message) == f"{message} [{row.code}]"


def test_the_first_words_decide() -> None:
    """A message that quotes another one is about what it says first."""
    first, second = "i-a is not in cluster c, so EDAS cannot add it.", "the connection was refused"
    assert code_of(f"{first} {second}") == "ES301"
    assert code_of(f"{second} {first}") == "ES707"


def test_a_missing_permission_is_more_than_a_refusal() -> None:
    """Of two rows that begin with the same words the one that knows more of the message is meant."""
    refused = PermissionDeniedError("GetCluster", "403", "no", action="edas:ReadCluster")
    assert code_of(str(refused)) == "ES703"
    assert code_of(str(EdasError("GetCluster", "403", "no"))) == "ES713"


@pytest.mark.parametrize("text", ["", "scale out 1: i-a", "the group has 2 running", "[ES101]"])
def test_other_texts_have_no_code(text: str) -> None:
    """A status line stays as it is."""
    assert with_code(text) == text


def golden_messages() -> dict[str, str]:
    """Return by title the texts of the messages."""
    return dict(re.findall(r"^\[(.+)\]\n((?:.+\n)*)", MESSAGES.read_text("utf-8"), re.MULTILINE))


def test_every_message_of_the_diagnosis_has_a_code() -> None:
    """What the diagnosis words has a code, but for status lines and for parts of a longer message."""
    messages = golden_messages()
    assert len(messages) > 40
    bare = {title for title, text in messages.items() if code_of(text) is None}
    expected = {title for title in messages if title.startswith(PARTS_AND_STATUS_LINES)}
    assert bare == expected


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.what)
def test_every_refusal_of_edas_has_a_code(rule: Rule) -> None:
    """Whatever EDAS or the gateway answers, the error is explained."""
    error = rule.error("GetCluster", "601", "no such thing")
    assert code_of(str(error)) is not None


@pytest.mark.parametrize(
    "transport_error", TRANSPORT_ERRORS, ids=lambda transport_error: transport_error.name
)
def test_every_lost_call_has_a_code(transport_error: TransportError) -> None:
    """However a call got no answer, the error is explained."""
    assert code_of(str(EdasError("GetCluster", message=transport_error.value))) not in {None, "ES713"}


def test_our_own_bug_has_a_code() -> None:
    """It is the one that asks for a report."""
    assert code_of(str(InternalError("Two and two are five."))) == "ES901"
