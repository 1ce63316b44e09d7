"""One emulator for all tests of the command line, and a terminal pointed at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import alibabacloud_credentials.client  # noqa: F401 - it reads its environment once: before a test exports keys
import pytest

from pulumi_edas_scale.emulator import Emulator
from tests.contract.cli.terminal import WORLD, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def no_profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the credentials files of the person who runs the tests; the library also keeps where they were."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("alibabacloud_credentials.utils.auth_constant.HOME", str(tmp_path))


@pytest.fixture(scope="session")
def shared_edas() -> Iterator[Emulator]:
    """One server: the SDK prepares TLS for every new port, which takes longer than a test."""
    with Emulator(WORLD) as edas:
        yield edas


@pytest.fixture
def edas(shared_edas: Emulator) -> Emulator:
    """An emulator as if it had just been started."""
    shared_edas.replace_world(WORLD)
    shared_edas.switches(order_duration="polls:1")
    shared_edas.clear_rules()
    shared_edas.clear_log()
    return shared_edas


@pytest.fixture
def terminal(edas: Emulator) -> Terminal:
    """A terminal whose environment points at the emulator."""
    return Terminal(edas.environment())
