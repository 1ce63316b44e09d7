"""Every front end answers the same check alike: with inputs, or with reasons that point somewhere."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pulumi_edas_scale.domain.model import UNKNOWN
from pulumi_edas_scale.edas.failures import OPERATIONS
from tests.contract.dynamic.host_process import CHECKOUT
from tests.contract.equivalence.front_ends import RefusedError, State, urn_of
from tests.e2e.world import BETA, REGION, SHOP

if TYPE_CHECKING:
    from tests.contract.equivalence.front_ends import FrontEnd

SCHEMA = json.loads((CHECKOUT / "schema.json").read_text("utf-8"))
RESOURCE = SCHEMA["resources"]["edas-scale:index:DeployGroupMembership"]
TEXTS = st.sampled_from(
    [
        "i-a",
        "i-l",
        "i-none",
        "",
        " i-a",
        "all",
        "true",
        "2",
        "never",
        "i-" + "x" * 100_000,
        "i-ü",
        "i-\u202e",
        "\x00",
    ]
)
AMOUNTS = st.sampled_from([0, 1, 2, 200, 201, -1, 0.5, 1e308, float("inf"), float("nan"), 2.0**63])
SCALARS = st.booleans() | AMOUNTS | TEXTS | st.just(UNKNOWN) | st.none()
DEEP: Any = "i-a"
for _ in range(40):
    DEEP = [{"instanceIds": DEEP}]
VALUES = st.recursive(
    SCALARS | st.just(DEEP),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(TEXTS.filter(lambda name: len(name) < 99), below, max_size=2)
    ),
    max_leaves=5,
)
NUMBERS = itertools.count()


def right_values(reported: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for what the schema says of one input."""
    if "$ref" in reported:
        words = SCHEMA["types"][reported["$ref"].removeprefix("#/types/")]["enum"]
        return st.sampled_from([word["value"] for word in words])
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": st.sampled_from([REGION, SHOP, BETA]),
        "boolean": st.booleans(),
        "integer": st.integers(0, 3),
        "number": st.floats(0, 3),
        "array": st.lists(st.sampled_from(["i-a", "i-b", "i-c", "ecu-a", UNKNOWN]), max_size=4),
    }
    return kinds[reported["type"]]


RIGHT = {name: right_values(reported) for name, reported in RESOURCE["inputProperties"].items()}
SCOPE = {"regionId": REGION, "appId": SHOP, "groupId": BETA}


@st.composite
def bags(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what a program may say: most of it right, then one thing or two that is not."""
    names = draw(st.lists(st.sampled_from(sorted(RIGHT.keys() - SCOPE)), max_size=4))
    bag = {**SCOPE, "instanceIds": ["i-a"], **{name: draw(RIGHT[name]) for name in names}}
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from([*RIGHT, "instance_ids", "member", "ü", "__odd", "a.b[0]"]))
        bag[name] = draw(VALUES)
    return bag


RECORDED = State(
    f"{REGION}/{SHOP}/{BETA}", {**SCOPE, "instanceIds": ["i-b"]}, {**SCOPE, "instanceIds": ["i-b"]}
)
"""What an update of these inputs begins from."""


def answered(front_end: FrontEnd, number: int, bag: dict[str, Any]) -> tuple[str, object]:
    """Preview a new membership and a changed one; return what each came to, as far as every front end can say it."""
    urn = urn_of(front_end, number)
    front_end.begin()
    try:
        inputs = front_end.check(urn, None, bag)
        assert alike(front_end.check(urn, None, inputs), inputs)
        front_end.preview_create(urn, inputs)
    except RefusedError as refused:
        return "refused", str(refused)
    front_end.begin()
    try:
        found = front_end.diff(urn, RECORDED, front_end.check(urn, RECORDED.inputs, bag))
    except RefusedError as refused:
        return "change refused", str(refused)
    return "taken", [inputs, found.changes, found.replaces, found.delete_before_replace]


def alike(one: Any, other: Any) -> bool:  # noqa: ANN401  # any value
    """Whether two values are spelled alike, but that a number has no kind."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) or (isinstance(one, (int, float)) and one == other)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(bag=bags())
def test_every_front_end_answers_any_bag(front_ends: tuple[FrontEnd, ...], bag: dict[str, Any]) -> None:
    """The front ends agree; a reason names a property of the schema or one of the program; nothing is sent."""
    number = next(NUMBERS)
    core, *others = [answered(front_end, number, bag) for front_end in front_ends]
    for other in others:
        assert alike([*other], [*core]), (other, core)
    end, reported = core
    event(end)
    if isinstance(reported, str):
        assert reported.isprintable()
        assert any(reported.lstrip("'").startswith(name) for name in {*RIGHT, *bag}), reported
    for front_end in front_ends:
        assert not [call for call in front_end.edas.log() if OPERATIONS[call["operation"]].writes]
        front_end.edas.clear_log()  # or each example would read those of all before it
