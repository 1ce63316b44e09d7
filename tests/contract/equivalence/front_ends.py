"""The three ways to the same core: called directly, through the dynamic host, through the plugin.

The law of this file: a front end asks what the engine would ask and returns the answer in one shape. What it cannot
say, or says in a place of its own, is in ``OWN``; everything else must be equal.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import dill  # type: ignore[import-untyped]  # as the SDK pickles
import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from pulumi_edas_scale.domain.codes import format_failure
from pulumi_edas_scale.domain.errors import EdasScaleError, PartialFailureError
from pulumi_edas_scale.domain.settings import resolve_settings
from pulumi_edas_scale.edas.client import SdkClient
from pulumi_edas_scale.edas.sdk import import_sdk
from pulumi_edas_scale.hosts.wire import parse_properties, render_properties
from pulumi_edas_scale.operations.request import Request
from tests.contract.dynamic.host_process import CHECKOUT, HostProcess
from tests.contract.equivalence.hasty import HastyDynamic, HastyRuntime
from tests.contract.plugin.harness import PROVIDER_URN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pulumi_edas_scale.domain.settings import Settings
    from pulumi_edas_scale.emulator import Emulator
    from pulumi_edas_scale.operations.service import Service

Values = dict[str, Any]

PROVIDER_KEY: Final = "__provider"

OWN: Final[Mapping[str, str]] = {
    "dynamic: __provider": "in inputs and outputs: the host finds the provider's class by it",
    "dynamic: detailed diff": "a dynamic provider cannot send one: the engine makes its own",
    "dynamic: preview of a create": "the engine asks none: the check of a new resource is the preview, and its refusal",
    "plugin: refresh before update": "a flag of the answer, which dynamic providers do not have",
    "core: properties without a value": "None; on the wire they are left out",
}
"""What is the front ends' own, and why."""

WAIT: Final = 120.0
"""Seconds after which a call is taken for stuck."""


@dataclass(frozen=True)
class State:
    """What the engine records of a membership."""

    id: str
    inputs: Values
    outputs: Values


@dataclass(frozen=True)
class Diff:
    """The answer of a diff; ``detailed`` is None where the front end cannot say it."""

    changes: bool
    replaces: tuple[str, ...]
    delete_before_replace: bool
    detailed: tuple[tuple[str, str], ...] | None


class RefusedError(Exception):
    """An operation failed and left the state as it was; the text is the user's."""


class BrokenOffError(Exception):
    """An operation failed after it had changed something; the text is the user's, the rest is what is true."""

    def __init__(self, text: str, state: State, reasons: tuple[str, ...]) -> None:
        super().__init__(text)
        self.state = state
        self.reasons = reasons


class FrontEnd(Protocol):
    """What the engine can ask."""

    edas: Emulator

    def begin(self) -> None:
        """Begin a run of the engine."""
        ...

    def check(self, urn: str, olds: Values | None, news: Values) -> Values:
        """Return the checked inputs; a refused check raises RefusedError."""
        ...

    def preview_create(self, urn: str, news: Values) -> None:
        """Preview a create."""
        ...

    def diff(self, urn: str, state: State, news: Values) -> Diff:
        """Ask for the difference."""
        ...

    def create(self, urn: str, news: Values) -> State:
        """Create."""
        ...

    def update(self, urn: str, state: State, news: Values) -> State:
        """Update."""
        ...

    def read(self, urn: str, state: State) -> State | None:
        """Refresh; with nothing recorded, import."""
        ...

    def delete(self, urn: str, state: State) -> None:
        """Delete."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


def urn_of(front_end: FrontEnd, number: int) -> str:
    """Return the URN of a membership, which tells the front ends apart by its type alone."""
    kind = (
        "pulumi-python:dynamic/edas-scale:" if isinstance(front_end, DynamicFrontEnd) else "edas-scale:index:"
    )
    return f"urn:pulumi:dev::shop::{kind}DeployGroupMembership::web-{number}"


def present(values: Mapping[str, object]) -> Values:
    """Return the properties that have a value and are not a front end's own."""
    return {name: value for name, value in values.items() if value is not None and name != PROVIDER_KEY}


class _Silent:
    """A host to which nothing is worth saying."""

    def progress(self, urn: str, text: str) -> None:
        """Say nothing."""

    def info(self, urn: str, text: str) -> None:
        """Say nothing."""

    def warn(self, urn: str, text: str) -> None:
        """Say nothing."""

    def stopped(self) -> str | None:
        """Go on."""
        return None


class CoreFrontEnd:
    """No front end: the core in this process, with the short codes that a front end puts behind its messages."""

    def __init__(self, edas: Emulator) -> None:
        self.edas = edas
        self._core: Service
        self._checked: bool

    def begin(self) -> None:
        """Make a new provider."""
        from pulumi_edas_scale.operations.service import Service  # noqa: PLC0415  # its name is that of a type above

        environ = self.edas.environment()

        def connect(settings: Settings, region_id: str) -> SdkClient:
            return SdkClient(region_id=region_id, endpoint=settings.endpoint, environ=environ)

        self._checked = False
        import_sdk()  # as in hasty.py
        self._core = Service(resolve_settings({}, environ), _Silent(), connect, HastyRuntime())

    def check(self, urn: str, olds: Values | None, news: Values) -> Values:
        """Check."""
        self._checked = True
        checked = self._core.check(Request(urn, news=news, olds=olds or {}))
        if checked.failures:
            raise RefusedError(" ".join(format_failure(*each).with_code() for each in checked.failures))
        return present(checked.inputs)

    def preview_create(self, urn: str, news: Values) -> None:
        """Preview a create."""
        _reported(lambda: self._core.preview_create(Request(urn, news=news)))

    def diff(self, urn: str, state: State, news: Values) -> Diff:
        """Ask for the difference."""
        # A diff that comes after no check is that of a refresh, sides swapped.
        announce, self._checked = self._checked, False
        found = _reported(
            lambda: self._core.diff(Request(urn, state.id, news, state.outputs, announce=announce))
        )
        return Diff(
            found.changes,
            found.replaces,
            found.delete_before_replace,
            tuple(sorted(dict(found.detailed).items())),
        )

    def create(self, urn: str, news: Values) -> State:
        """Create."""
        made = _reported(lambda: self._core.change(Request(urn, news=news)))
        return State(made.id, news, present(made.outputs))

    def update(self, urn: str, state: State, news: Values) -> State:
        """Update."""
        made = _reported(lambda: self._core.change(Request(urn, state.id, news, state.outputs)))
        return State(state.id, news, present(made.outputs))

    def read(self, urn: str, state: State) -> State | None:
        """Refresh or import."""
        found = _reported(lambda: self._core.read(Request(urn, state.id, state.inputs, state.outputs)))
        return None if found is None else State(found.id, present(found.inputs), present(found.outputs))

    def delete(self, urn: str, state: State) -> None:
        """Delete."""
        _reported(lambda: self._core.delete(Request(urn, state.id, olds=state.outputs)))

    def close(self) -> None:
        """Nothing was started."""


def _reported(call: Callable[[], Any]) -> Any:  # noqa: ANN401  # whatever the core answers
    try:
        return call()
    except PartialFailureError as error:
        state = State(error.id, present(error.inputs), present(error.outputs))
        raise BrokenOffError(error.with_code(), state, (error.with_code(),)) from error
    except EdasScaleError as error:
        raise RefusedError(error.with_code()) from error


class _WireFrontEnd:
    """What both processes have in common: the protocol."""

    _stub: Any

    def __init__(self, edas: Emulator) -> None:
        self.edas = edas

    def check(self, urn: str, olds: Values | None, news: Values) -> Values:
        """Check."""
        request = provider_pb2.CheckRequest(urn=urn, news=self._wire(news))
        request.olds.CopyFrom(self._wire(olds) if olds is not None else render_properties({}))
        answer = self._call("Check", request)
        if answer.failures:
            assert not any(each.property for each in answer.failures)
            raise RefusedError(" ".join(each.reason for each in answer.failures))
        return self._plain(answer.inputs)

    def diff(self, urn: str, state: State, news: Values) -> Diff:
        """Ask for the difference."""
        request = provider_pb2.DiffRequest(
            id=state.id,
            urn=urn,
            olds=self._wire(state.outputs),
            old_inputs=self._wire(state.inputs),
            news=self._wire(news),
        )
        answer = self._call("Diff", request)
        assert answer.changes != provider_pb2.DiffResponse.DIFF_UNKNOWN
        return Diff(
            answer.changes == provider_pb2.DiffResponse.DIFF_SOME,
            tuple(answer.replaces),
            answer.deleteBeforeReplace,
            self._detailed(answer),
        )

    def _detailed(self, answer: provider_pb2.DiffResponse) -> tuple[tuple[str, str], ...] | None:
        raise NotImplementedError

    def create(self, urn: str, news: Values) -> State:
        """Create."""
        request = provider_pb2.CreateRequest(urn=urn, properties=self._wire(news))
        answer = self._call("Create", request)
        return State(answer.id, news, self._plain(answer.properties))

    def update(self, urn: str, state: State, news: Values) -> State:
        """Update."""
        request = provider_pb2.UpdateRequest(
            id=state.id,
            urn=urn,
            olds=self._wire(state.outputs),
            old_inputs=self._wire(state.inputs),
            news=self._wire(news),
        )
        return State(state.id, news, self._plain(self._call("Update", request).properties))

    def read(self, urn: str, state: State) -> State | None:
        """Refresh or import."""
        request = provider_pb2.ReadRequest(id=state.id, urn=urn, inputs=self._wire(state.inputs))
        if state.outputs:
            request.properties.CopyFrom(self._wire(state.outputs))
        answer = self._call("Read", request)
        if not answer.id:
            return None
        return State(answer.id, self._plain(answer.inputs), self._plain(answer.properties))

    def delete(self, urn: str, state: State) -> None:
        """Delete."""
        self._call(
            "Delete", provider_pb2.DeleteRequest(id=state.id, urn=urn, properties=self._wire(state.outputs))
        )

    def _call(self, method: str, request: Any) -> Any:  # noqa: ANN401  # generated stubs
        try:
            return getattr(self._stub, method)(request, timeout=WAIT)
        except grpc.RpcError as error:
            failed: Any = error  # the stubs do not say that it is also a call
        assert failed.code() is grpc.StatusCode.UNKNOWN, failed
        details = dict(failed.trailing_metadata() or ()).get("grpc-status-details-bin")
        if details is None:
            raise RefusedError(failed.details())
        status = status_pb2.Status.FromString(details)
        partial = provider_pb2.ErrorResourceInitFailed()
        if not status.details:
            raise RefusedError(status.message)
        assert status.details[0].Unpack(partial)
        state = State(partial.id, self._plain(partial.inputs), self._plain(partial.properties))
        raise BrokenOffError(status.message, state, tuple(partial.reasons))

    def _wire(self, values: Values) -> Any:  # noqa: ANN401  # generated stubs
        return render_properties(values)

    def _plain(self, properties: Any) -> Values:  # noqa: ANN401  # as above
        return parse_properties(properties).values


class DynamicFrontEnd(_WireFrontEnd):
    """The dynamic host in a process of its own."""

    def __init__(self, edas: Emulator) -> None:
        super().__init__(edas)
        self._host = HostProcess(None, environ=edas.environment())
        self._stub = self._host.stub
        self._runs = 0
        self._reference = ""

    def begin(self) -> None:
        """Let the host have a provider of its own for this run."""
        self._runs += 1
        # Not by the SDK's own function: each call of it leaves one more frame in the pickler, for ever.
        pickled = dill.dumps(HastyDynamic(self._runs), recurse=True)
        self._reference = base64.b64encode(pickled).decode()

    def preview_create(self, urn: str, news: Values) -> None:
        """Do nothing: the check did it."""

    def close(self) -> None:
        """End the host."""
        self._host.kill()

    def _detailed(self, answer: provider_pb2.DiffResponse) -> None:
        assert not answer.detailedDiff

    def _wire(self, values: Values) -> Any:  # noqa: ANN401  # generated stubs
        return super()._wire({**values, PROVIDER_KEY: self._reference})

    def _plain(self, properties: Any) -> Values:  # noqa: ANN401  # as above
        values = super()._plain(properties)
        assert values.pop(PROVIDER_KEY) == self._reference
        return values


class PluginFrontEnd(_WireFrontEnd):
    """The plugin in a process of its own."""

    _KINDS: Final = {
        number: name.lower().replace("_", "-") for name, number in provider_pb2.PropertyDiff.Kind.items()
    }

    def __init__(self, edas: Emulator) -> None:
        super().__init__(edas)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.contract.equivalence.hasty"],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **edas.environment()},
        )
        assert self._process.stdout is not None
        self._channel = grpc.insecure_channel(f"127.0.0.1:{int(self._process.stdout.readline())}")
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self._begun = False

    def begin(self) -> None:
        """Cancel, as the engine ends a run, and configure, as it begins the next."""
        if self._begun:
            self._stub.Cancel(empty_pb2.Empty(), timeout=WAIT)
        self._begun = True
        self._stub.Configure(provider_pb2.ConfigureRequest(urn=PROVIDER_URN), timeout=WAIT)

    def preview_create(self, urn: str, news: Values) -> None:
        """Preview a create."""
        self._call("Create", provider_pb2.CreateRequest(urn=urn, properties=self._wire(news), preview=True))

    def close(self) -> None:
        """End the plugin."""
        self._channel.close()
        self._process.kill()
        self._process.communicate()

    def _detailed(self, answer: provider_pb2.DiffResponse) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((path, self._KINDS[each.kind]) for path, each in answer.detailedDiff.items()))
