"""JSON from outside, as far as the emulator can write it back: world files, control bodies, parameters.

The law of this file: the strictest reader of JSON understands what it returns. A number is finite and of at most
64 bits, a text is Unicode without halves of characters, and nothing is nested deeper than a person would write.
"""

from __future__ import annotations

import json
import math
from typing import Any

LARGEST_NUMBER = 2**63 - 1  # as EDAS's own integers


class JsonTextError(ValueError):
    """A text is not JSON, or holds what cannot be written back."""


def parse_json(text: str) -> Any:  # noqa: ANN401  # any JSON
    """Read a text.

    Raises:
        JsonTextError: it is not JSON, or a number, a text or the depth is out of bounds.
    """
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_decimal, parse_constant=_decimal)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise JsonTextError("a text holds half a character (a lone surrogate)") from None
    except RecursionError:
        raise JsonTextError("it is nested too deeply") from None
    except JsonTextError:
        raise
    except ValueError as error:
        raise JsonTextError(str(error)) from None
    return value


def _integer(digits: str) -> int:
    if len(digits) > len(str(-LARGEST_NUMBER)) or abs(int(digits)) > LARGEST_NUMBER:
        raise JsonTextError(f"the number {digits[:24]} has more than 64 bits")
    return int(digits)


def _decimal(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JsonTextError(f"{text[:24]} is not a finite number")
    return number
