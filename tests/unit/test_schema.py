from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

import pulumi_edas_scale_sdk
from pulumi_edas_scale.domain.choices import ForceScaleIn, Network, OnCancel, OnDelete, WaitFor
from pulumi_edas_scale.domain.fields import BY_NAME, OUTPUTS, PROPERTIES, Field, Kind, snake_case
from pulumi_edas_scale.domain.model import MemberState, RecordedMember
from pulumi_edas_scale.domain.settings import SETTINGS
from pulumi_edas_scale.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import Enum

Spec = dict[str, Any]
"""A part of the schema, as JSON gives it."""

SCHEMA_PATH: Final = Path(__file__).parents[2] / "schema.json"
TEXT: Final = SCHEMA_PATH.read_text(encoding="utf-8")
SCHEMA: Final[Spec] = json.loads(TEXT)
RESOURCE: Final[Spec] = SCHEMA["resources"]["edas-scale:index:DeployGroupMembership"]
TYPES: Final[Spec] = SCHEMA["types"]

JSON_TYPES: Final = {
    Kind.REGION: "string",
    Kind.APPLICATION: "string",
    Kind.GROUP: "string",
    Kind.INSTANCES: "array",
    Kind.ECUS: "array",
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "integer",
    Kind.NUMBER: "number",
    Kind.WORD: "string",
    Kind.URL: "string",
    Kind.NAME: "string",
}


def resolved(spec: Spec) -> Spec:
    """Return the type a property refers to, or the property itself."""
    return TYPES[spec["$ref"].removeprefix("#/types/")] if "$ref" in spec else spec


def words_of(spec: Spec) -> list[str]:
    """Return the words of an enum."""
    return [each["value"] for each in resolved(spec)["enum"]]


def property_maps() -> Iterator[tuple[str, Spec, list[str]]]:
    """Yield every map of properties in the schema with its place and its required names."""
    yield "config", SCHEMA["config"]["variables"], []
    yield "provider", SCHEMA["provider"]["inputProperties"], SCHEMA["provider"].get("requiredInputs", [])
    for token, spec in SCHEMA["resources"].items():
        yield f"{token} inputs", spec["inputProperties"], spec["requiredInputs"]
        yield f"{token} outputs", spec["properties"], spec["required"]
    for token, spec in SCHEMA["functions"].items():
        for side in ("inputs", "outputs"):
            yield f"{token} {side}", spec[side]["properties"], spec[side].get("required", [])
    for token, spec in TYPES.items():
        if spec["type"] == "object":
            yield token, spec["properties"], spec["required"]


def descriptions(part: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every description below a part of the schema with its place."""
    if isinstance(part, dict):
        if isinstance(part.get("description"), str):
            yield place, part["description"]
        for name, below in part.items():
            yield from descriptions(below, f"{place}/{name}")
    elif isinstance(part, list):
        for index, below in enumerate(part):
            yield from descriptions(below, f"{place}[{index}]")


def test_the_schema_has_the_version_of_the_package() -> None:
    """SDKs made from the schema ask for the plugin of this version."""
    assert SCHEMA["version"] == __version__


def test_the_file_is_written_in_one_way() -> None:
    """The file is formatted as Python formats JSON, so that a change of it shows only what changed."""
    assert json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n" == TEXT


def test_the_inputs_are_those_of_the_table() -> None:
    """The schema has every input of the table in its order, and no other."""
    assert list(RESOURCE["inputProperties"]) == list(BY_NAME)
    assert RESOURCE["requiredInputs"] == ["appId", "groupId"]


@pytest.mark.parametrize("row", PROPERTIES, ids=lambda row: row.name)
def test_an_input_is_as_the_table_says(row: Any) -> None:  # noqa: ANN401  # parametrize gives rows untyped
    """Type, default, words and replacement are the same in the schema and in the check."""
    spec = RESOURCE["inputProperties"][row.name]
    assert resolved(spec)["type"] == JSON_TYPES[row.kind]
    assert spec.get("default") == row.default
    assert type(spec.get("default")) is type(row.default)
    assert bool(spec.get("replaceOnChanges")) is bool(spec.get("willReplaceOnChanges")) is row.replaces
    if row.kind is Kind.WORD:
        assert words_of(spec) == list(row.words)
    if spec.get("items"):
        assert spec["items"] == {"type": "string"}


@pytest.mark.parametrize("row", PROPERTIES, ids=lambda row: row.name)
def test_an_input_is_an_output_too(row: Any) -> None:  # noqa: ANN401  # as above
    """Every input comes back as an output of the same type, which is there whenever it has a default."""
    given, back = RESOURCE["inputProperties"][row.name], RESOURCE["properties"][row.name]
    kept = ("type", "$ref", "items", "replaceOnChanges", "willReplaceOnChanges")
    assert {key: given.get(key) for key in kept} == {key: back.get(key) for key in kept}
    optional = row.default is None and row.name not in {"regionId", "appId", "groupId"}
    assert (row.name in RESOURCE["required"]) is not optional


@pytest.mark.parametrize("row", [*PROPERTIES, *SETTINGS], ids=lambda row: f"{type(row).__name__}-{row.name}")
def test_a_description_has_the_default_and_the_words(row: Field) -> None:
    """An editor of any language shows what holds by default, and what each word of a choice means."""
    properties = RESOURCE["inputProperties"] if row in PROPERTIES else SCHEMA["config"]["variables"]
    text = properties[row.name]["description"]
    default = json.dumps(row.default) if isinstance(row.default, bool) else row.default
    assert (f"The default is {default}." in text) is (row.default is not None)
    assert [word for word in row.words if f"`{word}`: " not in text] == []


def test_the_outputs_are_those_that_are_rendered() -> None:
    """After the inputs come the outputs, which are always there."""
    assert list(RESOURCE["properties"]) == [*BY_NAME, *OUTPUTS]
    assert set(OUTPUTS) <= set(RESOURCE["required"])
    for name in ("members", "foreignMembers"):
        assert RESOURCE["properties"][name]["items"] == {"$ref": "#/types/edas-scale:index:Member"}


def test_a_member_has_the_fields_that_are_rendered() -> None:
    """A member in state is a member of the schema."""
    member = TYPES["edas-scale:index:Member"]
    assert list(member["properties"]) == member["required"]
    recorded = [each.name for each in dataclasses.fields(RecordedMember)]
    assert [snake_case(name) for name in member["properties"]] == recorded


@pytest.mark.parametrize("words", [MemberState, WaitFor, ForceScaleIn, OnDelete, OnCancel, Network])
def test_the_words_are_those_of_the_package(words: type[Enum]) -> None:
    """An enum of the schema has the words that the package knows, in the same order."""
    spec = {"$ref": f"#/types/edas-scale:index:{words.__name__}"}
    assert words_of(spec) == [each.value for each in words]


def test_the_settings_are_those_of_the_table() -> None:
    """Stack configuration and provider inputs are the same settings, of the same types."""
    variables = SCHEMA["config"]["variables"]
    assert variables == SCHEMA["provider"]["inputProperties"]
    assert list(variables) == [row.name for row in SETTINGS]
    for row in SETTINGS:
        spec = variables[row.name]
        assert resolved(spec)["type"] == JSON_TYPES[row.kind]
        assert row.kind is not Kind.WORD or words_of(spec) == list(row.words)


def test_no_sdk_sets_a_setting_by_itself() -> None:
    """An SDK would send a default of the schema with every provider, and overrule the stack configuration."""
    assert all(not {"default", "defaultInfo"} & set(spec) for spec in SCHEMA["config"]["variables"].values())


def test_the_settings_tell_where_else_they_come_from() -> None:
    """The description of a setting names its other sources."""
    for row in SETTINGS:
        spec = SCHEMA["config"]["variables"][row.name]
        for source in (*row.borrowed, *row.environment):
            assert source in spec["description"]


@pytest.mark.parametrize(
    "name", ["getApplication", "getDeployGroups", "getDeployGroup", "getScaleOutCandidates"]
)
def test_a_function_asks_for_a_region_and_tells_it(name: str) -> None:
    """Every function can look in another region than the settings name, and says where it looked."""
    spec = SCHEMA["functions"][f"edas-scale:index:{name}"]
    assert "regionId" in spec["inputs"]["properties"]
    assert "regionId" not in spec["inputs"]["required"]
    assert "regionId" in spec["outputs"]["required"]


def test_everything_is_described_in_sentences() -> None:
    """Every property, type, word, resource and function has a description, of full sentences."""
    for place, text in descriptions(SCHEMA):
        assert text[0].isupper(), place
        assert text.rstrip().endswith((".", "```")), place
    for place, properties, _ in property_maps():
        assert [name for name, spec in properties.items() if "description" not in spec] == [], place
    for section in ("types", "resources", "functions"):
        assert [token for token, spec in SCHEMA[section].items() if "description" not in spec] == []
    for token, spec in TYPES.items():
        assert all("description" in word for word in spec.get("enum", [])), token


def test_bounds_are_told() -> None:
    """A number whose highest value somebody may meet says both bounds."""
    assert "from 1 to 200" in RESOURCE["inputProperties"]["batchSize"]["description"]


def test_tokens_are_of_this_package() -> None:
    """A token has three parts, of this package and its one module, and two never make one name."""
    tokens = [token for section in ("types", "resources", "functions") for token in SCHEMA[section]]
    assert all(re.fullmatch(r"edas-scale:index:[A-Za-z]+", token) for token in tokens)
    names = [token.rpartition(":")[2].casefold() for token in tokens]
    assert len(names) == len(set(names))
    assert not {"provider", "pulumi"} & set(names)


def test_references_have_an_end() -> None:
    """Every reference names a type of the schema, and every type is used."""
    referred = set(re.findall(r'"#/types/([^"]+)"', TEXT))
    assert referred == set(TYPES)


def test_required_names_exist() -> None:
    """Pulumi refuses a schema that requires a property it does not have."""
    for place, properties, required in property_maps():
        assert set(required) <= set(properties), place


def test_no_name_is_reserved() -> None:
    """Pulumi keeps some names for itself."""
    for place, properties, _ in property_maps():
        assert not {"pulumi", "urn", "id"} & set(properties), place
    assert not {"version", "pulumi"} & set(SCHEMA["provider"]["inputProperties"])


def test_properties_have_a_type() -> None:
    """A property is of a simple type, a list of something, or a reference."""
    for place, properties, _ in property_maps():
        for name, spec in properties.items():
            assert ("$ref" in spec) != ("type" in spec), (place, name)
            assert spec.get("type", "string") in {"string", "boolean", "integer", "number", "array"}, (
                place,
                name,
            )
            assert ("items" in spec) == (spec.get("type") == "array"), (place, name)


def test_generated_python_programs_find_their_module() -> None:
    """The SDK that Pulumi makes from the schema hides nothing of ours; a module stands for it."""
    assert SCHEMA["language"]["python"]["packageName"] == pulumi_edas_scale_sdk.__name__
    enums = {token.rpartition(":")[2] for token, spec in TYPES.items() if "enum" in spec} - {"MemberState"}
    assert enums | {"DeployGroupMembership", "Provider"} <= set(dir(pulumi_edas_scale_sdk))


def test_generated_packages_carry_the_version() -> None:
    """An SDK of any language asks for the plugin of its own version."""
    assert all(language["respectSchemaVersion"] for language in SCHEMA["language"].values())
