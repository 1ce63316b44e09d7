"""Every spelling of an empty list, of every list, with a witness for it, without one, and against it (S68)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from pulumi_edas_scale.domain.errors import CutListError, MissingListError, UnknownShapeError
from pulumi_edas_scale.edas import parse as answers

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]


class Absent:
    """A key that is not there; its name is the same in every process, so that parallel tests agree on theirs."""

    def __repr__(self) -> str:
        """Return the name that stands in a test's id."""
        return "absent"


ABSENT: Final = Absent()

SPELLINGS: Final[dict[str, Callable[[str], object]]] = {
    "absent": lambda _: ABSENT,
    "null": lambda _: None,
    "text": lambda _: "",
    "list": lambda _: [],
    "object": lambda _: {},
    "wrapper of null": lambda element: {element: None},
    "wrapper of text": lambda element: {element: ""},
    "wrapper of object": lambda element: {element: {}},
    "wrapper of a list": lambda element: {element: []},
    "wrapper of something else": lambda _: {"PageSize": 10},
}
PLAIN: Final = "wrapper of a list"
"""The spelling of the SDK's models: a list that is there, and so needs no witness."""

GROUPS: Final = {"Group": [{"GroupId": "group-1"}]}
MACHINES: Final = {"Ecu": [{"EcuId": "ecu-1", "InstanceId": "i-1"}]}
PLACEMENTS: Final = {"Ecc": [{"EccId": "ecc-1", "EcuId": "ecu-1", "GroupId": "group-1", "AppState": 7}]}


def spelled(place: Json, wrapper: str, element: str, spelling: str) -> Json:
    """Return an object with an empty list in one spelling."""
    value = SPELLINGS[spelling](element)
    rest = {key: inner for key, inner in place.items() if key != wrapper}
    return rest if value is ABSENT else {**rest, wrapper: value}


def members(info: Json) -> int:
    """Return how many members a status shows."""
    return len(answers.parse_application({"Code": 200, "AppInfo": info}, "app-1").members)


def status(count: object) -> Json:
    """Return the status of an application with one group and nobody in it."""
    number = {} if count is ABSENT else {"InstanceCount": count}
    return {"Application": {"ApplicationId": "app-1", **number}, "GroupList": GROUPS}


@pytest.mark.parametrize("count", [0, "0"], ids=repr)
@pytest.mark.parametrize("of_machines", SPELLINGS)
@pytest.mark.parametrize("of_placements", SPELLINGS)
def test_nobody_is_a_member(of_placements: str, of_machines: str, count: object) -> None:
    """Placements and machines in any spelling of nothing are none where the application says it has no instance."""
    info = spelled(status(count), "EccList", "Ecc", of_placements)
    assert members(spelled(info, "EcuList", "Ecu", of_machines)) == 0


@pytest.mark.parametrize("count", [1, "2", ABSENT, None, "?"], ids=repr)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_members_without_a_witness(spelling: str, count: object) -> None:
    """With a witness against it, or with none, a missing list of placements is never "no members"."""
    info = spelled({**status(count), "EcuList": MACHINES}, "EccList", "Ecc", spelling)
    if spelling == PLAIN and count in {ABSENT, None, "?"}:
        assert members(info) == 0  # a list that is there is a fact
        return
    with pytest.raises(UnknownShapeError, match=r"AppInfo.EccList: expected a list.*doctor --record"):
        members(info)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_machines_of_placements(spelling: str) -> None:
    """Where there are placements, there are machines; a list that is there and empty leaves them without a name."""
    info = spelled({**status(1), "EccList": PLACEMENTS}, "EcuList", "Ecu", spelling)
    if spelling == PLAIN:
        assert members(info) == 1
        return
    with pytest.raises(UnknownShapeError, match=r"AppInfo.EcuList: expected a list"):
        members(info)


@pytest.mark.parametrize("count", [0, 1], ids=repr)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_groups(spelling: str, count: int) -> None:
    """Every application has a group, so a missing list of them is never understood: the group is not gone."""
    info = {**status(count), "EccList": PLACEMENTS if count else {"Ecc": []}, "EcuList": MACHINES}
    info = spelled(info, "GroupList", "Group", spelling)
    if spelling == PLAIN:
        application = answers.parse_application({"AppInfo": info}, "app-1")
        assert application.groups == ()
        assert bool(application.oddity_of("group-1")) is bool(count)
        return
    with pytest.raises(UnknownShapeError, match=r"AppInfo.GroupList: expected a list"):
        members(info)


def test_a_cut_list() -> None:
    """Fewer placements than the application counts are a cut list; more are none, and a repeated one counts once."""
    info = {**status(2), "EccList": PLACEMENTS, "EcuList": MACHINES}
    with pytest.raises(CutListError, match=r"expected a list of 2 \(Application.InstanceCount\), got 1\b"):
        members(info)
    with pytest.raises(CutListError):
        members({**info, "EccList": {"Ecc": PLACEMENTS["Ecc"] * 2}})
    assert members({**info, **status(1)}) == 1
    assert members({**info, "Application": {"InstanceCount": 0}}) == 1


def applications(body: Json, page: int = 1) -> tuple[object, ...]:
    """Return what a page of ListApplication lists."""
    return answers.parse_applications(body, page).items


def cluster(body: Json, page: int = 1) -> tuple[object, ...]:
    """Return what a page of ListClusterMembers lists."""
    return answers.parse_cluster_members(body, page).items


def in_page(inner: Json) -> Json:
    """Return the body around a page of ListClusterMembers."""
    return {"ClusterMemberPage": inner}


PAGED: Final[dict[str, tuple[Callable[..., tuple[object, ...]], Callable[[Json], Json], str, str]]] = {
    "ListApplication": (applications, dict, "ApplicationList", "Application"),
    "ListClusterMembers": (cluster, in_page, "ClusterMemberList", "ClusterMember"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("operation", PAGED)
def test_lists_in_pages(operation: str, spelling: str) -> None:
    """A page is empty where its total says so, or when it is behind the first; else a missing list is a doubt."""
    read, around, wrapper, element = PAGED[operation]
    assert read(around(spelled({"TotalSize": 0}, wrapper, element, spelling))) == ()
    assert read(around(spelled({"TotalSize": 7}, wrapper, element, spelling)), 2) == ()
    assert read(around(spelled({}, wrapper, element, spelling)), 2) == ()
    if spelling == PLAIN:
        assert read(around(spelled({}, wrapper, element, spelling))) == ()
        return
    with pytest.raises(MissingListError, match="expected a list, got"):
        read(around(spelled({}, wrapper, element, spelling)))
    with pytest.raises(UnknownShapeError, match="TotalSize is 7"):
        read(around(spelled({"TotalSize": 7}, wrapper, element, spelling)))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_page_that_is_not_there(spelling: str) -> None:
    """ListClusterMembers has a wrapper more: without it there is no total either."""
    body = spelled({}, "ClusterMemberPage", "ClusterMemberList", spelling)
    assert cluster(body, 2) == ()
    with pytest.raises(MissingListError):
        cluster(body)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_lists_on_which_no_member_hangs(spelling: str) -> None:
    """An offer of machines, and the recent orders of an application, are empty in every spelling of nothing."""
    assert answers.parse_machines(spelled({"Code": 200}, "EcuInfoList", "EcuInfo", spelling)) == ()
    assert answers.parse_change_orders(spelled({}, "ChangeOrderList", "ChangeOrder", spelling)) == ()


@pytest.mark.parametrize("value", [0, False, "none", {"Ecc": 1}, {"Ecc": {"EccId": "e"}}, ["x"]], ids=repr)
def test_anything_else_is_not_a_list(value: object) -> None:
    """What is neither a list nor a spelling of nothing is not understood, whatever the application counts."""
    with pytest.raises(UnknownShapeError):
        members({**status(0), "EccList": value})
