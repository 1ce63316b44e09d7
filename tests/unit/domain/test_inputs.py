from __future__ import annotations

import dataclasses
import json
import math

import pytest

from pulumi_edas_scale.domain.choices import ForceScaleIn, OnDelete, WaitFor
from pulumi_edas_scale.domain.errors import InputError
from pulumi_edas_scale.domain.fields import BY_NAME, PROPERTIES, Kind
from pulumi_edas_scale.domain.inputs import (
    Checked,
    changed_members,
    changed_properties,
    check_inputs,
    ignored_lists,
    import_inputs,
    membership_id,
    parse_membership_id,
    parse_recorded,
    parse_spec,
    remove_ids,
    render_outputs,
    same_inputs,
)
from pulumi_edas_scale.domain.model import (
    UNKNOWN,
    Listed,
    Member,
    MemberState,
    Outcome,
    Policy,
    Recorded,
    RecordedMember,
    Scope,
    TaskState,
)
from pulumi_edas_scale.domain.settings import Settings

APP = "3616cdca-4f92-4413-a1b2-0123456789ab"
GROUP = "8123db90-880f-486f-b1c2-0123456789ab"
ECU_1 = "07bd417a-b863-477d-9c00-000000000001"
ECU_2 = "07bd417a-b863-477d-9c00-000000000002"
SETTINGS = Settings(region_id="cn-hangzhou")
SCOPE = Scope("cn-hangzhou", APP, GROUP)


def program(**changes: object) -> dict[str, object]:
    """Return the inputs of a small right program with some of them changed."""
    return {"appId": APP, "groupId": GROUP, "instanceIds": ["i-b", "i-a"], **changes}


def check(
    *, recorded: dict[str, object] | None = None, settings: Settings = SETTINGS, **changes: object
) -> Checked:
    """Check a right program with some inputs changed."""
    return check_inputs(program(**changes), recorded=recorded, settings=settings)


def failures(**changes: object) -> dict[str, str]:
    """Return the failures of a right program with some inputs changed, by path."""
    return dict(check_inputs(program(**changes), recorded=None, settings=SETTINGS).failures)


def member(ecu_id: str, instance_id: str = "", **changes: object) -> Member:
    """Return a running member."""
    running = Member(
        ecu_id=ecu_id,
        instance_id=instance_id,
        ecc_id=f"ecc-of-{ecu_id}",
        ip="10.0.0.1",
        zone="cn-hangzhou-h",
        group_id=GROUP,
        state=MemberState.RUNNING,
        task=TaskState.SUCCESS,
        online=True,
    )
    return dataclasses.replace(running, **changes)  # type: ignore[arg-type]


def outcome(**changes: object) -> Outcome:
    """Return the truth about two managed members and a foreign one."""
    whole = Outcome(
        members=((member(ECU_2, "i-b"), True), (member(ECU_1, "i-a", state=MemberState.STOPPED), False)),
        foreign=(member("ecu-9", "i-z"),),
        running_count=2,
        group_name="beta",
        cluster_id="cluster-1",
        change_order_ids=("order-2", "order-1"),
    )
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


def test_a_right_program_is_completed_with_the_documented_defaults() -> None:
    """A check fills in the region and the policies, keeps the order of the ids, and finds nothing wrong."""
    checked = check()
    assert checked.failures == ()
    assert checked.warnings == ()
    assert checked.inputs == {
        "regionId": "cn-hangzhou",
        "appId": APP,
        "groupId": GROUP,
        "instanceIds": ["i-b", "i-a"],
        "exclusive": False,
        "minRunning": 1,
        "batchSize": 50,
        "batchPauseSeconds": 0,
        "waitFor": "running",
        "joinTimeoutSeconds": 300,
        "forceScaleIn": "never",
        "confirmBatches": False,
        "onDelete": "scaleIn",
        "timeoutSeconds": 1800,
    }


def test_whole_floats_become_integers() -> None:
    """The engine knows floats only; state and messages show the whole numbers that the program wrote."""
    inputs = check(minRunning=2.0, maxRemovals=0.0, batchPauseSeconds=1.5, timeoutSeconds=60).inputs
    assert json.dumps([inputs["minRunning"], inputs["maxRemovals"]]) == "[2, 0]"
    assert inputs["batchPauseSeconds"] == 1.5


def test_none_is_absent() -> None:
    """An input that is null, or an output that the dynamic front end declares with None, is not given."""
    checked = check(maxRemovals=None, ecuIds=None, members=None, exclusive=None)
    assert checked.failures == ()
    assert not {"maxRemovals", "ecuIds", "members"} & set(checked.inputs)
    assert checked.inputs["exclusive"] is False


def test_keys_of_the_engine_are_left_to_the_engine() -> None:
    """A key that begins with two underscores is neither an error nor kept."""
    checked = check(__provider="gAN9")
    assert checked.failures == ()
    assert "__provider" not in checked.inputs


@pytest.mark.parametrize("name", [row.name for row in PROPERTIES])
def test_an_unknown_value_passes_untouched(name: str) -> None:
    """Whatever the preview cannot know yet is right, and stays unknown."""
    checked = check_inputs(program(**{name: UNKNOWN}), recorded=None, settings=SETTINGS)
    assert checked.failures == ()
    assert checked.inputs[name] is UNKNOWN


def test_unknown_elements_pass_untouched() -> None:
    """Several unknown elements are no duplicates, and keep their places."""
    checked = check(instanceIds=[UNKNOWN, "i-a", UNKNOWN])
    assert checked.failures == ()
    assert checked.inputs["instanceIds"] == [UNKNOWN, "i-a", UNKNOWN]


@pytest.mark.parametrize("lists", [{"instanceIds": []}, {"ecuIds": []}, {"instanceIds": UNKNOWN}])
def test_an_empty_or_unknown_list_is_an_answer(lists: dict[str, object]) -> None:
    """An empty list says that nobody is to be a member; an unknown one says something later."""
    checked = check_inputs({"appId": APP, "groupId": GROUP, **lists}, recorded=None, settings=SETTINGS)
    assert checked.failures == ()


def test_two_absent_lists_are_no_answer() -> None:
    """Nothing is guessed when neither list is given, and the message says how to ask for nobody."""
    found = failures(instanceIds=None)
    assert list(found) == ["instanceIds"]
    assert "an empty list, [], means no members" in found["instanceIds"]


def test_a_duplicate_names_both_places() -> None:
    """S6: an id that is given twice is refused with the index of both."""
    assert failures(instanceIds=["i-a", "i-b", "i-a"]) == {
        "instanceIds[2]": "'i-a' is already given as instanceIds[0]. Remove one of the two."
    }


def test_the_index_is_that_of_the_program() -> None:
    """Ids are not sorted by a check, because messages name the place where the program wrote them."""
    assert list(failures(instanceIds=["i-z", "i-a", "bad id", "i-b"])) == ["instanceIds[2]"]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("instanceIds", "", "an empty string was given where an ECS instance id is expected"),
        ("instanceIds", "i-a,i-b", "It contains a comma: give each id as an element of its own."),
        ("instanceIds", " i-a", "It contains white space: remove it."),
        (
            "instanceIds",
            "i-a\n",
            "'i-a\\n' was given where an ECS instance id is expected. It contains white space",
        ),
        ("instanceIds", "i-\x00", "It contains a control character: remove it."),
        ("instanceIds", "i-" + "a" * 63, "It has 65 characters; at most 64 are allowed."),
        ("instanceIds", "I-BP1A", "Write 'i-bp1a'."),
        ("instanceIds", "i-", "lower-case letters, digits or hyphens"),
        ("instanceIds", "10.0.0.1", "as the ECS console shows it"),
        ("instanceIds", ECU_1, f"'{ECU_1}' is an ECU id: it belongs in ecuIds."),
        ("instanceIds", None, "null was given where an ECS instance id is expected. Give the id, or leave"),
        ("instanceIds", 7.0, "7 was given where an ECS instance id is expected."),
        (
            "instanceIds",
            ["i-a"],
            "a list was given where an ECS instance id is expected. Join the lists into one.",
        ),
        ("ecuIds", "i-bp1a", "'i-bp1a' is an ECS instance id: it belongs in instanceIds."),
        ("ecuIds", "ecu_1", "It is made of letters, digits and hyphens."),
        ("ecuIds", "", "an empty string was given where an ECU id is expected"),
        ("ecuIds", {"id": "x"}, "an object was given where an ECU id is expected."),
    ],
)
def test_an_ill_formed_id_is_refused_by_name(name: str, given: object, said: str) -> None:
    """An id that EDAS could not know is found before anything is sent, with its place and the cure."""
    found = failures(**{name: ["i-fine" if name == "instanceIds" else "ecu-fine", given]})
    assert list(found) == [f"{name}[1]"]
    assert said in found[f"{name}[1]"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("i-a, i-b", "Write ['i-a', 'i-b']."),
        ("", "Write []."),
        (3.0, "Put it in brackets, also when it is only one."),
        (True, "true was given where a list of ECS instance ids is expected."),
        ({"a": "i-a"}, "an object was given where a list of ECS instance ids is expected."),
    ],
)
def test_what_is_not_a_list_is_refused_as_a_whole(given: object, said: str) -> None:
    """A string where a list belongs is told how to be written as a list."""
    found = failures(instanceIds=given)
    assert list(found) == ["instanceIds"]
    assert said in found["instanceIds"]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        (
            "minRunning",
            -1.0,
            "-1 was given where a whole number of members from 0 to 1000000000 is expected.",
        ),
        ("minRunning", 1.5, "1.5 was given where a whole number of members"),
        ("minRunning", True, "true was given where a whole number of members"),
        ("minRunning", "2", "Write it without quotes."),
        ("minRunning", "two", "'two' was given where a whole number"),
        ("minRunning", [1], "a list was given where a whole number"),
        ("maxRemovals", math.nan, "NaN was given where a whole number of members"),
        ("maxRemovals", math.inf, "The highest value is 1000000000."),
        pytest.param("maxRemovals", 10**5000, "a number beyond 1000000000 was given", id="5001 digits"),
        pytest.param(
            "maxRemovals", -(10**5000), "a number beyond -1000000000 was given", id="minus 5001 digits"
        ),
        ("batchSize", 0, "The lowest value is 1."),
        ("batchSize", 201.0, "The highest value is 200."),
        (
            "batchPauseSeconds",
            -0.5,
            "-0.5 was given where a number of seconds from 0 to 1000000000 is expected.",
        ),
        ("joinTimeoutSeconds", -1, "The lowest value is 0."),
        ("timeoutSeconds", 0, "The lowest value is 1."),
    ],
)
def test_a_number_out_of_its_bounds_is_refused(name: str, given: object, said: str) -> None:
    """A number is of its kind and within its bounds, or the message says which those are."""
    found = failures(**{name: given})
    assert list(found) == [name]
    assert said in found[name]


@pytest.mark.parametrize(
    ("name", "edges"),
    [("minRunning", (0, 10**9)), ("batchSize", (1.0, 200.0)), ("timeoutSeconds", (1, 10**9))],
)
def test_both_bounds_are_allowed(name: str, edges: tuple[float, float]) -> None:
    """The lowest and the highest number are right."""
    assert [failures(**{name: edge}) for edge in edges] == [{}, {}]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("exclusive", "True", "'True' was given where true or false is expected. Write it without quotes."),
        ("confirmBatches", 1.0, "1 was given where true or false is expected."),
        (
            "waitFor",
            "Running",
            "'Running' was given where 'running' or 'order' is expected. Did you mean 'running'?",
        ),
        ("forceScaleIn", True, "true was given where 'never' or 'offline' is expected."),
        ("onDelete", "scale_in", "Did you mean 'scaleIn'?"),
        ("onDelete", "", "an empty string was given where 'scaleIn' or 'retain' is expected"),
    ],
)
def test_a_flag_or_word_of_another_kind_is_refused(name: str, given: object, said: str) -> None:
    """A boolean is true or false, and a word is one of the listed."""
    found = failures(**{name: given})
    assert list(found) == [name]
    assert said in found[name]


@pytest.mark.parametrize("name", ["appId", "groupId"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "is required"),
        ("", "an empty string was given"),
        ("all", "name it"),
        ("ALL", "name it"),
        ("a/b", "An id does not contain '/'."),
        ("a..b", "An id does not contain '..'."),
        ("a,b", "It contains a comma"),
        ("a b", "It contains white space"),
        ("x" * 65, "It has 65 characters"),
        (12.0, "12 was given where the id of"),
    ],
)
def test_an_impossible_scope_is_refused(name: str, given: object, said: str) -> None:
    """What could mean every group, or could not stand in the resource id, is no application and no group."""
    found = failures(**{name: given})
    assert list(found) == [name]
    assert said in found[name]


@pytest.mark.parametrize("name", ["appId", "groupId"])
def test_an_id_need_not_be_a_uuid(name: str) -> None:
    """EDAS promises no shape, so that an id of another shape is left to the live application."""
    assert failures(**{name: "app_1.test"}) == {}


@pytest.mark.parametrize("given", ["_DEFAULT_GROUP", "Default Group"])
def test_the_name_of_the_default_group_is_no_group_id(given: str) -> None:
    """Who gives the name that the console shows is told that the id is needed, and who knows it."""
    said = failures(groupId=given)["groupId"]
    assert said.startswith(f"'{given}' is the name of a group; its id is needed.")
    assert "getDeployGroup" in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("cn-hangzhou:test", "This is a namespace of EDAS; its region is 'cn-hangzhou'."),
        ("cn-hangzhou-h", "This is a zone; its region is 'cn-hangzhou'."),
        ("CN-HANGZHOU", "Write 'cn-hangzhou'."),
        ("hangzhou", "a region id such as 'cn-hangzhou' is expected."),
        ("", "an empty string was given"),
        (1.0, "1 was given where a region id"),
    ],
)
def test_a_region_of_another_shape_is_refused(given: object, said: str) -> None:
    """A namespace, a zone or a display name is no region id."""
    found = failures(regionId=given)
    assert list(found) == ["regionId"]
    assert said in found["regionId"]


@pytest.mark.parametrize(
    "region", ["cn-hangzhou", "us-west-1", "cn-shenzhen-finance-1", "ap-northeast-2-pop"]
)
def test_every_shape_of_region_in_use_is_accepted(region: str) -> None:
    """Finance clouds and numbered regions have longer ids."""
    assert failures(regionId=region) == {}


def test_the_region_of_the_program_wins() -> None:
    """An explicit region replaces the recorded one without a warning: the program said so."""
    checked = check(regionId="cn-beijing", recorded={"regionId": "cn-shanghai"})
    assert (checked.inputs["regionId"], checked.warnings) == ("cn-beijing", ())


def test_the_recorded_region_is_kept_with_a_warning() -> None:
    """S48: another region in the environment changes nothing, but is said."""
    settings = Settings(region_id="cn-beijing", region_source="the environment variable ALICLOUD_REGION")
    checked = check(recorded={"regionId": "cn-shanghai"}, settings=settings)
    assert (checked.inputs["regionId"], checked.failures) == ("cn-shanghai", ())
    [warning] = checked.warnings
    assert warning.startswith("regionId: the region of this membership stays cn-shanghai, as recorded")
    assert "cn-beijing (the environment variable ALICLOUD_REGION)" in warning


@pytest.mark.parametrize("region", [None, "cn-shanghai"])
def test_the_recorded_region_is_kept_silently_when_nobody_objects(region: str | None) -> None:
    """No settings, or settings that agree, are nothing to warn about."""
    checked = check(recorded={"regionId": "cn-shanghai"}, settings=Settings(region_id=region))
    assert (checked.inputs["regionId"], checked.warnings) == ("cn-shanghai", ())


@pytest.mark.parametrize("recorded", [{}, {"regionId": None}, {"regionId": "?"}, {"regionId": UNKNOWN}])
def test_a_record_without_a_region_leaves_it_to_the_settings(recorded: dict[str, object]) -> None:
    """A state without a usable region is as good as none."""
    assert check(recorded=recorded).inputs["regionId"] == "cn-hangzhou"


def test_no_region_at_all_says_how_to_set_one() -> None:
    """The message names the input, the stack setting and the environment."""
    found = dict(check(settings=Settings()).failures)
    assert list(found) == ["regionId"]
    assert "pulumi config set edas-scale:regionId" in found["regionId"]
    assert "ALIBABA_CLOUD_REGION_ID" in found["regionId"]


@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        ("instance_ids", "'instance_ids'", "Did you mean instanceIds?"),
        ("minRuning", "minRuning", "Did you mean minRunning?"),
        ("members", "members", "this is an output of DeployGroupMembership"),
        ("colour", "colour", "Remove it; the inputs are regionId, appId,"),
        ("a\ud800", "'a\\ud800'", "has no such input"),
    ],
)
def test_an_unknown_property_is_refused_with_the_nearest(name: str, path: str, said: str) -> None:
    """A slip of the pen is not silently ignored."""
    found = failures(**{name: 1.0})
    assert list(found) == [path]
    assert said in found[path]


def test_all_failures_are_reported_at_once() -> None:
    """One run of the program shows everything that is wrong with it."""
    found = failures(appId=None, instanceIds=["i-a", "i-a", "x"], batchSize=0, colour="red")
    assert list(found) == ["appId", "instanceIds[1]", "instanceIds[2]", "batchSize", "colour"]


def test_reasons_are_sentences() -> None:
    """Every reason of every input ends as a sentence does."""
    bad = {name: object() for name in BY_NAME} | {"colour": 1, "members": []}
    assert all(
        reason.endswith((".", "?"))
        for _, reason in check_inputs(bad, recorded=None, settings=SETTINGS).failures
    )


def test_a_spec_says_what_the_program_asks_for() -> None:
    """Parsing keeps the order of the program and the place of each id."""
    spec = parse_spec(check(ecuIds=[ECU_1], exclusive=True, minRunning=2.0, maxRemovals=3.0).inputs)
    assert spec.scope == SCOPE
    assert spec.listed == (
        Listed("instanceIds[0]", "i-b"),
        Listed("instanceIds[1]", "i-a"),
        Listed("ecuIds[0]", ECU_1),
    )
    assert spec.complete
    assert spec.policy == Policy(exclusive=True, min_running=2, max_removals=3)


def test_absent_policies_have_the_defaults_of_the_model() -> None:
    """The defaults of the table are those of ``Policy``, so that they are stated once."""
    assert parse_spec({}).policy == Policy()


def test_every_policy_is_parsed() -> None:
    """No field of ``Policy`` is forgotten on its way from the inputs."""
    policy = parse_spec(
        {
            "exclusive": True,
            "minRunning": 2.0,
            "maxRemovals": 0.0,
            "batchSize": 3.0,
            "batchPauseSeconds": 0.5,
            "waitFor": "order",
            "joinTimeoutSeconds": 4.0,
            "forceScaleIn": "offline",
            "confirmBatches": True,
            "onDelete": "retain",
            "timeoutSeconds": 5.0,
        }
    ).policy
    assert policy == Policy(
        exclusive=True,
        min_running=2,
        max_removals=0,
        batch_size=3,
        batch_pause_seconds=0.5,
        wait_for=WaitFor.ORDER,
        join_timeout_seconds=4,
        force_scale_in=ForceScaleIn.OFFLINE,
        confirm_batches=True,
        on_delete=OnDelete.RETAIN,
        timeout_seconds=5,
    )
    assert all(getattr(policy, field.name) != field.default for field in dataclasses.fields(Policy))
    assert {row.snake for row in PROPERTIES} >= {field.name for field in dataclasses.fields(Policy)}


def test_an_unknown_policy_forbids_nothing() -> None:
    """A preview must not refuse what the value, once known, may allow."""
    unknown = parse_spec(dict.fromkeys(BY_NAME, UNKNOWN))
    assert unknown.policy == Policy(exclusive=False, min_running=0, max_removals=None)
    assert (unknown.region_id, unknown.app_id, unknown.group_id, unknown.scope) == (None, None, None, None)


def test_unknown_ids_are_counted() -> None:
    """Single unknown ids have a number; an unknown list has not even that."""
    spec = parse_spec(program(instanceIds=["i-a", UNKNOWN, UNKNOWN], ecuIds=UNKNOWN))
    assert spec.listed == (Listed("instanceIds[0]", "i-a"),)
    assert (spec.unknown_ids, spec.open_ended, spec.complete) == (2, True, False)


def test_outputs_are_the_inputs_and_the_truth() -> None:
    """State shows sorted ids, sorted members, and EDAS's facts in our words."""
    outputs = render_outputs(check(ecuIds=[ECU_2, ECU_1]).inputs, outcome())
    assert outputs["instanceIds"] == ["i-a", "i-b"]
    assert outputs["ecuIds"] == [ECU_1, ECU_2]
    assert outputs["members"] == [
        {
            "ecuId": ECU_1,
            "instanceId": "i-a",
            "eccId": f"ecc-of-{ECU_1}",
            "ip": "10.0.0.1",
            "state": "stopped",
            "joined": False,
        },
        {
            "ecuId": ECU_2,
            "instanceId": "i-b",
            "eccId": f"ecc-of-{ECU_2}",
            "ip": "10.0.0.1",
            "state": "running",
            "joined": True,
        },
    ]
    assert outputs["foreignMembers"] == [
        {
            "ecuId": "ecu-9",
            "instanceId": "i-z",
            "eccId": "ecc-of-ecu-9",
            "ip": "10.0.0.1",
            "state": "running",
            "joined": False,
        }
    ]
    assert outputs["runningCount"] == 2
    assert outputs["groupName"] == "beta"
    assert outputs["clusterId"] == "cluster-1"
    assert outputs["changeOrderIds"] == ["order-2", "order-1"]
    assert "__unsettled" not in outputs


def test_an_absent_list_stays_absent_in_the_outputs() -> None:
    """What the program did not say is not said for it."""
    assert "ecuIds" not in render_outputs(check().inputs, outcome())


def test_what_did_not_settle_is_recorded_out_of_sight() -> None:
    """The ECU ids a failed operation did not bring up are kept for the next one, sorted."""
    outputs = render_outputs(check().inputs, outcome(unsettled=frozenset({ECU_2, ECU_1})))
    assert outputs["__unsettled"] == [ECU_1, ECU_2]


def test_old_outputs_do_not_leak_into_new_ones() -> None:
    """Rendering from recorded outputs takes the inputs among them and nothing else."""
    old = render_outputs(check().inputs, outcome(unsettled=frozenset({ECU_1})))
    new = render_outputs({**old, "__provider": "gAN9", "schemaVersion": 1.0}, outcome(members=()))
    assert new == render_outputs(check().inputs, outcome(members=()))


def test_unknown_ids_stay_in_rendered_outputs() -> None:
    """The preview of a create shows unknown ids as unknown, after the known ones."""
    outputs = render_outputs(program(instanceIds=[UNKNOWN, "i-b", "i-a"], ecuIds=UNKNOWN), outcome())
    assert outputs["instanceIds"] == ["i-a", "i-b", UNKNOWN]
    assert outputs["ecuIds"] is UNKNOWN


def test_recorded_outputs_are_read_back() -> None:
    """What was rendered is understood, also after the engine made floats of the numbers."""
    outputs = render_outputs(check(minRunning=2).inputs, outcome(unsettled=frozenset({ECU_1})))
    outputs["minRunning"] = 2.0
    assert parse_recorded(outputs) == Recorded(
        members=(
            RecordedMember(ECU_1, "i-a", f"ecc-of-{ECU_1}", "10.0.0.1", MemberState.STOPPED, joined=False),
            RecordedMember(ECU_2, "i-b", f"ecc-of-{ECU_2}", "10.0.0.1", MemberState.RUNNING, joined=True),
        ),
        listed=(Listed("instanceIds[0]", "i-a"), Listed("instanceIds[1]", "i-b")),
        change_order_ids=("order-2", "order-1"),
        unsettled=frozenset({ECU_1}),
        cluster_id="cluster-1",
        group_name="beta",
        policy=Policy(min_running=2),
    )


@pytest.mark.parametrize(
    "outputs",
    [
        {},
        {"members": None, "changeOrderIds": None, "groupName": None, "clusterId": None, "__unsettled": None},
        {"members": "x", "instanceIds": "i-a", "changeOrderIds": {}, "__unsettled": 3.0, "minRunning": "1"},
        {"members": [None, {}, {"ecuId": None}, {"ecuId": ""}, 3.0], "ecuIds": [None, 1.0, ""]},
        {"members": UNKNOWN, "instanceIds": UNKNOWN, "groupName": UNKNOWN, "timeoutSeconds": -1.0},
    ],
)
def test_an_old_or_broken_state_is_read_as_far_as_it_goes(outputs: dict[str, object]) -> None:
    """Parts that are missing or not understood count as not recorded; nothing raises."""
    assert parse_recorded(outputs) == Recorded()


def test_an_incomplete_member_is_still_managed() -> None:
    """A member of an older state is known by its ECU id alone, and was then not seen running."""
    [found] = parse_recorded({"members": [{"ecuId": ECU_1, "state": "new word", "joined": 1.0}]}).members
    assert found == RecordedMember(ECU_1, "", "", "", MemberState.UNKNOWN, joined=False)


def test_dropped_ids_leave_the_inputs_in_both_spellings() -> None:
    """A refresh takes out what is gone and changes neither order nor spelling of the rest."""
    inputs = program(instanceIds=["i-c", "i-a", "i-b"], ecuIds=[ECU_2, ECU_1], minRunning=2.0, __provider="x")
    assert remove_ids(inputs, {"i-a", ECU_2, "i-elsewhere"}) == {
        **inputs,
        "instanceIds": ["i-c", "i-b"],
        "ecuIds": [ECU_1],
    }
    assert inputs["instanceIds"] == ["i-c", "i-a", "i-b"]


def test_a_list_that_loses_all_ids_is_empty_and_an_absent_one_absent() -> None:
    """The last member gone leaves an empty list, which is an answer."""
    assert remove_ids(program(instanceIds=["i-a"]), ["i-a"]) == program(instanceIds=[])


def test_an_import_lists_every_member_once() -> None:
    """S22: instances by their id, ECUs only where the instance id is not known; the check is content."""
    members = [member(ECU_2, "i-b"), member("ecu-3"), member(ECU_1, "i-a")]
    inputs = import_inputs(SCOPE, members)
    assert inputs["instanceIds"] == ["i-a", "i-b"]
    assert inputs["ecuIds"] == ["ecu-3"]
    checked = check_inputs(inputs, recorded=inputs, settings=Settings())
    assert (checked.inputs, checked.failures, checked.warnings) == (inputs, (), ())


@pytest.mark.parametrize(
    ("members", "lists"),
    [
        ([], {"instanceIds": []}),
        ([member(ECU_1)], {"ecuIds": [ECU_1]}),
        ([member(ECU_1, "i-a")], {"instanceIds": ["i-a"]}),
    ],
)
def test_an_import_gives_only_the_lists_it_needs(members: list[Member], lists: dict[str, object]) -> None:
    """An empty group is imported as an empty list, so that the inputs are complete."""
    inputs = import_inputs(SCOPE, members)
    assert {name: inputs[name] for name in ("instanceIds", "ecuIds") if name in inputs} == lists


@pytest.mark.parametrize(
    "other",
    [
        {"instanceIds": ["i-a", "i-b"]},
        {"ecuIds": []},
        {"exclusive": False, "minRunning": 1.0, "waitFor": "running", "batchPauseSeconds": 0.0},
        {"maxRemovals": None, "__provider": "gAN9", "members": []},
    ],
)
def test_another_spelling_is_no_change(other: dict[str, object]) -> None:
    """S5: order, floats, defaults, an empty list beside the other, outputs and engine keys mean nothing."""
    assert same_inputs(program(), program(**other))
    assert same_inputs(program(**other), program())


@pytest.mark.parametrize(
    ("other", "names"),
    [
        ({"instanceIds": ["i-a"]}, ("instanceIds",)),
        ({"minRunning": 2, "exclusive": True, "appId": "other"}, ("appId", "exclusive", "minRunning")),
        ({"maxRemovals": 0}, ("maxRemovals",)),
        ({"exclusive": 0.0}, ("exclusive",)),
        ({"instanceIds": None}, ("instanceIds",)),
        ({"regionId": "cn-hangzhou"}, ("regionId",)),
        ({"groupId": UNKNOWN, "instanceIds": ["i-b", UNKNOWN]}, ("groupId", "instanceIds")),
    ],
)
def test_another_meaning_is_named(other: dict[str, object], names: tuple[str, ...]) -> None:
    """The names of the inputs that changed are sorted, as the schema spells them."""
    assert changed_properties(program(), program(**other)) == names
    assert not same_inputs(program(), program(**other))


def test_an_unknown_value_differs_even_from_itself() -> None:
    """What is not known may turn out to be anything."""
    assert changed_properties(program(appId=UNKNOWN), program(appId=UNKNOWN)) == ("appId",)


def test_changed_members_have_the_paths_a_preview_shows() -> None:
    """Removals have their old index, additions their new one."""
    old = program(instanceIds=["i-a", "i-b", "i-c"], ecuIds=[ECU_1])
    new = program(instanceIds=["i-d", "i-c", "i-a", UNKNOWN])
    assert changed_members(old, new) == (
        ("instanceIds[1]", "delete"),
        ("instanceIds[0]", "add"),
        ("instanceIds[3]", "add"),
        ("ecuIds[0]", "delete"),
    )


def test_an_unknown_list_has_no_changed_elements() -> None:
    """Which elements come and go cannot be said; that the list changes is said by its name."""
    assert changed_members(program(), program(instanceIds=UNKNOWN)) == ()
    assert changed_properties(program(), program(instanceIds=UNKNOWN)) == ("instanceIds",)


def test_an_id_names_the_scope_and_is_read_back() -> None:
    """The id has the three parts of the scope and nothing about members."""
    assert membership_id(SCOPE) == f"cn-hangzhou/{APP}/{GROUP}"
    assert parse_membership_id(membership_id(SCOPE)) == SCOPE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is not the id of a membership."),
        (GROUP, "is not the id of a membership."),
        (f"cn-hangzhou/{APP}", "is not the id of a membership."),
        (f"cn-hangzhou/{APP}/{GROUP}/i-a", "is not the id of a membership."),
        (f"/{APP}/{GROUP}", "regionId: an empty string was given"),
        (f"cn-hangzhou-h/{APP}/{GROUP}", "regionId: 'cn-hangzhou-h' was given"),
        (f"cn-hangzhou/{APP}/_DEFAULT_GROUP", "groupId: '_DEFAULT_GROUP' is the name of a group"),
        (f"cn-hangzhou/all/{GROUP}\n", "appId: 'all' was given"),
    ],
)
def test_a_wrong_id_is_told_what_an_id_looks_like(text: str, said: str) -> None:
    """Who imports with a wrong id reads which part is wrong and sees an example."""
    with pytest.raises(InputError) as caught:
        parse_membership_id(text)
    [(path, reason)] = caught.value.failures
    assert path == "id"
    assert said in reason
    assert "An id is <regionId>/<appId>/<groupId>, for example" in reason


def test_the_table_is_complete_and_names_are_unique() -> None:
    """Every number has bounds and a unit, every word a choice, and no name stands twice."""
    assert len(BY_NAME) == len(PROPERTIES)
    for row in PROPERTIES:
        assert (row.kind in {Kind.INTEGER, Kind.NUMBER}) == bool(row.unit and row.maximum)
        assert (row.kind is Kind.WORD) == bool(row.words)


def test_the_table_knows_the_python_names() -> None:
    """The Python argument of an input is its snake_case name."""
    assert [BY_NAME[name].snake for name in ("appId", "exclusive", "joinTimeoutSeconds")] == [
        "app_id",
        "exclusive",
        "join_timeout_seconds",
    ]


@pytest.mark.parametrize(
    ("paths", "ignored"),
    [
        ([], set()),
        (["*"], {"instanceIds", "ecuIds"}),
        (["instanceIds"], {"instanceIds"}),
        (["instanceIds[*]", "ecuIds[1]"], {"instanceIds", "ecuIds[1]"}),
        (["minRunning", "members[0]", "instanceIdsOf"], set()),
    ],
)
def test_lists_that_the_program_ignores(paths: list[str], ignored: set[str]) -> None:
    """``ignoreChanges`` names a list, all of it by ``[*]`` or ``*``, or an element; other properties are no list."""
    assert ignored_lists(paths) == ignored
