from __future__ import annotations

import json

import pytest

from pulumi_edas_scale.emulator.inputs import LARGEST_NUMBER, InputError, parse_json


def test_ordinary_json_is_read() -> None:
    """Whatever can be written back is read as the standard library reads it."""
    text = json.dumps({"a": [1, -0.5, None, True, "ü\U0001f600"], "b": {"c": LARGEST_NUMBER}})
    assert parse_json(text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting property name"),
        ("NaN", "NaN is not a finite number"),
        ("[-Infinity]", "-Infinity is not a finite number"),
        ("1e400", "1e400 is not a finite number"),
        (str(LARGEST_NUMBER + 1), "9223372036854775808 has more than 64 bits"),
        ("9" * 5000, "the number 999999999999999999999999 has more than 64 bits"),
        (r'{"\ud800": 1}', "half a character"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_cannot_be_written_back_is_refused(text: str, reason: str) -> None:
    """The reason is short, whatever was sent."""
    with pytest.raises(InputError, match=reason) as caught:
        parse_json(text)
    assert len(str(caught.value)) < 200
