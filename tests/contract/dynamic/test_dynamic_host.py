from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pulumi
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2, provider_pb2

from pulumi_edas_scale.domain.clock import CANCELLED, ENGINE_GONE
from pulumi_edas_scale.hosts.call_threads import MOST_WAITING
from tests.contract.dynamic.host_process import (
    READS_BY_ID,
    URN,
    HostProcess,
    RecordingEngine,
    plain,
    reference,
    status_of,
    struct,
)
from tests.contract.dynamic.scripted_front_end import WIDTH, ForeignProvider, ScriptedFrontEnd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFERENCE = reference(ScriptedFrontEnd())


def inputs(app_id: str, **more: object) -> Any:  # noqa: ANN401
    """Return the inputs of a membership as the engine sends them."""
    return struct({"__provider": REFERENCE, "appId": app_id, **more})


@pytest.fixture
def engine() -> Iterator[RecordingEngine]:
    """Return an engine that listens."""
    recording = RecordingEngine()
    yield recording
    recording.vanish()


@pytest.fixture
def host(engine: RecordingEngine) -> Iterator[HostProcess]:
    """Return a host of that engine."""
    process = HostProcess(engine.address)
    yield process
    process.kill()


def test_create_sees_urn_and_timeout(host: HostProcess) -> None:
    """The URN and the customTimeouts of a create reach the core, though the public API passes neither."""
    request = provider_pb2.CreateRequest(urn=URN, properties=inputs("a"), timeout=123.0)
    answer = host.stub.Create(request)
    assert answer.id == "id"
    assert plain(answer.properties)["seen"] == {"urn": URN, "timeout": 123.0}


def test_no_timeout_is_none(host: HostProcess) -> None:
    """The engine's 0 means that no customTimeouts are set."""
    answer = host.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs("a")))
    assert plain(answer.properties)["seen"] == {"urn": URN}


def test_update_sees_urn_and_timeout(host: HostProcess) -> None:
    """URN, customTimeouts and ignoreChanges of an update reach the core, the provider's key does not."""
    request = provider_pb2.UpdateRequest(
        id="id",
        urn=URN,
        olds=inputs("a", members=[]),
        news=inputs("a"),
        timeout=9,
        ignoreChanges=["instanceIds"],
    )
    answer = host.stub.Update(request)
    seen = {"id": "id", "urn": URN, "timeout": 9.0, "olds": ["appId", "members"], "ignored": ["instanceIds"]}
    assert plain(answer.properties)["seen"] == seen
    assert plain(answer.properties)["__provider"] == REFERENCE


def test_delete_sees_urn_and_timeout(host: HostProcess) -> None:
    """The URN and the customTimeouts of a delete reach the core."""
    request = provider_pb2.DeleteRequest(id="told", urn=URN, properties=inputs("a"), timeout=5)
    with pytest.raises(grpc.RpcError) as caught:
        host.stub.Delete(request)
    assert status_of(caught.value).message == f"{URN} 5.0"


def test_read_sees_the_recorded_inputs(host: HostProcess) -> None:
    """A refresh gives the core both the recorded outputs and the recorded inputs, and records what it returns."""
    request = provider_pb2.ReadRequest(
        id="id", urn=URN, properties=inputs("a", members=[]), inputs=inputs("a", instanceIds=["i-a"])
    )
    answer = host.stub.Read(request)
    seen = {"outputs": ["appId", "members"], "inputs": ["appId", "instanceIds"]}
    assert plain(answer.properties) == {"__provider": REFERENCE, "appId": "read", "seen": seen}
    assert plain(answer.inputs) == {"__provider": REFERENCE, "appId": "a", "instanceIds": ["i-a"]}


@pytest.mark.skipif(not READS_BY_ID, reason="this SDK cannot read a dynamic resource by its id alone")
def test_get_has_no_recorded_outputs(host: HostProcess) -> None:
    """Reading a membership by its id alone gives the core no outputs, as an import does."""
    request = provider_pb2.ReadRequest(id="id", urn=URN, inputs=struct({"__provider": REFERENCE}))
    answer = host.stub.Read(request)
    assert plain(answer.properties)["seen"] == {}


def test_gone_is_an_empty_id(host: HostProcess) -> None:
    """What is gone is answered with an empty id, which makes the engine forget it."""
    answer = host.stub.Read(provider_pb2.ReadRequest(id="gone", urn=URN, properties=inputs("a")))
    assert answer.id == ""


def test_unknown_values_pass_through_check(host: HostProcess) -> None:
    """A list and a single id that are not known yet reach the core as unknown and come back as unknown."""
    news = inputs("a", instanceIds=["i-a", rpc.UNKNOWN], ecuIds=rpc.UNKNOWN)
    answer = host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=news))
    values = plain(answer.inputs)
    assert values["seen"]["unknown"] == ["ecuIds"]
    assert isinstance(values["ecuIds"], pulumi.output.Unknown)
    assert isinstance(values["instanceIds"][1], pulumi.output.Unknown)
    assert values["instanceIds"][0] == "i-a"


def test_check_tells_a_create_from_an_update(host: HostProcess) -> None:
    """A check without recorded inputs is that of a create."""
    created = host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=inputs("a")))
    updated = host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=inputs("a"), news=inputs("a")))
    assert "recorded" not in plain(created.inputs)["seen"]
    assert plain(updated.inputs)["seen"]["recorded"] == ["appId"]


def test_the_check_of_a_create_is_its_preview(host: HostProcess, engine: RecordingEngine) -> None:
    """The engine asks no dynamic provider to preview a create, so that the check of a new resource announces it."""
    host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=inputs("plan")))
    host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=inputs("plan"), news=inputs("plan")))
    lines = [text for _, text, _ in engine.logged(ephemeral=False)]
    assert lines == ["a warning [ES310]", "scale out 1: i-a", "a warning [ES310]"]


def test_check_failures_name_no_property(host: HostProcess) -> None:
    """A check failure carries its path in the reason, because the engine prints that as written."""
    answer = host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=inputs("wrong")))
    assert [(failure.property, failure.reason) for failure in answer.failures] == [
        ("", "instanceIds[1]: is wrong. [ES301]"),
        ("", "is wrong as a whole. [ES115]"),
    ]


def test_errors_of_check_are_failures(host: HostProcess) -> None:
    """What a check finds out by asking EDAS is reported as a problem of the resource, not as a crash."""
    answer = host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=inputs("input")))
    assert [(failure.property, failure.reason) for failure in answer.failures] == [
        ("", "groupId: is no group."),
        ("", "Nothing fits."),
    ]
    answer = host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=inputs("refused")))
    assert [failure.reason for failure in answer.failures] == ["Scale out of deploy group g failed."]


def test_check_warnings_are_lines_of_the_resource(host: HostProcess, engine: RecordingEngine) -> None:
    """The warnings of a check are listed under the resource."""
    host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=inputs("a")))
    assert engine.logged(ephemeral=False) == [(URN, "a warning [ES310]", engine_pb2.WARNING)]


def test_lines_arrive_before_the_answer(host: HostProcess, engine: RecordingEngine) -> None:
    """Status and lasting lines carry the URN, keep their order and are there when the call is answered."""
    host.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs("says")))
    assert engine.logged(ephemeral=True) == [(URN, "waiting", engine_pb2.INFO)]
    assert engine.logged(ephemeral=False) == [
        (URN, "scale out 1: i-a", engine_pb2.INFO),
        (URN, "i-b does not run", engine_pb2.WARNING),
    ]


def test_a_host_without_an_engine_is_silent() -> None:
    """Without an engine's address, lines go nowhere and operations run all the same."""
    host = HostProcess(None)
    answer = host.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs("says")))
    assert answer.id == "id"
    host.interrupt()
    assert host.end() == (0, "")


def test_a_failure_is_one_line(host: HostProcess) -> None:
    """The engine reads our sentence from the status, not the traceback that the host makes."""
    with pytest.raises(grpc.RpcError) as caught:
        host.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs("refused")))
    status = status_of(caught.value)
    assert (status.code, status.message) == (2, "Scale out of deploy group g failed.")
    assert not status.details


@pytest.mark.parametrize(
    ("script", "what"), [("bug", "RuntimeError: no such key"), ("exit", "SystemExit: 3")]
)
def test_a_bug_is_one_line(host: HostProcess, engine: RecordingEngine, script: str, what: str) -> None:
    """Our own bugs are one line that asks for a report; the traceback is there for --debug alone."""
    with pytest.raises(grpc.RpcError) as caught:
        host.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs(script)), timeout=30)
    message = status_of(caught.value).message
    assert message == (
        f"Create broke off with {what}. Please report this, it is a bug in pulumi-edas-scale. [ES901]"
    )
    [(urn, traceback, severity)] = engine.logged(ephemeral=False)
    assert (urn, severity) == (URN, engine_pb2.DEBUG)
    assert traceback.startswith("Traceback")


PLAIN = "half an emoji \ufffd"


def test_an_answer_that_no_message_carries_is_sent_plainly(
    host: HostProcess, engine: RecordingEngine
) -> None:
    """Outputs, a refused check and lines with half a character, or what is no number of JSON, reach the engine."""
    created = plain(
        host.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs("half"))).properties
    )
    odd = {"groupName": PLAIN, "runningCount": "nan", "members": [{"ecuId": PLAIN}]}
    assert {name: created[name] for name in odd} == odd
    assert engine.logged(ephemeral=False) == [(URN, PLAIN, engine_pb2.WARNING)]
    checked = host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=inputs("half")))
    assert [each.reason for each in checked.failures] == [f"groupId: {PLAIN}"]
    refused = host.stub.Check(
        provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=inputs("half-refused")), timeout=60
    )
    assert [each.reason for each in refused.failures] == [PLAIN]


@pytest.mark.parametrize("script", ["half-refused", "half-partial", "half-bug"])
def test_a_failure_that_no_message_carries_is_sent_plainly(host: HostProcess, script: str) -> None:
    """A failure, what is true after it, and a bug with half a character reach the engine as one plain line."""
    with pytest.raises(grpc.RpcError) as caught:
        host.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs(script)), timeout=60)
    status = status_of(caught.value)
    assert PLAIN in status.message
    assert "Traceback" not in status.message
    if script == "half-partial":
        detail = provider_pb2.ErrorResourceInitFailed()
        assert status.details[0].Unpack(detail)
        assert (plain(detail.inputs)["appId"], plain(detail.properties)["groupName"]) == (PLAIN, PLAIN)
        assert list(detail.reasons) == [PLAIN]


def test_partial_success_is_saved(host: HostProcess) -> None:
    """A create that changed something and failed carries the true state, from which the next call finds us."""
    with pytest.raises(grpc.RpcError) as caught:
        host.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs("partial")))
    status = status_of(caught.value)
    assert (status.code, status.message) == (2, "One of two joined.")
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert (detail.id, list(detail.reasons)) == ("id", ["One of two joined."])
    assert plain(detail.properties) == {
        "__provider": REFERENCE,
        "appId": "partial",
        "members": [{"ecuId": "e-1", "joined": True}],
        "runningCount": 1.0,
    }
    assert plain(detail.inputs) == {"__provider": REFERENCE, "appId": "partial"}


def test_the_state_of_a_large_group_fits_into_an_error(host: HostProcess) -> None:
    """The partial state of 500 members, about 100 kB, arrives whole."""
    members = [{"ecuId": f"{n:036}", "instanceId": f"i-{n:020}", "eccId": f"{n:036}"} for n in range(500)]
    with pytest.raises(grpc.RpcError) as caught:
        host.stub.Create(
            provider_pb2.CreateRequest(urn=URN, properties=inputs("partial", foreignMembers=members))
        )
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status_of(caught.value).details[0].Unpack(detail)
    assert len(plain(detail.properties)["foreignMembers"]) == 500


def test_the_host_answers_more_than_four_calls(host: HostProcess) -> None:
    """Forty creates are in the host at once, where it has four threads of its own."""
    host.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs("a")))
    request = provider_pb2.CreateRequest(urn=URN, properties=inputs("crowd"))
    with ThreadPoolExecutor(WIDTH) as pool:
        answers = list(pool.map(lambda _: host.stub.Create(request, timeout=60), range(WIDTH)))
    assert [answer.id for answer in answers] == ["id"] * WIDTH


def diff(host: HostProcess, urn: str = URN, news: str = "a") -> provider_pb2.DiffResponse:
    """Ask for a diff whose answer is a change when it was announced."""
    request = provider_pb2.DiffRequest(id="id", urn=urn, olds=inputs("a"), news=inputs(news))
    answer: provider_pb2.DiffResponse = host.stub.Diff(request)
    return answer


def test_only_a_diff_after_a_check_is_announced(host: HostProcess) -> None:
    """A diff is announced right after the check of the same resource, and not after a read, as in a refresh."""
    check = provider_pb2.CheckRequest(urn=URN, olds=inputs("a"), news=inputs("a"))
    assert diff(host).changes == provider_pb2.DiffResponse.DIFF_NONE
    host.stub.Read(provider_pb2.ReadRequest(id="id", urn=URN, properties=inputs("a")))
    assert diff(host).changes == provider_pb2.DiffResponse.DIFF_NONE
    host.stub.Check(check)
    assert diff(host, urn=f"{URN}-2").changes == provider_pb2.DiffResponse.DIFF_NONE
    assert diff(host).changes == provider_pb2.DiffResponse.DIFF_SOME
    assert diff(host).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_diff_names_what_replaces(host: HostProcess) -> None:
    """A replacement names its properties and whether the old one goes first."""
    answer = diff(host, news="b")
    assert (list(answer.replaces), answer.deleteBeforeReplace) == (["appId"], True)


def test_wrong_settings_are_named_at_the_first_use(engine: RecordingEngine) -> None:
    """A wrong setting fails the first operation with its name, in check as a problem of the resource."""
    host = HostProcess(engine.address, config={"edas-scale:endpoint": "nonsense"})
    try:
        answer = host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=inputs("a")))
        assert answer.failures[0].reason.startswith("edas-scale:endpoint: ")
        with pytest.raises(grpc.RpcError) as caught:
            host.stub.Delete(provider_pb2.DeleteRequest(id="id", urn=URN, properties=inputs("a")))
        assert status_of(caught.value).message.startswith("edas-scale:endpoint: ")
    finally:
        host.kill()


@pytest.mark.parametrize(
    ("config", "environ", "region"),
    [
        ({"edas-scale:regionId": "cn-hangzhou"}, {}, "cn-hangzhou"),
        ({"alicloud:region": "cn-beijing"}, {}, "cn-beijing"),
        ({}, {"ALICLOUD_REGION": "cn-shenzhen"}, "cn-shenzhen"),
    ],
)
def test_settings_come_from_stack_and_environment(
    engine: RecordingEngine, config: dict[str, str], environ: dict[str, str], region: str
) -> None:
    """The stack configuration of two namespaces and the environment of the CLI reach the core."""
    host = HostProcess(engine.address, config, environ)
    try:
        answer = host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=inputs("a")))
        assert plain(answer.inputs)["seen"]["region"] == region
    finally:
        host.kill()


def wait_until(exists: Path) -> None:
    """Wait for a file that the host makes."""
    pause = 0.02  # seconds
    for _ in range(1500):
        if exists.exists() and (exists.stat().st_size or exists.suffix != ".text"):
            return
        _nap(pause)
    pytest.fail(f"{exists.name} was never made")


def _nap(seconds: float) -> None:
    threading.Event().wait(seconds)


def stoppable(folder: Path) -> Any:  # noqa: ANN401
    """Return the inputs of a create that runs until the stop sign is up and writes down its reason."""
    return inputs("stops", entered=str(folder / "entered"), left=str(folder / "left.text"))


def test_an_orphan_stops_and_ends(host: HostProcess, engine: RecordingEngine, tmp_path: Path) -> None:
    """When the engine vanishes, waiting operations are woken with the reason, and the process ends."""
    call = host.start_create(provider_pb2.CreateRequest(urn=URN, properties=stoppable(tmp_path)))
    wait_until(tmp_path / "entered")
    engine.vanish()
    wait_until(tmp_path / "left.text")
    assert (tmp_path / "left.text").read_text() == ENGINE_GONE
    assert host.end() == (1, "")
    call.cancel()


def test_an_orphan_lets_others_end(host: HostProcess, engine: RecordingEngine, tmp_path: Path) -> None:
    """The process of an engine that is gone lives until the resources of other packages have ended."""
    pipe, done = tmp_path / "pipe", tmp_path / "done"
    os.mkfifo(pipe)
    foreign = struct(
        {"__provider": reference(ForeignProvider()), "pipe": str(pipe), "done": str(done)},
    )
    others = host.start_create(provider_pb2.CreateRequest(urn="urn:other", properties=foreign))
    pipe.read_bytes()  # ends once the foreign create has begun
    ours = host.start_create(provider_pb2.CreateRequest(urn=URN, properties=stoppable(tmp_path)))
    wait_until(tmp_path / "entered")
    engine.vanish()
    wait_until(tmp_path / "left.text")
    _nap(2.5)  # longer than our own last words may take
    assert host.process.poll() is None
    pipe.write_bytes(b"")
    assert host.end() == (1, "")
    assert done.exists()
    ours.cancel()
    others.cancel()


def test_cancel_stops_what_waits(host: HostProcess, tmp_path: Path) -> None:
    """Cancel, which the first Ctrl-C sends, is a stop sign: the operation answers what is true."""
    call = host.start_create(provider_pb2.CreateRequest(urn=URN, properties=stoppable(tmp_path)))
    wait_until(tmp_path / "entered")
    host.stub.Cancel(empty_pb2.Empty())
    with pytest.raises(grpc.RpcError) as caught:
        call.result(timeout=30)
    assert status_of(caught.value).message == "Stopped."
    assert (tmp_path / "left.text").read_text() == CANCELLED


def test_cancel_is_heard_when_no_thread_is_left(host: HostProcess, tmp_path: Path) -> None:
    """More operations wait than the host has threads: the stop sign is for them, so it must not wait behind them."""
    create = provider_pb2.CreateRequest(urn=URN, properties=stoppable(tmp_path))
    calls = [host.start_create(create) for _ in range(MOST_WAITING + 10)]
    wait_until(tmp_path / "entered")
    host.stub.Cancel(empty_pb2.Empty(), timeout=30)
    assert {status_of(call.exception(timeout=30)).message for call in calls} == {"Stopped."}


def test_cancel_without_an_operation_is_silent(host: HostProcess, engine: RecordingEngine) -> None:
    """Cancel, which also ends every healthy operation, is answered and says nothing."""
    host.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs("a")))
    host.stub.Cancel(empty_pb2.Empty())
    assert engine.lines == []
    host.interrupt()
    assert host.end() == (0, "")


def test_an_interrupt_stops_what_waits(host: HostProcess, tmp_path: Path) -> None:
    """An interrupt of the host is a stop sign: operations end by themselves, and then the process."""
    call = host.start_create(provider_pb2.CreateRequest(urn=URN, properties=stoppable(tmp_path)))
    wait_until(tmp_path / "entered")
    host.interrupt()
    wait_until(tmp_path / "left.text")
    assert (tmp_path / "left.text").read_text() == CANCELLED
    assert host.end() == (0, "")
    call.cancel()
