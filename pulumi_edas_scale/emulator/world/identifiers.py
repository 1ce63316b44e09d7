"""Identifiers that are the same in every run: counters in the shape of a UUID.

The law of this file: no randomness. The first hexadecimal digits show people what an identifier names, the
last ones count, so two worlds with the same history have the same identifiers.
"""

from __future__ import annotations

from collections import Counter

_UUID_FIELDS = 5
_FIRST_DIGITS = {
    "cluster": "c1057e40",
    "ecu": "ec000000",
    "ecc": "ecc00000",
    "application": "a9900000",
    "group": "9e000000",
    "order": "c0de0000",
    "package": "9ac0a9e0",
    "request": "4e900000",
}


class Identifiers:
    """Hands out the next identifier of each kind."""

    def __init__(self) -> None:
        """Start every count at one."""
        self._counts: Counter[str] = Counter()

    def next(self, kind: str) -> str:
        """Return the next identifier of a kind, such as `ecc00000-0000-4000-8000-000000000001`."""
        return shaped(kind, self.next_number(kind))

    def next_number(self, kind: str) -> int:
        """Count one more of a kind and return the count."""
        self._counts[kind] += 1
        return self._counts[kind]


def shaped(kind: str, number: int) -> str:
    """Return the identifier of a kind that carries a given count."""
    return f"{_FIRST_DIGITS[kind]}-0000-4000-8000-{number:012x}"


def part_of(owner: str, digits: str, number: int) -> str:
    """Return the identifier of a part, such as a batch of an order, that is found again from its owner.

    Args:
        owner: identifier of the whole.
        digits: four hexadecimal digits that show the kind of the part.
        number: which part.
    """
    fields = owner.split("-")
    if len(fields) != _UUID_FIELDS:  # a world file may name its machines as it likes
        return f"{owner}-{digits}-{number}"
    head, _, _, variant, tail = fields
    return f"{head}-{digits}-4{number:03x}-{variant}-{tail}"
