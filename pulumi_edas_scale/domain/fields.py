"""The inputs of a membership as one table, and what is wrong with a single value of an input or a setting.

This file's law: whatever can be said about one input by itself is a row of ``PROPERTIES``, and is said only
here. Checking, parsing and comparing read the table; ``schema.json`` and the README are tested against it. The rows
of ``settings.py`` are checked by the same functions. Pure.
"""

from __future__ import annotations

import difflib
import enum
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.model import Policy, Unknown
from pulumi_edas_scale.domain.regions import meant_region

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HIGHEST_NUMBER: Final = 1_000_000_000
"""No count and no number of seconds is larger; far beyond any use, far below where floats lose integers."""

LONGEST_ID: Final = 64
"""Characters. A UUID has 36, an ECS instance id 22; the limit keeps a pasted file out of the messages."""


class Kind(enum.Enum):
    """What a value must be."""

    REGION = "region id"
    APPLICATION = "application id"
    GROUP = "group id"
    INSTANCES = "list of ECS instance ids"
    ECUS = "list of ECU ids"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    WORD = "word"
    URL = "URL"
    NAME = "name"


LISTS: Final = frozenset({Kind.INSTANCES, Kind.ECUS})
NUMBERS: Final = frozenset({Kind.INTEGER, Kind.NUMBER})


@dataclass(frozen=True, slots=True)
class Field:
    """What is the same for an input of the resource and a setting of the provider.

    Attributes:
        name: in camelCase, as in the schema and in state.
        kind: what a value must be.
        default: what an absent value means; None when absence is itself an answer.
        minimum, maximum: both bounds are allowed values; None for kinds without an order.
        unit: what a number counts.
        choices: what a word stands for.
    """

    name: str
    kind: Kind
    default: object = None
    minimum: int | None = None
    maximum: int | None = None
    unit: str = ""
    choices: type[enum.Enum] | None = None

    @property
    def snake(self) -> str:
        """The name of the Python argument."""
        return snake_case(self.name)

    @property
    def words(self) -> tuple[str, ...]:
        """The allowed words, in the order of the documentation."""
        return tuple(str(word.value) for word in self.choices or ())

    @property
    def expected(self) -> str:
        """What a value must be, as a noun phrase."""
        if self.kind in NUMBERS:
            number = "a whole number" if self.kind is Kind.INTEGER else "a number"
            return f"{number} of {self.unit} from {self.minimum} to {self.maximum}"
        if self.kind is Kind.WORD:
            return join_or(self.words)
        return _EXPECTED[self.kind]


_EXPECTED: Final = {
    Kind.REGION: "a region id such as 'cn-hangzhou'",
    Kind.APPLICATION: "the id of an EDAS application",
    Kind.GROUP: "the id of a deploy group",
    Kind.INSTANCES: "a list of ECS instance ids",
    Kind.ECUS: "a list of ECU ids",
    Kind.BOOLEAN: "true or false",
    Kind.URL: "a URL such as https://edas.cn-hangzhou.aliyuncs.com or http://127.0.0.1:8080",
    Kind.NAME: "the name of a profile",
}


@dataclass(frozen=True, slots=True)
class Property(Field):
    """One input of the resource.

    Attributes:
        while_unknown: what a value means that the preview cannot know yet: the one that forbids nothing.
        replaces: whether another value makes another resource.
    """

    while_unknown: object = None
    replaces: bool = False


def snake_case(name: str) -> str:
    """Return the Python spelling of a camelCase name."""
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def _flag(name: str, *, default: bool, while_unknown: bool) -> Property:
    return Property(name, Kind.BOOLEAN, default, while_unknown=while_unknown)


def _count(  # noqa: PLR0913  # a row of the table below, by name
    name: str,
    unit: str,
    *,
    default: float | None,
    while_unknown: float | None,
    minimum: int = 0,
    maximum: int = HIGHEST_NUMBER,
    kind: Kind = Kind.INTEGER,
) -> Property:
    return Property(name, kind, default, minimum, maximum, unit, while_unknown=while_unknown)


def _word(name: str, default: enum.Enum) -> Property:
    return Property(name, Kind.WORD, default.value, choices=type(default), while_unknown=default.value)


_POLICY: Final = Policy()

PROPERTIES: Final = (
    Property("regionId", Kind.REGION, replaces=True),
    Property("appId", Kind.APPLICATION, replaces=True),
    Property("groupId", Kind.GROUP, replaces=True),
    Property("instanceIds", Kind.INSTANCES),
    Property("ecuIds", Kind.ECUS),
    _flag("exclusive", default=_POLICY.exclusive, while_unknown=False),
    _count("minRunning", "members", default=_POLICY.min_running, while_unknown=0),
    _count("maxRemovals", "members", default=_POLICY.max_removals, while_unknown=None),
    _count(
        "batchSize",
        "instances",
        default=_POLICY.batch_size,
        while_unknown=_POLICY.batch_size,
        minimum=1,
        maximum=200,  # ids of 36 characters in one query string: about 8 kB, what proxies let pass
    ),
    _count(
        "batchPauseSeconds",
        "seconds",
        default=int(_POLICY.batch_pause_seconds),
        while_unknown=int(_POLICY.batch_pause_seconds),
        kind=Kind.NUMBER,
    ),
    _word("waitFor", _POLICY.wait_for),
    _count(
        "joinTimeoutSeconds",
        "seconds",
        default=_POLICY.join_timeout_seconds,
        while_unknown=_POLICY.join_timeout_seconds,
    ),
    _word("forceScaleIn", _POLICY.force_scale_in),
    _flag("confirmBatches", default=_POLICY.confirm_batches, while_unknown=_POLICY.confirm_batches),
    _word("onDelete", _POLICY.on_delete),
    _count(
        "timeoutSeconds",
        "seconds",
        default=_POLICY.timeout_seconds,
        while_unknown=_POLICY.timeout_seconds,
        minimum=1,
    ),
)
"""Every input, in the order of the documentation."""

BY_NAME: Final[Mapping[str, Property]] = {row.name: row for row in PROPERTIES}

OUTPUTS: Final = ("members", "foreignMembers", "runningCount", "groupName", "clusterId", "changeOrderIds")
"""What the resource adds to its inputs, in the order of the documentation."""


def quote_value(text: str) -> str:
    """Return a text between quotes on one printable line, cut where it is longer than any id."""
    kept = text if len(text) <= LONGEST_ID else f"{text[:LONGEST_ID]}…"
    printable = (c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in kept)
    return f"'{''.join(printable)}'"


def format_value(value: object) -> str:
    """Return how a message names a value: short, on one line, containers by their kind only."""
    if isinstance(value, str):
        return quote_value(value) if value else "an empty string"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return _shown_number(value)
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if is_list(value) else f"a value of type {type(value).__name__}"


def _shown_number(value: float) -> str:
    if abs(value) > HIGHEST_NUMBER:  # said in words: Python refuses to write out integers of many digits
        return f"a number beyond {'-' if value < 0 else ''}{HIGHEST_NUMBER}"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value == int(value) else str(value)


def join_or(words: Iterable[str]) -> str:
    """Return words as a choice: ``'a', 'b' or 'c'``."""
    *most, last = [f"'{word}'" for word in words]
    return f"{', '.join(most)} or {last}" if most else last


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the one of ``words`` that was probably meant; letter case, ``_`` and slips do not count."""
    by_plain = {_plain(candidate): candidate for candidate in words}
    close = difflib.get_close_matches(_plain(word[: 2 * LONGEST_ID]), by_plain, n=1)
    return by_plain[close[0]] if close else None


def _plain(word: str) -> str:
    return re.sub(r"[_\-\s]", "", word).casefold()


def wrong(value: object, expected: str, advice: str = "") -> Message:
    """Return the sentence that says what was given, what is expected and what to do."""
    sentence = f"{format_value(value)} was given where {expected} is expected."
    code = "ES104" if expected == _EXPECTED_INSTANCE else "ES109"
    return Message(code, f"{sentence} {advice}" if advice else sentence)


_EXPECTED_INSTANCE: Final = "an ECS instance id"


def is_list(value: object) -> bool:
    """Whether a value is a list as programs and engines write it."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)


def problem_of(row: Field, value: object) -> Message | None:
    """Return what is wrong with a known value that is not a list, None when nothing is."""
    return _CHECKS[row.kind](row, value)


def list_problem(row: Field, value: object) -> Message | None:
    """Return what is wrong with a list as a whole, None when nothing is."""
    if is_list(value):
        return None
    advice = "Put it in brackets, also when it is only one."
    if isinstance(value, str):
        parts = [part for part in re.split(r"[\s,;]+", value[: 4 * LONGEST_ID]) if part][:3]
        advice = f"Write [{', '.join(quote_value(part) for part in parts)}]."
    return wrong(value, row.expected, advice)


def element_problem(row: Field, value: object) -> Message | None:
    """Return what is wrong with one known element of a list of ids, None when nothing is."""
    expected = _EXPECTED_INSTANCE if row.kind is Kind.INSTANCES else "an ECU id"
    if not isinstance(value, str):
        advice = "Join the lists into one." if is_list(value) else ""
        if value is None:
            advice = "Give the id, or leave the element out."
        return wrong(value, expected, advice)
    return _text_problem(value, expected) or (
        _instance_problem(value) if row.kind is Kind.INSTANCES else _ecu_problem(value)
    )


def bare_id(value: str) -> str:
    """Return the id in what another tool calls one: ``app:name:id`` and ``app-id:name:id`` mean their last part."""
    parts = value.split(":")
    return parts[-1] if len(parts) == _PARTS_OF_A_FOREIGN_ID and all(parts) else value


_PARTS_OF_A_FOREIGN_ID: Final = 3
"""Of alicloud_edas_application and alicloud_edas_deploy_group, in Terraform and in its Pulumi bridge."""


def normalize(row: Field, value: object) -> object:
    """Return the one spelling of a right value: whole numbers as int, lists as list, words as text, ids bare."""
    if row.kind in {Kind.APPLICATION, Kind.GROUP} and isinstance(value, str):
        return bare_id(value)
    if row.kind in NUMBERS and isinstance(value, float) and value.is_integer():
        return int(value)
    if row.kind in LISTS and isinstance(value, Sequence) and is_list(value):
        return list(value)
    if row.kind is Kind.URL and isinstance(value, str) and (url := _split(value)):
        return f"{url.scheme}://{url.netloc.lower()}"
    return value.value if isinstance(value, enum.Enum) else value


def _boolean_problem(row: Field, value: object) -> Message | None:
    if isinstance(value, bool):
        return None
    quoted_flag = isinstance(value, str) and value.casefold() in {"true", "false"}
    return wrong(value, row.expected, "Write it without quotes." if quoted_flag else "")


def _number_problem(row: Field, value: object) -> Message | None:
    # True is an int in Python, and a batch size of true is a mistake.
    if isinstance(value, bool) or not isinstance(value, int | float):
        number = isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d{1,12}(\.\d{0,12})?\s*", value)
        return wrong(value, row.expected, "Write it without quotes." if number else "")
    if isinstance(value, float) and math.isnan(value):
        return wrong(value, row.expected)
    if row.minimum is not None and value < row.minimum:
        return wrong(value, row.expected, f"The lowest value is {row.minimum}.")
    if row.maximum is not None and value > row.maximum:
        return wrong(value, row.expected, f"The highest value is {row.maximum}.")
    if row.kind is Kind.INTEGER and isinstance(value, float) and not value.is_integer():
        return wrong(value, row.expected, f"{math.floor(value)} and {math.ceil(value)} are the nearest.")
    return None


def _word_problem(row: Field, value: object) -> Message | None:
    if value in row.words:
        return None
    meant = nearest(value, row.words) if isinstance(value, str) else None
    return wrong(value, row.expected, f"Did you mean '{meant}'?" if meant else "")


def region_problem(value: object) -> Message | None:
    """Return what is wrong with the shape of a region id, None when nothing is."""
    expected = _EXPECTED[Kind.REGION]
    if not isinstance(value, str):
        return wrong(value, expected)
    problem = _text_problem(value, expected)
    if problem is None and ":" in value:
        region = value.partition(":")[0]
        return wrong(value, expected, f"This is a namespace of EDAS; its region is {quote_value(region)}.")
    if problem is None and not _REGION.fullmatch(value):
        lower = value.lower()
        return wrong(value, expected, f"Write '{lower}'." if _REGION.fullmatch(lower) else "")
    if problem is None and re.search(r"-[a-z]$", value):
        return wrong(value, expected, f"This is a zone; its region is '{value[:-2]}'.")
    meant = meant_region(value) if problem is None else None
    return Message("ES136", f"there is no region '{value}'. Did you mean '{meant}'?") if meant else problem


_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+")


def _region_row_problem(_row: Field, value: object) -> Message | None:
    return region_problem(value)


def _scope_id_problem(row: Field, value: object) -> Message | None:
    if not isinstance(value, str):
        return wrong(value, row.expected)
    if row.kind is Kind.GROUP and value.casefold() in _GROUP_NAMES:
        return Message(
            "ES108",
            f"{quote_value(value)} is the name of a group; its id is needed. "
            "Find it with the function getDeployGroup (get_deploy_group in Python), or with 'edas-scale status'.",
        )
    problem = _text_problem(value, row.expected)
    if problem is not None:
        return problem
    # A deployment of EDAS takes "all" for every group; what it means to a scale out is documented nowhere.
    if value.casefold() == "all":
        return wrong(value, row.expected, "A membership is of one group of one application: name it.")
    forbidden = next((mark for mark in ("/", "..") if mark in value), None)
    return (
        wrong(value, row.expected, f"An id does not contain {quote_value(forbidden)}.") if forbidden else None
    )


_GROUP_NAMES: Final = frozenset({"_default_group", "default_group", "default group"})
"""What the wire and the console call the group that every application has."""


def _text_problem(value: str, expected: str) -> Message | None:
    """Return what no id may hold, whatever it identifies."""
    if not value:
        return wrong(value, expected)
    if len(value) > LONGEST_ID:
        return wrong(value, expected, f"It has {len(value)} characters; at most {LONGEST_ID} are allowed.")
    if "," in value:
        return wrong(value, expected, "It contains a comma: give each id as an element of its own.")
    if any(char.isspace() for char in value):
        return wrong(value, expected, "It contains white space: remove it.")
    if not value.isprintable():
        return wrong(value, expected, "It contains a control character: remove it.")
    return None


_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _instance_problem(value: str) -> Message | None:
    if re.fullmatch(r"i-[a-z0-9-]+", value):
        return None
    if _UUID.fullmatch(value):
        return Message("ES105", f"{quote_value(value)} is an ECU id: it belongs in ecuIds.")
    expected = _EXPECTED_INSTANCE
    if re.fullmatch(r"i-[a-z0-9-]+", value.lower()):
        return wrong(value, expected, f"Write '{value.lower()}'.")
    advice = "It is 'i-' and then lower-case letters, digits or hyphens, as the ECS console shows it."
    return wrong(value, expected, advice)


def _ecu_problem(value: str) -> Message | None:
    if value.casefold().startswith("i-"):
        return Message("ES106", f"{quote_value(value)} is an ECS instance id: it belongs in instanceIds.")
    if re.fullmatch(r"[A-Za-z0-9-]+", value):
        return None
    advice = "It is made of letters, digits and hyphens. The instance id is an answer too, in instanceIds."
    return wrong(value, "an ECU id", advice)


def _name_problem(row: Field, value: object) -> Message | None:
    if not isinstance(value, str):
        return wrong(value, row.expected)
    if len(value) > LONGEST_ID or not value.isprintable():
        return wrong(
            value, row.expected, f"It has at most {LONGEST_ID} characters and no control characters."
        )
    return None


def _url_problem(row: Field, value: object) -> Message | None:
    if not isinstance(value, str):
        return wrong(value, row.expected)
    if "@" in value:  # and is not shown: it may hold a password
        return Message(
            "ES109",
            f"a URL with a user name was given where {row.expected} is expected. Leave the credentials out.",
        )
    url = _split(value)
    kept = value.partition("?")[0].partition("#")[0]
    value = kept if kept == value else f"{kept}?…"  # what follows may hold a token
    if url is None or url.scheme not in {"http", "https"} or not url.hostname:
        return wrong(value, row.expected, "Write it with http:// or https:// in front.")
    if url.path not in {"", "/"} or url.query or url.fragment:
        return wrong(value, row.expected, "It ends after the host and the port.")
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        return wrong(value, row.expected, "The host is written in ASCII, without white space.")
    return None


def _split(text: str) -> SplitResult | None:
    """Return the parts of a URL, None when it has none or an impossible port."""
    try:
        url = urlsplit(text)
        possible = url.port is None or url.port > 0
    except ValueError:
        return None
    return url if possible else None


_CHECKS: Final[Mapping[Kind, Callable[[Field, object], Message | None]]] = {
    Kind.REGION: _region_row_problem,
    Kind.APPLICATION: _scope_id_problem,
    Kind.GROUP: _scope_id_problem,
    Kind.BOOLEAN: _boolean_problem,
    Kind.INTEGER: _number_problem,
    Kind.NUMBER: _number_problem,
    Kind.WORD: _word_problem,
    Kind.URL: _url_problem,
    Kind.NAME: _name_problem,
}


def is_unknown(value: object) -> bool:
    """Whether the preview cannot know this value yet."""
    return isinstance(value, Unknown)
