from __future__ import annotations

import re

import pytest

from pulumi_edas_scale.domain.task_errors import TASK_ERRORS, explain


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


def test_an_unknown_code_is_not_explained() -> None:
    """Nothing is invented for a code that EDAS does not document."""
    assert explain("EDAS-19999") is None
    assert explain("") is None
