from __future__ import annotations

import copy
from typing import Any

import pytest

from pulumi_edas_scale.emulator import views
from pulumi_edas_scale.emulator.inputs import InputError
from pulumi_edas_scale.emulator.world.world_file import BUILT_IN_WORLD, build_world
from tests.unit.emulator.simulated import SMALL_WORLD


def test_the_built_in_world_has_something_of_everything() -> None:
    """Free instances over zones, one offline, two groups, one never deployed, one on Kubernetes."""
    state = views.snapshot(build_world(BUILT_IN_WORLD), 0.0)
    ecs, kubernetes = state["clusters"]
    free = [ecu for ecu in ecs["ecus"] if ecu["applicationId"] is None and ecu["ready"] and ecu["online"]]
    assert 8 <= len(free) <= 12
    assert len({ecu["zone"] for ecu in free}) == 3
    assert [ecu["instanceId"] for ecu in ecs["ecus"] if not ecu["online"]] == ["i-bp112"]
    assert [ecu["instanceId"] for ecu in ecs["ecus"] if not ecu["ready"]] == ["i-bp190"]
    assert (ecs["type"], kubernetes["type"]) == (2, 5)
    shop, never, _ = state["applications"]
    assert [group["name"] for group in shop["groups"]] == ["_DEFAULT_GROUP", "beta"]
    assert [group["deployed"] for group in never["groups"]] == [False]


def test_what_need_not_be_given_has_a_default() -> None:
    """Ids are counters, addresses are distinct, an application has a default group."""
    world = build_world(
        {
            "region": "cn-hangzhou",
            "clusters": [{"name": "ecs", "ecus": [{"instanceId": "i-a"}, {"instanceId": "i-b"}]}],
            "applications": [{"name": "shop", "cluster": "ecs"}],
        }
    )
    machines = list(world.machines())
    assert len({machine.ip for machine in machines}) == len({machine.ecu_id for machine in machines}) == 2
    (application,) = world.applications.values()
    (group,) = application.groups.values()
    assert (group.name, group.type, group.deployed) == ("_DEFAULT_GROUP", 0, True)


def test_members_start_as_the_file_says() -> None:
    """A member may be stopped with a failed task; one of a group never deployed is stopped by itself."""
    data = copy.deepcopy(SMALL_WORLD)
    data["applications"][0]["groups"][1]["members"] = [
        {"instanceId": "i-c", "eccId": "ecc-c", "appState": 1, "taskState": 3}
    ]
    data["applications"][3]["groups"][0]["members"] = ["i-d"]
    state = views.snapshot(build_world(data), 0.0)
    stopped = state["applications"][0]["groups"][1]["members"][0]
    assert (stopped["eccId"], stopped["appState"], stopped["taskState"]) == ("ecc-c", 1, 3)
    never = state["applications"][3]["groups"][0]["members"][0]
    assert (never["appState"], never["taskState"]) == (1, 2)


def _with(path: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return the small world with one thing replaced, by a dotted path."""
    data = copy.deepcopy(SMALL_WORLD)
    place: Any = data
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in parents:
        place = place[step]
    place[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("region", 7, "$.region: must be a string that is not empty, got 7"),
        (
            "regions",
            [],
            "$.regions: no such key; known are accessKeys, applications, clusters, region, switches",
        ),
        ("accessKeys.0.secret", "", "$.accessKeys[0].secret: must be a string that is not empty"),
        ("clusters", {}, "$.clusters: must be a list, got dict"),
        ("clusters.0", "ecs", "$.clusters[0]: must be an object, got str"),
        ("clusters.0.type", 4, "$.clusters[0].type: must be one of 2, 3, 5, got 4"),
        ("clusters.1.id", "cluster-ecs", "$.clusters[1].id: 'cluster-ecs' is used by another cluster"),
        ("clusters.0.ecus.1.instanceId", "i-a", "$.clusters[0].ecus[1].instanceId: 'i-a' is in cluster"),
        ("clusters.0.ecus.1.ecuId", "ecu-a", "$.clusters[0].ecus[1].ecuId: 'ecu-a' is used by 'i-a'"),
        ("clusters.0.ecus.1.online", "yes", "$.clusters[0].ecus[1].online: must be true or false, got 'yes'"),
        (
            "clusters.0.ecus.1.cpu",
            -1,
            "$.clusters[0].ecus[1].cpu: must be a whole number of at least 0, got -1",
        ),
        (
            "clusters.0.ecus.1.startState",
            2,
            "$.clusters[0].ecus[1].startState: must be one of 0, 1, 3, 7, got 2",
        ),
        ("clusters.0.instances.0", 5, "$.clusters[0].instances[0]: must be an object, got int"),
        ("applications.0.cluster", "gone", "$.applications[0].cluster: there is no cluster 'gone'"),
        ("applications.1.id", "app-shop", "$.applications[1].id: 'app-shop' is used by another application"),
        (
            "applications.0.groups.1.name",
            "_DEFAULT_GROUP",
            "$.applications[0].groups[1].name: '_DEFAULT_GROUP' is",
        ),
        (
            "applications.3.groups.0.id",
            "group-beta",
            "$.applications[3].groups[0].id: 'group-beta' is used by",
        ),
        (
            "applications.0.groups.1.members",
            ["i-x"],
            "$.applications[0].groups[1].members[0]: 'i-x' is not in",
        ),
        (
            "applications.0.groups.1.members",
            ["i-a"],
            "$.applications[0].groups[1].members[0]: 'i-a' is a member of",
        ),
        (
            "applications.0.groups.1.members",
            [3],
            "$.applications[0].groups[1].members[0]: must be an object, got int",
        ),
        ("switches", {"second_order": "x"}, "$.switches.second_order: must be one of refused,"),
        ("switches", [], "$.switches: must be an object, got list"),
    ],
)
def test_a_wrong_world_is_refused_with_the_path_of_the_mistake(
    path: str, value: object, message: str
) -> None:
    """The message begins with the JSON path and says what belongs there."""
    with pytest.raises(InputError) as caught:
        build_world(_with(path, value))
    assert str(caught.value).startswith(message)


def test_switches_of_the_caller_overrule_those_of_the_file() -> None:
    """The file sets the scene, the test turns one switch."""
    world = build_world(
        _with("switches", {"known_member": "ignored", "failed_joiner": "leaves"}), {"known_member": "refused"}
    )
    assert world.switches.text("known_member") == "refused"
    assert world.switches.text("failed_joiner") == "leaves"


def test_a_world_too_large_is_refused() -> None:
    """A guard against a wrong file."""
    with pytest.raises(InputError, match=r"\$\.clusters: at most 20000 entries"):
        build_world(_with("clusters", [{}] * 20_001))


def test_machines_are_counted_over_all_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many lists that are short enough are no way round the bound."""
    monkeypatch.setattr("pulumi_edas_scale.emulator.world.world_file.MAX_ENTRIES", 3)
    clusters = [{"name": name, "ecus": [{"instanceId": f"i-{name}{n}"} for n in (1, 2)]} for name in "ab"]
    with pytest.raises(
        InputError, match=r"^\$\.clusters\[1\]\.ecus\[1\]: at most 3 machines in all clusters"
    ):
        build_world({"region": "r", "clusters": clusters})
