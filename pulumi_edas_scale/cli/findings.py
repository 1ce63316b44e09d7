"""What ``edas-scale doctor`` finds.

This file's law: values. Whatever is red says what to do.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.Enum):
    """How a finding is: red keeps the provider from working, a warning takes something away."""

    OK = "ok"
    WARNING = "warning"
    RED = "red"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor.

    Attributes:
        name: what was looked at.
        state: how it is.
        says: the evidence, a full sentence without secrets.
        fix: what to do, empty where nothing has to be done.
    """

    name: str
    state: State
    says: str
    fix: str = ""
