from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from pulumi_edas_scale.domain.codes import BY_CODE
from pulumi_edas_scale.domain.errors import InputError
from pulumi_edas_scale.domain.fields import BY_NAME, OUTPUTS, PROPERTIES, Kind, Property
from pulumi_edas_scale.domain.inputs import (
    Checked,
    changed_members,
    changed_properties,
    check_inputs,
    import_inputs,
    membership_id,
    parse_membership_id,
    parse_recorded,
    parse_spec,
    remove_ids,
    render_outputs,
    same_inputs,
)
from pulumi_edas_scale.domain.model import UNKNOWN, Member, MemberState, Outcome, Scope, TaskState
from pulumi_edas_scale.domain.settings import SETTINGS, Settings, resolve_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What an engine, a program or a broken state may hold, lone surrogates and integers beyond floats included.
TEXTS = st.one_of(
    st.text(max_size=8),
    st.text(st.characters(categories=None), max_size=4),
    st.sampled_from(
        ["i-a", "i-b", "ecu-1", "all", "_DEFAULT_GROUP", "true", "2", "cn-hangzhou", "http://h:1", "@"]
    ),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    TEXTS,
    st.just(UNKNOWN),
    st.binary(),
)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(TEXTS, below, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*BY_NAME, *OUTPUTS, "__unsettled", "__provider", "instance_ids"]) | TEXTS
MEMBER_LIKE = st.dictionaries(
    st.sampled_from(("ecuId", "instanceId", "eccId", "ip", "state", "joined")), VALUES
)
BAGS = st.dictionaries(NAMES, VALUES | st.lists(MEMBER_LIKE, max_size=2), max_size=8)
SOME_SETTINGS = st.builds(Settings, region_id=st.sampled_from([None, "cn-hangzhou", "cn-beijing"]))

# What a right program holds.
INSTANCE_IDS = st.from_regex(r"i-[a-z0-9-]{1,6}", fullmatch=True)
ECU_IDS = st.from_regex(r"[A-Za-z0-9]{2,6}", fullmatch=True)
SCOPE_IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,12}", fullmatch=True).filter(
    lambda text: text.casefold() not in {"all", "default_group"}
)
REGIONS = st.sampled_from(["cn-hangzhou", "cn-shenzhen-finance-1", "us-west-1"])


def right_values(row: Property) -> st.SearchStrategy[object]:
    """Return a strategy for the right values of one input."""
    numbers = st.integers(row.minimum or 0, row.maximum or 1)
    kinds: dict[Kind, Callable[[], st.SearchStrategy[object]]] = {
        Kind.REGION: lambda: REGIONS,
        Kind.APPLICATION: lambda: SCOPE_IDS,
        Kind.GROUP: lambda: SCOPE_IDS,
        Kind.INSTANCES: lambda: st.lists(INSTANCE_IDS, unique=True, max_size=6),
        Kind.ECUS: lambda: st.lists(ECU_IDS, unique=True, max_size=6),
        Kind.BOOLEAN: st.booleans,
        Kind.INTEGER: lambda: numbers | numbers.map(float),
        Kind.NUMBER: lambda: numbers | st.floats(0, 10**9),
        Kind.WORD: lambda: st.sampled_from(row.words),
    }
    return kinds[row.kind]()


_REQUIRED = {"appId", "groupId", "instanceIds"}
PROGRAMS = st.fixed_dictionaries(
    {row.name: right_values(row) for row in PROPERTIES if row.name in _REQUIRED},
    optional={row.name: right_values(row) for row in PROPERTIES if row.name not in _REQUIRED},
)
MEMBERS = st.builds(
    Member,
    ecu_id=ECU_IDS,
    instance_id=INSTANCE_IDS | st.just(""),
    ecc_id=TEXTS,
    ip=TEXTS,
    zone=TEXTS,
    group_id=TEXTS,
    state=st.sampled_from(MemberState),
    task=st.sampled_from(TaskState),
    online=st.sampled_from([True, False, None]),
)
MEMBER_LISTS = st.lists(
    MEMBERS, unique_by=(lambda each: each.ecu_id, lambda each: each.instance_id or each), max_size=6
)
TRUTHS = st.builds(
    Outcome,
    members=st.lists(
        st.tuples(MEMBERS, st.booleans()), unique_by=lambda pair: pair[0].ecu_id, max_size=6
    ).map(tuple),
    foreign=MEMBER_LISTS.map(tuple),
    running_count=st.integers(0, 100),
    group_name=TEXTS,
    cluster_id=TEXTS,
    change_order_ids=st.lists(TEXTS.filter(bool), max_size=3).map(tuple),
    unsettled=st.frozensets(ECU_IDS),
)


def check(news: Mapping[str, object], settings: Settings | None = None) -> Checked:
    """Check the inputs of a new resource."""
    return check_inputs(news, recorded=None, settings=settings or Settings(region_id="cn-hangzhou"))


@given(BAGS, st.none() | BAGS, SOME_SETTINGS)
def test_a_check_answers_whatever_it_is_given(
    news: dict[str, object], recorded: dict[str, object] | None, settings: Settings
) -> None:
    """No value of any kind makes a check raise, and every failure can be printed on one line."""
    checked = check_inputs(news, recorded=recorded, settings=settings)
    for path, reason in checked.failures:
        assert path.isprintable()
        assert reason.isprintable()
        assert len(path) + len(reason) < 600
        assert reason.code in BY_CODE
        assert re.split(r"[\[.]", path)[0] in BY_NAME or "DeployGroupMembership" in reason
        f"{path}: {reason}".encode()
    assert not any(name.startswith("__") for name in checked.inputs)


@given(BAGS, st.none() | BAGS, SOME_SETTINGS)
def test_checking_again_changes_nothing(
    news: dict[str, object], recorded: dict[str, object] | None, settings: Settings
) -> None:
    """Checked inputs are a fixed point, right or wrong."""
    once = check_inputs(news, recorded=recorded, settings=settings)
    twice = check_inputs(once.inputs, recorded=recorded, settings=settings)
    assert [*twice.inputs] == [*once.inputs]
    assert all(
        twice.inputs[name] is value or same_json(twice.inputs[name], value)
        for name, value in once.inputs.items()
    )
    assert twice.failures == once.failures


def same_json(one: object, other: object) -> bool:
    """Whether two values are spelled alike, NaN included."""
    return type(one) is type(other) and (one == other or str(one) == str(other))


@given(PROGRAMS)
def test_a_right_program_has_no_failures(news: dict[str, object]) -> None:
    """Every value within the table's bounds is accepted, in state as in the program but for the spelling."""
    checked = check(news)
    assert checked.failures == ()
    assert same_inputs({"regionId": "cn-hangzhou", **news}, checked.inputs)


@given(BAGS, BAGS)
def test_nothing_that_reads_a_bag_raises(one: dict[str, object], other: dict[str, object]) -> None:
    """Parsing, rendering and comparing take any state for what it is worth."""
    parse_spec(one)
    parse_recorded(one)
    remove_ids(one, {"i-a"})
    render_outputs(one, Outcome((), (), 0, "", ""))
    changed_members(one, other)
    assert same_inputs(one, other) == (changed_properties(one, other) == ())


@given(PROGRAMS, st.data())
def test_order_and_spelling_mean_nothing(news: dict[str, object], data: st.DataObject) -> None:
    """Law 5: the order of keys and ids, floats for integers, and written-out defaults are no change."""
    other: dict[str, object] = {}
    for name in data.draw(st.permutations([*news, *(set(BY_NAME) - set(news))])):
        value = news.get(name, BY_NAME[name].default)
        if isinstance(value, list):
            other[name] = data.draw(st.permutations(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            other[name] = float(value)
        elif name in news or data.draw(st.booleans()):
            other[name] = value
    assert changed_properties(news, other) == changed_properties(other, news) == ()
    assert changed_members(news, other) == ()
    assert changed_properties(check(news).inputs, check(other).inputs) == ()
    assert parse_spec(news).policy == parse_spec(other).policy


@given(PROGRAMS, PROGRAMS)
def test_what_changed_is_what_means_something_else(one: dict[str, object], other: dict[str, object]) -> None:
    """The changed properties are those of the two specs that differ, and elements account for the lists."""
    one, other = check(one).inputs, check(other).inputs
    changed = changed_properties(one, other)
    before, after = parse_spec(one), parse_spec(other)
    assert (before.scope != after.scope) == bool({"regionId", "appId", "groupId"} & set(changed))
    ids = {each.id for each in before.listed} == {each.id for each in after.listed}
    assert ids == (not {"instanceIds", "ecuIds"} & set(changed))
    policies = set(changed) - {"regionId", "appId", "groupId", "instanceIds", "ecuIds"}
    assert (before.policy != after.policy) == bool(policies)
    listed = {path.partition("[")[0] for path, _ in changed_members(one, other)}
    assert listed == {"instanceIds", "ecuIds"} & set(changed)


@given(PROGRAMS, TRUTHS, st.data())
def test_the_same_truth_is_the_same_text(
    news: dict[str, object], outcome: Outcome, data: st.DataObject
) -> None:
    """Law 5: whatever the order of ids and members, the outputs are byte for byte the same."""
    shuffled = Outcome(
        tuple(data.draw(st.permutations(outcome.members))),
        tuple(data.draw(st.permutations(outcome.foreign))),
        outcome.running_count,
        outcome.group_name,
        outcome.cluster_id,
        outcome.change_order_ids,
        outcome.unsettled,
    )
    other = {
        name: data.draw(st.permutations(value)) if isinstance(value, list) else value
        for name, value in news.items()
    }
    one = json.dumps(render_outputs(check(news).inputs, outcome))
    assert one == json.dumps(render_outputs(check(other).inputs, shuffled))


@given(PROGRAMS, TRUTHS)
def test_outputs_are_understood_again(news: dict[str, object], outcome: Outcome) -> None:
    """What is written into state is what the next operation reads there, after JSON and floats too."""
    inputs = check(news).inputs
    outputs = json.loads(json.dumps(render_outputs(inputs, outcome)), parse_int=float)
    spec, recorded = parse_spec(inputs), parse_recorded(outputs)
    assert {each.id for each in recorded.listed} == {each.id for each in spec.listed}
    assert recorded.policy == spec.policy
    written = {
        (pair[0].ecu_id, pair[0].instance_id, pair[0].ecc_id, pair[0].ip, pair[0].state, pair[1])
        for pair in outcome.members
    }
    assert written == {
        (each.ecu_id, each.instance_id, each.ecc_id, each.ip, each.state, each.joined)
        for each in recorded.members
    }
    assert (recorded.group_name, recorded.cluster_id) == (outcome.group_name, outcome.cluster_id)
    assert (recorded.change_order_ids, recorded.unsettled) == (outcome.change_order_ids, outcome.unsettled)
    assert same_inputs(inputs, outputs)
    assert json.dumps(render_outputs(outputs, outcome)) == json.dumps(render_outputs(inputs, outcome))


@given(PROGRAMS, st.data())
def test_dropped_ids_are_all_that_goes(news: dict[str, object], data: st.DataObject) -> None:
    """What a refresh takes out is gone, and the rest is as it was."""
    listed = [each.id for each in parse_spec(news).listed]
    dropped = data.draw(st.sets(st.sampled_from(listed))) if listed else set()
    left = remove_ids(news, dropped)
    assert [each.id for each in parse_spec(left).listed] == [each for each in listed if each not in dropped]
    assert remove_ids(news, set()) == news
    assert [*left] == [*news]


@given(st.builds(Scope, REGIONS, SCOPE_IDS, SCOPE_IDS), MEMBER_LISTS)
def test_an_import_is_complete(scope: Scope, members: list[Member]) -> None:
    """Imported inputs are right, need no settings, and a check of them is no change."""
    inputs = import_inputs(scope, members)
    checked = check_inputs(inputs, recorded=None, settings=Settings())
    assert (checked.failures, checked.inputs) == ((), inputs)
    listed = {each.id for each in parse_spec(inputs).listed}
    assert listed == {each.instance_id or each.ecu_id for each in members}


@given(st.builds(Scope, REGIONS, SCOPE_IDS, SCOPE_IDS))
def test_an_id_is_read_back(scope: Scope) -> None:
    """Scope to id and back is the same scope."""
    assert parse_membership_id(membership_id(scope)) == scope


@given(TEXTS | st.builds("/".join, st.lists(TEXTS, min_size=3, max_size=3)))
def test_any_text_is_an_id_or_told_why_not(text: str) -> None:
    """An import id is understood to the letter or refused with an ``InputError``."""
    try:
        scope = parse_membership_id(text)
    except InputError as error:
        assert str(error).isprintable()  # noqa: PT017  # most texts are refused, some are right
    else:
        assert membership_id(scope) == text


SETTING_NAMES = st.sampled_from([row.name for row in SETTINGS]) | TEXTS


@given(
    st.dictionaries(
        SETTING_NAMES.map("edas-scale:{}".format) | st.just("alicloud:region"), TEXTS, max_size=3
    ),
    st.dictionaries(
        st.sampled_from([name for row in SETTINGS for name in row.environment]), TEXTS, max_size=3
    ),
    st.none() | st.dictionaries(SETTING_NAMES, VALUES, max_size=3),
)
def test_any_settings_are_resolved_or_refused(
    config: dict[str, str], environ: dict[str, str], explicit: dict[str, object] | None
) -> None:
    """Settings resolve to the same again, or are refused with an ``InputError`` of printable reasons."""
    try:
        settings = resolve_settings(config, environ, explicit)
    except InputError as error:
        assert str(error).isprintable()  # noqa: PT017  # as above
        assert all(path.startswith("edas-scale:") for path, _ in error.failures)  # noqa: PT017
        assert all(reason.code in BY_CODE for _, reason in error.failures)  # noqa: PT017
    else:
        fixed = {row.name: getattr(settings, row.snake) for row in SETTINGS}
        assert resolve_settings({}, {}, fixed) == settings
