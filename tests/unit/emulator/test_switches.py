from __future__ import annotations

import re
from pathlib import Path

import pytest

from pulumi_edas_scale import emulator
from pulumi_edas_scale.emulator.api.wire import DOCUMENTED_LIMITS
from pulumi_edas_scale.emulator.inputs import InputError
from pulumi_edas_scale.emulator.switches import SWITCHES, Switches, switches_of_record
from tests.unit.emulator.simulated import BETA, CLUSTER, DEFAULT, OTHER, SHOP, Simulation

README = Path(emulator.__file__).with_name("README.md")


def test_the_readme_shows_every_switch() -> None:
    """The table of README.md is the table of the code: name, default, sides, evidence, meaning."""
    rows = re.findall(
        r"^\| `(\w+)` \| `([^`]*)` \| (.*?) \| (documented|assumed) \| (.*) \|$",
        README.read_text(),
        re.MULTILINE,
    )
    in_code = [
        (
            row.name,
            str(row.default).lower() if isinstance(row.default, bool) else str(row.default),
            row.sides,
            row.evidence,
            row.meaning,
        )
        for row in SWITCHES
    ]
    assert rows == in_code


def test_every_switch_is_tested_here() -> None:
    """Each row of the table is named by a test of this folder."""
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    assert [row.name for row in SWITCHES if f"{row.name}=" not in tests] == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("no_such", 1, "switches.no_such: no such switch; known are blank_instance_id,"),
        ("second_order", "maybe", "switches.second_order: must be one of refused, refused_400, queued,"),
        (
            "order_duration",
            "fortnight:1",
            "switches.order_duration: must be 'immediate', 'polls:N', 'seconds:X'",
        ),
        ("order_duration", "polls:-1", "switches.order_duration: must be"),
        ("order_duration", True, "switches.order_duration: must be"),
        (
            "joiner_visible",
            "late:soon",
            "switches.joiner_visible: must be one of early, end or 'late:SECONDS'",
        ),
        ("region_required", 1, "switches.region_required: must be true or false"),
        ("refusal_code", 404, "switches.refusal_code: must be one of 601, 500, 401"),
        ("empty_list", "blank", "switches.empty_list: must be one of list, absent, null, object,"),
        ("empty_list", {"ListDeployGroup": 1}, "switches.empty_list: must be one of list,"),
        ("empty_list", "ListDeployGroup:null,text", "switches.empty_list: must be one of list,"),
        ("refused_reading", "GetChangeOrderInfo", "switches.refused_reading: must be 'none', or OPERATION:N"),
        ("refused_reading", "GetChangeOrderInfo:0", "switches.refused_reading: must be 'none', or"),
        ("refused_reading", "", "switches.refused_reading: must be 'none', or"),
        ("denied_operations", "", "switches.denied_operations: must be 'none' or names of operations"),
        ("list_application", "stale:0", "switches.list_application: must be one of fresh, same_state,"),
        ("blank_instance_id", "joined:nan", "switches.blank_instance_id: must be one of never, always or"),
        ("max_ids_per_call", -1, "switches.max_ids_per_call: must be a whole number"),
        ("scale_in_lag", "2", "switches.scale_in_lag: must be a number of seconds"),
        ("scale_in_lag", float("nan"), "switches.scale_in_lag: must be a number of seconds"),
        ("limit_window", 0, "switches.limit_window: must be more than 0 seconds"),
    ],
)
def test_a_wrong_switch_is_refused_and_nothing_is_set(name: str, value: object, message: str) -> None:
    """The message names the switch and what it takes; good switches beside it stay as they were."""
    switches = Switches()
    with pytest.raises(InputError) as caught:
        switches.update({"known_member": "ignored", name: value})
    assert str(caught.value).startswith(message)
    assert switches.text("known_member") == "refused"


def test_a_record_sets_the_switches_it_has_settled() -> None:
    """Open questions and what is not a switch are left out; the values are those of the table."""
    unknowns = {
        "code_type": "text",
        "empty_list": {"ListRecentChangeOrder": "absent"},
        "limits": None,
        "milliseconds": {"GetCluster": 80},
    }
    switches = switches_of_record(unknowns)
    assert switches == {"code_type": "text", "empty_list": "ListRecentChangeOrder:absent"}
    edas = Simulation(**switches)
    answer = edas.call("ListRecentChangeOrder", AppId=SHOP)
    assert (answer["Code"], "ChangeOrderList" in answer) == ("200", False)
    with pytest.raises(InputError, match=r"unknowns\.code_type: must be one of number, text"):
        switches_of_record({"code_type": 7})


def test_order_duration_may_be_a_number_of_seconds() -> None:
    """A bare number is seconds."""
    edas = Simulation(order_duration=3)
    order = edas.scale_out("i-c")["ChangeOrderId"]
    assert edas.later(2.9).status(order) == 1
    assert edas.later(0.1).status(order) == 2


def test_second_order_refused() -> None:
    """A second order of the application fails, whichever group it is of; other applications go on."""
    edas = Simulation(second_order="refused")
    edas.scale_out("i-c")
    answer = edas.respond("ScaleOutApplication", AppId=SHOP, DeployGroup=DEFAULT, EcuInfo="ecu-d")
    assert (answer.status, answer.json()["Code"]) == (200, 601)
    assert edas.scale_in("i-h", application=OTHER)["Code"] == 200


def test_second_order_refused_400() -> None:
    """The refusal may come from the gateway, with a code of its own."""
    edas = Simulation(second_order="refused_400")
    edas.scale_out("i-c")
    answer = edas.respond("ScaleInApplication", AppId=SHOP, EccInfo=edas.ecc("i-a"))
    assert (answer.status, answer.json()["Code"]) == (400, "Application.ChangerOrderRunning")


def test_second_order_queued() -> None:
    """The second order is ready (0) until the first one has ended, however that one is measured."""
    edas = Simulation(second_order="queued", order_duration="polls:1")
    first, second = edas.scale_out("i-c")["ChangeOrderId"], edas.scale_in("i-a")["ChangeOrderId"]
    assert edas.status(second) == 0
    assert edas.listed()["ecu-a"] == (7, 2)
    assert [edas.status(second) for _ in range(2)] == [1, 2], "a read of the waiting one counts for the first"
    assert edas.status(first) == 2


def test_second_order_parallel_per_group() -> None:
    """Two groups change at the same time, one group does not."""
    edas = Simulation(second_order="parallel_per_group")
    first = edas.scale_out("i-c", group=BETA)["ChangeOrderId"]
    second = edas.scale_in("i-a")["ChangeOrderId"]
    assert edas.scale_out("i-d", group=BETA)["Code"] == 601
    assert [edas.status(order) for order in (first, second)] == [1, 1]
    edas.later(10)
    assert [edas.status(order) for order in (first, second)] == [2, 2]


def test_known_member() -> None:
    """A scale out that names a present member is refused whole, or does the rest."""
    refusing = Simulation(known_member="refused")
    assert refusing.scale_out("i-a", "i-c", group=DEFAULT)["Code"] == 601
    assert "ecu-c" not in refusing.listed()
    ignoring = Simulation(known_member="ignored")
    ecc = ignoring.ecc("i-a")
    assert ignoring.finished(ignoring.scale_out("i-a", "i-c", group=DEFAULT)) == 2
    assert set(ignoring.listed()) == {"ecu-a", "ecu-b", "ecu-c"}
    assert ignoring.ecc("i-a") == ecc
    assert ignoring.scale_out("i-a", group=BETA)["Code"] == 601, "of another group it is never ignored"


def test_unknown_member_scale_in() -> None:
    """A scale in that names an unknown ECC is refused whole, or does the rest."""
    refusing = Simulation(unknown_member_scale_in="refused")
    eccs = f"{refusing.ecc('i-a')},nobody"
    assert refusing.call("ScaleInApplication", AppId=SHOP, EccInfo=eccs)["Code"] == 601
    failing = Simulation(unknown_member_scale_in="refused_500")
    answer = failing.respond("ScaleInApplication", AppId=SHOP, EccInfo="nobody")
    code = "Edas.errorcode.OperationFailed.ApplicationsDifferent.message"
    assert (answer.status, answer.json()["Code"]) == (500, code)
    ignoring = Simulation(unknown_member_scale_in="ignored")
    accepted = ignoring.call("ScaleInApplication", AppId=SHOP, EccInfo=f"nobody,{ignoring.ecc('i-a')}")
    assert ignoring.finished(accepted) == 2
    assert set(ignoring.listed()) == {"ecu-b"}


def test_joiner_visible() -> None:
    """A joiner is listed at once, at the end of its order, or some seconds after it."""
    seen = {}
    for side in ("early", "end", "late:3"):
        edas = Simulation(joiner_visible=side)
        edas.scale_out("i-c")
        seen[side] = ["ecu-c" in edas.later(step).listed() for step in (0, 9.9, 0.1, 2.9, 0.1)]
    assert seen == {
        "early": [True, True, True, True, True],
        "end": [False, False, True, True, True],
        "late:3": [False, False, False, False, True],
    }


def test_an_invisible_joiner_occupies_its_instance() -> None:
    """It is not offered for another scale out, and counts in no listing."""
    edas = Simulation(joiner_visible="end")
    edas.scale_out("i-c")
    free = edas.call("ListScaleOutEcu", ClusterId=CLUSTER)["EcuInfoList"]["EcuInfo"]
    assert "ecu-c" not in {ecu["EcuId"] for ecu in free}
    assert "ecu-c" not in edas.listed()


def test_failed_joiner() -> None:
    """It stays in the group with a failed task, or is gone and free."""
    staying, leaving = Simulation(failed_joiner="stays"), Simulation(failed_joiner="leaves")
    for edas in (staying, leaving):
        edas.rule(effect="order", error="EDAS-10002")
        assert edas.finished(edas.scale_out("i-c")) == 3
    assert staying.listed()["ecu-c"] == (1, 3)
    assert "ecu-c" not in leaving.listed()
    assert leaving.scale_out("i-c")["Code"] == 200


def test_partly_failed_order() -> None:
    """An order that failed for some ends as failed or as partially executed."""
    for side, status in (("failed", 3), ("partial", 7)):
        edas = Simulation(partly_failed_order=side)
        assert edas.finished(edas.scale_out("i-c", "i-off")) == status
    edas = Simulation(partly_failed_order="partial")
    assert edas.finished(edas.scale_out("i-off")) == 3


def test_leaver_stops() -> None:
    """A leaver stops running when its order begins, or only when it ends."""
    for side, state in (("early", 1), ("end", 7)):
        edas = Simulation(leaver_stops=side)
        edas.scale_in("i-a")
        assert edas.listed()["ecu-a"] == (state, 1)


def test_start_delay() -> None:
    """A joiner may still be starting when its order has succeeded."""
    edas = Simulation(start_delay=5)
    order = edas.scale_out("i-c")["ChangeOrderId"]
    assert edas.later(10).status(order) == 2
    assert edas.listed()["ecu-c"] == (1, 1)
    assert edas.later(5).listed()["ecu-c"] == (7, 2)


@pytest.mark.parametrize(
    ("not_found", "status", "code"),
    [
        ("body_601", 200, 601),
        ("body_404", 200, 404),
        ("http_404", 404, "ApplicationNotFound"),
        ("http_500", 500, "Edas.errorcode.InstanceNotExist.Application.message"),
        ("http_600", 600, "Edas.errorcode.InstanceNotExist.Application.message"),
    ],
)
def test_not_found(not_found: str, status: int, code: object) -> None:
    """An application that does not exist is reported in each of the ways that EDAS has."""
    edas = Simulation(not_found=not_found)
    for operation in ("QueryApplicationStatus", "GetApplication", "ListDeployGroup", "ListRecentChangeOrder"):
        answer = edas.respond(operation, AppId="gone")
        assert (answer.status, answer.json()["Code"]) == (status, code)


def test_code_type() -> None:
    """Code is a number, or the same number as a text, in successes and failures."""
    for code_type, codes in (("number", [200, 601]), ("text", ["200", "601"])):
        edas = Simulation(code_type=code_type)
        answers = [edas.call("ListDeployGroup", AppId=application) for application in (SHOP, "gone")]
        assert [answer["Code"] for answer in answers] == codes


def test_message_language() -> None:
    """The text of a refusal follows the language of the account."""
    english, chinese = Simulation(message_language="english"), Simulation(message_language="chinese")
    assert english.call("GetApplication", AppId="gone")["Message"] == "Application(gone) does not exist."
    assert chinese.call("GetApplication", AppId="gone")["Message"] == "Application(gone)不存在。"


def test_recent_order_list() -> None:
    """The newest order comes first, or last."""
    for side, newest in (("newest_first", 0), ("oldest_first", -1)):
        edas = Simulation(recent_order_list=side, order_duration="immediate")
        edas.scale_out("i-c")
        last = edas.scale_out("i-d")["ChangeOrderId"]
        listed = edas.call("ListRecentChangeOrder", AppId=SHOP)["ChangeOrderList"]["ChangeOrder"]
        assert listed[newest]["ChangeOrderId"] == last


def test_recent_order_lag() -> None:
    """The list shows an order, and its end, only some seconds after it is so."""
    edas = Simulation(recent_order_lag=2)
    edas.scale_out("i-c")

    def shown() -> list[tuple[int, bool]]:
        listed = edas.call("ListRecentChangeOrder", AppId=SHOP)["ChangeOrderList"]["ChangeOrder"]
        return [(order["Status"], bool(order["FinishTime"])) for order in listed]

    assert shown() == []
    edas.later(2)
    assert shown() == [(1, False)]
    edas.later(9)
    assert shown() == [(1, False)]
    edas.later(1)
    assert shown() == [(2, True)]


def test_last_member_scale_in() -> None:
    """A group may be emptied, or keeps its last member."""
    allowing, refusing = (
        Simulation(last_member_scale_in="allowed"),
        Simulation(last_member_scale_in="refused"),
    )
    assert allowing.scale_in("i-a", "i-b")["Code"] == 200
    assert refusing.scale_in("i-a", "i-b")["Code"] == 601
    assert refusing.scale_in("i-a", "i-b", ForceStatus="true")["Code"] == 601
    assert refusing.scale_in("i-a")["Code"] == 200


def test_empty_ecc_info() -> None:
    """An empty or absent EccInfo empties the application, is refused, or does nothing."""
    for given in ({}, {"EccInfo": ""}, {"EccInfo": " , "}):
        emptied = Simulation(empty_ecc_info="all_leave")
        emptied.finished(emptied.call("ScaleInApplication", AppId=SHOP, **given))
        assert emptied.listed() == {}
        refused = Simulation(empty_ecc_info="refused")
        assert refused.call("ScaleInApplication", AppId=SHOP, **given)["Code"] == 601
        ignored = Simulation(empty_ecc_info="ignored")
        assert ignored.finished(ignored.call("ScaleInApplication", AppId=SHOP, **given)) == 2
        assert set(ignored.listed()) == {"ecu-a", "ecu-b"}


def test_max_ids_per_call() -> None:
    """More ids than allowed are refused, in both directions; 0 is no limit."""
    edas = Simulation(max_ids_per_call=1, order_duration="immediate")
    assert edas.scale_out("i-c", "i-d")["Code"] == 601
    assert edas.scale_in("i-a", "i-b")["Code"] == 601
    assert edas.scale_out("i-c")["Code"] == 200
    assert Simulation(max_ids_per_call=0).scale_out(*(f"i-{letter}" for letter in "cdefg"))["Code"] == 200


def test_max_group_members() -> None:
    """A scale out beyond the quota of the group is refused."""
    edas = Simulation(max_group_members=3)
    assert edas.scale_out("i-c", "i-d", group=DEFAULT)["Code"] == 601
    assert edas.scale_out("i-c", group=DEFAULT)["Code"] == 200


def test_scale_in_lag() -> None:
    """A member that left by an order is listed a while longer, but is not a member any more."""
    edas = Simulation(scale_in_lag=5)
    assert edas.scale_in("i-a")["Code"] == 200
    assert "ecu-a" in edas.later(14.9).listed()
    assert [member.ecu_id for member in edas.world.applications[SHOP].members.values()] == ["ecu-b"]
    assert "ecu-a" not in edas.later(0.1).listed()


def test_force_scale_in_lag() -> None:
    """A member that left by force is listed a while longer."""
    edas = Simulation(force_scale_in_lag=5)
    edas.scale_in("i-a", ForceStatus="true")
    assert "ecu-a" in edas.later(4.9).listed()
    assert "ecu-a" not in edas.later(0.1).listed()


def test_freed_ecu_lag() -> None:
    """An ECU is offered for scale out only some seconds after it left."""
    edas = Simulation(freed_ecu_lag=5)
    edas.scale_in("i-a", ForceStatus="true")

    def offered() -> bool:
        free = edas.call("ListScaleOutEcu", AppId=SHOP)["EcuInfoList"]["EcuInfo"]
        return "ecu-a" in {ecu["EcuId"] for ecu in free}

    assert not offered()
    edas.later(5)
    assert offered()


def test_import_lag() -> None:
    """An imported instance has no ECU id at first and cannot join."""
    edas = Simulation(import_lag=5)
    edas.act("import", instance="i-new", ecuId="ecu-new")

    def shown() -> tuple[str, int]:
        page = edas.call("ListClusterMembers", ClusterId=CLUSTER, EcsList="i-new")["ClusterMemberPage"]
        entry = page["ClusterMemberList"]["ClusterMember"][0]
        return entry["EcuId"], entry["Status"]

    assert shown() == ("", 0)
    assert edas.scale_out("i-new")["Code"] == 601
    edas.later(5)
    assert shown() == ("ecu-new", 1)
    assert edas.scale_out("i-new")["Code"] == 200


def test_total_size() -> None:
    """TotalSize counts members or pages; the pages themselves are the same."""
    for side, total in (("members", 10), ("pages", 4)):
        edas = Simulation(total_size=side)
        pages = [
            edas.call("ListClusterMembers", ClusterId=CLUSTER, CurrentPage=str(number), PageSize="3")[
                "ClusterMemberPage"
            ]
            for number in (1, 2, 3, 4, 5)
        ]
        assert [page["TotalSize"] for page in pages] == [total] * 5
        assert [len(page["ClusterMemberList"]["ClusterMember"]) for page in pages] == [3, 3, 3, 1, 0]
        whole = edas.call("ListClusterMembers", ClusterId=CLUSTER)["ClusterMemberPage"]
        assert len(whole["ClusterMemberList"]["ClusterMember"]) == 10


def test_instance_ip() -> None:
    """An order names an instance by its private address, or by both addresses with a line break in HTML."""
    for side, pattern in (
        ("private", r"[\d.]+"),
        ("public_and_private", r"[\d.]+ \(Public\)<br>[\d.]+ \(Private\)"),
    ):
        edas = Simulation(instance_ip=side)
        order = edas.scale_out("i-c")["ChangeOrderId"]
        info = edas.call("GetChangeOrderInfo", ChangeOrderId=order)["changeOrderInfo"]
        stage = info["PipelineInfoList"]["PipelineInfo"][0]["StageList"]["StageInfoDTO"][0]
        shown = stage["StageResultDTO"]["InstanceDTOList"]["InstanceDTO"][0]["InstanceIp"]
        assert re.fullmatch(pattern, shown)


@pytest.mark.parametrize("operation", sorted(DOCUMENTED_LIMITS))
def test_limits(operation: str) -> None:
    """One call more than documented within a minute is throttled and counted; a minute later it is not."""
    edas = Simulation(limits="documented")
    statuses = [edas.respond(operation, AppId=SHOP).status for _ in range(DOCUMENTED_LIMITS[operation] + 1)]
    assert 400 not in statuses[1:-1] or operation in ("ScaleOutApplication", "GetChangeOrderInfo")
    last = edas.respond(operation, AppId=SHOP)
    assert (last.status, last.json()["Code"]) == (400, "Throttling.User")
    assert edas.world.breaches == {operation: 2}
    assert edas.later(60).respond(operation, AppId=SHOP).json()["Code"] != "Throttling.User"
    free = Simulation(limits="off")
    codes = [
        free.respond(operation, AppId=SHOP).json()["Code"] for _ in range(DOCUMENTED_LIMITS[operation] + 1)
    ]
    assert "Throttling.User" not in codes


def test_limit_window() -> None:
    """A shorter window makes the same number of calls possible sooner."""
    edas = Simulation(limits="documented", limit_window=6)
    codes = [edas.call("ListScaleOutEcu", AppId=SHOP)["Code"] for _ in range(21)]
    assert codes == [200] * 20 + ["Throttling.User"]
    assert edas.later(6).call("ListScaleOutEcu", AppId=SHOP)["Code"] == 200
