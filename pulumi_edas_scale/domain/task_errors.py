"""What the codes of failed tasks in a change order mean, and what a person can do about them.

This file's law: data only, in our own words. A code that is not listed is shown as EDAS gives it.

Source: EDAS user guide, "Error codes that may be returned in a change process" (read 2026-11).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class TaskError:
    """One code: EDAS's name for it, what it means for the instance, and the next thing to do there."""

    name: str
    cause: str
    fix: str


TASK_ERRORS: Final[Mapping[str, TaskError]] = {
    "EDAS-10000": TaskError(
        "NO_SPACE_LEFT_ON_DISK",
        "the disk of the instance is full",
        "delete old logs on the instance, or enlarge its disk",
    ),
    "EDAS-10001": TaskError(
        "STAR_AGENT_OFFLINE",
        "the agent through which EDAS runs commands does not answer",
        "restart it on the instance: sh /home/staragent/bin/staragentctl restart",
    ),
    "EDAS-10002": TaskError(
        "TASK_TIMEOUT",
        "a task took longer than EDAS waits, often because the application starts slowly or not at all",
        "read the logs of the application on the instance, then run 'pulumi up' again",
    ),
    "EDAS-10012": TaskError(
        "UNZIP_WAR_FAILED",
        "the deployed package cannot be unpacked with unzip",
        "check that the package is a complete archive, and deploy it again",
    ),
    "EDAS-10013": TaskError(
        "JAR_WAR_FAILED",
        "the deployed package cannot be unpacked with jar: mostly the instance has a JDK without it",
        "install the full JDK (its -devel package) on the instance",
    ),
    "EDAS-10014": TaskError(
        "WAR_URL_403",
        "the instance may not download the deployed package",
        "make the package's URL readable for the instance, or deploy the application with another URL",
    ),
    "EDAS-10015": TaskError(
        "WAR_URL_404",
        "the deployed package is no longer where it was",
        "upload it there again, or deploy the application with another URL",
    ),
    "EDAS-10016": TaskError(
        "JAVA_PROCESS_ROOT",
        "the application runs as root on the instance, where EDAS may not stop it",
        "stop that process by hand on the instance",
    ),
}
"""By code. EDAS puts the code in front of a text or alone, so look it up with ``find_task_error``."""


def find_code(text: str) -> str:
    """Return the code that a text of EDAS holds, as a number or by EDAS's name for it; empty when it holds none."""
    number = re.search(r"EDAS-\d{5}(?!\d)", text)
    if number:
        return number.group()
    words = re.sub(r"[^A-Z0-9]+", "_", text.upper())
    return next((code for code, error in TASK_ERRORS.items() if f"_{error.name}_" in f"_{words}_"), "")


def find_task_error(code: str) -> TaskError | None:
    """Return what a code means, None when EDAS does not document it."""
    return TASK_ERRORS.get(code)
