"""What a real account answers, as one redacted file: ``edas-scale doctor --record``.

Nobody of this project has an account, so what EDAS leaves open is a switch of the emulator. A recording settles
as many of these as readings can. This file's law: it only reads; an unknown that the answers do not settle stays
open, and nothing that names somebody is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.cli.output import Failure
from pulumi_edas_scale.cli.redaction import Redactor
from pulumi_edas_scale.domain.orders import is_active
from pulumi_edas_scale.edas.parse import as_integer, value_at
from pulumi_edas_scale.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pulumi_edas_scale.cli.context import Cloud
    from pulumi_edas_scale.edas.client import Exchange

NOBODY: Final = "00000000-0000-4000-8000-000000000000"
"""An id that nothing has, to record how EDAS says that something does not exist."""

PAGE_SIZE: Final = 10
FAR_PAGE: Final = 1000
"""A page that no list has."""

HTTP_OK: Final = 200

KEPT_HEADERS: Final = frozenset(
    {"content-type", "date", "retry-after", "x-acs-retry-after", "x-ratelimit-remaining"}
)
"""Headers that say how EDAS answers, and not whom."""

CHANGE_INTERVAL: Final = 2.0
"""Seconds between two rounds while a change is watched: two readings and a poll each, far below every limit."""

AFTER_CHANGE: Final = 20.0
"""Seconds to watch on after the order has ended, for members that are listed late."""

LISTS: Final = {
    "QueryApplicationStatus": ("AppInfo.EccList", "Ecc", "AppInfo.Application.InstanceCount"),
    "ListScaleOutEcu": ("EcuInfoList", "EcuInfo", ""),
    "ListClusterMembers": (
        "ClusterMemberPage.ClusterMemberList",
        "ClusterMember",
        "ClusterMemberPage.TotalSize",
    ),
    "ListRecentChangeOrder": ("ChangeOrderList", "ChangeOrder", ""),
    "ListApplication": ("ApplicationList", "Application", ""),
}
"""Where an answer has its list: wrapper, element, and the number that says that it is empty."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One open fact about EDAS that a recording answers: the emulator's switch, its side, and what it means."""

    switch: str
    side: str
    meaning: str


def read_what_is_open(cloud: Cloud, app_id: str, cluster_id: str) -> None:
    """Make the readings whose answers are not documented; the recorder of ``cloud`` keeps them."""
    read = cloud.client.read
    read("ListApplication")
    listed = value_at(cloud.recorder.body_of("ListApplication"), "ApplicationList", "Application")
    rows = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    empty_ids = [each.get("AppId") for each in rows if as_integer(each.get("Instances")) == 0]
    read("ListApplication", current_page=FAR_PAGE, page_size=PAGE_SIZE)
    if cluster_id:
        read("ListClusterMembers", cluster_id=cluster_id)
        read("ListClusterMembers", cluster_id=cluster_id, current_page=FAR_PAGE, page_size=PAGE_SIZE)
        read("GetCluster", cluster_id=cluster_id)
    for empty_app_id in [each for each in empty_ids if isinstance(each, str) and each != app_id][:1]:
        read("QueryApplicationStatus", app_id=empty_app_id)
        read("ListRecentChangeOrder", app_id=empty_app_id)
    read("QueryApplicationStatus", app_id=NOBODY)
    read("ListRecentChangeOrder", app_id=NOBODY)
    read("GetChangeOrderInfo", change_order_id=NOBODY)
    read("GetCluster", cluster_id=NOBODY)
    read("ListClusterMembers", cluster_id=NOBODY)


def watch_change(cloud: Cloud, app_id: str, seconds: float) -> None:
    """Read an application again and again while an order of somebody else's runs on it.

    Args:
        cloud: the account.
        app_id: the application.
        seconds: how long to wait for an order to begin, and how long to watch it at most.
    """
    runtime = cloud.cli_context.runtime
    end = runtime.now() + seconds
    watched = ""
    while runtime.now() < end:
        orders = cloud.change_orders(app_id)
        active = next((each.order_id for each in orders if is_active(each.status)), "")
        # The first order stays the watched one: what follows it would mix two changes in one record.
        if active and not watched:
            watched, end = active, runtime.now() + seconds
        if watched:
            cloud.client.read("ListApplication", app_ids=json.dumps([app_id]))
            cloud.client.read("QueryApplicationStatus", app_id=app_id)
            cloud.client.read("GetChangeOrderInfo", change_order_id=watched)
        if watched and not active:
            end = min(end, runtime.now() + AFTER_CHANGE)
        cloud.context.sleep(CHANGE_INTERVAL)


def settle(exchanges: Sequence[Exchange]) -> tuple[Settled, ...]:
    """Return what answers settle of the open facts, by the name of the switch. Pure."""
    facts = [fact for each in exchanges for fact in _facts_of(each)]
    spellings = {
        each.operation: spelling
        for each in exchanges
        if each.error is None and each.operation in LISTS and (spelling := _spelling_of_nothing(each))
    }
    if spellings:
        side = ",".join(f"{operation}:{spelling}" for operation, spelling in sorted(spellings.items()))
        facts.append(
            Settled(
                "empty_list", side, "How an empty list is spelled; every spelling is read, with a witness."
            )
        )
    facts += _facts_of_a_change(exchanges)
    # The last answer counts where several settle the same.
    by_switch = {each.switch: each for each in facts}
    return tuple(sorted(by_switch.values(), key=lambda each: each.switch))


def write(file: Path, region_id: str, exchanges: Sequence[Exchange], settled: Sequence[Settled]) -> None:
    """Write a recording, with one set of invented names for all its answers.

    Raises:
        Failure: the file cannot be written.
    """
    redactor = Redactor()
    recording = {
        "recordedBy": f"pulumi-edas-scale {__version__}",
        "regionId": region_id,
        "unknowns": {each.switch: each.side for each in settled},
        "calls": [_call(redactor, each) for each in exchanges],
    }
    try:
        # Never over another file: an earlier recording may be the only one of its account.
        with file.open("x", encoding="utf-8") as stream:
            stream.write(json.dumps(recording, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error}") from error


def _call(redactor: Redactor, exchange: Exchange) -> dict[str, Any]:
    call: dict[str, Any] = {
        "operation": exchange.operation,
        # Numbers as they are; of an id only whether it exists.
        "asked": {
            name: value
            if isinstance(value, (int, float))
            else "an id"
            if value != NOBODY
            else "an id that nothing has"
            for name, value in exchange.parameters.items()
        },
        "httpStatus": exchange.status,
        "milliseconds": round(exchange.seconds * 1000),
        "headers": {name: text for name, text in exchange.headers.items() if name in KEPT_HEADERS},
        "body": redactor.body(exchange.body),
    }
    if exchange.error is not None:
        call["error"] = {
            "kind": type(exchange.error).__name__,
            "says": redactor.sentence(exchange.error.message),
        }
    return call


WAYS_TO_SAY_NO: Final = {
    (200, "601"): "body_601",
    (200, "404"): "body_404",
    (404, ""): "http_404",
    (500, ""): "http_500",
    (600, ""): "http_600",
}
"""The sides of the switch ``not_found``, by HTTP status and, in HTTP 200, by Code."""

EMPTY_VALUES: Final[tuple[tuple[str, object], ...]] = (("null", None), ("array", []), ("text", ""))
"""How a wrapper may say that its list is empty when it is not an object."""


def _facts_of(each: Exchange) -> Iterator[Settled]:
    code = value_at(each.body, "Code")
    good = each.error is None
    if good and isinstance(code, (int, str)):
        side = "text" if isinstance(code, str) else "number"
        yield Settled("code_type", side, f"Code is a {side}; the provider reads both.")
    if each.operation == "QueryApplicationStatus" and each.parameters.get("app_id") == NOBODY and not good:
        side = WAYS_TO_SAY_NO.get((each.status, str(code) if each.status == HTTP_OK else ""), "")
        if side:
            yield Settled(
                "not_found", side, "How EDAS says that something does not exist; each way is understood."
            )
    if each.operation != "ListClusterMembers":
        return
    if each.parameters.get("current_page") == FAR_PAGE:
        side = "empty" if good else "refused"
        yield Settled(
            "page_behind_last", side, "What a page behind the last one is; lists end there either way."
        )
    total = as_integer(value_at(each.body, "ClusterMemberPage", "TotalSize"))
    members = value_at(each.body, "ClusterMemberPage", "ClusterMemberList", "ClusterMember")
    unpaged = "current_page" not in each.parameters and isinstance(members, list) and len(members) > 1
    if unpaged and total in {1, len(members)}:
        side = "pages" if total == 1 else "members"
        yield Settled("total_size", side, f"TotalSize counts {side}; no list ends because of it.")


def _spelling_of_nothing(each: Exchange) -> str:
    """Return how an answer spells its empty list; empty when it has members, or nothing proves that it has none."""
    wrapper, element, witness = LISTS[each.operation]
    parent, _, key = wrapper.rpartition(".")
    holder = value_at(each.body, *parent.split(".")) if parent else each.body
    value = holder.get(key) if isinstance(holder, Mapping) else element
    if isinstance(value, Mapping):
        items = value.get(element, "object")
        spelling = (
            "inner_null" if items is None else "object" if items == "object" else "" if items else "list"
        )
    elif isinstance(holder, Mapping) and key not in holder:
        spelling = "absent"
    else:
        spelling = next((word for word, empty in EMPTY_VALUES if value == empty), "")
    # An answer without its list may be one that EDAS has cut: only a number beside it proves that it is empty.
    proven = not witness or as_integer(value_at(each.body, *witness.split("."))) == 0
    return spelling if proven or spelling == "list" else ""


def _facts_of_a_change(exchanges: Sequence[Exchange]) -> Iterator[Settled]:
    """Yield what a watched change shows: whether the list of applications keeps up, and when a joiner is listed."""
    states = [
        value_at(rows[0], "State")
        for each in exchanges
        if "app_ids" in each.parameters and (rows := value_at(each.body, "ApplicationList", "Application"))
    ]
    if not states:
        return
    side = "fresh" if "DEPLOYING" in states else "same_state"
    yield Settled(
        "list_application", side, "What ListApplication shows during a change; it is a hint, no more."
    )
    active, counts = True, []
    for each in exchanges[next(i for i, one in enumerate(exchanges) if "app_ids" in one.parameters) :]:
        if each.operation == "GetChangeOrderInfo" and each.error is None:
            active = is_active(as_integer(value_at(each.body, "changeOrderInfo", "Status")) or 0)
        elif isinstance(placements := value_at(each.body, "AppInfo", "EccList", "Ecc"), list):
            counts.append((len(placements), active))
    grown = next((during for count, during in counts if count > counts[0][0]), None)
    if grown is not None:
        side = "early" if grown else "end"
        yield Settled(
            "joiner_visible", side, "When a joiner is listed; it is waited for a minute after its order."
        )
