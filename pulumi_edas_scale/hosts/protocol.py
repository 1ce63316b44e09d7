"""Pulumi's generated protocol modules, without the rest of its SDK.

The engine starts the plugin two to four times in one ``pulumi up``, and waits for each start. ``import
pulumi`` takes most of such a start and is not needed to speak the protocol, so the generated modules are
imported from where they lie, under a package name of their own: they only use relative imports. protobuf
knows one class for each message, so they are the same classes that ``pulumi`` itself would show.

This file's law: when the SDK is laid out in another way, or is imported already, the ordinary import is
used. It costs time and nothing else.
"""

# ruff: noqa: TC004  # the names are bound at the end of the file

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pulumi.runtime.proto import (
        engine_pb2,
        engine_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
        status_pb2,
    )

__all__ = ["engine_pb2", "engine_pb2_grpc", "plugin_pb2", "provider_pb2", "provider_pb2_grpc", "status_pb2"]

_SDK: Final = "pulumi"
_GENERATED: Final = "pulumi.runtime.proto"
_ALIAS: Final = "pulumi_edas_scale._generated"


def _package() -> str:
    """Return the name of the package to import the generated modules from."""
    if _SDK in sys.modules:
        return _GENERATED
    spec = importlib.util.find_spec(_SDK)
    if spec is None or not spec.submodule_search_locations:
        return _GENERATED
    directory = Path(spec.submodule_search_locations[0], *_GENERATED.split(".")[1:])
    if not all((directory / f"{name}.py").is_file() for name in __all__):
        return _GENERATED
    alias = ModuleType(_ALIAS)
    alias.__path__ = [str(directory)]
    sys.modules[_ALIAS] = alias
    return _ALIAS


if not TYPE_CHECKING:
    _found = _package()
    for _name in __all__:
        globals()[_name] = importlib.import_module(f"{_found}.{_name}")
