"""What the stack's own file says that the engine does not pass on to a plugin.

This file's law: names of settings leave it, never their values. The engine gives a plugin the configuration of its own
namespace alone, so that ``alicloud:profile`` is there for the Alibaba Cloud provider and invisible here. The file is
looked for as the engine's project is: beside ``Pulumi.yaml``, here or above. Where it is not found nothing is said.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


def find_settings(urn: str, directory: Path, names: Collection[str]) -> tuple[str, ...]:
    """Return which of these settings the file of the stack has, in the order of ``names``.

    Args:
        urn: of any resource of the stack.
        directory: where the engine started this process.
        names: keys of the stack configuration, with their namespace.
    """
    stack = re.fullmatch(r"urn:pulumi:([\w.-]+)::.*", urn)
    project = next(
        (each for each in (directory, *directory.parents) if (each / "Pulumi.yaml").is_file()), None
    )
    if stack is None or project is None:
        return ()
    try:
        text = (project / f"Pulumi.{stack.group(1)}.yaml").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    keys = set(re.findall(r"""^\s+["']?([\w-]+:[\w-]+)["']?\s*:""", text, re.MULTILINE))
    return tuple(each for each in names if each in keys)
