from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pulumi_edas_scale.domain.codes import (
    BY_CODE,
    GAP,
    ROWS,
    TOPICS,
    Message,
    Row,
    format_failure,
    join_messages,
)
from pulumi_edas_scale.domain.errors import EdasError, InputError, InternalError, PermissionDeniedError
from pulumi_edas_scale.edas.failures import (
    RULES,
    TRANSPORT_ERRORS,
    Answer,
    Rule,
    TransportError,
    classify_answer,
    classify_transport_error,
)

PACKAGE = Path(__file__).parents[3] / "pulumi_edas_scale"
MESSAGES = Path(__file__).parent / "golden" / "messages.txt"
CODE = re.compile(r"\[(ES\d{3})\]$", re.MULTILINE)

PARTS_AND_STATUS_LINES = (
    "application",
    "arrivals",
    "busy",
    "left alone",
    "members",
    "not up",
    "order",
    "plan",
    "reached",
    "silent leavers",
    "states",
    "staying",
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


def test_a_message_keeps_its_code() -> None:
    """A message is a text; what is added to it, or put before it as its property, leaves its code alone."""
    message = Message("ES301", "i-a is not there.")
    assert message == "i-a is not there."
    assert (message + " Import it.").with_code() == "i-a is not there. Import it. [ES301]"
    said = format_failure("instanceIds[0]", message)
    assert (said.with_code(), format_failure("", message)) == (
        "instanceIds[0]: i-a is not there. [ES301]",
        message,
    )


@pytest.mark.parametrize("text", ["", "scale out 1: i-a", "the group has 2 running", "[ES101]"])
def test_other_texts_have_no_code(text: str) -> None:
    """A text without a code of its own stays as it is, whatever it says."""
    assert Message("", text).with_code() == text


def test_joined_messages_keep_each_its_own_code() -> None:
    """Of several messages at once each can be looked up; a code that the next one has too is said once."""
    one, two, three = Message("ES301", "One."), Message("ES301", "Two."), Message("ES304", "Three.")
    assert join_messages([one]).with_code() == "One. [ES301]"
    assert join_messages([one, two]).with_code() == "One. Two. [ES301]"
    assert join_messages([one, two, three]).with_code() == "One. Two. [ES301] Three. [ES304]"
    both = InputError([("ecuIds[0]", one), ("", three)])
    assert both.with_code() == "ecuIds[0]: One. [ES301] Three. [ES304]"


def codes_of_the_package() -> set[str]:
    """Return every code that some source gives to a message."""
    return {
        str(node.value)
        for file in PACKAGE.rglob("*.py")
        if file.name != "codes.py"
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and re.fullmatch(r"ES\d{3}", str(node.value))
    }


def test_every_code_has_a_row_and_every_row_a_message() -> None:
    """No message has a code that nobody explains, and no code is explained that no message has."""
    assert codes_of_the_package() == set(BY_CODE)


def test_a_missing_permission_is_more_than_a_refusal() -> None:
    """Where the missing action is known, the message is explained by it."""
    refused = PermissionDeniedError("GetCluster", "403", "no", action="edas:ReadCluster")
    assert (refused.short_code, PermissionDeniedError("GetCluster", "403", "no").short_code) == (
        "ES703",
        "ES713",
    )


@pytest.mark.parametrize(
    ("code", "short"),
    [
        ("InvalidAccessKeyId.NotFound", "ES704"),
        ("SignatureDoesNotMatch", "ES705"),
        ("InvalidTimeStamp.Expired", "ES713"),
    ],
)
def test_wrong_keys_are_told_apart(code: str, short: str) -> None:
    """A key that is not known and a wrong secret have codes of their own."""
    error = classify_answer("GetCluster", Answer(403, {"Code": code, "Message": "no"}))
    assert error is not None
    assert error.short_code == short


def golden_messages() -> dict[str, str]:
    """Return by title the texts of the messages."""
    return dict(re.findall(r"^\[(.+)\]\n((?:.+\n)*)", MESSAGES.read_text("utf-8"), re.MULTILINE))


def test_every_message_of_the_diagnosis_has_a_code() -> None:
    """What the diagnosis words has a code, but for status lines and for parts of a longer message."""
    messages = golden_messages()
    assert len(messages) > 40
    bare = {title for title, text in messages.items() if not CODE.search(text)}
    assert bare == {title for title in messages if title.startswith(PARTS_AND_STATUS_LINES)}


@pytest.mark.parametrize(("title", "text"), golden_messages().items())
def test_a_message_says_what_the_row_of_its_code_lists(title: str, text: str) -> None:
    """The words by which the table lists a code stand in the messages that have it."""
    found = CODE.search(text)
    words = BY_CODE[found[1]].words.split(GAP) if found else []
    assert re.search(".*".join(map(re.escape, words)), text), title


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.what)
def test_every_refusal_of_edas_has_a_code(rule: Rule) -> None:
    """Whatever EDAS or the gateway answers, the error is explained."""
    assert rule.short_code in BY_CODE
    assert rule.error("GetCluster", "601", "no such thing").short_code == "ES713"


@pytest.mark.parametrize(
    "transport_error", TRANSPORT_ERRORS, ids=lambda transport_error: transport_error.name
)
def test_every_lost_call_has_a_code(transport_error: TransportError) -> None:
    """However a call got no answer, the error is explained by that."""
    error = classify_transport_error("GetCluster", transport_error, "edas.example")
    assert error.short_code == transport_error.value.code
    assert BY_CODE[error.short_code].words in str(error)


def test_a_call_without_any_answer_has_a_code() -> None:
    """Nothing at all is known of it but that no answer came."""
    assert EdasError("GetCluster").short_code == "ES715"


def test_our_own_bug_has_a_code() -> None:
    """It is the one that asks for a report."""
    assert InternalError("Two and two are five.").with_code().endswith(" [ES901]")
