"""The main door: ``DeployGroupMembership`` as a Pulumi dynamic resource, a pip install and nothing else.

This file's law: it translates. No decision, no loop, no waiting. Three names in it are state format and never
change, because every state ever written holds them: the module and class
``pulumi_edas_scale.dynamic.Provider`` (a provider is pickled as a reference to its class), and the type token
of the resource. What the public API of dynamic providers cannot do is in ``dynamic_host.py``.
"""

from __future__ import annotations

import functools
import os
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import UNKNOWN as ENGINE_UNKNOWN
from pulumi.output import Unknown as EngineUnknown

from pulumi_edas_scale import dynamic_host
from pulumi_edas_scale.errors import EdasScaleError, InputError, InternalError, PartialFailureError
from pulumi_edas_scale.functions import Member  # noqa: TC001  # Pulumi reads the annotations at run time
from pulumi_edas_scale.model import UNKNOWN, Unknown
from pulumi_edas_scale.properties import OUTPUTS, PROPERTIES, snake_case
from pulumi_edas_scale.settings import SETTINGS, resolve_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pulumi_edas_scale import provider as core
    from pulumi_edas_scale.settings import Settings

T = TypeVar("T")

PROVIDER_KEY: Final = "__provider"
"""Where the host keeps the reference to the provider class, in inputs and in outputs."""

TO_CAMEL: Final = {snake_case(name): name for name in (*(row.name for row in PROPERTIES), *OUTPUTS)}
TO_SNAKE: Final = {camel: snake for snake, camel in TO_CAMEL.items()}


class DeployGroupMembership(Resource, module="edas-scale", name="DeployGroupMembership"):
    """The ECS instances that are members of one EDAS deploy group.

    Listed instances that are not in the group are scaled out, members that leave the list are scaled in, and
    nothing else is touched: instances that others put into the group are reported in ``foreign_members`` and
    left alone unless ``exclusive`` is set. New members join, and are seen running, before old ones leave.

    Example::

        web = DeployGroupMembership(
            "web",
            app_id="3616cdca-4f92-4413-b02f-a3a5b31a4f0b",
            group_id="4f1fb6f5-9b5f-4f2b-a6ab-1f1b7e0d9c55",
            instance_ids=["i-bp1a", "i-bp1b"],
            min_running=2,
        )
        pulumi.export("running", web.running_count)

    Args:
        resource_name: the name of the resource in the stack.
        opts: Pulumi's resource options.
        app_id: the id of the application. A change replaces the membership.
        group_id: the id of the deploy group, not its name (``get_deploy_group`` tells it). A change replaces.
        instance_ids: ECS instance ids (``i-...``) that shall be members. The order has no meaning. An empty
            list is an answer; leaving out both this and ``ecu_ids`` is an error.
        ecu_ids: ECU ids that shall be members, in union with ``instance_ids``.
        region_id: the region; by default that of the settings or the environment when the membership is
            created. Only a change of this argument replaces.
        exclusive: whether the group shall hold exactly the listed members. Foreign members are then scaled
            in.
        min_running: how many members of the group must still run after every scale in of a create or update.
            By default 1; 0 allows to stop the last one.
        max_removals: refuse a create or update that would take more members than this out of the group.
        batch_size: most instances in one change order, 1 to 200. By default 50.
        batch_pause_seconds: pause between change orders. By default 0.
        wait_for: ``running`` (the default) waits until joined members run, ``order`` until their order has
            ended.
        join_timeout_seconds: how long a listed instance may still be on its way into the cluster or into
            running. By default 300.
        force_scale_in: ``offline`` forces members out whose EDAS agent does not answer. By default ``never``.
        confirm_batches: whether to confirm an order of this membership that waits for a person.
        on_delete: what a delete does with the managed members: ``scaleIn`` (the default) or ``retain``.
        timeout_seconds: for one create, update or delete, other people's orders included. By default 1800.
            ``custom_timeouts`` win.
    """

    region_id: pulumi.Output[str] = pulumi.property("regionId")
    """The region of the application."""
    app_id: pulumi.Output[str] = pulumi.property("appId")
    """The id of the application."""
    group_id: pulumi.Output[str] = pulumi.property("groupId")
    """The id of the deploy group."""
    instance_ids: pulumi.Output[Sequence[str] | None] = pulumi.property("instanceIds")
    """The listed ECS instance ids, sorted; None when no such list was given."""
    ecu_ids: pulumi.Output[Sequence[str] | None] = pulumi.property("ecuIds")
    """The listed ECU ids, sorted; None when no such list was given."""
    exclusive: pulumi.Output[bool] = pulumi.property("exclusive")
    """Whether the group holds exactly the listed members."""
    min_running: pulumi.Output[int] = pulumi.property("minRunning")
    """How many members must still run after every scale in."""
    max_removals: pulumi.Output[int | None] = pulumi.property("maxRemovals")
    """How many members a create or update may take out of the group; None: any number."""
    batch_size: pulumi.Output[int] = pulumi.property("batchSize")
    """Most instances in one change order."""
    batch_pause_seconds: pulumi.Output[float] = pulumi.property("batchPauseSeconds")
    """Seconds between change orders."""
    wait_for: pulumi.Output[str] = pulumi.property("waitFor")
    """What is waited for: ``running`` or ``order``."""
    join_timeout_seconds: pulumi.Output[int] = pulumi.property("joinTimeoutSeconds")
    """Seconds that a listed instance may take to arrive and to run."""
    force_scale_in: pulumi.Output[str] = pulumi.property("forceScaleIn")
    """Which members are forced out: ``never`` or ``offline``."""
    confirm_batches: pulumi.Output[bool] = pulumi.property("confirmBatches")
    """Whether orders that wait for a person are confirmed."""
    on_delete: pulumi.Output[str] = pulumi.property("onDelete")
    """What a delete does: ``scaleIn`` or ``retain``."""
    timeout_seconds: pulumi.Output[int] = pulumi.property("timeoutSeconds")
    """Seconds for one create, update or delete."""
    members: pulumi.Output[Sequence[Member]] = pulumi.property("members")
    """The managed members as last seen, sorted by ECU id."""
    foreign_members: pulumi.Output[Sequence[Member]] = pulumi.property("foreignMembers")
    """Members of the group that this membership does not manage."""
    running_count: pulumi.Output[int] = pulumi.property("runningCount")
    """How many members of the whole group run."""
    group_name: pulumi.Output[str] = pulumi.property("groupName")
    """The name of the deploy group."""
    cluster_id: pulumi.Output[str] = pulumi.property("clusterId")
    """The cluster that the application runs in."""
    change_order_ids: pulumi.Output[Sequence[str]] = pulumi.property("changeOrderIds")
    """The change orders of the last operation, in the order of their submission."""

    def __init__(  # noqa: PLR0913  # one argument per input, by name
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        app_id: pulumi.Input[str],
        group_id: pulumi.Input[str],
        instance_ids: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        ecu_ids: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        region_id: pulumi.Input[str] | None = None,
        exclusive: pulumi.Input[bool] | None = None,
        min_running: pulumi.Input[int] | None = None,
        max_removals: pulumi.Input[int] | None = None,
        batch_size: pulumi.Input[int] | None = None,
        batch_pause_seconds: pulumi.Input[float] | None = None,
        wait_for: pulumi.Input[str] | None = None,
        join_timeout_seconds: pulumi.Input[int] | None = None,
        force_scale_in: pulumi.Input[str] | None = None,
        confirm_batches: pulumi.Input[bool] | None = None,
        on_delete: pulumi.Input[str] | None = None,
        timeout_seconds: pulumi.Input[int] | None = None,
    ) -> None:
        given = {
            "app_id": app_id,
            "group_id": group_id,
            "instance_ids": instance_ids,
            "ecu_ids": ecu_ids,
            "region_id": region_id,
            "exclusive": exclusive,
            "min_running": min_running,
            "max_removals": max_removals,
            "batch_size": batch_size,
            "batch_pause_seconds": batch_pause_seconds,
            "wait_for": wait_for,
            "join_timeout_seconds": join_timeout_seconds,
            "force_scale_in": force_scale_in,
            "confirm_batches": confirm_batches,
            "on_delete": on_delete,
            "timeout_seconds": timeout_seconds,
        }
        self._register(resource_name, given, opts)

    @classmethod
    def get(
        cls,
        resource_name: str,
        id: pulumi.Input[str],  # noqa: A002  # as in every Pulumi SDK
        opts: pulumi.ResourceOptions | None = None,
    ) -> DeployGroupMembership:
        """Read a membership that exists, without managing it.

        Old versions of the pulumi package cannot do this for dynamic resources; 3.272 can.

        Args:
            resource_name: the name of the resource in the stack.
            id: ``<regionId>/<appId>/<groupId>``.
            opts: Pulumi's resource options.

        Returns:
            A membership whose outputs say how the group is now.
        """
        membership = cls.__new__(cls)
        by_id = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id))
        membership._register(resource_name, {}, by_id)  # noqa: SLF001  # our own class
        return membership

    def _register(
        self, resource_name: str, given: Mapping[str, object], opts: pulumi.ResourceOptions | None
    ) -> None:
        # A property that is not named here would be no attribute of the resource. The dict is a fresh one,
        # because the SDK writes the provider into it.
        properties: dict[str, Any] = {**dict.fromkeys(TO_CAMEL), **given}
        super().__init__(Provider(), resource_name, properties, opts)

    def translate_input_property(self, prop: str) -> str:
        """Return the name in state of a Python name; paths (``ignore_changes``) by their first part."""
        head = re.match(r"\w*", prop)
        name = head[0] if head else ""
        return TO_CAMEL.get(name, name) + prop[len(name) :]

    def translate_output_property(self, prop: str) -> str:
        """Return the Python name of a name in state."""
        return TO_SNAKE.get(prop, prop)


class Provider(ResourceProvider):
    """What the engine calls, in the host process; without state in the program, pickled as a reference."""

    # A reference hides nothing, and every secret costs an encryption.
    serialize_as_secret_always: bool = False

    _operations: core.Provider | None = None
    _unusable: EdasScaleError | None = None

    def configure(self, req: ConfigureRequest) -> None:
        """Take the settings of the stack. Wrong ones are reported at the first use; nothing is connected."""
        host = _host_of_this_process()
        config = dynamic_host.stack_config(req.config, _config_keys())
        try:
            settings = resolve_settings(config, os.environ)
            self._operations = self._make_operations(settings, host)
            host.on_stop(self._operations.wake)
        except EdasScaleError as error:
            self._unusable = error
        except Exception as error:  # noqa: BLE001  # raised here it would reach the user as a traceback
            self._unusable = _bug("configure", error)

    def _make_operations(self, settings: Settings, host: dynamic_host.DynamicHost) -> core.Provider:
        """Return the operations behind this door; the programs that import this file do not need them."""
        from pulumi_edas_scale import provider  # noqa: PLC0415  # only the host process pays for it

        return provider.Provider(settings, host)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Check the inputs and fill in what they leave out."""

        def run(operations: core.Provider, call: dynamic_host.Call) -> CheckResult:
            recorded = _plain(_olds) or None
            checked = operations.check(_urn(call), recorded, _plain(news))
            for warning in checked.warnings:
                _host_of_this_process().warn(call.urn, warning)
            if recorded is None and not checked.failures:
                # The engine never asks a dynamic provider for the preview of a create: this is the only chance.
                operations.preview_create(_urn(call), checked.inputs)
            return CheckResult(_for_engine(checked.inputs), _check_failures(checked.failures))

        def refuse(error: EdasScaleError) -> CheckResult:
            failures = error.failures if isinstance(error, InputError) else (("", str(error)),)
            return CheckResult(dict(news), _check_failures(failures))

        return self._answer(news, run, refuse)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Say whether something would change, from a live reading."""

        def run(operations: core.Provider, call: dynamic_host.Call) -> DiffResult:
            # A refresh asks with the sides swapped; a real diff comes right after the check of the same
            # resource.
            announce = call.previous == "Check"
            answer = operations.diff(_urn(call), _id, _plain(_olds), _plain(_news), announce=announce)
            return DiffResult(
                changes=answer.changes,
                replaces=list(answer.replaces),
                delete_before_replace=answer.delete_before_replace,
            )

        return self._answer(_news, run)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Bring the listed members in."""

        def run(operations: core.Provider, call: dynamic_host.Call) -> CreateResult:
            id_, outputs = operations.create(_urn(call), _plain(props), call.timeout_seconds)
            return CreateResult(id_, outputs)

        return self._answer(props, run)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Report what is true now."""

        def run(operations: core.Provider, call: dynamic_host.Call) -> ReadResult:
            outputs = _plain(props) if call.has_outputs else {}
            answer = operations.read(_urn(call), id_, outputs or None, _plain(call.inputs or {}) or None)
            if answer is None:
                return ReadResult(None, {})  # gone; without the empty outputs the host fails
            return ReadResult(answer.id, answer.outputs, answer.inputs)

        return self._answer(props, run)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Bring the group from what it is to what is listed."""

        def run(operations: core.Provider, call: dynamic_host.Call) -> UpdateResult:
            outputs = operations.update(_urn(call), _id, _plain(_olds), _plain(_news), call.timeout_seconds)
            return UpdateResult(outputs)

        return self._answer(_news, run)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Take the managed members out, unless they are to be retained."""

        def run(operations: core.Provider, call: dynamic_host.Call) -> None:
            operations.delete(_urn(call), _id, _plain(_props), call.timeout_seconds)

        self._answer(_props, run)

    def _answer(
        self,
        props: Mapping[str, Any],
        run: Callable[[core.Provider, dynamic_host.Call], T],
        refuse: Callable[[EdasScaleError], T] | None = None,
    ) -> T:
        """Run an operation and turn its errors into answers of one line.

        Args:
            props: properties of the call that hold the reference to the provider.
            run: the operation.
            refuse: answers an error that is not our bug; None fails the call.
        """
        host = _host_of_this_process()
        call = host.enter()
        error: EdasScaleError
        try:
            return run(self._usable(), call)
        except EdasScaleError as raised:
            error = raised
        except BaseException as raised:  # noqa: BLE001  # a SystemExit would leave the call unanswered
            host.debug(call.urn, "".join(traceback.format_exception(raised)))
            error = _bug(call.method, raised)
        finally:
            host.flush()
        if refuse is not None and not isinstance(error, InternalError):
            return refuse(error)
        raise dynamic_host.failure(call, str(error), _partial_state(error, props)) from None

    def _usable(self) -> core.Provider:
        if self._unusable is not None:
            raise self._unusable
        if self._operations is None:
            raise InternalError("The provider was called before it was configured.")
        return self._operations


@functools.cache
def _host_of_this_process() -> dynamic_host.DynamicHost:
    address = dynamic_host.engine_address(sys.argv)
    host = dynamic_host.DynamicHost(address, _is_ours, dynamic_host.end_process)
    host.attach()
    return host


def _is_ours(provider: object) -> bool:
    return isinstance(provider, Provider)


def _config_keys() -> list[str]:
    return [key for row in SETTINGS for key in (row.key, *row.borrowed)]


def _bug(method: str, error: BaseException) -> InternalError:
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return InternalError(f"{method or 'An operation'} broke off with {what.rstrip('.')}.")


def _urn(call: dynamic_host.Call) -> str | None:
    return call.urn or None


def _check_failures(failures: Iterable[tuple[str, str]]) -> list[CheckFailure]:
    # With a property name the engine would print the property's whole value first, and no path (it knows
    # none).
    return [CheckFailure("", f"{path}: {reason}" if path else reason) for path, reason in failures]


def _partial_state(error: EdasScaleError, props: Mapping[str, Any]) -> dynamic_host.PartialState | None:
    if not isinstance(error, PartialFailureError):
        return None
    reference = {PROVIDER_KEY: props[PROVIDER_KEY]}
    return dynamic_host.PartialState(
        id=error.id,
        inputs={**error.inputs, **reference},
        outputs={**error.outputs, **reference},
        reasons=error.reasons or (error.message,),  # the engine prints the reasons only
    )


def _plain(properties: Mapping[str, Any]) -> dict[str, object]:
    """Return the properties of this package, with unknown values in the core's spelling."""
    return {name: _known(value) for name, value in properties.items() if name != PROVIDER_KEY}


def _known(value: object) -> object:
    if isinstance(value, EngineUnknown):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _known(part) for key, part in value.items()}
    return [_known(part) for part in value] if isinstance(value, list) else value


def _for_engine(properties: Mapping[str, object]) -> dict[str, Any]:
    """Return properties with unknown values in the engine's spelling."""
    return {name: _unknown(value) for name, value in properties.items()}


def _unknown(value: object) -> object:
    if isinstance(value, Unknown):
        return ENGINE_UNKNOWN
    if isinstance(value, Mapping):
        return {key: _unknown(part) for key, part in value.items()}
    return [_unknown(part) for part in value] if isinstance(value, list | tuple) else value
