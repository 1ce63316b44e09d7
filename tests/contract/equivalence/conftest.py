"""The front ends of one file of tests: starting two of them takes a second."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.emulator import Emulator
from tests.contract.equivalence.front_ends import CoreFrontEnd, DynamicFrontEnd, PluginFrontEnd
from tests.contract.equivalence.histories import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.equivalence.front_ends import FrontEnd


@pytest.fixture(scope="module")
def front_ends() -> Iterator[tuple[FrontEnd, ...]]:
    """Give the three front ends, each to an EDAS of its own."""
    with ExitStack() as opened:
        made: list[FrontEnd] = []
        for kind in (CoreFrontEnd, DynamicFrontEnd, PluginFrontEnd):
            front_end = kind(opened.enter_context(Emulator(world())))
            opened.callback(front_end.close)
            made.append(front_end)
        yield tuple(made)
