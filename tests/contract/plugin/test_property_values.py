from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from pulumi_edas_scale.domain.model import UNKNOWN
from pulumi_edas_scale.hosts import wire as property_values
from pulumi_edas_scale.hosts.wire import Properties, parse_properties, render_properties

if TYPE_CHECKING:
    from collections.abc import Mapping

scalars = (
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.just(UNKNOWN)
)
plain = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
names = st.text(min_size=1, max_size=4)


def without_nones(values: Mapping[str, object]) -> dict[str, object]:
    """Return the properties that have a value."""
    return {name: value for name, value in values.items() if value is not None}


@given(st.dictionaries(names, plain, max_size=4), st.sets(names, max_size=3))
def test_whatever_goes_out_comes_back(values: dict[str, object], secret: set[str]) -> None:
    """Plain values, unknown ones and secrets survive the wire; a property without a value is absent."""
    parsed = parse_properties(render_properties(values, secret))
    assert parsed == Properties(without_nones(values), frozenset(secret & without_nones(values).keys()))


@given(st.dictionaries(names, plain, max_size=4), st.sets(names, max_size=3))
def test_the_sdk_reads_what_is_written(values: dict[str, object], secret: set[str]) -> None:
    """Pulumi's own code finds the same secrets and the same unknown values."""
    theirs = rpc.deserialize_properties(render_properties(values, secret), keep_unknowns=True)
    for name, value in without_nones(values).items():
        wire = theirs[name]
        assert rpc.is_rpc_secret(wire) == (name in secret)
        if value is UNKNOWN:
            assert rpc.contains_unknowns(rpc.unwrap_rpc_secret(wire))


def test_a_secret_inside_is_found() -> None:
    """A secret element makes its property a secret one, and only that."""
    element = render_properties({"element": "i-a"}, {"element"}).fields["element"]
    wire = render_properties({"instanceIds": [], "appId": "app"})
    wire.fields["instanceIds"].list_value.values.append(element)
    assert parse_properties(wire) == Properties(
        {"instanceIds": ["i-a"], "appId": "app"}, frozenset({"instanceIds"})
    )


def marked(kind: str, **fields: struct_pb2.Value) -> struct_pb2.Struct:
    """Return one property that stands for something else."""
    special = {rpc._special_sig_key: struct_pb2.Value(string_value=kind), **fields}
    value = struct_pb2.Value(struct_value=struct_pb2.Struct(fields=special))
    return struct_pb2.Struct(fields={"it": value})


TEXT = struct_pb2.Value(string_value="i-a")
TRUE = struct_pb2.Value(bool_value=True)
EMPTY = struct_pb2.Value(string_value="")


@pytest.mark.parametrize(
    ("wire", "properties"),
    [
        (marked(rpc._special_secret_sig), Properties({}, frozenset({"it"}))),
        (marked(rpc._special_output_value_sig, value=TEXT), Properties({"it": "i-a"})),
        (
            marked(rpc._special_output_value_sig, value=TEXT, secret=TRUE),
            Properties({"it": "i-a"}, frozenset({"it"})),
        ),
        (marked(rpc._special_output_value_sig), Properties({"it": UNKNOWN})),
        (marked(rpc._special_resource_sig, id=TEXT), Properties({"it": "i-a"})),
        (marked(rpc._special_resource_sig, id=EMPTY), Properties({"it": UNKNOWN})),
        (marked(rpc._special_resource_sig), Properties({"it": UNKNOWN})),
    ],
)
def test_what_stands_for_something_else(wire: struct_pb2.Struct, properties: Properties) -> None:
    """Secrets, outputs and resources are taken for what they stand for."""
    assert parse_properties(wire) == properties


def test_the_marks_are_those_of_the_sdk() -> None:
    """The constants of the wire format are the installed SDK's."""
    assert rpc._special_sig_key == property_values._KIND_KEY
    assert rpc._special_secret_sig == property_values._SECRET
    assert rpc._special_output_value_sig == property_values._OUTPUT
    assert rpc._special_resource_sig == property_values._RESOURCE
    assert property_values._UNKNOWN_TEXT == rpc.UNKNOWN


def test_numbers_are_numbers() -> None:
    """An int goes out as a number and comes back as a float; a bool stays a bool."""
    values = parse_properties(render_properties({"n": 2, "b": True, "x": 0.5})).values
    assert values == {"n": 2.0, "b": True, "x": 0.5}
    assert values["b"] is True


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("half an emoji \ud83d, cut", "half an emoji \ufffd, cut"),
        ("\ud83d\ude00", "\U0001f600"),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (10**400, str(10**400)),
        ({"\udcff": {1: ("i-a", b"x")}}, {"\ufffd": {"1": ["i-a", "b'x'"]}}),
        ({"i-a"}, "{'i-a'}"),
    ],
)
def test_what_no_message_carries_is_replaced(value: object, sent: object) -> None:
    """An engine without an answer keeps its stack locked: a plain value goes out instead, for protobuf and JSON."""
    wire = render_properties({"it": value})
    wire.SerializeToString()
    json.dumps(parse_properties(wire).values, allow_nan=False, ensure_ascii=False).encode()
    assert parse_properties(wire).values == {"it": sent}
