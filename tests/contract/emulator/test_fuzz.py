"""Whatever is sent to the emulator, it answers what is wrong, stays whole and goes on answering."""

from __future__ import annotations

import json
import re
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.emulator.api.calls import OPERATIONS
from pulumi_edas_scale.emulator.api.wire import handle
from pulumi_edas_scale.emulator.control import ACTIONS
from pulumi_edas_scale.emulator.faults import EFFECTS
from pulumi_edas_scale.emulator.server import LONGEST_REASON
from pulumi_edas_scale.emulator.switches import SWITCHES
from pulumi_edas_scale.emulator.world.world_file import build_world
from tests.unit.emulator.simulated import BETA, CLUSTER, DEFAULT, SHOP, SMALL_WORLD

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = [
    SHOP,
    DEFAULT,
    BETA,
    CLUSTER,
    "shop",
    "beta",
    "ecs",
    "i-a",
    "ecu-c",
    "i-raw",
    "app-new",
    "k8s",
    "none",
]
ODD_TEXTS = ["", "²", "٣", "9" * 5000, "-1", "1e400", "polls:3", "seconds:1e300", "polls:-1", "EDAS-10001"]
ODD_TEXTS += [
    "\ud800",
    "\x00",
    "a\r\nb: c",
    "text/html",
    "x" * 3000,
    "[[",
    "[" * 5000,
    "[1]",
    "true",
    "200",
    "$.a",
]
TEXTS = st.sampled_from(NAMES) | st.sampled_from(ODD_TEXTS) | st.text(max_size=6)
NUMBERS = st.integers(-2, 8) | st.sampled_from(
    [10**9, 2**63, 10**400, 1e300, -0.5, 0.25, float("nan"), float("inf")]
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3),
    max_leaves=5,
)

WHOLES = st.integers(0, 8)
FLAGS = st.booleans()
LENGTHS = st.sampled_from(["immediate", "polls:1", "seconds:0.5", "seconds:1e300", 0, 3, 2**62, 1e300])
ERRORS = st.sampled_from(["EDAS-10001", "no such code", "", "x" * 3000])
STATES = st.sampled_from([0, 1, 3, 7, 7.0])
MACHINES = st.sampled_from(["i-a", "i-c", "ecu-d", "i-off", "i-raw", "i-new"])
PHASE = {"status": WHOLES, "duration": LENGTHS, "held": FLAGS, "batch": WHOLES, "completes": FLAGS}
OUTCOME = {"error": ERRORS, "app_state": STATES, "task_state": st.sampled_from([0, 1, 2, 3])}
SCRIPT = {
    "end": WHOLES,
    "duration": LENGTHS,
    "held": FLAGS,
    "batches": st.sampled_from([1, 2, 7, 1_000, 2**40]),
    "batch_wait": LENGTHS,
    "flips": LENGTHS,
    "phases": st.lists(st.fixed_dictionaries({}, optional=PHASE), max_size=3),
    "instances": st.dictionaries(MACHINES, st.fixed_dictionaries({}, optional=OUTCOME) | ERRORS, max_size=2),
    "error": ERRORS,
}
# Calls are not held up here: whoever sent one would wait as long as the rule says.
RULE = {
    "effect": st.sampled_from([effect for effect in EFFECTS if effect not in {"delay", "pause"}]),
    "operation": st.sampled_from(sorted(OPERATIONS))
    | st.lists(st.sampled_from(sorted(OPERATIONS)), max_size=2),
    "instance": MACHINES,
    "application": st.sampled_from([SHOP, "shop", "app-new"]),
    "group": st.sampled_from([DEFAULT, "beta"]),
    "order": st.sampled_from(NAMES),
    "first": st.integers(1, 3),
    "times": st.none() | st.integers(1, 3),
    "when": st.sampled_from(["before", "after"]),
    "status": st.sampled_from([200, 204, 304, 400, 503, 600, 999, 10**9]),
    "code": TEXTS,
    "message": TEXTS,
    "body": TEXTS,
    "content_type": st.sampled_from(["text/html", "", "/", ";charset=no-such"]) | TEXTS,
    "retry_after_ms": st.sampled_from([1, 2**62]),
    "seconds": st.sampled_from([0, 0.001]),
    **SCRIPT,
}
ACTION = {
    "action": st.sampled_from([*ACTIONS, "advance_clock"]),
    "instance": MACHINES,
    "application": st.sampled_from([SHOP, "shop", "app-new"]),
    "group": st.sampled_from([DEFAULT, "beta"]),
    "order": st.booleans(),
    "cluster": st.sampled_from([CLUSTER, "ecs", "k8s"]),
    "app_state": STATES,
    "task_state": st.sampled_from([0, 1, 2, 3]),
    "deployed": FLAGS,
    "listed": FLAGS,
    "kind": st.sampled_from(["deploy", "stop", "start"]),
    "ip": TEXTS,
    "ecuId": TEXTS,
    "cpu": WHOLES,
    "seconds": st.sampled_from([0, 1.5, 10**7, 10**9]),
    **SCRIPT,
}
SIDE: dict[str, st.SearchStrategy[Any]] = {
    row.name: st.sampled_from(
        [row.default, 0, 3, 1e300, 2**62, "immediate", "late:3", *re.findall("[a-z_0-9]+", row.sides)]
    )
    for row in SWITCHES
}


@st.composite
def nearly(draw: st.DrawFn, right: dict[str, st.SearchStrategy[Any]], *always: str) -> dict[str, Any]:
    """Draw a few right values, and one time in three something else in the place of one, or beside them."""
    names = draw(st.lists(st.sampled_from(sorted(right)), max_size=5))
    drawn = {name: draw(right[name]) for name in (*always, *names)}
    if draw(st.integers(0, 2)) == 0:
        drawn[draw(st.sampled_from([*drawn, "unheard of"]))] = draw(VALUES)
    return drawn


RULES, CALLED, SIDES = nearly(RULE, "effect"), nearly(ACTION, "action", "instance", "group"), nearly(SIDE)
BODIES: dict[str, st.SearchStrategy[Any]] = {
    "rules": RULES | st.lists(RULES, max_size=2) | VALUES,
    "actions": CALLED | VALUES,
    "switches": SIDES | VALUES,
}
TIMES: dict[str, object] = {"order_duration": "immediate"}


def places_of(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a JSON value."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(place for key, child in inner for place in places_of(child, (*path, key)))]


def at(value: Any, path: tuple[Any, ...]) -> Any:  # noqa: ANN401  # any JSON
    """Return the value at one place."""
    for step in path:
        value = value[step]
    return value


def replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:  # noqa: ANN401  # any JSON
    """Return a copy of a JSON value with another value at one place."""
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = replaced(value[path[0]], path[1:], new)
    return copied


@st.composite
def worlds(draw: st.DrawFn) -> Any:  # noqa: ANN401  # any JSON
    """Draw a world that is right but for one or two places."""
    world: Any = {**SMALL_WORLD, "switches": draw(SIDES)}
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(places_of(world)))
        alike = {str: TEXTS, int: NUMBERS, bool: FLAGS}.get(type(at(world, place)), VALUES)
        world = replaced(world, place, draw(alike if draw(st.integers(0, 3)) else VALUES))
    return world


@pytest.fixture(scope="module")
def edas() -> Iterator[Emulator]:
    """One emulator for all examples; each sets its world again."""
    with Emulator(SMALL_WORLD) as emulator:
        yield emulator


def sent(edas: Emulator, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Send bytes and return status and body."""
    host = urlsplit(edas.url)
    connection = HTTPConnection(host.hostname or "", host.port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def posted(edas: Emulator, path: str, value: object) -> int:
    """Post a value as JSON to the control API; what it refuses, it says why, and nothing is a fault of its own."""
    status, answer = sent(
        edas, "POST", f"/_emulator/{path}", json.dumps(value).encode(), **{"Content-Type": "application/json"}
    )
    assert status in {200, 400}, answer
    told = strictly(answer)
    if status == 400:
        assert 5 < len(told["error"]) <= LONGEST_REASON
    return status


def strictly(text: bytes) -> Any:  # noqa: ANN401  # any JSON
    """Read JSON as the standard has it: without NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    return json.loads(text.decode(), parse_constant=refuse)


def still_well(edas: Emulator) -> None:
    """Every view can be had, and every operation is answered as JSON or as a rule wants it."""
    for view in ("state", "log", "switches", "rules", "running-minimum"):
        status, answer = sent(edas, "GET", f"/_emulator/{view}")
        assert status == 200, answer
        strictly(answer)
    status, answer = sent(edas, "GET", "/pop/v5/app/app_list")
    assert status == 400, answer


every_body = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.parametrize("path", BODIES)
@every_body
@given(data=st.data())
def test_any_control_body_is_done_or_refused(edas: Emulator, path: str, data: st.DataObject) -> None:
    """A body of the control API is obeyed or answered with 400 and the reason, and the emulator lives on."""
    edas.replace_world({**SMALL_WORLD, "switches": TIMES})
    event(f"status {posted(edas, path, data.draw(BODIES[path]))}")
    answers_everything(edas)
    still_well(edas)


@every_body
@given(world=worlds())
def test_any_world_is_taken_or_refused(edas: Emulator, world: object) -> None:
    """A world file is read completely or refused with its place; what is taken can be looked at and asked."""
    edas.replace_world(SMALL_WORLD)
    status = posted(edas, "world", world)
    event(f"status {status}")
    if status == 200:
        answers_everything(edas)
    still_well(edas)


def answers_everything(edas: Emulator) -> None:
    """Ask every operation what it takes, and carry every order to its end."""
    host = edas.host
    with host.lock:
        scripted = any(rule["effect"] != "order" for rule in host.world.rules.as_json())
        for params in (
            {
                "AppId": SHOP,
                "DeployGroup": BETA,
                "EcuInfo": "ecu-c,ecu-d",
                "ClusterId": CLUSTER,
                "Act": "pop-query",
            },
            {
                "AppId": SHOP,
                "EccInfo": next(iter(_members(edas)), "none"),
                "GroupName": "beta",
                "EccId": "none",
            },
        ):
            for operation in OPERATIONS:
                for order in [*host.world.orders, "none"][-2:]:
                    answer = handle(host.world, operation, {**params, "ChangeOrderId": order}, host.now())
                    by_switch = answer.status == 500 and b"Edas.errorcode" in answer.body
                    assert scripted or by_switch or answer.status in {200, 400, 404}, (operation, answer)
                    if not scripted:
                        strictly(answer.body)


def _members(edas: Emulator) -> list[str]:
    application = edas.world.applications.get(SHOP)
    return list(application.members) if application else []


ECUS = st.sampled_from(["ecu-c", "ecu-c,ecu-d", "ecu-off", "ecu-a", ",", "i-c"])
ECCS = st.sampled_from([*build_world(SMALL_WORLD).applications[SHOP].members, "none", ","])
COUNTS = st.sampled_from(["", "0", "1", "2", "9" * 9, "9" * 5000, "²", "٣", "-1"])
PARAMETERS: dict[str, st.SearchStrategy[Any]] = {
    "AppId": st.sampled_from([SHOP, "app-new", "app-k8s", "none"]),
    "DeployGroup": st.sampled_from([BETA, DEFAULT, "all", "beta"]),
    "ClusterId": st.sampled_from([CLUSTER, "cluster-k8s", "none"]),
    **dict.fromkeys(["GroupName", "GroupId"], st.sampled_from(["beta", "_DEFAULT_GROUP", BETA, "new"])),
    "EcuInfo": ECUS,
    **dict.fromkeys(["EccInfo", "EccId"], ECCS),
    **dict.fromkeys(["ForceStatus", "Confirm"], st.sampled_from(["true", "True", "1", ""])),
    **dict.fromkeys(["ChangeOrderId", "PipelineId", "TaskId"], st.sampled_from(NAMES)),
    **dict.fromkeys(["Cpu", "Mem", "InstanceNum", "CurrentPage", "PageSize"], COUNTS),
    "EcsList": st.sampled_from(["i-a", "i-a,i-b", ","]),
    "AppIds": st.sampled_from([f'["{SHOP}"]', SHOP, "[", "[" * 5000, "[1e999]", '{"a": 1}']),
    **dict.fromkeys(["AppName", "LogicalRegionId", "LogicalRegionIdFilter", "InitPackageVersionId"], TEXTS),
    "Act": st.just("pop-query"),
}


@settings(deadline=None)
@given(
    operation=st.sampled_from([*sorted(OPERATIONS), "NoOperation"]),
    params=nearly(PARAMETERS, "AppId", "DeployGroup", "EcuInfo", "EccInfo", "ClusterId").map(
        lambda drawn: {name: str(value) for name, value in drawn.items()}
    ),
)
def test_any_parameters_are_answered(operation: str, params: dict[str, str]) -> None:
    """A call with any parameters is answered as EDAS does: 200 or 4xx, in JSON with a code."""
    world = build_world(SMALL_WORLD)
    answer = handle(world, operation, params, 1_000.0)
    event(f"status {answer.status}")
    assert answer.status in {200, 400, 404}
    assert int(strictly(answer.body)["Code"]) if answer.status == 200 else strictly(answer.body)["Code"]


PATHS = st.sampled_from(
    ["/", "/_emulator/rules", "/_emulator/rules/x", "/_emulator/", "/pop/v5/changeorder/co_scale_out"]
)


@every_body
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"]),
    path=PATHS | st.text("/%.?&=#;abc019", max_size=12).map("/{}".format),
    body=st.binary(max_size=20)
    | st.sampled_from([b"[" * 100_000, b'"\xff"', b"NaN", b"1e999", b"9" * 5000, b"{}x"]),
    kind=st.sampled_from(["application/json", "application/json; charset=no-such", "text/plain", "/", ""]),
    authorization=st.text("ACS3-HMAC-SHA256 Credential=,;", max_size=60),
)
def test_any_request_is_answered(  # noqa: PLR0917  # the parts of a request
    edas: Emulator, method: str, path: str, body: bytes, kind: str, authorization: str
) -> None:
    """Requests that nobody signed, with any method, path, type and body, are no fault of the emulator."""
    status, answer = sent(edas, method, path, body, **{"Content-Type": kind, "Authorization": authorization})
    event(f"status {status}")
    assert 200 <= status < 500, answer
