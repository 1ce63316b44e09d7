from __future__ import annotations

import pytest

from pulumi_edas_scale.domain.model import Listed
from pulumi_edas_scale.domain.resolution import (
    Absent,
    Cause,
    Resolution,
    find_member,
    missing_from_group,
    resolve,
    with_instance_ids,
)
from tests.unit.readings import application, in_cluster, listed, machine, member, nameless


@pytest.mark.parametrize("spelling", ["i-a", "ecu-a"])
def test_a_member_is_known_by_both_names(spelling: str) -> None:
    """A member is found by its ECS id and by its ECU id alike; other ids find nobody."""
    assert find_member([member("b"), member("a")], spelling) == member("a")
    assert find_member([member("b")], spelling) is None


def test_only_who_is_not_in_the_group_is_missing() -> None:
    """Members of the group are not missing; members of another group and strangers are."""
    live = application(member("a"), member("b"), member("c", group_id="group-2"))
    wanted = listed("i-a", "ecu-b", "i-c", "i-d")
    assert missing_from_group(wanted, live, "group-1") == wanted[2:]


@pytest.mark.parametrize(("spelling", "other"), [("i-a", "ecu-a"), ("ecu-a", "i-a")])
def test_a_member_needs_nothing(spelling: str, other: str) -> None:
    """A member of the group is known, and neither to be added nor absent."""
    found = resolve(listed(spelling), application(member("a")), "group-1")
    assert found == Resolution({spelling: "ecu-a"}, other_ids={spelling: other})


@pytest.mark.parametrize(("spelling", "other"), [("i-b", "ecu-b"), ("ecu-b", "i-b")])
def test_a_machine_on_offer_is_ready(spelling: str, other: str) -> None:
    """A machine of the cluster that is free and answers may be scaled out to."""
    found = resolve(listed(spelling), application(), "group-1", machines=[machine("a"), machine("b")])
    assert found == Resolution({spelling: "ecu-b"}, {"ecu-b": machine("b")}, other_ids={spelling: other})


def test_a_machine_that_does_not_answer_is_absent() -> None:
    """A free machine whose agent is off cannot be added now."""
    wanted = listed("i-a")
    found = resolve(wanted, application(), "group-1", machines=[machine("a", online=False)])
    absent = Absent(wanted[0], Cause.AGENT_OFF)
    assert found == Resolution({"i-a": "ecu-a"}, absent=(absent,), other_ids={"i-a": "ecu-a"})


def test_a_member_of_another_group_is_absent() -> None:
    """A member of another group of the application is absent, and the group it is in is told."""
    wanted = listed("i-a")
    found = resolve(wanted, application(member("a", group_id="group-2")), "group-1")
    absent = Absent(wanted[0], Cause.OTHER_GROUP, "group-2")
    assert found == Resolution({"i-a": "ecu-a"}, absent=(absent,), other_ids={"i-a": "ecu-a"})


def test_a_stranger_is_absent_and_unknown() -> None:
    """An id that neither application nor cluster shows has no ECU id."""
    wanted = listed("i-a")
    found = resolve(wanted, application(), "group-1", machines=[machine("b")], cluster=[in_cluster("c")])
    assert found == Resolution(absent=(Absent(wanted[0], Cause.NOT_IN_CLUSTER),))


@pytest.mark.parametrize(
    ("status", "converted", "cause"),
    [
        (-1, True, Cause.CONVERSION_FAILED),
        (-1, False, Cause.CONVERSION_FAILED),
        (-2, True, Cause.AGENT_OFF),
        (0, True, Cause.CONVERTING),
        (1, False, Cause.CONVERTING),
        (1, True, Cause.OTHER_APPLICATION),
    ],
)
def test_why_an_instance_of_the_cluster_is_not_on_offer(
    status: int, *, converted: bool, cause: Cause
) -> None:
    """The status in the list of the cluster says why an instance is not on offer; one that is well is in use."""
    wanted = listed("i-a")
    cluster = [in_cluster("a", status, converted=converted)]
    found = resolve(wanted, application(), "group-1", cluster=cluster)
    assert found.absent == (Absent(wanted[0], cause),)
    assert found.ecu_ids == ({"i-a": "ecu-a"} if converted else {})


def test_an_instance_of_the_cluster_is_known_by_its_ecu() -> None:
    """An ECU id is looked up in the list of the cluster as well."""
    wanted = listed("ecu-a")
    found = resolve(wanted, application(), "group-1", cluster=[in_cluster("b"), in_cluster("a")])
    assert found.absent == (Absent(wanted[0], Cause.OTHER_APPLICATION),)


def test_one_machine_in_two_spellings_is_repeated() -> None:
    """An instance and its own ECU are one machine; every further spelling is paired with the first."""
    one, two = listed("i-a", "ecu-a")
    three = Listed("ecuIds[2]", "ecu-a")
    found = resolve((one, two, three), application(member("a")), "group-1")
    assert found.repeated == ((one, two), (one, three))
    assert found.ecu_ids == {"i-a": "ecu-a", "ecu-a": "ecu-a"}


def test_strangers_are_never_repeated() -> None:
    """Ids of which no ECU is known are not taken for one machine."""
    assert resolve(listed("i-a", "i-b"), application(), "group-1").repeated == ()


def test_what_our_order_added_is_not_absent() -> None:
    """An id that an order of ours has added is neither unknown nor absent while EDAS does not show it."""
    found = resolve(listed("i-a", "i-b"), application(), "group-1", expected={"i-a": "ecu-a"})
    assert found.ecu_ids == {"i-a": "ecu-a"}
    assert [each.listed.id for each in found.absent] == ["i-b"]


def test_a_member_that_lost_its_instance_id_is_still_expected() -> None:
    """An ECS id our order has added stands for its ECU even while EDAS lists that member without the ECS id."""
    found = resolve(listed("i-a"), application(nameless("a")), "group-1", expected={"i-a": "ecu-a"})
    assert found == Resolution({"i-a": "ecu-a"}, other_ids={"i-a": "ecu-a"})


def test_nothing_listed_means_nothing() -> None:
    """An empty list resolves to nothing, whatever there is."""
    assert resolve((), application(member("a")), "group-1", machines=[machine("b")]) == Resolution()


def test_an_id_in_other_letters_is_told_apart() -> None:
    """An id that differs from a known one in case alone is neither absent nor that machine: it is misspelt."""
    live = application(member("a"))
    found = resolve(listed("ecu-A", "ecu-B", "ecu-C"), live, "group-1", machines=(machine("b"),))
    assert [(each.id, right) for each, right in found.misspelt] == [("ecu-A", "ecu-a"), ("ecu-B", "ecu-b")]
    assert [each.listed.id for each in found.absent] == ["ecu-C"]
    assert found.ecu_ids == {}


def test_an_older_entry_in_another_group_does_not_count() -> None:
    """A member of the group is present, also while an older entry lists it in another one."""
    older = member("a", group_id="group-0")
    found = resolve(listed("i-a"), application(older, member("a")), "group-1")
    assert (found.ecu_ids, found.absent) == ({"i-a": "ecu-a"}, ())


def test_a_known_identity_fills_a_gap() -> None:
    """S91: a member without ECS id gets the one its machine is known to have; what EDAS says itself stays."""
    live = application(nameless("a"), member("b"), nameless("c"))
    filled = with_instance_ids(live, {"ecu-a": "i-a", "ecu-b": "i-other"})
    assert [each.instance_id for each in filled.members] == ["i-a", "i-b", ""]
    assert with_instance_ids(filled, {"ecu-a": "i-a"}) is filled
