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
    MemberState,
    Page,
    Policy,
    Recorded,
    RecordedMember,
)
from pulumi_edas_scale.operations.observe import (
    CannotTellError,
    Target,
    find_kubernetes,
    is_gone,
    managed_ecus,
    observe,
    outcome_of,
)
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
