"""The main front end: ``DeployGroupMembership`` as a Pulumi dynamic resource, a pip install and nothing else.

This file's law: it translates. No decision, no loop, no waiting. Three names in it are state format and never
change, because every state ever written holds them: the module and class
``pulumi_edas_scale.dynamic.Provider`` (a provider is pickled as a reference to its class), and the type token
of the resource. What the host process needs is in ``hosts/dynamic.py`` and, where it reaches past the public
API of dynamic providers, in ``hosts/dynamic_process.py``; a program does not import either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence  # noqa: TC003  # Pulumi reads the annotations at run time
from typing import TYPE_CHECKING, Any, Final

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

from pulumi_edas_scale.functions import Member  # noqa: TC001  # as above

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.settings import Settings
    from pulumi_edas_scale.hosts.dynamic import DynamicFrontEnd
    from pulumi_edas_scale.hosts.dynamic_process import DynamicHost
    from pulumi_edas_scale.operations.service import Service


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
        from pulumi_edas_scale.hosts.preflight import ensure_host_python  # noqa: PLC0415  # only the program pays for it

        ensure_host_python()
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


_PROPERTY: Final = type(pulumi.property("name"))

TO_CAMEL: Final[dict[str, str]] = {
    snake: declared.name
    for snake, declared in vars(DeployGroupMembership).items()
    if isinstance(declared, _PROPERTY)
}
"""The names in state of the attributes; a test holds them to the table of inputs and outputs."""

TO_SNAKE: Final[dict[str, str]] = {camel: snake for snake, camel in TO_CAMEL.items()}


class Provider(ResourceProvider):
    """What the engine calls, in the host process; without state in the program, pickled as a reference."""

    # A reference hides nothing, and every secret costs an encryption.
    serialize_as_secret_always: bool = False

    _configured: DynamicFrontEnd | None = None

    def configure(self, req: ConfigureRequest) -> None:
        """Take the settings of the stack. Wrong ones are reported at the first use; nothing is connected."""
        from pulumi_edas_scale.hosts.dynamic import DynamicFrontEnd  # noqa: PLC0415  # only the host process pays for it

        self._configured = DynamicFrontEnd(req.config, Provider, self._make_operations)

    def _make_operations(self, settings: Settings, host: DynamicHost) -> Service:
        """Return the operations behind this front end."""
        from pulumi_edas_scale.operations.service import Service  # noqa: PLC0415  # as above

        return Service(settings, host, log=host.open_run_log())

    @property
    def _front_end(self) -> DynamicFrontEnd:
        if self._configured is None:
            message = "The provider was called before it was configured."
            raise RuntimeError(message)
        return self._configured

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Check the inputs and fill in what they leave out."""
        inputs, reasons = self._front_end.check(_olds, news)
        # With a property name the engine would print the property's whole value first, and no path.
        return CheckResult(inputs, [CheckFailure("", reason) for reason in reasons])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Say whether something would change, from a live reading."""
        answer = self._front_end.diff(_id, _olds, _news)
        return DiffResult(
            changes=answer.changes,
            replaces=list(answer.replaces),
            delete_before_replace=answer.delete_before_replace,
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Bring the listed members in."""
        return CreateResult(*self._front_end.create(props))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Report what is true now."""
        answer = self._front_end.read(id_, props)
        if answer is None:
            return ReadResult(None, {})  # gone; without the empty outputs the host fails
        return ReadResult(answer.id, answer.outputs, answer.inputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Bring the group from what it is to what is listed."""
        return UpdateResult(self._front_end.update(_id, _olds, _news))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Take the managed members out, unless they are to be retained."""
        self._front_end.delete(_id, _props)
