"""What fetches packages reaches the internet as this machine does; nothing else that a test starts sees how."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

FOR_FETCHING: Final = "FOR_FETCHING_"
"""The beginning of the names under which ``conftest.py`` keeps proxies, certificates and package indexes."""


def network_variables() -> dict[str, str]:
    """Return the variables by which this machine reaches the internet."""
    return {
        name.removeprefix(FOR_FETCHING): value
        for name, value in os.environ.items()
        if name.startswith(FOR_FETCHING)
    }


@contextlib.contextmanager
def fetching() -> Iterator[None]:
    """Let this process and those that it starts reach the internet meanwhile."""
    variables = network_variables()
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]
