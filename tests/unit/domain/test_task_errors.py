from __future__ import annotations

import re

import pytest

from pulumi_edas_scale.domain.task_errors import TASK_ERRORS, find_code, find_task_error


@pytest.mark.parametrize("code", TASK_ERRORS)
def test_each_code_helps(code: str) -> None:
    """Each code has EDAS's name, and a cause and a fix that fit into a sentence."""
    error = TASK_ERRORS[code]
    assert re.fullmatch(r"EDAS-1\d{4}", code)
    assert re.fullmatch(r"[A-Z0-9_]+", error.name)
    for text in (error.cause, error.fix):
        assert text
        assert text[0].islower()
        assert not text.endswith(".")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("EDAS-10002 Task timeout during execution", "EDAS-10002"),
        ("EDAS-19999 unheard of", "EDAS-19999"),
        ("STAR_AGENT_OFFLINE", "EDAS-10001"),
        ("the agent: star agent offline.", "EDAS-10001"),
        ("JAR_WAR_FAILED2", ""),
        ("EDAS-100011", ""),
        ("connection refused", ""),
        ("", ""),
    ],
)
def test_a_code_by_its_number_or_its_name(text: str, code: str) -> None:
    """EDAS gives the number, its name for it, or both, in a text or alone (S76)."""
    assert find_code(text) == code


def test_an_unknown_code_is_not_explained() -> None:
    """Nothing is invented for a code that EDAS does not document."""
    assert find_task_error("EDAS-19999") is None
    assert find_task_error("") is None
