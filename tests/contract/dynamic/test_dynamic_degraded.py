"""When the host has changed, the tricks give nothing and operations run all the same."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from pulumi.dynamic import Config
from pulumi.runtime.proto import engine_pb2, provider_pb2

from pulumi_edas_scale.domain.clock import CANCELLED, ENGINE_GONE
from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.errors import PartialFailureError
from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.hosts import dynamic_process as dynamic_host
from pulumi_edas_scale.hosts.engine import Engine, EngineHost, failure_status
from pulumi_edas_scale.hosts.wire import render_properties
from tests.contract.dynamic.host_process import URN, HostProcess, RecordingEngine, plain, reference, struct
from tests.contract.dynamic.scripted_front_end import BLIND, RealFrontEnd, ScriptedFrontEnd

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING_JOINED = failure_status(
    PartialFailureError(Message("", "Nothing joined."), id="id", inputs={}, outputs={}), render_properties
)


@pytest.fixture
def engine() -> Iterator[RecordingEngine]:
    """Return an engine that listens."""
    recording = RecordingEngine()
    yield recording
    recording.vanish()


@pytest.fixture
def blind_host(engine: RecordingEngine) -> Iterator[HostProcess]:
    """Return a host whose frames do not look as expected."""
    process = HostProcess(engine.address, environ={BLIND: "1"})
    yield process
    process.kill()


def inputs(app_id: str) -> Any:  # noqa: ANN401
    """Return the inputs of a membership as the engine sends them."""
    return struct({"__provider": reference(ScriptedFrontEnd()), "appId": app_id})


def test_operations_run_without_the_request(blind_host: HostProcess) -> None:
    """Where the request cannot be seen, an operation has no URN and no time-out, and succeeds."""
    request = provider_pb2.CreateRequest(urn=URN, properties=inputs("a"), timeout=5)
    answer = blind_host.stub.Create(request)
    assert (answer.id, plain(answer.properties)["seen"]) == ("id", {"urn": ""})


def test_lines_without_a_urn_go_under_the_stack(blind_host: HostProcess, engine: RecordingEngine) -> None:
    """Lasting lines are shown under the stack, and a status, which would have no row, is not."""
    blind_host.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs("says")))
    assert engine.logged(ephemeral=True) == []
    assert engine.logged(ephemeral=False) == [
        ("", "scale out 1: i-a", engine_pb2.INFO),
        ("", "i-b does not run", engine_pb2.WARNING),
    ]


def test_a_failure_ends_with_our_sentence(blind_host: HostProcess) -> None:
    """The engine then shows the host's traceback, whose last line is what the user needs."""
    with pytest.raises(grpc.RpcError) as caught:
        blind_host.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs("refused")))
    error: Any = caught.value
    assert error.details().rstrip().endswith("Scale out of deploy group g failed.")


SCOPE = {"regionId": "cn-hangzhou", "appId": "a", "groupId": "g"}
ID = "cn-hangzhou/a/g"


def test_a_diff_is_real_without_the_request(blind_host: HostProcess) -> None:
    """Where the URN cannot be seen, a diff looks unless a reading of the same membership came last: never fail open."""
    recorded = struct({"__provider": reference(ScriptedFrontEnd()), **SCOPE})

    def diff() -> int:
        request = provider_pb2.DiffRequest(id=ID, urn=URN, olds=recorded, news=recorded)
        return int(blind_host.stub.Diff(request).changes)

    assert (
        diff() == provider_pb2.DiffResponse.DIFF_SOME
    )  # the scripted core says what it was told: look and announce
    blind_host.stub.Read(provider_pb2.ReadRequest(id=ID, urn=URN, properties=recorded, inputs=recorded))
    assert diff() == provider_pb2.DiffResponse.DIFF_NONE  # a refresh asks with the sides swapped
    blind_host.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=recorded, news=recorded))
    assert diff() == provider_pb2.DiffResponse.DIFF_SOME


def test_what_cannot_be_looked_at_is_no_clean_preview_without_the_request() -> None:
    """In a host that cannot show the request a diff of a recorded membership that EDAS refuses to show is an error."""
    with Emulator() as edas:
        environ = {**edas.environment(), "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong", BLIND: "1"}
        process = HostProcess(None, environ=environ)
        recorded = struct({"__provider": reference(RealFrontEnd()), **SCOPE, "instanceIds": ["i-bp1"]})
        try:
            check = provider_pb2.CheckRequest(urn=URN, olds=recorded, news=recorded)
            news = process.stub.Check(check).inputs
            with pytest.raises(grpc.RpcError) as caught:
                process.stub.Diff(provider_pb2.DiffRequest(id=ID, urn=URN, olds=recorded, news=news))
        finally:
            process.kill()
    error: Any = caught.value
    assert "SignatureDoesNotMatch" in error.details()


def test_outside_a_host_there_is_no_call() -> None:
    """In any other process there is no request, no server and no failure but the exception itself."""
    call = dynamic_host.current_call()
    assert call == dynamic_host.Call()
    assert str(dynamic_host.failure(call, NOTHING_JOINED)) == "Nothing joined."
    assert not dynamic_host.widen_pool()
    assert not dynamic_host.heed_cancel(lambda: None)


def test_a_context_of_another_shape_is_no_crash() -> None:
    """A context without the methods of today leaves the exception."""
    strange: Any = object()
    call = dynamic_host.Call(method="Create", urn=URN, context=strange)
    assert str(dynamic_host.failure(call, NOTHING_JOINED)) == "Nothing joined."


def test_configuration_is_looked_up_key_by_key() -> None:
    """Where the whole configuration cannot be had, its known keys are looked up one by one."""
    config = Config({"edas-scale:regionId": "cn-hangzhou", "other:key": "x"}, "shop")
    assert dynamic_host.stack_config(config, ()) == {"edas-scale:regionId": "cn-hangzhou", "other:key": "x"}

    class Closed:
        def get(self, key: str) -> str | None:
            return {"edas-scale:regionId": "cn-hangzhou"}.get(key)

    closed: Any = Closed()
    keys = ("edas-scale:regionId", "edas-scale:profile")
    assert dynamic_host.stack_config(closed, keys) == {"edas-scale:regionId": "cn-hangzhou"}


def test_an_interpreter_without_the_list_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be called before threads are joined, an interrupt is no stop sign."""
    monkeypatch.delattr(threading, "_register_atexit")
    assert not dynamic_host.before_threads_are_joined(lambda: None)


def test_a_stop_sign_stays_and_wakes_everybody(engine: RecordingEngine) -> None:
    """Whoever waits is woken by a cancel and by the engine's end, late comers at once; the end is what counts then."""
    gone, woken = threading.Event(), list[str]()
    served = Engine(engine.address, gone.set)
    host = EngineHost(served)
    host.on_stop(lambda: woken.append("early"))
    assert host.stopped() is None
    host.cancel()
    host.on_stop(lambda: woken.append("late"))
    assert (host.stopped(), woken) == (CANCELLED, ["early", "late"])
    engine.vanish()
    served.watch()
    assert gone.wait(30)
    EngineHost(served).on_stop(lambda: woken.append("after the end"))
    assert (host.stopped(), woken[2:]) == (ENGINE_GONE, ["early", "late", "after the end"])
