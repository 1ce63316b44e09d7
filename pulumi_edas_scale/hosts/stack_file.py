"""What the stack's own file says that the engine does not pass on to a plugin.

This file's law: names of settings leave it, never their values. The engine gives a plugin the configuration of its own
namespace alone, so that ``alicloud:profile`` is there for the Alibaba Cloud provider and invisible here. The file is
looked for as the engine's project is: beside ``Pulumi.yaml``, here or above, which may hold settings of all stacks.
Where it is not found nothing is said.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_KEY: Final = re.compile(r"""(?:^[ \t]+|[{,]\s*)["']?([\w-]+:[\w-]+)["']?\s*:""", re.MULTILINE)
"""A key with its namespace, in a block or in braces; a parser of YAML would be loaded at every start."""


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
    keys: set[str] = set()
    for file in (f"Pulumi.{stack.group(1)}.yaml", "Pulumi.yaml"):
        with suppress(OSError, UnicodeDecodeError):
            keys.update(_KEY.findall((project / file).read_text("utf-8")))
    return tuple(each for each in names if each in keys)
