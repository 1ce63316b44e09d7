"""What a reading means: who is a member, whether an application is gone, what runs on Kubernetes. On virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from pulumi_edas_scale.domain.clock import DeadlineExceeded, OperationContext
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    EdasError,
    PermissionDeniedError,
    ThrottledError,
    UnavailableError,
)
from pulumi_edas_scale.domain.model import (
    Application,
    ApplicationSummary,
    Cluster,
    Floor,
    Listed,
    MemberState,
    Page,
    Policy,
    Recorded,
    RecordedMember,
    TaskState,
)
from pulumi_edas_scale.operations.claims import Claim
from pulumi_edas_scale.operations.observe import (
    CannotTellError,
    Observation,
    Target,
    find_kubernetes,
    is_gone,
    managed_ecus,
    observe,
    outcome_of,
)
from pulumi_edas_scale.operations.outcome import ChangeError
from tests.unit.operations.account import APP, FAILED, Account, Stack
from tests.unit.operations.account import SCOPE as SCOPE_OF_ACCOUNT
from tests.unit.quiet import QuietClient, quiet_session
from tests.unit.readings import SCOPE, application, in_cluster, listed, member, nameless

if TYPE_CHECKING:
    from pulumi_edas_scale.operations.session import Session

SUMMARY = ApplicationSummary("app-1", "shop", "cluster-1", 2)
REFUSED = BusinessError("QueryApplicationStatus", "601", "not exist")


@dataclass
class Answering(QuietClient):
    """An EDAS whose readings of the application, of the list and of the cluster are scripted; the last one stays."""

    scripts: dict[str, list[Any]] = field(default_factory=dict)

    def read_application(self, app_id: str) -> Application:
        """Return or raise the next reading."""
        del app_id
        found: Application = self._next("readings", REFUSED)
        return found

    def read_applications(self, page: int = 1, page_size: int | None = None) -> Page[ApplicationSummary]:
        """Return or raise the next list."""
        del page, page_size
        found: Page[ApplicationSummary] = self._next("lists", Page(()))
        return found

    def read_cluster(self, cluster_id: str) -> Cluster:
        """Return or raise the next cluster."""
        del cluster_id
        found: Cluster = self._next("clusters", Cluster("cluster-1", 2, present=True))
        return found

    def _next(self, name: str, usual: Any) -> Any:  # noqa: ANN401 - whatever the test has written there
        script = self.scripts.get(name, [usual])
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def answering(**scripts: list[Any]) -> Session:
    """Return a session with a scripted EDAS."""
    return quiet_session(Answering(application(member("a")), scripts=scripts))


def gone(session: Session, cluster_id: str = "cluster-1") -> bool:
    """Return whether the application is gone."""
    return is_gone(session, SCOPE, cluster_id, OperationContext(session.runtime))


def test_witnesses_agree_twice() -> None:
    """An application is gone when its witnesses agree twice, at least five seconds apart (law 15)."""
    session = answering()
    assert gone(session)
    assert 5 <= session.runtime.now() <= 6
    assert gone(session)  # the next membership of it need not wait
    assert session.runtime.now() <= 6


@pytest.mark.parametrize(
    "scripts",
    [
        {"readings": [REFUSED, application(member("a"))]},
        {"readings": [application(member("a"))]},
        {"lists": [Page(()), Page((SUMMARY,))]},
        {"lists": [Page((SUMMARY,))]},
    ],
)
def test_one_answer_is_not_gone(scripts: dict[str, list[Any]]) -> None:
    """S71: one refusal, or one list without the application, is taken back by the next."""
    assert not gone(answering(**scripts))


@pytest.mark.parametrize(
    "clusters", [[BusinessError("GetCluster", "601", "not exist")], [Cluster("cluster-1", 2, present=False)]]
)
def test_gone_or_another_account(clusters: list[Any]) -> None:
    """Without its cluster an application may be one of another account."""
    with pytest.raises(CannotTellError):
        gone(answering(clusters=clusters))
    with pytest.raises(CannotTellError):
        gone(answering(), cluster_id="")


def test_a_cluster_refused_once() -> None:
    """One refusal of the cluster is a doubt, too."""
    refusal = BusinessError("GetCluster", "601", "stumbled")
    assert gone(answering(clusters=[refusal, Cluster("cluster-1", 2, present=True)]))


@pytest.mark.parametrize("error", [PermissionDeniedError, UnavailableError])
def test_no_witness_no_verdict(error: type[EdasError]) -> None:
    """A list that does not answer well says nothing."""
    session = answering(lists=[error("ListApplication", "403", "no")])
    context = OperationContext(session.runtime, retry_timeout=3.0)
    with pytest.raises(error):
        is_gone(session, SCOPE, "cluster-1", context)


def kubernetes(live: Application | None, **scripts: list[Any]) -> int | None:
    """Return the type of the cluster when it is one of Kubernetes."""
    session = answering(**scripts)
    found = find_kubernetes(session, "app-1", live, OperationContext(session.runtime))
    assert session.runtime.now() <= 15
    return None if found is None else found.cluster_type


def test_the_kind_of_a_cluster_is_one_call() -> None:
    """GetCluster tells it; the list of applications is asked only when EDAS refuses a reading (S73)."""
    live, lost = application(), UnavailableError("ListApplication", "503", "down")
    acs = [Cluster("cluster-1", 5, present=True)]
    assert kubernetes(live, clusters=acs, lists=[lost]) == 5
    assert kubernetes(live, lists=[lost]) is None
    assert kubernetes(None, lists=[Page((replace(SUMMARY, cluster_type=3),))]) == 3
    assert kubernetes(None, lists=[lost]) is None
    for error in (BusinessError, PermissionDeniedError, UnavailableError, ThrottledError):
        assert kubernetes(live, clusters=[error("GetCluster", "601", "no")]) is None


def test_the_kind_of_a_cluster_does_not_outlive_its_operation() -> None:
    """The patience for a better message ends with the operation, whose own deadline is a deadline."""
    session = answering(clusters=[ThrottledError("GetCluster", "Throttling.User", "too many")])
    context = OperationContext(session.runtime, session.runtime.now() + 4.0)
    with pytest.raises(DeadlineExceeded):
        find_kubernetes(session, "app-1", application(), context)
    assert session.runtime.now() <= 4.0


RECORDED = Recorded(
    members=(RecordedMember("ecu-a", "i-a", "ecc-a", "", MemberState.RUNNING, joined=True),),
    listed=listed("i-a"),
)


def test_a_machine_without_its_ecs_id_stays_one() -> None:
    """S91: recorded identity fills the gap in what is resolved, managed, planned and written down."""
    live = application(nameless("a"), member("b"))
    session = quiet_session(QuietClient(live))
    target = Target("", SCOPE, listed("i-a"), Policy(exclusive=True), recorded=RECORDED)
    found = observe(session, target, live, OperationContext(session.runtime))
    assert found.resolution.ecu_ids == {"i-a": "ecu-a"}
    assert [each.ecu_id for each in found.plan.evict] == ["ecu-b"]
    assert found.plan.absent == ()
    managed = managed_ecus(RECORDED, live, SCOPE.group_id)
    outcome = outcome_of(live, SCOPE, managed, RECORDED)
    assert [(each.instance_id, joined) for each, joined in outcome.members] == [("i-a", True)]


def test_the_list_of_the_cluster_names_a_machine() -> None:
    """Where nothing is recorded, the instances of the cluster tell whose ECU a member is on."""
    live = application(nameless("a"))
    session = quiet_session(QuietClient(live, cluster=(in_cluster("a"),)))
    target = Target("", SCOPE, listed("i-a"), Policy())
    found = observe(session, target, live, OperationContext(session.runtime))
    assert found.resolution.ecu_ids == {"i-a": "ecu-a"}
    assert [each.instance_id for each in found.plan.adopt] == ["i-a"]


def test_wrong_ids_are_told_with_their_paths() -> None:
    """One machine in two spellings, and an id in other letters, are failures of the inputs."""
    live = application(member("a"), member("b"))
    session = quiet_session(QuietClient(live))
    target = Target("", SCOPE, listed("i-a", "ecu-a", "ecu-B"), Policy())
    found = observe(session, target, live, OperationContext(session.runtime))
    (repeated, _), (misspelt, reason) = found.wrong_ids
    assert (repeated, misspelt) == ("ecuIds[1]", "ecuIds[2]")
    assert "'ecu-b'" in reason


# -- what a reading means for a membership ---------------------------------------------------------------------------


def observed(stack: Stack, *names: str, **changes: Any) -> Observation:  # noqa: ANN401 - the fields of a Target
    """Observe the group for a membership that lists these machines."""
    target = replace(stack.operation(names).target, **changes)
    live = stack.account.read_application(APP)
    stack.account.calls.clear()
    return observe(stack.session(), target, live, OperationContext(stack.account.runtime))


def test_who_may_has_taken_a_listed_member_out() -> None:
    """With ``ignoreChanges`` of the list, or of that place, it is not added again; of another place it is."""
    stack = Stack(Account().free("a", "b"))
    stack.up("a", "b")
    stack.account.leave(stack.account.members["ecu-b"].ecc_id)
    for ignored, wanted in (
        (frozenset({"instanceIds"}), {"i-a"}),
        (frozenset({"instanceIds[1]"}), {"i-a"}),
        (frozenset({"instanceIds[0]"}), {"i-a", "i-b"}),
        (frozenset[str](), {"i-a", "i-b"}),
    ):
        target = replace(stack.operation(("a", "b")).target, ignored=ignored)
        assert {each.id for each in target.wanted(stack.account.read_application(APP))} == wanted
    target = replace(stack.operation(("a", "c")).target, ignored=frozenset({"instanceIds"}))
    assert {each.id for each in target.wanted(stack.account.read_application(APP))} == {"i-a", "i-c"}
    stack.recorded = replace(stack.recorded, unsettled=frozenset({"ecu-b"}))
    target = replace(stack.operation(("a", "b")).target, ignored=frozenset({"instanceIds"}))
    assert {each.id for each in target.wanted(stack.account.read_application(APP))} == {"i-a", "i-b"}


def claim(urn: str, *ids: str, **changes: Any) -> Claim:  # noqa: ANN401 - the fields of a Claim
    """Return what a membership of the group claims."""
    return Claim(urn, SCOPE_OF_ACCOUNT, frozenset(ids), **changes)


def test_a_membership_keeps_to_the_claims_of_the_others() -> None:
    """Its own floor and its own list protect nobody from itself, those of the others do."""
    stack = Stack(Account().running("a", "b", "c"))
    for each in (claim("web", "i-a", min_running=3), claim("other", "i-b", min_running=2)):
        stack.ownership.claims.add(each)
    found = observed(stack, "a", urn="web")
    assert found.plan_input.protected == {"i-b"}
    assert found.plan_input.other_floor == Floor(2, "other")
    # What was replaced goes: the claim of its URN is that of the resource which stays.
    found = observed(stack, urn="web", deleting=True)
    assert found.plan_input.protected == {"i-a", "i-b"}
    assert found.plan_input.other_floor == Floor(3, "web")


def test_two_spellings_of_one_machine_in_two_memberships_are_seen_in_a_reading() -> None:
    """A membership that lists a machine by both ids repeats itself; one of another URN lists it as well."""
    stack = Stack(Account().running("a", "b"))
    stack.ownership.claims.add(claim("web", "ecu-a", "ecu-b"))
    assert observed(stack, "a", urn="web").doubles == ()
    stack.ownership.claims.add(claim("other", "ecu-a"))
    ((listed_id, other, urn),) = observed(stack, "a", urn="web").doubles
    assert (listed_id.id, other, urn) == ("i-a", "ecu-a", "other")


def test_what_the_last_operation_settled_is_known_to_the_plan() -> None:
    """Who stopped by himself under the recorded ECC is not repaired; who never came up is."""
    stack = Stack(Account().free("a", "b"))
    stack.up("a", "b")
    stack.recorded = replace(stack.recorded, unsettled=frozenset({"ecu-b"}))
    found = observed(stack, "a", "b").plan_input
    assert found.settled == {"ecu-a": "ecc-1", "ecu-b": "ecc-2"}
    assert found.unsettled == {"ecu-b"}


def test_a_list_that_is_left_to_somebody_else_makes_nobody_a_stranger() -> None:
    """An exclusive membership whose list is ignored evicts nobody."""
    stack = Stack(Account().running("a", "b"))
    policy = Policy(exclusive=True)
    assert observed(stack, "a", policy=policy).plan.evict
    found = observed(stack, "a", policy=policy, ignored=frozenset({"instanceIds"}))
    assert found.plan.evict == ()
    assert found.plan_input.policy == Policy(exclusive=False)


def test_an_outcome_names_the_group_and_who_was_seen_running() -> None:
    """A member that stopped counts as joined under the ECC it ran under, and one that never ran does not."""
    stack = Stack(Account().free("a", "b", "c"))
    stack.up("a", "b", "c")
    account = stack.account
    for name in ("a", "b"):
        account.set_state(name, MemberState.STOPPED)
    account.members["ecu-b"] = replace(account.members["ecu-b"], ecc_id="ecc-new")
    live = account.read_application(APP)
    found = outcome_of(live, SCOPE_OF_ACCOUNT, frozenset({"ecu-a", "ecu-b", "ecu-c"}), stack.recorded)
    assert {each.instance_id: joined for each, joined in found.members} == {
        "i-a": True,
        "i-b": False,
        "i-c": True,
    }
    assert found.group_name == "web"
    nowhere = replace(SCOPE_OF_ACCOUNT, group_id="gone")
    assert (
        outcome_of(live, nowhere, frozenset(), replace(stack.recorded, group_name="was")).group_name == "was"
    )


def test_a_listed_id_that_no_machine_has_is_looked_for_in_the_cluster_once() -> None:
    """What the cluster offers needs no list of it; what a member is called needs neither."""
    stack = Stack(Account().running("a").free("b"))
    observed(stack, "a")
    assert [name for _, name in stack.account.calls] == []
    observed(stack, "a", "b")
    assert [name for _, name in stack.account.calls] == ["ListScaleOutEcu"]
    found = observed(stack, "a", "b", "x")
    assert [name for _, name in stack.account.calls] == ["ListScaleOutEcu", "ListClusterMembers"]
    assert {each.listed.id for each in found.plan.absent} == {"i-x"}


def test_a_machine_that_an_order_has_added_is_looked_for_nowhere() -> None:
    """It is listed a moment later, and is no free machine any more."""
    stack = Stack(Account().running("a"))
    target = stack.operation(("a", "b")).target
    live = stack.account.read_application(APP)
    stack.account.calls.clear()
    context = OperationContext(stack.account.runtime)
    found = observe(stack.session(), target, live, context, expected={"i-b": "ecu-b"})
    assert stack.account.calls == []
    assert found.plan.absent == ()
    found = observe(
        stack.session(),
        replace(target, listed=(*target.listed, Listed("instanceIds[2]", "i-x"))),
        live,
        context,
        expected={"i-b": "ecu-b"},
    )
    assert {each.listed.id for each in found.plan.absent} == {"i-x"}


def test_an_order_of_ours_that_failed_is_asked_for_only_when_it_decides() -> None:
    """A member that does not come up, an order on record, and no delete; then its end decides about a repair."""
    stack = Stack(Account(ends=[FAILED]).free("a"))
    with pytest.raises(ChangeError):
        stack.up("a")
    account = stack.account
    account.start_states = {"ecu-a": (MemberState.STOPPED, TaskState.FAILED)}
    account.join("ecu-a")
    assert observed(stack, "a").plan_input.our_scale_out_failed
    assert [name for _, name in account.calls] == ["ListRecentChangeOrder"]
    assert not observed(stack, deleting=True).plan_input.our_scale_out_failed
    assert account.calls == []
    stack.recorded = replace(stack.recorded, change_order_ids=())
    assert not observed(stack, "a").plan_input.our_scale_out_failed
    assert account.calls == []


def test_what_edas_said_of_the_cluster_is_kept_with_the_doubt() -> None:
    """Whoever tells that it cannot be known tells why."""
    refusal = BusinessError("GetCluster", "403", "not yours")
    with pytest.raises(CannotTellError) as failure:
        gone(answering(clusters=[refusal]))
    assert failure.value.error is refusal
    assert failure.value.args == (refusal,)


def test_a_list_that_shows_the_application_again_begins_the_doubt_anew() -> None:
    """Two refusals with a sighting between them are one each."""
    session = answering(lists=[Page(()), Page((SUMMARY,)), Page(()), Page(())])
    assert not gone(session)
    session.runtime.wait(1.0)
    begun = session.runtime.now()
    assert gone(session)
    assert session.runtime.now() - begun >= 5
