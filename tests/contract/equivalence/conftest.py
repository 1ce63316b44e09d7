"""The doors of one file of tests: starting two of them takes a second."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.emulator import Emulator
from tests.contract.equivalence.doors import CoreDoor, DynamicDoor, PluginDoor
from tests.contract.equivalence.histories import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.equivalence.doors import DynamicFrontEnd


@pytest.fixture(scope="module")
def doors() -> Iterator[tuple[DynamicFrontEnd, ...]]:
    """Give the three doors, each to an EDAS of its own."""
    with ExitStack() as opened:
        made: list[DynamicFrontEnd] = []
        for kind in (CoreDoor, DynamicDoor, PluginDoor):
            door = kind(opened.enter_context(Emulator(world())))
            opened.callback(door.close)
            made.append(door)
        yield tuple(made)
