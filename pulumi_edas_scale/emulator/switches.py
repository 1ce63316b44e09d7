"""What EDAS does not document, or does in more than one way: one table of switches.

The law of this file: every behaviour of the emulator that a real EDAS might show differently is a row of
`SWITCHES`, with what is known about it. A row is "documented" when an API page says so and "assumed"
otherwise; the default is the likelier side, or the more dangerous one where none is likelier. README.md shows
the same table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pulumi_edas_scale.emulator.inputs import InputError
from pulumi_edas_scale.emulator.world.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

SwitchValue: TypeAlias = str | int | float | bool


@dataclass(frozen=True)
class Switch:
    """One row: a behaviour, its sides, its default, and what is known about it."""

    name: str
    default: SwitchValue
    sides: str  # the allowed values, in words for people
    parse: Callable[[object], SwitchValue]
    evidence: str  # "documented" or "assumed"
    meaning: str


def _one_of(*sides: SwitchValue) -> Callable[[object], SwitchValue]:
    def parse(value: object) -> SwitchValue:
        for side in sides:
            if side == value and type(side) is type(value):
                return side
        raise ValueError(f"must be one of {', '.join(map(str, sides))}, got {value!r}")

    return parse


def _flag(value: object) -> SwitchValue:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, got {value!r}")  # noqa: TRY004 - one error type for the caller
    return value


def _count(value: object) -> SwitchValue:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"must be a whole number of at least 0, got {value!r}")
    return value


def _seconds(value: object) -> SwitchValue:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not (math.isfinite(value) and value >= 0)
    ):
        raise ValueError(f"must be a number of seconds of at least 0, got {value!r}")
    return float(value)


def _positive_seconds(value: object) -> SwitchValue:
    seconds = _seconds(value)
    if not seconds:
        raise ValueError("must be more than 0 seconds")
    return seconds


def _duration(value: object) -> SwitchValue:
    parse_duration(value)
    return value if isinstance(value, int | float) else str(value)


def _word_and_seconds(word: str, *words: str) -> Callable[[object], SwitchValue]:
    """Take one of several words, or `word:SECONDS`."""

    def parse(value: object) -> SwitchValue:
        first, _, seconds = str(value).partition(":")
        try:
            if value in words or (first == word and _positive_seconds(float(seconds))):
                return str(value)
        except ValueError:
            pass
        raise ValueError(f"must be one of {', '.join(words)} or '{word}:SECONDS', got {value!r}")

    return parse


EMPTY_LIST_SPELLINGS = ("list", "absent", "null", "object", "inner_null", "array", "text")


def _empty_list(value: object) -> SwitchValue:
    """Take one spelling for every operation, or a spelling for each of several operations."""
    pairs = value.items() if isinstance(value, Mapping) else _pairs(value)
    given = [(str(operation), spelling) for operation, spelling in pairs]
    for operation, spelling in given:
        if spelling not in EMPTY_LIST_SPELLINGS or (not operation and len(given) > 1):
            raise ValueError(
                f"must be one of {', '.join(EMPTY_LIST_SPELLINGS)}, or OPERATION:SPELLING joined by commas, "
                f"got {value!r}"
            )
    return ",".join(
        f"{operation}:{spelling}" if operation else str(spelling) for operation, spelling in given
    )


def _pairs(value: object) -> list[tuple[str, str]]:
    """Split `A:x,B:y`; a part without a colon has an empty name."""
    parts = [part.strip().rpartition(":") for part in str(value).split(",") if part.strip()]
    return [(name, word) for name, _, word in parts]


def _refused_readings(value: object) -> SwitchValue:
    """Take `none`, or `OPERATION:N` and `OPERATION:running`, joined by commas."""
    if value == "none":
        return "none"
    for operation, which in _pairs(value):
        if not operation or not (which == "running" or (which.isdecimal() and int(which) > 0)):
            raise ValueError(
                f"must be 'none', or OPERATION:N or OPERATION:running joined by commas, got {value!r}"
            )
    if not _pairs(value):
        raise ValueError("must be 'none', or OPERATION:N or OPERATION:running joined by commas")
    return str(value)


def _operation_names(value: object) -> SwitchValue:
    if not isinstance(value, str) or not all(part.strip().isalnum() for part in value.split(",")):
        raise ValueError(f"must be 'none' or names of operations joined by commas, got {value!r}")
    return value


def _choice_row(name: str, sides: tuple[str, ...], evidence: str, meaning: str) -> Switch:
    """Make a row whose first side is the default."""
    return Switch(name, sides[0], ", ".join(sides), _one_of(*sides), evidence, meaning)


_SECONDS = "seconds"
_COUNT = "a whole number, 0 for no limit"

SWITCHES: tuple[Switch, ...] = (
    Switch(
        "order_duration",
        "seconds:1",
        "immediate, polls:N, seconds:X",
        _duration,
        "assumed",
        "How long an order runs. N polls: that many reads of the order still show it running.",
    ),
    _choice_row(
        "second_order",
        ("refused", "refused_400", "queued", "parallel_per_group"),
        "assumed",
        "An order while another of the application is active: Code 601, HTTP 400 "
        "Application.ChangerOrderRunning, accepted as ready (0), or accepted when it is of another group.",
    ),
    _choice_row(
        "known_member",
        ("refused", "ignored"),
        "assumed",
        "A scale out that names a present member of the group.",
    ),
    _choice_row(
        "unknown_member_scale_in",
        ("refused", "refused_500", "ignored"),
        "assumed",
        "A scale in that names an ECC the application does not have; the error table has an HTTP 500 for it.",
    ),
    Switch(
        "joiner_visible",
        "early",
        "early, end, late:SECONDS",
        _word_and_seconds("late", "early", "end"),
        "assumed",
        "When a joiner is listed: at once with TaskState 1, at the end of its order, or that long after it.",
    ),
    _choice_row(
        "failed_joiner",
        ("stays", "leaves"),
        "assumed",
        "A joiner whose task failed: listed with AppState 1 and TaskState 3, or gone.",
    ),
    _choice_row(
        "partly_failed_order",
        ("failed", "partial"),
        "assumed",
        "Final status of an order that failed for some of its instances: failed (3) or partially executed (7).",
    ),
    _choice_row(
        "leaver_stops",
        ("early", "end"),
        "assumed",
        "When a leaving member stops running: at the start of its batch or at its end.",
    ),
    Switch(
        "start_delay",
        0.0,
        _SECONDS,
        _seconds,
        "assumed",
        "How long a joiner is still starting (AppState 1, TaskState 1) after its order succeeded.",
    ),
    _choice_row(
        "not_found",
        ("body_601", "body_404", "http_404", "http_500", "http_600"),
        "documented",
        "How a missing application, group or order is reported: Code 601 or 404 in HTTP 200, HTTP 404, "
        "or HTTP 500 or 600 with Code Edas.errorcode.InstanceNotExist.*",
    ),
    _choice_row(
        "code_type",
        ("number", "text"),
        "assumed",
        "Type of Code in the body (an official SDK test accepts both).",
    ),
    Switch(
        "refusal_code",
        601,
        "601, 500, 401",
        _one_of(601, 500, 401),
        "assumed",
        "Code of a refusal in HTTP 200 (an official SDK test accepts all three).",
    ),
    Switch(
        "denied_operations",
        "none",
        "none, names of operations joined by commas",
        _operation_names,
        "assumed",
        "Operations the account has no permission for.",
    ),
    _choice_row(
        "denied_as",
        ("http_403", "body_403", "body_401", "body_500", "body_601"),
        "assumed",
        "How a missing permission is reported: HTTP 403, or that Code in HTTP 200.",
    ),
    _choice_row(
        "message_language",
        ("english", "chinese"),
        "assumed",
        "Language of the text of an error.",
    ),
    _choice_row(
        "recent_order_list",
        ("newest_first", "oldest_first"),
        "assumed",
        "Order of the list of ListRecentChangeOrder.",
    ),
    Switch(
        "recent_order_lag",
        0.0,
        _SECONDS,
        _seconds,
        "assumed",
        "ListRecentChangeOrder shows orders and statuses as they were that long ago.",
    ),
    Switch(
        "empty_list",
        "list",
        "list, absent, null, object, inner_null, array, text, or OPERATION:SPELLING joined by commas",
        _empty_list,
        "assumed",
        'How an empty list is spelled: {"X": []}, no key at all, null, {}, {"X": null}, [] or "".',
    ),
    Switch(
        "order_unknown_at_first",
        0,
        "a whole number of reads",
        _count,
        "assumed",
        "That many first reads of a new order are answered as if it did not exist.",
    ),
    Switch(
        "refused_reading",
        "none",
        "none, or OPERATION:N or OPERATION:running joined by commas",
        _refused_readings,
        "assumed",
        "One reading is refused with Code 601: the N-th of the operation (for each order, if it is "
        "GetChangeOrderInfo), or the first one after somebody has seen an order of the application run.",
    ),
    Switch(
        "list_application",
        "fresh",
        "fresh, stale:SECONDS, same_state, missing, failing",
        _word_and_seconds("stale", "fresh", "same_state", "missing", "failing"),
        "assumed",
        "What ListApplication shows: the present, the past, a State that never changes, no application, "
        "or HTTP 503.",
    ),
    _choice_row(
        "page_behind_last",
        ("empty", "refused"),
        "assumed",
        "A page behind the last one: an empty list, or Code 601.",
    ),
    Switch(
        "region_required",
        False,  # noqa: FBT003 - the default of the row
        "true, false",
        _flag,
        "assumed",
        "A call without this region in the header x-acs-region-id is refused with HTTP 400.",
    ),
    _choice_row(
        "task_error_place",
        ("everywhere", "code", "text", "name", "stage"),
        "assumed",
        "Where an order shows why an instance failed: everywhere, in TaskErrorCode only, in the message of the "
        "instance only, there without the EDAS-number, or with the address in the message of the stage only.",
    ),
    Switch(
        "blank_instance_id",
        "never",
        "never, always, joined:SECONDS",
        _word_and_seconds("joined", "never", "always"),
        "assumed",
        "QueryApplicationStatus lists members without InstanceId: all, or each for that long after it joined.",
    ),
    Switch(
        "cut_list",
        0,
        _COUNT,
        _count,
        "assumed",
        "QueryApplicationStatus lists at most that many members, while InstanceCount counts all.",
    ),
    _choice_row(
        "redeployed_ecc",
        ("kept", "new"),
        "assumed",
        "ECC id of a member after a deployment of its group.",
    ),
    _choice_row(
        "last_member_scale_in",
        ("allowed", "refused"),
        "assumed",
        "A scale in that would leave the group without members.",
    ),
    _choice_row(
        "empty_ecc_info",
        ("all_leave", "refused", "ignored"),
        "assumed",
        "A scale in with an empty EccInfo (documented to mean all instances for stop, start and restart).",
    ),
    Switch(
        "max_ids_per_call",
        0,
        _COUNT,
        _count,
        "assumed",
        "A scale out or scale in that names more ids is refused.",
    ),
    Switch(
        "max_group_members",
        0,
        _COUNT,
        _count,
        "assumed",
        "A scale out that would make the group larger is refused.",
    ),
    Switch(
        "scale_in_lag",
        0.0,
        _SECONDS,
        _seconds,
        "assumed",
        "A member that left by an order is still listed for that long.",
    ),
    Switch(
        "force_scale_in_lag",
        0.0,
        _SECONDS,
        _seconds,
        "assumed",
        "A member that left by ForceStatus=true, which has no order, is still listed for that long.",
    ),
    Switch(
        "freed_ecu_lag",
        0.0,
        _SECONDS,
        _seconds,
        "assumed",
        "ListScaleOutEcu offers an ECU only that long after it left an application.",
    ),
    Switch(
        "import_lag",
        0.0,
        _SECONDS,
        _seconds,
        "assumed",
        "An imported instance has an empty EcuId and status 0 for that long.",
    ),
    _choice_row(
        "total_size",
        ("members", "pages"),
        "documented",
        "What TotalSize of ListClusterMembers counts: the pages, as documented, or the members, as named.",
    ),
    _choice_row(
        "instance_ip",
        ("private", "public_and_private"),
        "documented",
        "Form of InstanceIp in an order: the address, or 'A (Public)<br>B (Private)'.",
    ),
    _choice_row(
        "limits",
        ("off", "documented"),
        "documented",
        "Enforce the documented calls per minute of the account in sliding windows.",
    ),
    Switch(
        "limit_window",
        60.0,
        _SECONDS,
        _positive_seconds,
        "documented",
        "Length of that window; shorter ones make a test of the limits fast.",
    ),
)

_ROWS: Mapping[str, Switch] = {row.name: row for row in SWITCHES}


def switches_of_record(unknowns: Mapping[str, object]) -> dict[str, SwitchValue]:
    """Return the switches with which the emulator answers as a recorded account did.

    Args:
        unknowns: what a record settled, by the name of the switch and with its value, such as
            `{"code_type": "text", "empty_list": {"ListRecentChangeOrder": "absent"}}`. None is a question that
            the record leaves open; what is not a switch is left out.

    Raises:
        InputError: a value that its switch does not take.
    """
    answered = {name: value for name, value in unknowns.items() if name in _ROWS and value is not None}
    settled = Switches()
    settled.update(answered, "unknowns")
    return {name: settled.as_json()[name] for name in answered}


class Switches:
    """The current side of every switch, readable by key."""

    def __init__(self, values: Mapping[str, object] | None = None) -> None:
        """Start from the defaults and set `values`."""
        self._values: dict[str, SwitchValue] = {row.name: row.default for row in SWITCHES}
        self.update(values or {})

    def update(self, values: Mapping[str, object], path: str = "switches") -> None:
        """Set several switches, all or none.

        Args:
            values: switch name to value.
            path: where the values stand, for the message.

        Raises:
            InputError: a name or a value is wrong; nothing has been set then.
        """
        parsed: dict[str, SwitchValue] = {}
        for name, value in values.items():
            row = _ROWS.get(name)
            if row is None:
                raise InputError(f"{path}.{name}: no such switch; known are {', '.join(sorted(_ROWS))}")
            try:
                parsed[name] = row.parse(value)
            except ValueError as error:
                raise InputError(f"{path}.{name}: {error}") from None
        self._values.update(parsed)

    def seconds(self, name: str) -> float | None:
        """Return the seconds of a switch whose side is `word:SECONDS`; None on its other sides."""
        _, _, seconds = str(self._values[name]).partition(":")
        return float(seconds) if seconds else None

    def by_operation(self, name: str) -> list[tuple[str, str]]:
        """Return the pairs of a switch that is set per operation; an empty name means every operation."""
        return _pairs(self._values[name])

    def text(self, name: str) -> str:
        """Return a switch whose sides are words."""
        return str(self._values[name])

    def number(self, name: str) -> float:
        """Return a switch that counts or is in seconds."""
        return float(self._values[name])

    def flag(self, name: str) -> bool:
        """Return a switch that is true or false."""
        return bool(self._values[name])

    def as_json(self) -> dict[str, SwitchValue]:
        """Return every switch with its current value, in the order of the table."""
        return dict(self._values)
