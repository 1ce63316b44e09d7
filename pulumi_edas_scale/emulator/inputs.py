"""What people give the emulator: world files, rules, switches and actions, read with one set of checks.

The law of this file: a value is taken as it is meant or refused with the path of the first thing that is wrong.
JSON is read only as far as the strictest reader understands it: a number is finite and of at most 64 bits, a text
is Unicode without halves of characters, and nothing is nested deeper than a person would write.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulumi_edas_scale.emulator.world.durations import Duration, parse_duration

if TYPE_CHECKING:
    from typing_extensions import Self

LARGEST_NUMBER = 2**63 - 1  # as EDAS's own integers
# Per list; a guard against a wrong file, not a statement about EDAS.
MAX_ENTRIES = 20_000


class InputError(ValueError):
    """Something given to the emulator is wrong or cannot be done; the message begins with its path."""


def parse_json(text: str) -> Any:  # noqa: ANN401  # any JSON
    """Read a text.

    Raises:
        InputError: it is not JSON, or a number, a text or the depth is out of bounds.
    """
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_decimal, parse_constant=_decimal)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError("a text holds half a character (a lone surrogate)") from None
    except RecursionError:
        raise InputError("it is nested too deeply") from None
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error)) from None
    return value


def refuse_half_characters(value: object, path: str) -> None:
    """Refuse a text that no answer can carry, wherever it stands: of what was given in this process nothing was parsed.

    Raises:
        InputError: a text, or a key, holds a lone surrogate.
    """
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError(f"{path}: a text holds half a character (a lone surrogate)") from None
    elif isinstance(value, Mapping):
        for key, each in value.items():
            refuse_half_characters(key, path)
            refuse_half_characters(each, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            refuse_half_characters(each, f"{path}[{index}]")


def _integer(digits: str) -> int:
    if len(digits) > len(str(-LARGEST_NUMBER)) or abs(int(digits)) > LARGEST_NUMBER:
        raise InputError(f"the number {digits[:24]} has more than 64 bits")
    return int(digits)


def _decimal(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InputError(f"{text[:24]} is not a finite number")
    return number


def mapping_of(data: object, path: str, keys: Collection[str] | None = None) -> Mapping[str, Any]:
    """Return an object that has no keys but the given ones."""
    if not isinstance(data, Mapping):
        raise InputError(f"{path}: must be an object, got {type(data).__name__}")
    unknown = sorted(set(data) - set(keys)) if keys is not None else []
    if unknown:
        raise InputError(f"{path}.{unknown[0]}: no such key; known are {', '.join(sorted(keys or ()))}")
    return data


def whole_of(value: object, path: str, *, least: int = 0, most: int | None = None) -> int:
    """Return a whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most and value > most):
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"{path}: must be a whole number {bounds}, got {value!r}")
    return value


def seconds_of(value: object, path: str, most: int) -> float:
    """Return a number of seconds within bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise InputError(f"{path}: must be a number of seconds from 0 to {most}, got {value!r}")
    return float(value)


@dataclass(frozen=True)
class Fields:
    """The fields of one object, each read by its key with the check that it needs."""

    data: Mapping[str, Any]
    path: str

    @classmethod
    def of(cls, data: object, path: str, keys: Collection[str]) -> Self:
        """Read an object that has no keys but the given ones."""
        return cls(mapping_of(data, path, keys), path)

    def has(self, key: str) -> bool:
        """Return whether a field is given and not null."""
        return self.data.get(key) is not None

    def text(self, key: str, default: Callable[[], str] | None = None) -> str:
        """Return a text that is not empty; an absent one is made by `default`."""
        if key not in self.data and default is not None:
            return default()
        value = self.data.get(key)
        if not isinstance(value, str) or not value:
            raise InputError(f"{self.path}.{key}: must be a string that is not empty, got {value!r}")
        return value

    def text_or_none(self, key: str) -> str | None:
        """Return a text that may be left out."""
        return self.text(key) if self.has(key) else None

    def entries(self, key: str) -> list[Any]:
        """Return a list; an absent one is empty."""
        value = self.data.get(key, [])
        if not isinstance(value, list | tuple):
            raise InputError(f"{self.path}.{key}: must be a list, got {type(value).__name__}")
        if len(value) > MAX_ENTRIES:
            raise InputError(f"{self.path}.{key}: at most {MAX_ENTRIES} entries")
        return [*value]

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            raise InputError(f"{self.path}.{key}: must be true or false, got {value!r}")
        return value

    def whole(self, key: str, default: object = None, *, least: int = 0, most: int | None = None) -> int:
        """Return a whole number within bounds."""
        return whole_of(self.data.get(key, default), f"{self.path}.{key}", least=least, most=most)

    def whole_or_none(self, key: str, *, least: int = 0) -> int | None:
        """Return a whole number that may be left out."""
        return self.whole(key, least=least) if self.has(key) else None

    def one_of(self, key: str, allowed: Collection[int], default: int) -> int:
        """Return one of several numbers."""
        value = self.data.get(key, default)
        if isinstance(value, bool) or value not in allowed:
            choices = ", ".join(str(int(choice)) for choice in allowed)
            raise InputError(f"{self.path}.{key}: must be one of {choices}, got {value!r}")
        return int(value)

    def duration(self, key: str) -> Duration | None:
        """Return a duration that may be left out."""
        try:
            return parse_duration(self.data[key]) if self.has(key) else None
        except ValueError as error:
            raise InputError(f"{self.path}.{key}: {error}") from None
