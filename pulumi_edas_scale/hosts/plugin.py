# ruff: noqa: N802  # the method names are those of the protocol

"""The plugin's service: Pulumi's provider protocol, answered by the core.

This file's law: it translates. Messages become plain values (``hosts/wire.py``), the core decides and
acts, its answers become messages. What may wait for EDAS has threads of its own, so that Cancel and Check are
answered at once whatever is under way.
"""

from __future__ import annotations

import os
import traceback
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
from google.protobuf import empty_pb2

from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.errors import EdasScaleError, InputError, InternalError, OperationError
from pulumi_edas_scale.domain.settings import (
    ACCOUNT_SETTINGS,
    NAMESPACE,
    PULUMI_KEYS,
    UNUSABLE_SETTINGS,
    Settings,
    resolve_settings,
)
from pulumi_edas_scale.hosts.call_threads import MOST_WAITING, CallThreads, answered_in
from pulumi_edas_scale.hosts.engine import Engine, EngineHost, failure_status, format_reasons
from pulumi_edas_scale.hosts.protocol import plugin_pb2, provider_pb2, provider_pb2_grpc
from pulumi_edas_scale.hosts.stack_file import find_settings
from pulumi_edas_scale.hosts.wire import parse_properties, render_properties
from pulumi_edas_scale.operations.request import Request
from pulumi_edas_scale.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from google.protobuf import struct_pb2

    from pulumi_edas_scale.domain.codes import Failure
    from pulumi_edas_scale.operations.service import Service

    Context = grpc.ServicerContext

T = TypeVar("T")

RESOURCE_TYPE: Final = "edas-scale:index:DeployGroupMembership"

_waiting: Final = CallThreads(MOST_WAITING, "waiting")
"""For the methods that may wait for EDAS; the others are answered in the threads of the server."""

_cancelling: Final = CallThreads(1, "cancelling")
"""For Cancel alone, which waits for nobody: an answer of the others may wait for the engine to take its lines."""

_OF_THE_LISTS: Final = frozenset({"instanceIds", "ecuIds"})
_DERIVED_FROM_THE_LISTS: Final = frozenset({"members", "__unsettled"})
"""Outputs that name the members: as secret as the lists of the program."""

_DIFF_KINDS: Final = {
    "add": provider_pb2.PropertyDiff.ADD,
    "add-replace": provider_pb2.PropertyDiff.ADD_REPLACE,
    "delete": provider_pb2.PropertyDiff.DELETE,
    "delete-replace": provider_pb2.PropertyDiff.DELETE_REPLACE,
    "update": provider_pb2.PropertyDiff.UPDATE,
    "update-replace": provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


def _make_provider(settings: Settings, host: EngineHost) -> Service:
    """Make the core's provider, which is imported with its first use."""
    service = import_module("pulumi_edas_scale.operations.service")
    made: Service = service.Service(settings, host, log=host.open_run_log())
    return made


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """Pulumi's provider protocol, answered by the core.

    Args:
        engine: the one that started this process; one without an address when somebody did it by hand.
        make_provider: makes the core's provider of settings and host; cheap, and without the network.
    """

    def __init__(
        self, engine: Engine, make_provider: Callable[[Settings, EngineHost], Service] = _make_provider
    ) -> None:
        self._started_by_hand = engine.address is None
        self._engine = engine
        self._make_provider = make_provider
        self._host = EngineHost(engine)
        self._provider: Service | None = None
        self._checked: set[str] = set()

    # The process and its engine

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: Context
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Learn where the engine is, and say what is understood: secrets, but no resource references."""
        del context
        self._turn_to(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: plugin_pb2.PluginAttach, context: Context) -> empty_pb2.Empty:
        """Learn where the engine is that found this process running (PULUMI_DEBUG_PROVIDERS)."""
        del context
        self._turn_to(request.address)
        return empty_pb2.Empty()

    def _turn_to(self, address: str) -> None:
        # A process that an engine started serves and outlives no other: who attaches to it may leave again.
        if self._started_by_hand and address and address != self._engine.address:
            self._engine = Engine(address)
            self._engine.watch()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> plugin_pb2.PluginInfo:
        """Return the version, which the engine compares with that of the program's SDK."""
        del request, context
        return plugin_pb2.PluginInfo(version=__version__)

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: Context
    ) -> provider_pb2.GetSchemaResponse:
        """Return schema.json."""
        if request.version:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED, f"This plugin knows schema version 0, not {request.version}."
            )
        return provider_pb2.GetSchemaResponse(schema=read_schema())

    def GetMapping(
        self, request: provider_pb2.GetMappingRequest, context: Context
    ) -> provider_pb2.GetMappingResponse:
        """Say that no provider of another tool is converted to this one."""
        del request, context
        return provider_pb2.GetMappingResponse()

    def GetMappings(
        self, request: provider_pb2.GetMappingsRequest, context: Context
    ) -> provider_pb2.GetMappingsResponse:
        """Say that no provider of another tool is converted to this one."""
        del request, context
        return provider_pb2.GetMappingsResponse()

    @answered_in(_cancelling)
    def Cancel(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:
        """Put up the stop sign; in silence, as the engine also calls this after every healthy operation."""
        del request, context
        self.stop()
        return empty_pb2.Empty()

    def stop(self) -> None:
        """Stop what is under way: nothing more is sent, and each operation ends with what is true."""
        self._host.cancel()

    # Settings

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        """Check the settings without using them."""
        del context
        news = parse_properties(request.news)
        failures: tuple[Failure, ...] = ()
        try:
            _settings_of(request.urn, news.values)
        except InputError as error:
            failures = error.failures
        return provider_pb2.CheckResponse(inputs=request.news, failures=_refusals(failures))

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        """Say which settings changed; none replaces the provider, as every state knows its own region."""
        del context
        olds = parse_properties(request.old_inputs if request.HasField("old_inputs") else request.olds).values
        news = parse_properties(request.news).values
        detailed = [
            (name, "add" if name not in olds else "update" if name in news else "delete")
            for name in sorted({*olds, *news} - PULUMI_KEYS)
            if olds.get(name) != news.get(name)
        ]
        return _diff_response(detailed, changes=bool(detailed), input_diff=True)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: Context
    ) -> provider_pb2.ConfigureResponse:
        """Take the settings for what follows, and take down the stop sign."""
        reported = parse_properties(request.args).values
        self._answer(context, lambda: self._configure(_settings_of(request.urn, reported)))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def _configure(self, settings: Settings) -> None:
        before = self._provider
        self._checked.clear()
        self._host = EngineHost(self._engine)
        self._provider = self._make_provider(settings, self._host)
        self._host.on_stop(self._provider.stop)
        if before is not None:
            # Only now: it may be alone in the run that both belong to, which would be forgotten with it.
            before.leave_run()

    # Memberships

    def Check(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        """Check and complete the inputs of a membership."""
        urn, olds, news = request.urn, parse_properties(request.olds), parse_properties(request.news)
        secret = news.secret | (olds.secret - news.values.keys())

        def check(core: Service) -> provider_pb2.CheckResponse:
            checked = core.check(Request(urn, olds=olds.values, news=news.values))
            for warning in checked.warnings:
                self._host.warn(urn, warning)
            return provider_pb2.CheckResponse(
                inputs=_wire(checked.inputs, secret), failures=_refusals(checked.failures)
            )

        checked = self._call(context, urn, check)
        # A diff is about a change only when it follows a check; a refresh asks it too, sides swapped.
        self._checked.add(urn)
        return checked

    @answered_in(_waiting)
    def Diff(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        """Say what a change would do, property by property."""
        asked = Request(
            request.urn,
            request.id,
            olds=parse_properties(request.olds).values,
            news=parse_properties(request.news).values,
            ignored=tuple(request.ignoreChanges),
            announce=request.urn in self._checked,
        )
        self._checked.discard(request.urn)

        def diff(core: Service) -> provider_pb2.DiffResponse:
            answer = core.diff(asked)
            response = _diff_response(answer.detailed, changes=answer.changes, input_diff=False)
            response.replaces.extend(answer.replaces)
            response.deleteBeforeReplace = answer.delete_before_replace
            return response

        return self._call(context, request.urn, diff)

    @answered_in(_waiting)
    def Create(self, request: provider_pb2.CreateRequest, context: Context) -> provider_pb2.CreateResponse:
        """Create a membership, or say what its outputs would be."""
        news = parse_properties(request.properties)
        asked = Request(request.urn, news=news.values, timeout_seconds=request.timeout or None)

        def create(core: Service) -> provider_pb2.CreateResponse:
            result = core.preview_create(asked) if request.preview else core.change(asked)
            return provider_pb2.CreateResponse(id=result.id, properties=_wire(result.outputs, news.secret))

        return self._call(context, request.urn, create, news.secret)

    @answered_in(_waiting)
    def Update(self, request: provider_pb2.UpdateRequest, context: Context) -> provider_pb2.UpdateResponse:
        """Update a membership, or say what its outputs would be: what it does was said by the diff."""
        news = parse_properties(request.news)
        asked = Request(
            request.urn,
            request.id,
            olds=parse_properties(request.olds).values,
            news=news.values,
            timeout_seconds=request.timeout or None,
            ignored=tuple(request.ignoreChanges),
        )

        def update(core: Service) -> provider_pb2.UpdateResponse:
            result = asked.expected_result() if request.preview else core.change(asked)
            return provider_pb2.UpdateResponse(properties=_wire(result.outputs, news.secret))

        return self._call(context, request.urn, update, news.secret)

    @answered_in(_waiting)
    def Read(self, request: provider_pb2.ReadRequest, context: Context) -> provider_pb2.ReadResponse:
        """Read a membership for a refresh, or for an import when nothing is recorded of it."""
        outputs, inputs = parse_properties(request.properties), parse_properties(request.inputs)
        secret = outputs.secret | inputs.secret
        asked = Request(request.urn, request.id, olds=outputs.values, news=inputs.values)

        def read(core: Service) -> provider_pb2.ReadResponse:
            result = core.read(asked)
            if result is None:
                return provider_pb2.ReadResponse()  # an empty id: it is gone
            return provider_pb2.ReadResponse(
                id=result.id, properties=_wire(result.outputs, secret), inputs=_wire(result.inputs, secret)
            )

        self._checked.discard(request.urn)
        return self._call(context, request.urn, read, secret)

    @answered_in(_waiting)
    def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:
        """Delete a membership."""
        olds = parse_properties(request.properties)
        asked = Request(request.urn, request.id, olds=olds.values, timeout_seconds=request.timeout or None)

        def delete(core: Service) -> empty_pb2.Empty:
            core.delete(asked)
            return empty_pb2.Empty()

        return self._call(context, request.urn, delete, olds.secret)

    @answered_in(_waiting)
    def Invoke(self, request: provider_pb2.InvokeRequest, context: Context) -> provider_pb2.InvokeResponse:
        """Answer a function."""
        arguments = parse_properties(request.args).values

        def invoke(core: Service) -> provider_pb2.InvokeResponse:
            fields: dict[str, Any] = {"return": render_properties(core.invoke(request.tok, arguments))}
            return provider_pb2.InvokeResponse(**fields)  # a keyword of Python

        return self._answer(context, lambda: invoke(self._core()))

    # Calls of the core

    def _call(
        self,
        context: Context,
        urn: str,
        call: Callable[[Service], T],
        secret: Collection[str] = (),
    ) -> T:
        """Ask the core something about a membership."""

        def ask() -> T:
            # urn:pulumi:stack::project::parent$type::name
            kind = "".join(urn.split("::")[2:3]).rpartition("$")[2]
            if kind != RESOURCE_TYPE:
                words = f"{kind or urn!r} is not a resource of this package; it has {RESOURCE_TYPE}."
                raise OperationError(Message("ES130", words))
            return call(self._core())

        return self._answer(context, ask, urn, secret)

    def _core(self) -> Service:
        if self._provider is None:
            words = "The provider has no settings yet: the engine must call Configure first."
            raise OperationError(Message("", words))
        return self._provider

    def _answer(
        self,
        context: Context,
        call: Callable[[], T],
        urn: str = "",
        secret: Collection[str] = (),
    ) -> T:
        """Make an answer; what is raised becomes one, one paragraph, no traceback."""
        failure: EdasScaleError
        try:
            return call()
        except EdasScaleError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  # a bug of ours: the engine must get an answer all the same
            self._host.debug(urn, traceback.format_exc())
            failure = InternalError(f"{type(error).__name__}: {error}.")
        finally:
            self._host.flush()
        status = failure_status(failure, partial(_wire, secret=secret))
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        return context.abort(grpc.StatusCode.UNKNOWN, status.message)


def read_schema() -> str:
    """Return schema.json: beside this file in an installation, at the top of the repository in a checkout.

    Raises:
        FileNotFoundError: the installation is not complete.
    """
    package = Path(__file__).parents[1]
    installed = package / "schema.json"
    return (installed if installed.is_file() else package.parent / "schema.json").read_text("utf-8")


def _settings_of(urn: str, reported: Mapping[str, object]) -> Settings:
    """Return the settings of a provider resource.

    The engine makes the inputs of a default provider of the stack configuration, so messages name that.
    """
    explicit = {name: value for name, value in reported.items() if not name.startswith("__")}
    config = {}
    name = urn.rpartition("::")[2]
    if name == "default" or name.startswith("default_"):
        config = {f"{NAMESPACE}:{key}": value for key, value in explicit.items() if isinstance(value, str)}
        explicit = {key: value for key, value in explicit.items() if not isinstance(value, str)}
    settings = resolve_settings(config, os.environ, explicit)
    if settings.profile is None or settings.profile not in {*config.values(), *explicit.values()}:
        # The dynamic provider would sign with these; a plugin cannot see more than that they are there.
        hidden = find_settings(urn, Path.cwd(), (*ACCOUNT_SETTINGS, *UNUSABLE_SETTINGS))
        settings = replace(settings, ignored=hidden)
    return settings


def _refusals(failures: Sequence[Failure]) -> Iterator[provider_pb2.CheckFailure]:
    for reason in format_reasons(failures):
        yield provider_pb2.CheckFailure(reason=reason)


def _wire(properties: Mapping[str, object], secret: Collection[str]) -> struct_pb2.Struct:
    """Return the message of inputs or outputs in which what names secret members is secret too."""
    public = _OF_THE_LISTS.isdisjoint(secret)
    return render_properties(properties, secret if public else _DERIVED_FROM_THE_LISTS.union(secret))


def _diff_response(
    detailed: Sequence[tuple[str, str]], *, changes: bool, input_diff: bool
) -> provider_pb2.DiffResponse:
    diff = provider_pb2.DiffResponse
    return diff(
        changes=diff.DIFF_SOME if changes else diff.DIFF_NONE,
        diffs=sorted({path.partition("[")[0].partition(".")[0] for path, _ in detailed}),
        detailedDiff={
            path: provider_pb2.PropertyDiff(kind=_DIFF_KINDS[kind], inputDiff=input_diff)
            for path, kind in detailed
        },
        hasDetailedDiff=bool(detailed),
    )
