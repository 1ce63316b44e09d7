"""What may leave an account: shapes, states and numbers, and nothing that says whose they are.

This file's law: a text is kept only where its key is in ``KEPT``; any other text becomes an invented one of the
same kind, always the same for the same text, so that ids which belong together still do. A key that nobody
thought of is therefore redacted. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pulumi_edas_scale.edas.failures import quote

KEPT: Final = frozenset(
    {
        "ApplicationType",
        "BatchType",
        "Code",
        "CoType",
        "CoTypeCode",
        "ContainerStatus",
        "CreateTime",
        "ErrorCode",
        "FinishTime",
        "PipelineStatus",
        "PodStatus",
        "Source",
        "StageName",
        "StartTime",
        "State",
        "Status",
        "TaskErrorCode",
        "TaskName",
        "TaskStatus",
        "UpdateTime",
        "ZoneId",
    }
)
"""Keys whose text is a word or a moment of EDAS itself."""

SENTENCES: Final = frozenset(
    {"Desc", "InstanceIp", "Message", "PipelineName", "StageMessage", "TaskErrorMessage"}
)
"""Keys whose text is EDAS's own sentence around ids, addresses and names: only the latter are replaced."""

NUMBERS_OF_PERSONS: Final = frozenset({"UserId", "AccountId", "OwnerId", "Phone", "CreateUserId", "CallerId"})
"""Keys whose numbers name somebody; other numbers are states, counts and moments."""

SHORTEST_NAME: Final = 3
"""Characters; shorter names would be found in ordinary words."""

_UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_IP: Final = r"\b(?:\d{1,3}\.){3}\d{1,3}\b"
_RESOURCE: Final = r"\b(?:i|vpc|sg|vsw|rg|lb|c)-[0-9a-z]{4,}\b"
_EMAIL: Final = r"[\w.+*-]+@[\w.-]+"
_URL: Final = r"\b\w+://[^\s\"'<>]+"
_LONG_NUMBER: Final = r"\b\d{12,}\b"
_HOST: Final = r"\b(?:[a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}\b"
_IN_SENTENCES: Final = re.compile(f"{_URL}|{_EMAIL}|{_UUID}|{_RESOURCE}|{_IP}|{_HOST}|{_LONG_NUMBER}")
_WORD: Final = re.compile(r"[A-Za-z0-9_ .,:/()-]{1,64}")
_EDAS_WORDS: Final = re.compile(r"Edas\.errorcode\..*|EDAS-\d+", re.IGNORECASE)


_KINDS: Final = (
    ("uuid", _UUID),
    ("address", _IP),
    ("instance", r"i-[0-9a-z]+"),
    ("resource", r"(vpc|sg|vsw|rg|lb|c)-[0-9a-z]+"),
    ("number", r"\d+"),
)
"""What a value is by how it looks; everything else is a text."""

_INVENTED: Final[Mapping[str, Callable[[int, str], str]]] = {
    "uuid": lambda number, _: f"00000000-0000-4000-8000-{number:012x}",
    "address": lambda number, _: f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
    "instance": lambda number, _: f"i-redacted{number:04d}",
    "resource": lambda number, text: f"{text.partition('-')[0]}-redacted{number:04d}",
    "number": lambda number, _: f"{1_000_000_000_000 + number}",
    "text": lambda number, _: f"redacted-{number}",
}
"""What stands for the value of that number, by kind."""


@dataclass(slots=True)
class Redactor:
    """Replaces what names somebody or something; one object for everything that is published together."""

    _known: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def body(self, value: object, key: str = "") -> object:
        """Return a JSON value without what names somebody.

        Args:
            value: any JSON value.
            key: where it stands in its object.
        """
        if isinstance(value, Mapping):
            return {str(name): self.body(each, str(name)) for name, each in value.items()}
        if isinstance(value, list):
            return [self.body(each, key) for each in value]
        if isinstance(value, str):
            return self._text(value, key)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and key in NUMBERS_OF_PERSONS:
            return int(self._instead_of(str(value), "number"))
        return value

    def sentence(self, text: str) -> str:
        """Return a text in which ids, addresses, hosts, and names that were met before are replaced."""
        # The longest first: one name may be a part of another, which would stay half.
        names = sorted((each for each in self._names if each in text), key=len, reverse=True)
        for name in names:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", self._known[name], text)
        return _IN_SENTENCES.sub(
            lambda found: found[0] if _EDAS_WORDS.fullmatch(found[0]) else self._instead_of(found[0]),
            quote(text),
        )

    def instance_id(self, text: str) -> str:
        """Return the invented ECS instance id of a real one; empty stays empty."""
        return self._instead_of(text, "instance") if text else ""

    def uuid(self, text: str) -> str:
        """Return the invented UUID of a real one; empty stays empty."""
        return self._instead_of(text, "uuid") if text else ""

    def address(self, text: str) -> str:
        """Return the invented address of a real one; empty stays empty."""
        return self._instead_of(text, "address") if text else ""

    def _text(self, text: str, key: str) -> str:
        if not text:
            return text
        if key == "RegionId":  # a namespace has the id of its region, with a name of the user behind it
            region, colon, name = text.partition(":")
            return f"{region}:{self._instead_of(name, 'text')}" if colon else region
        if key in KEPT and _WORD.fullmatch(text) and not re.search(f"{_UUID}|{_IP}", text):
            return text
        if key in SENTENCES:
            return self.sentence(text)
        return self._instead_of(text)

    def _instead_of(self, text: str, kind: str = "") -> str:
        if text not in self._known:
            kind = kind or next((each for each, pattern in _KINDS if re.fullmatch(pattern, text)), "text")
            self._counts[kind] = number = self._counts.get(kind, 0) + 1
            self._known[text] = _INVENTED[kind](number, text)
            if kind == "text" and len(text) >= SHORTEST_NAME:
                self._names.add(text)
        return self._known[text]
