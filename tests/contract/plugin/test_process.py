from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from google.protobuf import empty_pb2

from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.hosts.protocol import plugin_pb2, provider_pb2, status_pb2
from pulumi_edas_scale.plugin import engine_address
from pulumi_edas_scale.version import __version__
from tests.contract.plugin.harness import URN, WAIT, Engine, struct
from tests.contract.plugin.processes import APP, GROUP, INPUTS, START, Process, plugin

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def edas() -> Iterator[Emulator]:
    """Give an EDAS whose orders take longer than any test."""
    with Emulator(order_duration="seconds:1000") as emulator:
        yield emulator


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a few lines of Python to their end."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=WAIT, check=False)


def test_stdout_has_the_port_alone() -> None:
    """The engine reads one line; whatever else the process says would be taken for output of the program."""
    with plugin() as process:
        process.stub.GetSchema(provider_pb2.GetSchemaRequest(), timeout=WAIT)
        process.popen.send_signal(signal.SIGTERM)
        assert process.end() == (0, "", "")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_it_says_what_it_is_for(option: str) -> None:
    """A person who asks gets an answer that ends, not a server."""
    done = subprocess.run([*START, option], capture_output=True, text=True, timeout=WAIT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Pulumi starts it" in done.stdout


def test_it_says_its_version() -> None:
    """A person may ask which version is installed."""
    done = subprocess.run([*START, "--version"], capture_output=True, text=True, timeout=WAIT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_what_keeps_it_from_starting_is_one_line() -> None:
    """An incomplete installation ends the process with a sentence, not with a traceback."""
    done = run(
        "import sys; sys.modules['pulumi_edas_scale.hosts.plugin'] = None\n"
        "from pulumi_edas_scale.plugin import main; main()"
    )
    assert done.returncode == 1
    assert done.stderr.startswith("pulumi-resource-edas-scale cannot start: ")
    assert done.stderr.count("\n") == 1


def test_the_sdk_is_not_imported() -> None:
    """The protocol is spoken without the rest of Pulumi's SDK, and the core waits for its first use."""
    done = run(
        "import sys, pulumi_edas_scale.hosts.plugin\n"
        "print(sorted({'pulumi', 'pulumi_edas_scale.operations.service', 'aiohttp'} & set(sys.modules)))"
    )
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("first", ["import pulumi", "import pulumi_edas_scale.hosts.protocol"])
def test_the_messages_are_those_of_the_sdk(first: str) -> None:
    """Whichever is imported first: there is one class for each message."""
    done = run(
        f"{first}\n"
        "from pulumi_edas_scale.hosts.protocol import provider_pb2 as ours\n"
        "from pulumi.runtime.proto import provider_pb2 as theirs\n"
        "print(ours.CheckRequest is theirs.CheckRequest)"
    )
    assert done.stdout == "True\n", done.stderr


def test_another_layout_of_the_sdk_costs_time_only() -> None:
    """When the generated modules are not where they were, they are imported as the SDK offers them."""
    done = run(
        "from pathlib import Path\n"
        "Path.is_file = lambda self: False\n"
        "import sys, pulumi_edas_scale.hosts.protocol as protocol\n"
        "print(protocol.provider_pb2.__name__, 'pulumi' in sys.modules)"
    )
    assert done.stdout == "pulumi.runtime.proto.provider_pb2 True\n", done.stderr


def test_pulumi_runs_the_package_as_a_plugin() -> None:
    """A plugin that Pulumi got from a repository is started by its SDK, by the name of the distribution."""
    command = [sys.executable, "-m", "pulumi.run.plugin", "pulumi-edas-scale"]
    process = Process(command, {})
    try:
        answer = process.stub.GetSchema(provider_pb2.GetSchemaRequest(), timeout=WAIT)
        assert answer.schema
    finally:
        process.channel.close()
        process.popen.terminate()
        process.popen.communicate(timeout=WAIT)


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        (["127.0.0.1:4000"], "127.0.0.1:4000"),
        (["--logtostderr", "-v=9", "--tracing", "tcp://127.0.0.1:1", "127.0.0.1:4000"], "127.0.0.1:4000"),
        (["--logtostderr"], None),
        ([], None),
    ],
)
def test_the_engine_is_the_last_argument(arguments: list[str], address: str | None) -> None:
    """The engine puts its address after the options it passes on."""
    assert engine_address(arguments) == address


def test_an_orphan_ends_and_sends_nothing(edas: Emulator) -> None:
    """When the engine is killed in the middle of a change, the plugin ends by itself without another order."""
    engine = Engine()
    with plugin(engine.address, environ=edas.environment()) as process:
        process.configure()
        create = process.start_create()
        edas.await_calls("ScaleOutApplication", count=1)
        engine.server.stop(None).wait(WAIT)
        code, _, _ = process.end()
        assert code == 0
        assert create.exception() is not None
    assert len(edas.log("ScaleOutApplication")) == 1
    assert not edas.log("AbortChangeOrder")


def test_an_idle_orphan_ends() -> None:
    """The engine starts several plugins; those that have nothing to do end with it as well."""
    engine = Engine()
    with plugin(engine.address) as process:
        engine.server.stop(None).wait(WAIT)
        assert process.end()[0] == 0


def test_an_orphan_of_an_engine_that_died_at_once_ends() -> None:
    """An engine that is killed before the plugin could reach it leaves no process behind."""
    engine = Engine()
    engine.server.stop(None).wait(WAIT)
    with plugin(engine.address) as process:
        assert process.end()[0] == 0


def test_a_stranger_who_attaches_and_leaves_ends_nothing() -> None:
    """The process stays as long as the engine that started it."""
    engine, stranger = Engine(), Engine()
    with plugin(engine.address) as process:
        process.stub.Attach(plugin_pb2.PluginAttach(address=stranger.address), timeout=WAIT)
        stranger.server.stop(None).wait(WAIT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.popen.wait(2)  # the orphans above are gone by then
        process.configure()
        engine.server.stop(None).wait(WAIT)
        assert process.end()[0] == 0


def test_a_plugin_started_by_hand_outlives_its_engines() -> None:
    """An engine that attached and died ends the operations under way, not the process."""
    engine = Engine()
    with plugin() as process:
        process.stub.Attach(plugin_pb2.PluginAttach(address=engine.address), timeout=WAIT)
        engine.server.stop(None).wait(WAIT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.popen.wait(2)  # the orphans above are gone by then
        process.configure()


def test_a_signal_ends_operations_truthfully(edas: Emulator) -> None:
    """A second Ctrl-C makes the engine signal the plugin; the operation under way still says what is true."""
    with plugin(environ=edas.environment()) as process:
        process.configure()
        create = process.start_create()
        edas.await_calls("ScaleOutApplication", count=1)
        process.popen.send_signal(signal.SIGINT)
        error = create.exception()
        assert process.end()[0] == 0
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert detail.id == f"cn-hangzhou/{APP}/{GROUP}"
    assert error.details() == status.message
    assert "Traceback" not in status.message


def test_cancel_ends_hundreds_of_waits(edas: Emulator) -> None:
    """Operations that wait for EDAS leave room for the engine's next question, and Cancel ends all of them."""
    with plugin(environ=edas.environment()) as process:
        process.configure()
        creates = [process.start_create() for _ in range(300)]
        edas.await_calls("QueryApplicationStatus", count=1)
        check = provider_pb2.CheckRequest(urn=URN, news=struct(INPUTS))
        assert not process.stub.Check(check, timeout=WAIT).failures
        assert not any(create.done() for create in creates)
        process.stub.Cancel(empty_pb2.Empty(), timeout=WAIT)
        said = {create.exception(timeout=WAIT).details() for create in creates}
    assert all("was stopped: the run was cancelled" in text for text in said), said


def test_a_call_that_was_given_up_ends_in_silence(edas: Emulator) -> None:
    """An operation whose call the engine broke off ends with the run, and nobody reads of its unsent answer."""
    with plugin(environ=edas.environment()) as process:
        process.configure()
        create = process.start_create()
        edas.await_calls("ScaleOutApplication", count=1)
        create.cancel()
        process.popen.send_signal(signal.SIGTERM)
        assert process.end() == (0, "", "")
    assert len(edas.log("ScaleOutApplication")) == 1
