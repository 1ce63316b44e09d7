from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.clock import OperationContext
from pulumi_edas_scale.domain.errors import InputError
from pulumi_edas_scale.domain.model import ApplicationSummary, MemberState
from pulumi_edas_scale.operations.lookups import QUERIES, spread
from tests.unit.quiet import QuietClient, quiet_session
from tests.unit.readings import application, machine, member

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIENT = QuietClient(
    application(member("a"), member("b", MemberState.STOPPED), member("c", group_id="group-2")),
    applications=(
        ApplicationSummary("app-1", "shop", "cluster-1", 2),
        ApplicationSummary("app-2", "twin", "cluster-1", None),
        ApplicationSummary("app-3", "twin", "cluster-1", None),
        ApplicationSummary("app-4", "alone", "cluster-1", None),
    ),
    machines=(machine("d"), machine("e", zone="zone-2"), machine("f", online=False), machine("g")),
)


def ask(name: str, /, **args: object) -> Mapping[str, object]:
    """Return the answer of a function."""
    session = quiet_session(CLIENT)
    return QUERIES[name](session, "cn-hangzhou", args, OperationContext(session.runtime))


def test_groups_come_with_their_members() -> None:
    """All groups of an application come with members, and only members that run are counted as running."""
    groups = ask("getDeployGroups", appId="app-1")["groups"]
    assert isinstance(groups, list)
    assert [(each["groupId"], each["runningCount"], len(each["members"])) for each in groups] == [
        ("group-1", 1, 2),
        ("group-2", 1, 1),
    ]


@pytest.mark.parametrize("args", [{"groupId": "group-2"}, {"groupName": "green"}])
def test_one_group_by_id_or_name(args: dict[str, object]) -> None:
    """One group is found by its id or by its name, with the same answer."""
    found = ask("getDeployGroup", appId="app-1", **args)
    assert (found["groupId"], found["name"], found["clusterId"]) == ("group-2", "green", "cluster-1")
    assert found["members"] == [
        {
            "ecuId": "ecu-c",
            "instanceId": "i-c",
            "eccId": "ecc-c",
            "ip": "10.0.0.3",
            "zone": "zone-1",
            "state": "running",
        }
    ]


def test_candidates_are_spread_over_zones() -> None:
    """Candidates that answer come in the order that keeps the zones even, beside the members of the group."""
    found = ask("getScaleOutCandidates", appId="app-1", groupId="group-2", count=2)
    assert found["instanceIds"] == ["i-e", "i-d"]
    assert ask("getScaleOutCandidates", appId="app-1")["instanceIds"] == ["i-e", "i-d", "i-g"]


def test_spreading_is_stable() -> None:
    """The order of machines in the reading does not matter."""
    free = [machine("d"), machine("e", zone="zone-2"), machine("g")]
    assert spread(free, []) == spread(free[::-1], []) == [free[0], free[1], free[2]]


def test_an_application_by_its_name() -> None:
    """An application is found by exactly its name; a type EDAS does not tell is left out."""
    assert ask("getApplication", name="shop") == {
        "appId": "app-1",
        "name": "shop",
        "clusterId": "cluster-1",
        "regionId": "cn-hangzhou",
        "clusterType": 2,
    }
    assert "clusterType" not in ask("getApplication", name="alone")


GROUPS = "Its groups are: blue (group-1), green (group-2)."
FEW = "9 machines are asked for, but cluster cluster-1 offers 3."


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("getDeployGroups", {}, "appId: the id of the application is needed. [ES128]"),
        ("getDeployGroup", {"appId": "app-1"}, "groupId: give exactly one of groupId and groupName. [ES122]"),
        (
            "getDeployGroup",
            {"appId": "app-1", "groupId": "x"},
            f"groupId: application shop (app-1) has no deploy group 'x'. {GROUPS} [ES123]",
        ),
        (
            "getDeployGroup",
            {"appId": "app-1", "groupName": "x"},
            f"groupName: application shop (app-1) has no deploy group 'x'. {GROUPS} [ES123]",
        ),
        (
            "getScaleOutCandidates",
            {"appId": "app-1", "count": -1},
            "count: must be a whole number, 0 or more, not -1. [ES124]",
        ),
        (
            "getScaleOutCandidates",
            {"appId": "app-1", "count": True},
            "count: must be a whole number, 0 or more, not True. [ES124]",
        ),
        (
            "getScaleOutCandidates",
            {"appId": "app-1", "count": 9},
            f"count: {FEW} Import more instances into the cluster, or ask for fewer. [ES125]",
        ),
        ("getApplication", {}, "name: the name of the application is needed. [ES126]"),
        (
            "getApplication",
            {"name": "x"},
            (
                "name: no application has the name 'x' in region cn-hangzhou. Its applications are: alone "
                "(app-4), shop (app-1), twin (app-2), "
                "twin (app-3). [ES127]"
            ),
        ),
        (
            "getApplication",
            {"name": "twin"},
            "name: 2 applications have the name 'twin' in region cn-hangzhou: app-2, app-3. [ES127]",
        ),
    ],
)
def test_what_cannot_be_answered(name: str, args: dict[str, object], words: str) -> None:
    """A question that has no one answer is refused with the property, what there is instead, and a code of its own."""
    with pytest.raises(InputError) as caught:
        ask(name, **args)
    assert caught.value.with_code() == words
