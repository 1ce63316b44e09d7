"""Texts that are held whole, each beside the tests that make it.

The law of this file: a golden text changes only when somebody asks for it, with ``UPDATE_GOLDEN=1``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def golden(path: Path, now: str) -> str:
    """Return what a golden file holds, after writing it anew from what is there now when asked to."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(now, encoding="utf-8")
    return path.read_text(encoding="utf-8")
