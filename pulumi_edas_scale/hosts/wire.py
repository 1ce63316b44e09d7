"""Property values on the wire and as plain values: numbers, texts, lists and dicts.

Pulumi sends properties as a protobuf ``Struct`` in which some values stand for others: a certain text for a
value that is not known yet, and a dict with a certain key for a secret, an output or a reference to a
resource.

This file's law: nothing of that convention passes it. Inwards there are plain values, ``model.UNKNOWN`` at
any depth, and the names of the properties that hold a secret anywhere; outwards a property of such a name
is a secret as a whole, because what was derived from a part of it may be anywhere in it. And whatever is to go out can:
an engine that gets no answer keeps its stack locked, so a value that no message carries is replaced by a plain one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import struct_pb2

from pulumi_edas_scale.domain.model import UNKNOWN, Unknown

if TYPE_CHECKING:
    from collections.abc import Collection

# The constants of Pulumi's wire format: sdk/go/common/resource/properties.go and resource/sig.
_KIND_KEY: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # the mark of a secret, not one
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"

_UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS: Final = frozenset(
    {
        _UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # an unknown boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # dict
    }
)


@dataclass(frozen=True, slots=True)
class Properties:
    """Properties as plain values.

    Attributes:
        values: numbers are floats, as the wire has them; a property without a value is absent.
        secret: names of the properties that are or contain a secret.
    """

    values: dict[str, object]
    secret: frozenset[str] = frozenset()


def parse_properties(wire: struct_pb2.Struct) -> Properties:
    """Return the properties of a message; an absent message has none."""
    values: dict[str, object] = {}
    secret: set[str] = set()
    for name, value in wire.fields.items():
        reader = _Reader()
        plain = reader.plain(value)
        if plain is not None:
            values[name] = plain
        if reader.saw_secret:
            secret.add(name)
    return Properties(values, frozenset(secret))


class _Reader:
    """Turns one property into a plain value, and notices secrets on the way."""

    def __init__(self) -> None:
        self.saw_secret = False

    def plain(self, value: struct_pb2.Value) -> object:
        kind = value.WhichOneof("kind")
        if kind == "string_value":
            return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
        if kind == "list_value":
            return [self.plain(element) for element in value.list_value.values]
        if kind == "struct_value":
            return self._plain_struct(value.struct_value)
        if kind == "number_value":
            return value.number_value
        return value.bool_value if kind == "bool_value" else None

    def _plain_struct(self, wire: struct_pb2.Struct) -> object:
        fields = wire.fields
        kind = fields[_KIND_KEY].string_value if _KIND_KEY in fields else ""
        if kind == _SECRET:
            self.saw_secret = True
            return self.plain(fields["value"]) if "value" in fields else None
        if kind == _OUTPUT:
            self.saw_secret |= "secret" in fields and fields["secret"].bool_value
            return self.plain(fields["value"]) if "value" in fields else UNKNOWN
        if kind == _RESOURCE:
            # Its id is all of a resource that an input of ours can mean; an empty one is not known yet.
            known = self.plain(fields["id"]) if "id" in fields else None
            return known or UNKNOWN
        return {name: self.plain(element) for name, element in fields.items()}


def render_properties(values: Mapping[str, object], secret: Collection[str] = ()) -> struct_pb2.Struct:
    """Return the message of plain values; a property without a value (None) is left out.

    Args:
        values: plain values; ``model.UNKNOWN`` is allowed at any depth.
        secret: names of the properties to hide; names that are not there are ignored.
    """
    fields = {}
    for name, value in values.items():
        if value is None:
            continue
        wire = _wire_value(sendable(value))
        if name in secret:
            marked = {_KIND_KEY: struct_pb2.Value(string_value=_SECRET), "value": wire}
            wire = struct_pb2.Value(struct_value=struct_pb2.Struct(fields=marked))
        fields[sendable_text(name)] = wire
    return struct_pb2.Struct(fields=fields)


def sendable_text(text: str) -> str:
    """Return a text that protobuf and JSON can carry: halves of characters are joined, or else replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def sendable(value: object) -> Any:  # noqa: ANN401  # plain values, as they came
    """Return a value that protobuf and JSON can carry: this one, or what it is as a text."""
    if value is None or isinstance(value, (bool, Unknown)):
        return value
    if isinstance(value, str):
        return sendable_text(value)
    if isinstance(value, (int, float)) and abs(value) <= sys.float_info.max:  # neither NaN nor infinite
        return value
    if isinstance(value, Mapping):
        return {sendable_text(str(name)): sendable(element) for name, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [sendable(element) for element in value]
    return sendable_text(str(value))


def _wire_value(value: Any) -> struct_pb2.Value:  # noqa: ANN401  # what ``sendable`` returns
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, (int, float)):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, dict):
        fields = {name: _wire_value(element) for name, element in value.items()}
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
    if isinstance(value, list):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=map(_wire_value, value)))
    return struct_pb2.Value(string_value=_UNKNOWN_TEXT if isinstance(value, Unknown) else value)
