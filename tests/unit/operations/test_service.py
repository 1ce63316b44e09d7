"""The operations of both front ends, against an EDAS of a few dicts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.clock import CANCELLED
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    InputError,
    OperationError,
    PartialFailureError,
    UnavailableError,
)
from pulumi_edas_scale.domain.model import MemberState, Scope, TaskState
from pulumi_edas_scale.domain.settings import Settings
from pulumi_edas_scale.operations.request import Request
from pulumi_edas_scale.operations.service import Service
from tests.unit.operations.account import FAILED, Account

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

URN = "urn:web"
ID = "cn-test/app/web"
SILENT_SECONDS = 10.0


@dataclass
class QuietHost:
    """A front end that keeps what it is told."""

    infos: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    stop: str | None = None
    now: Callable[[], float] = float
    moments: list[float] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)

    def progress(self, urn: str, text: str) -> None:
        """Keep a status."""
        assert urn == URN
        self.statuses.append(text)

    def info(self, urn: str, text: str) -> None:
        """Keep a line."""
        assert urn in {URN, ""}
        self.infos.append(text)
        self.moments.append(self.now())

    def warn(self, urn: str, text: str) -> None:
        """Keep a warning."""
        assert urn in {URN, ""}
        self.warnings.append(text)

    def stopped(self) -> str | None:
        """Return the stop sign."""
        return self.stop


@dataclass
class Program:
    """One resource, its provider process, and its recorded state."""

    account: Account
    settings: Settings = field(default_factory=lambda: Settings(region_id="cn-test"))
    host: QuietHost = field(default_factory=QuietHost)
    outputs: dict[str, object] = field(default_factory=dict)
    service: Service = field(init=False)

    def __post_init__(self) -> None:
        self.host.now = self.account.runtime.now
        self.service = self.process()

    def process(self) -> Service:
        """Start a provider process."""
        return Service(self.settings, self.host, lambda *_: self.account, self.account.runtime)

    def inputs(self, *names: str, **changes: object) -> dict[str, object]:
        """Return checked inputs."""
        news = {
            "appId": "app",
            "groupId": "web",
            "instanceIds": [f"i-{name}" for name in names],
            **changes,
        }
        checked = self.service.check(Request(URN, news=news))
        assert checked.failures == ()
        return dict(checked.inputs)

    def create(self, *names: str, **changes: object) -> dict[str, object]:
        """Create the resource."""
        self.outputs = self.service.change(Request(URN, news=self.inputs(*names, **changes))).outputs
        return self.outputs

    def update(self, *names: str, **changes: object) -> dict[str, object]:
        """Update the resource."""
        news = self.inputs(*names, **changes)
        self.outputs = self.service.change(Request(URN, ID, news, self.outputs)).outputs
        return self.outputs

    def refresh(self) -> dict[str, object]:
        """Read the resource in another process, and return the inputs that are left."""
        answer = self.process().read(Request(URN, ID, olds=self.outputs))
        assert answer is not None
        self.outputs = answer.outputs
        return answer.inputs


def ecu_ids(outputs: Mapping[str, object]) -> list[str]:
    """Return the recorded members."""
    members = outputs["members"]
    assert isinstance(members, list)
    return [each["ecuId"] for each in members]


# -- what a change shows ---------------------------------------------------------------------------------------------


def test_a_status_that_is_shown_is_not_shown_again() -> None:
    """Two polls within one second say the same; a log that is no terminal would have the line twice."""
    program = Program(Account(order_seconds=3.0).free("a", "b"))
    program.create("a", "b")
    assert [each for each in program.host.statuses if "is running (1), 1 s" in each]
    for before, after in itertools.pairwise(program.host.statuses):
        assert before != after


def test_a_wait_that_stands_still_is_shown_again() -> None:
    """Nobody may have to guess whether a run is still there (law 14)."""
    program = Program(Account())
    account, moments = program.account, [1000.0]
    # The clock of a join stands while an order of the application is active.
    account.runtime.after(20.0, lambda: account.start("Deploy Application", ["b"], seconds=100.0))
    account.runtime.after(150.0, lambda: account.free("a"))

    def progress(urn: str, text: str) -> None:
        assert urn == URN
        assert text
        moments.append(account.runtime.moment)

    program.host.progress = progress  # type: ignore[method-assign]
    program.create("a")
    assert max(after - before for before, after in itertools.pairwise(moments)) <= 15.0


# -- refresh ---------------------------------------------------------------------------------------------------------


def test_a_refresh_drops_a_member_that_left() -> None:
    """The list becomes shorter, so that the next run heals it, and words say who left."""
    program = Program(Account().running("a", "b"))
    program.create("a", "b")
    program.account.members.pop("ecu-b")
    assert program.refresh()["instanceIds"] == ["i-a"]
    assert ecu_ids(program.outputs) == ["ecu-a"]
    assert any("i-b" in each for each in program.host.warnings)


def test_a_refresh_drops_nothing_while_the_application_is_busy() -> None:
    """An order takes members out for a moment: whoever is not listed then may come back by itself."""
    program = Program(Account().running("a", "b"))
    program.create("a", "b")
    program.account.start("Application Deployment", ["b"], seconds=100.0)
    program.account.members.pop("ecu-b")
    assert program.refresh()["instanceIds"] == ["i-a", "i-b"]
    assert ecu_ids(program.outputs) == ["ecu-a", "ecu-b"]
    assert program.host.warnings == []


def test_a_refresh_drops_nothing_when_an_order_ended_after_the_reading() -> None:
    """The reading is of the moment in which the order had the member out."""
    program = Program(Account().running("a", "b"))
    program.create("a", "b")
    account = program.account
    member, original = account.members.pop("ecu-b"), account.read_change_orders
    lists = 0

    def end_meanwhile(app_id: str) -> object:
        nonlocal lists
        lists += 1
        if lists == 2:
            account.start("Application Deployment", ["b"], seconds=0.0)
            account.members["ecu-b"] = member
        return original(app_id)

    account.read_change_orders = end_meanwhile  # type: ignore[assignment,method-assign]
    account.call_seconds = 0.1
    assert program.refresh()["instanceIds"] == ["i-a", "i-b"]


def test_a_refresh_never_rests_on_a_reading_older_than_the_orders() -> None:
    """A process that has a reading of before the orders it knows reads again before it drops anybody (law 6)."""
    program = Program(Account().running("a", "b"))
    program.create("a", "b")
    account, service = program.account, program.process()
    member = account.members.pop("ecu-b")
    session = service._session("cn-test")
    context = service._context(URN)
    session.reads.application("app", context, begun_after=account.runtime.now())
    account.runtime.wait(1.0)
    account.members["ecu-b"] = member
    account.start("Application Scale Out", ["b"], seconds=0.0)
    answer = service.read(Request(URN, ID, olds=program.outputs))
    assert answer is not None
    assert answer.inputs["instanceIds"] == ["i-a", "i-b"]
    assert program.host.infos == []
    assert program.host.warnings == []


def test_a_refresh_drops_nothing_when_the_orders_cannot_be_read() -> None:
    """Whether an order runs is not known then."""
    program = Program(Account().running("a", "b"))
    program.create("a", "b")
    program.account.members.pop("ecu-b")
    gone = UnavailableError("ListRecentChangeOrder", message="no answer")
    program.account.refuse_reads["ListRecentChangeOrder"] = gone
    assert program.refresh()["instanceIds"] == ["i-a", "i-b"]


def test_a_refresh_in_peace_is_the_same_text() -> None:
    """The same truth gives the same outputs, and nothing is said (law 5)."""
    program = Program(Account().running("a", "b"))
    before = program.create("b", "a")
    program.refresh()
    assert program.outputs == before
    assert program.host.warnings == []


def test_a_refresh_never_waits_for_a_member_that_is_unwell() -> None:
    """It says so and ends (law 10)."""
    program = Program(Account().running("a"))
    program.create("a")
    program.account.set_state("a", MemberState.STOPPED, TaskState.PROCESSING)
    begun = program.account.runtime.moment
    program.refresh()
    assert program.account.runtime.moment - begun < 1.0
    assert any("i-a" in each for each in program.host.warnings)


def test_foreign_members_enter_neither_inputs_nor_members() -> None:
    """An arrival is told once, and recorded as foreign."""
    program = Program(Account().running("a"))
    program.create("a")
    program.account.running("z")
    assert program.refresh()["instanceIds"] == ["i-a"]
    assert ecu_ids(program.outputs) == ["ecu-a"]
    assert any("i-z" in each for each in program.host.infos)
    program.host.infos.clear()
    program.refresh()
    assert program.host.infos == []


def test_what_is_gone_is_read_as_gone() -> None:
    """A group without a good reading that lists it, an application by two witnesses."""
    program = Program(Account().running("a"))
    program.create("a")
    program.account.groups = ("beta",)
    assert program.process().read(Request(URN, ID, olds=program.outputs)) is None
    program.account.gone = True
    assert program.process().read(Request(URN, ID, olds=program.outputs)) is None


def test_what_may_be_another_account_is_not_read_as_gone() -> None:
    """Without the recorded cluster nobody can tell the application from one that these credentials do not see."""
    program = Program(Account(gone=True))
    with pytest.raises(OperationError, match="pulumi state delete"):
        program.service.read(Request(URN, ID, olds={"appId": "app"}))


def test_an_application_that_is_refused_and_listed_is_not_gone() -> None:
    """One witness is none: the refusal is the failure."""
    program = Program(Account().running("a"))
    program.create("a")
    program.account.refuse_reads["QueryApplicationStatus"] = BusinessError(
        "QueryApplicationStatus", "601", "service exception"
    )
    with pytest.raises(OperationError, match=r"Reading deploy group.*failed.*service exception"):
        program.refresh()


def test_a_stopped_refresh_says_so() -> None:
    """Ctrl-C during a refresh is no failure of EDAS."""
    program = Program(Account().running("a"))
    program.create("a")
    program.host.stop = CANCELLED
    with pytest.raises(OperationError, match="was stopped"):
        program.refresh()


# -- import ----------------------------------------------------------------------------------------------------------


def test_an_import_takes_every_member() -> None:
    """All members of the group become its list."""
    program = Program(Account().running("a", "b").running("c", group="beta"))
    answer = program.service.read(Request(URN, ID))
    assert answer is not None
    assert answer.inputs["instanceIds"] == ["i-a", "i-b"]


def test_there_is_nothing_to_import() -> None:
    """The id is told as it has to be, with the groups there are (S95)."""
    program = Program(Account(groups=("beta",)))
    with pytest.raises(OperationError, match=r"nothing to import.*<regionId>/<appId>/<groupId>") as failure:
        program.service.read(Request(URN, ID))
    assert "has no deploy group 'web'. Its groups are: beta" in str(failure.value)


@pytest.mark.parametrize(
    ("app_id", "words"),
    [
        ("shop", "'shop' is the name of an application; its id is needed: app."),
        ("other", "application other is not listed in region cn-test"),
    ],
)
def test_s95_an_import_of_another_application_says_what_is_wrong_with_the_id(app_id: str, words: str) -> None:
    """S95: nothing is recorded yet, so nothing is said of a recorded cluster or of forgetting."""
    program = Program(Account())
    program.account.refuse_reads["QueryApplicationStatus"] = BusinessError(
        "QueryApplicationStatus", "601", "no"
    )
    with pytest.raises(OperationError, match="There is nothing to import") as failure:
        program.service.read(Request(URN, f"cn-test/{app_id}/web"))
    assert words in str(failure.value)
    assert "state delete" not in str(failure.value)


# -- changes ---------------------------------------------------------------------------------------------------------


def test_a_create_that_sent_nothing_writes_no_state() -> None:
    """Ten members of production and one typing error must not become ours."""
    program = Program(Account().running("a"))
    with pytest.raises(OperationError, match="'i-x'") as failure:
        program.create("a", "x", joinTimeoutSeconds=0)
    assert not isinstance(failure.value, PartialFailureError)


def test_a_create_that_sent_something_is_partly_true() -> None:
    """The state to save lists what is desired and who is a member."""
    program = Program(Account(ends=[FAILED]).running("a").free("b"))
    with pytest.raises(PartialFailureError) as failure:
        program.create("a", "b")
    assert failure.value.id == ID
    assert failure.value.outputs["instanceIds"] == ["i-a", "i-b"]
    assert ecu_ids(failure.value.outputs) == ["ecu-a"]


def test_a_delete_takes_out_what_is_managed_and_a_retained_one_nothing() -> None:
    """``onDelete: retain`` asks EDAS nothing at all."""
    program = Program(Account().running("a", "z"))
    program.create("a")
    program.process().delete(Request(URN, ID, olds=program.outputs))
    assert program.account.writes == ["in a"]
    retained = Program(Account().running("a"))
    retained.create("a", onDelete="retain")
    calls = len(retained.account.calls)
    retained.service.delete(Request(URN, ID, olds=retained.outputs))
    assert len(retained.account.calls) == calls


def test_a_delete_keeps_what_was_checked_without_a_urn() -> None:
    """S53: where the host does not show whose check it is, a rename still takes nobody out."""
    program = Program(Account().running("a"))
    program.create("a")
    process = program.process()
    news = {"appId": "app", "groupId": "web", "instanceIds": ["i-a"]}
    assert process.check(Request(news=news)).failures == ()
    process.delete(Request(id=ID, olds=program.outputs))
    assert program.account.writes == []


@pytest.mark.parametrize(("given", "seconds"), [(20.0, 20.0), (0.5, 1.0)])
def test_the_engines_time_out_wins(given: float, seconds: float) -> None:
    """``customTimeouts`` come before ``timeoutSeconds``."""
    program = Program(Account(order_seconds=1000.0).free("a"))
    news = program.inputs("a")
    with pytest.raises(PartialFailureError, match=f"time-out of {seconds:.0f} seconds"):
        program.service.change(Request(URN, news=news, timeout_seconds=given))


def test_under_strict_preview_nobody_waits_for_joiners() -> None:
    """``joinTimeoutSeconds`` is off then."""
    program = Program(Account().running("a"), Settings(region_id="cn-test", strict_preview=True))
    begun = program.account.runtime.moment
    with pytest.raises(OperationError, match="'i-x'"):
        program.create("x")
    assert program.account.runtime.moment - begun < 10.0


def test_somebody_elses_list_is_left_to_him() -> None:
    """With ``ignoreChanges`` a member that an autoscaler removed is not added again."""
    program = Program(Account().running("a", "b"))
    program.create("a", "b")
    program.account.members.pop("ecu-b")
    program.account.free("b")
    news = program.inputs("a", "b", exclusive=True)
    program.account.running("z")
    program.account.runtime.wait(20.0)
    program.outputs = program.service.change(
        Request(URN, ID, news, program.outputs, ignored=("instanceIds",))
    ).outputs
    assert program.account.writes == []
    assert ecu_ids(program.outputs) == ["ecu-a"]


# -- questions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "path", "code"),
    [
        ({}, {"instanceIds": ["i-b", "i-a"]}, "instanceIds[1]", "ES115"),
        ({}, {"instanceIds": ["i-b"], "exclusive": True}, "exclusive", "ES116"),
        ({"exclusive": True}, {"instanceIds": ["i-b"]}, "groupId", "ES116"),
    ],
    ids=["same-id", "exclusive", "beside-exclusive"],
)
def test_two_memberships_that_cannot_be_are_refused(
    first: dict[str, object], second: dict[str, object], path: str, code: str
) -> None:
    """The other one is named, and the input that says so, whichever is checked last."""
    program = Program(Account())
    program.inputs("a", **first)
    checked = program.service.check(Request("urn:other", news={"appId": "app", "groupId": "web", **second}))
    ((refused, reason),) = checked.failures
    assert URN in reason
    assert (refused, reason.code) == (path, code)


def test_an_exchange_names_the_id_that_joins() -> None:
    """Two memberships that need each other's instances: the path is that of the id that comes from the other."""
    program = Program(Account().running("a").running("b", group="beta"))
    olds = program.create("a")
    beta = {"appId": "app", "groupId": "beta", "instanceIds": ["i-b"]}
    service = program.service
    other = service.change(Request("urn:other", news=service.check(Request("urn:other", news=beta)).inputs))
    moved = {**beta, "instanceIds": ["i-a"]}
    service = program.process()
    assert service.check(Request("urn:other", "", moved, other.outputs)).failures == ()
    news = {"appId": "app", "groupId": "web", "instanceIds": ["i-0", "i-b"]}
    ((path, reason),) = service.check(Request(URN, ID, news, olds)).failures
    assert (path, reason.code) == ("instanceIds[1]", "ES117")


def test_settings_that_nobody_uses_are_told_once() -> None:
    """The first check warns, the others do not."""
    program = Program(Account(), Settings(region_id="cn-test", ignored=("edas-scale:accessKey",)))
    news = {"appId": "app", "groupId": "web", "instanceIds": ["i-a"]}
    warned = [program.service.check(Request(URN, news=news)).warnings for _ in range(2)]
    assert any("accessKey" in each for each in warned[0])
    assert warned[1] == ()


def test_an_unknown_function_is_refused() -> None:
    """The functions there are, are named."""
    with pytest.raises(InputError, match="getDeployGroups"):
        Program(Account()).service.invoke("edas-scale:index:getNothing", {})


def test_a_function_that_waits_says_for_what() -> None:
    """S70: a function has no row on the display, so a line under the stack names the cause; a short wait has none."""
    program = Program(Account())
    down = UnavailableError("QueryApplicationStatus", "503", "down for maintenance")
    program.account.refuse_reads["QueryApplicationStatus"] = down
    program.account.runtime.after(2.0, program.account.refuse_reads.clear)
    program.service.invoke("edas-scale:index:getDeployGroups", {"appId": "app"})
    assert program.host.infos == []

    program.account.refuse_reads["QueryApplicationStatus"] = down
    begun = program.account.runtime.now()
    with pytest.raises(OperationError, match=r"getDeployGroups failed\. .*down for maintenance"):
        program.process().invoke("edas-scale:index:getDeployGroups", {"appId": "app"})

    assert {each.partition(":")[0] for each in program.host.infos} == {"getDeployGroups"}
    assert all("down for maintenance" in each for each in program.host.infos)
    moments = [begun, *program.host.moments, program.account.runtime.now()]
    assert all(later - earlier < SILENT_SECONDS for earlier, later in itertools.pairwise(moments))


def test_a_function_that_is_stopped_says_so() -> None:
    """Ctrl-C while a function waits is named for what it is."""
    program = Program(Account(), host=QuietHost(stop=CANCELLED))
    with pytest.raises(OperationError, match=r"getApplication was stopped: the run was cancelled"):
        program.service.invoke("edas-scale:index:getApplication", {"name": "shop"})


def test_a_diff_sees_what_left() -> None:
    """Drift found without a refresh is a change, and a clean group is none."""
    program = Program(Account().running("a", "b"))
    program.create("a", "b")
    news = program.inputs("a", "b")
    assert not program.process().diff(Request(URN, ID, news, program.outputs)).changes
    program.account.members.pop("ecu-b")
    answer = program.process().diff(Request(URN, ID, news, program.outputs))
    assert answer.changes
    assert answer.detailed == (("instanceIds[1]", "add"),)
    assert not program.process().diff(Request(URN, ID, news, program.outputs, announce=False)).changes


def test_a_diff_draws_no_member_as_going_away() -> None:
    """The engine draws a changed output as one that goes away: an eviction is drawn at ``exclusive``, in an input."""
    program = Program(Account().running("a", "b"))
    program.create("a", exclusive=True)
    program.account.running("z")
    news = program.inputs("a", exclusive=True)
    answer = program.process().diff(Request(URN, ID, news, program.outputs))
    assert answer.detailed == (("exclusive", "update"),)
    assert any(
        "i-z joined" in each and "'pulumi up' scales in, because exclusive is set" in each
        for each in program.host.infos
    )


def test_a_diff_draws_an_unfinished_scale_in_at_the_list() -> None:
    """Who must leave and did not is in no list, so the list as a whole is named."""
    program = Program(Account().running("a", "b"))
    program.create("a", "b")
    outputs = program.outputs | {"instanceIds": ["i-a"]}
    answer = program.process().diff(Request(URN, ID, program.inputs("a"), outputs))
    assert answer.detailed == (("instanceIds", "update"),)


def test_a_diff_that_looks_at_nothing_calls_nobody() -> None:
    """``previewReads: false`` makes not one call."""
    program = Program(Account().running("a"), Settings(region_id="cn-test", preview_reads=False))
    program.create("a")
    calls = len(program.account.calls)
    assert not program.service.diff(Request(URN, ID, program.inputs("a"), program.outputs)).changes
    assert len(program.account.calls) == calls


@pytest.mark.parametrize(
    ("names", "group", "first"), [(["a"], "beta", True), (["c"], "beta", False), (["c"], "web", True)]
)
def test_which_one_of_a_replacement_goes_first(names: list[str], group: str, *, first: bool) -> None:
    """The new one comes first only in another group, with no shared instance."""
    program = Program(Account().running("a").free("c"))
    program.create("a")
    app_id = "app" if group == "beta" else "other"
    news = program.inputs(*names, groupId=group, appId=app_id) | {"onDelete": "retain"}
    answer = program.service.diff(Request(URN, ID, news, {**program.outputs, "onDelete": "retain"}))
    assert answer.replaces
    assert answer.delete_before_replace is first


# -- what is passed on -------------------------------------------------------------------------------------------------


def test_a_replacement_that_deletes_first_is_looked_at_as_a_whole() -> None:
    """What leaves is shown, who cannot join the new group is a failure, and a retained one leaves nothing."""
    program = Program(Account(groups=("beta", "web")).free("a"))
    program.create("a")
    news = program.inputs("a", groupId="beta")
    program.service.diff(Request(URN, ID, news, program.outputs, announce=True))
    assert any("Replacement, in the old deploy group web" in each for each in program.host.infos)
    with pytest.raises(InputError, match="i-x"):
        program.service.diff(
            Request(URN, ID, program.inputs("a", "x", groupId="beta"), program.outputs, announce=True)
        )
    program.host.infos.clear()
    kept = Program(Account(groups=("beta", "web")).free("a"))
    kept.create("a", onDelete="retain")
    kept.service.diff(
        Request(URN, ID, kept.inputs("a", groupId="beta", onDelete="retain"), kept.outputs, announce=True)
    )
    assert not any("Replacement" in each for each in kept.host.infos)


def test_what_a_replaced_membership_left_may_join_elsewhere_in_the_run() -> None:
    """Its claim names the group that it leaves, so that nobody takes what it gives up for a circle or a stranger."""
    program = Program(Account(groups=("beta", "web")).free("a", "b"))
    program.create("a")
    news = {"appId": "app", "groupId": "beta", "instanceIds": ["i-b"]}
    checked = program.service.check(Request(URN, ID, news, program.outputs))
    assert checked.failures == ()
    (claim,) = program.service.ownership.claims._by_urn.values()
    assert claim.left == (Scope("cn-test", "app", "web"), frozenset({"i-a"}))
    taken = program.service.check(
        Request("urn:other", news={"appId": "app", "groupId": "web", "instanceIds": ["i-a"]})
    )
    assert taken.failures == ()


def test_a_delete_is_bounded_by_the_engines_time_out() -> None:
    """CustomTimeouts of a delete reach the operation."""
    program = Program(Account(order_seconds=900.0).free("a"))
    program.account.order_seconds = 5.0
    program.create("a")
    program.account.order_seconds = 900.0
    with pytest.raises(OperationError, match="time-out of 30 seconds"):
        program.process().delete(Request(URN, ID, olds=program.outputs, timeout_seconds=30.0))


def test_a_preview_of_a_create_calls_nobody_where_previews_do_not_read() -> None:
    """Nor while the place is not known; else it says what it would do."""
    program = Program(Account().running("a"))
    program.service.preview_create(Request(URN, news=program.inputs("a")))
    assert program.host.infos == ["no change orders; adopt 1 existing member: i-a"]
    silent = Program(Account().running("a"), Settings(region_id="cn-test", preview_reads=False))
    silent.account.calls.clear()
    silent.service.preview_create(Request(URN, news=silent.inputs("a")))
    assert (silent.account.calls, silent.host.infos) == ([], [])


def test_a_stopped_look_says_so_under_its_code() -> None:
    """Who stops a preview is told that it was stopped, and not that nothing changed."""
    program = Program(Account().free("a"))
    program.create("a")
    program.host.stop = CANCELLED
    with pytest.raises(OperationError, match="Looking at the deploy group was stopped") as caught:
        program.service.diff(Request(URN, ID, program.inputs("a"), program.outputs, announce=True))
    assert caught.value.short_code == "ES605"
    with pytest.raises(OperationError, match="was stopped") as caught:
        program.service.read(Request(URN, ID, olds=program.outputs))
    assert caught.value.short_code == "ES605"


def test_a_function_without_a_region_or_a_name_says_what_to_set() -> None:
    """The path of the argument, the three places where it may be set, and the code."""
    program = Program(Account(), Settings())
    with pytest.raises(InputError) as caught:
        program.service.invoke("edas-scale:index:getDeployGroup", {"appId": "app"})
    ((path, reason),) = caught.value.failures
    assert (path, reason.code) == ("regionId", "ES131")
    assert reason == "is not set. Set it, or edas-scale:regionId, or ALIBABA_CLOUD_REGION_ID."
    with pytest.raises(InputError) as caught:
        program.service.invoke("edas-scale:index:getNothing", {})
    ((path, reason),) = caught.value.failures
    assert (path, reason.code) == ("", "ES129")


def test_the_region_and_the_settings_reach_the_connection() -> None:
    """Each region has a session of its own, opened once."""
    opened: list[tuple[Settings, str]] = []
    account = Account().free("a")

    def connect(settings: Settings, region_id: str) -> Account:
        opened.append((settings, region_id))
        return account

    settings = Settings(region_id="cn-test")
    service = Service(settings, QuietHost(), connect, account.runtime)
    for region_id in ("cn-test", "cn-other", "cn-test"):
        service.invoke(
            "edas-scale:index:getDeployGroup", {"appId": "app", "groupId": "web", "regionId": region_id}
        )
    assert opened == [(settings, "cn-test"), (settings, "cn-other")]


def test_on_cancel_abort_reaches_the_operation() -> None:
    """An order of ours is aborted when the person who runs it cancels."""
    program = Program(Account(order_seconds=60.0).free("a"), Settings(region_id="cn-test", on_cancel="abort"))
    program.account.runtime.after(5.0, lambda: setattr(program.host, "stop", CANCELLED))
    with pytest.raises(PartialFailureError, match="was aborted"):
        program.create("a")
    assert program.account.writes == ["out a", "abort order-1"]


def test_a_change_of_an_application_that_is_not_listed_says_what_there_is() -> None:
    """Perhaps the id is not an application's: the failure goes on with what the region lists."""
    program = Program(Account().free("a"))
    news = program.inputs("a")
    program.account.gone = True
    with pytest.raises(OperationError, match="It may be deleted, or in another region or account"):
        program.service.change(Request(URN, news=news))
