"""The dynamic front end's side in the host process: between the property bags of the host and the core.

This file's law: it translates. Unknown values become the core's and back, the reference to the provider stays
out of the core and is put back where state needs it, and every error becomes an answer of one line.
"""

from __future__ import annotations

import functools
import os
import sys
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pulumi_edas_scale.domain.errors import EdasScaleError, InputError, InternalError
from pulumi_edas_scale.domain.settings import KEY_SETTINGS, SETTINGS, resolve_settings
from pulumi_edas_scale.hosts import dynamic_process as dynamic_host
from pulumi_edas_scale.hosts.engine import failure_status, format_reasons
from pulumi_edas_scale.hosts.wire import render_properties, sendable_text
from pulumi_edas_scale.operations.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.protobuf import struct_pb2

    from pulumi_edas_scale.domain.settings import Settings
    from pulumi_edas_scale.hosts.dynamic_process import Call, Config, DynamicHost
    from pulumi_edas_scale.operations.request import Diff, Result
    from pulumi_edas_scale.operations.service import Service

T = TypeVar("T")

PROVIDER_KEY: Final = "__provider"
"""Where the host keeps the reference to the provider class, in inputs and in outputs."""


class DynamicFrontEnd:
    """What the host's calls become for the core, and the core's answers for the host.

    Args:
        config: the stack configuration, as the host gives it.
        owner: the class of our provider objects.
        make_operations: returns the operations for settings that are right.
    """

    def __init__(
        self,
        config: Config,
        owner: type,
        make_operations: Callable[[Settings, DynamicHost], Service],
    ) -> None:
        self._host = _host_of_this_process(owner)
        self._operations: Service | None = None
        self._read: set[str] = set()
        self._unusable: EdasScaleError = InternalError("The provider has no operations.")
        try:
            keys = (*(key for row in SETTINGS for key in (row.key, *row.borrowed)), *KEY_SETTINGS)
            settings = resolve_settings(dynamic_host.stack_config(config, keys), os.environ)
            self._operations = make_operations(settings, self._host)
            self._host.on_stop(self._operations.stop)
        except EdasScaleError as error:
            self._unusable = error
        except Exception as error:  # noqa: BLE001  # raised here it would reach the user as a traceback
            self._unusable = _bug("configure", error)

    def check(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return the completed inputs and what is wrong with them; the check of a create is also its preview."""

        def run(operations: Service, call: Call) -> tuple[dict[str, Any], list[str]]:
            request = Request(call.urn, olds=_plain(olds), news=_plain(news))
            membership = "/".join(str(olds.get(name)) for name in ("regionId", "appId", "groupId"))
            self._read.discard(membership)
            checked = operations.check(request)
            for warning in checked.warnings:
                self._host.warn(call.urn, warning)
            if not request.olds and not checked.failures:
                # The engine never asks a dynamic provider for the preview of a create: this is the only
                # chance.
                operations.preview_create(replace(request, news=checked.inputs))
            return dynamic_host.to_engine(checked.inputs), format_reasons(checked.failures)

        def refuse(error: EdasScaleError) -> tuple[dict[str, Any], list[str]]:
            reasons = (
                format_reasons(error.failures)
                if isinstance(error, InputError)
                else [sendable_text(error.with_code())]
            )
            return dict(news), reasons

        return self._answer(news, run, refuse)

    def diff(self, id_: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Diff:
        """Return what a change of inputs, or drift, asks for."""

        def run(operations: Service, call: Call) -> Diff:
            # A refresh asks with the sides swapped; a real diff comes right after the check of the same
            # resource. Where the host does not show whose call it is, everything but a reading before it counts
            # as that: a preview that did not look would pass for a clean one.
            announce = call.previous == "Check" if call.urn else id_ not in self._read
            return operations.diff(replace(_request(call, id_, olds, news), announce=announce))

        return self._answer(news, run)

    def create(self, props: Mapping[str, Any]) -> Result:
        """Create, and return what is true."""
        return self._answer(
            props, lambda operations, call: _sendable(operations.change(_request(call, "", {}, props)))
        )

    def read(self, id_: str, props: Mapping[str, Any]) -> Result | None:
        """Return what is true now, None when it is gone."""

        def run(operations: Service, call: Call) -> Result | None:
            self._read.add(id_)
            outputs = props if call.has_outputs else {}
            result = operations.read(_request(call, id_, outputs, call.inputs or {}))
            return None if result is None else _sendable(result)

        return self._answer(props, run)

    def update(self, id_: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Result:
        """Update, and return what is true."""
        return self._answer(
            news, lambda operations, call: _sendable(operations.change(_request(call, id_, olds, news)))
        )

    def delete(self, id_: str, props: Mapping[str, Any]) -> None:
        """Delete."""
        self._answer(props, lambda operations, call: operations.delete(_request(call, id_, props, {})))

    def _answer(
        self,
        props: Mapping[str, Any],
        run: Callable[[Service, Call], T],
        refuse: Callable[[EdasScaleError], T] | None = None,
    ) -> T:
        """Run an operation and turn its errors into answers of one line.

        Args:
            props: properties of the call that hold the reference to the provider.
            run: the operation.
            refuse: answers an error that is not our bug; None fails the call.
        """
        call = self._host.enter()
        error: EdasScaleError
        try:
            return run(self._usable(), call)
        except EdasScaleError as raised:
            error = raised
        except BaseException as raised:  # noqa: BLE001  # a SystemExit would leave the call unanswered
            self._host.debug(call.urn, "".join(traceback.format_exception(raised)))
            error = _bug(call.method, raised)
        finally:
            self._host.flush()
        if refuse is not None and not isinstance(error, InternalError):
            return refuse(error)

        def with_reference(properties: Mapping[str, object]) -> struct_pb2.Struct:
            # By it the host finds the provider again.
            return render_properties({**properties, PROVIDER_KEY: props[PROVIDER_KEY]})

        raise dynamic_host.failure(call, failure_status(error, with_reference)) from None

    def _usable(self) -> Service:
        if self._operations is None:
            raise self._unusable
        return self._operations


@functools.cache
def _host_of_this_process(owner: type) -> DynamicHost:
    address = dynamic_host.engine_address(sys.argv)

    def is_ours(provider: object) -> bool:
        return isinstance(provider, owner)

    host = dynamic_host.DynamicHost(address, is_ours, dynamic_host.end_process)
    host.attach()
    return host


def _bug(method: str, error: BaseException) -> InternalError:
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return InternalError(f"{method or 'An operation'} broke off with {what.rstrip('.')}.")


def _request(call: Call, id_: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Request:
    """Return what a call asks, with the recorded outputs that the SDK has kept from us."""
    return Request(
        urn=call.urn,
        id=id_,
        olds=_plain({**call.hidden, **olds} if olds else {}),
        news=_plain(news),
        timeout_seconds=call.timeout_seconds,
        ignored=call.ignored,
    )


def _sendable(result: Result) -> Result:
    to_engine = dynamic_host.to_engine
    return replace(result, inputs=to_engine(result.inputs), outputs=to_engine(result.outputs))


def _plain(properties: Mapping[str, Any]) -> dict[str, object]:
    """Return the properties of this package, as the core writes them."""
    return dynamic_host.to_core({name: value for name, value in properties.items() if name != PROVIDER_KEY})
