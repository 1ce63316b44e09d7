"""What a test gives the emulator without HTTP is held to the same bounds as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.emulator.inputs import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

HALF = "half \ud83d"


@pytest.mark.parametrize(
    ("give", "place"),
    [
        (lambda edas: edas.rule(effect="error", message=HALF), "rule.message"),
        (lambda edas: edas.rule(effect="order", instances={"i-a": {"error": HALF}}), "instances.i-a.error"),
        (lambda edas: edas.rule(effect="order", phases=({"status": HALF},)), r"rule.phases\[0\].status"),
        (lambda edas: edas.action("import", instance=HALF, cluster="ecs"), "import.instance"),
        (lambda edas: edas.action("import", **{HALF: 1}), "import"),
        (lambda edas: edas.replace_world({"region": HALF}), r"\$.region"),
    ],
)
def test_half_a_character_is_refused(give: Callable[[Emulator], Any], place: str) -> None:
    """No answer could carry it, so it is refused where it is given, and the place is named."""
    with pytest.raises(InputError, match=f"{place}: a text holds half a character"):
        give(Emulator())
