"""What a Python program sees of ``DeployGroupMembership``: arguments, outputs and their docs, for both front ends.

This file's law: an argument or output is typed and explained here and nowhere else. ``dynamic.py`` and
``native.py`` only add how the resource is registered. Nothing heavy is imported: every program pays for it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence  # noqa: TC003  # Pulumi reads the annotations at run time
from typing import TYPE_CHECKING, Any, Final

import pulumi

from pulumi_edas_scale.functions import Member  # noqa: TC001  # as above

if TYPE_CHECKING:
    from typing_extensions import Self

    from pulumi_edas_scale.domain.choices import ForceScaleIn, OnDelete, WaitFor


class MembershipSurface:
    """The arguments and outputs of a membership; a front end registers them with the engine."""

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
    """The lowest number of running members during a create or update."""
    max_removals: pulumi.Output[int | None] = pulumi.property("maxRemovals")
    """The most members that a create or update may remove; None means no limit."""
    batch_size: pulumi.Output[int] = pulumi.property("batchSize")
    """The most instances in one change order."""
    batch_pause_seconds: pulumi.Output[float] = pulumi.property("batchPauseSeconds")
    """The pause between change orders, in seconds."""
    wait_for: pulumi.Output[str] = pulumi.property("waitFor")
    """When a joined member counts as done: ``running`` or ``order``."""
    join_timeout_seconds: pulumi.Output[int] = pulumi.property("joinTimeoutSeconds")
    """How long a listed instance may take to arrive and to run, in seconds."""
    force_scale_in: pulumi.Output[str] = pulumi.property("forceScaleIn")
    """Which members may be removed by force: ``never`` or ``offline``."""
    confirm_batches: pulumi.Output[bool] = pulumi.property("confirmBatches")
    """Whether batches that wait for manual confirmation are confirmed."""
    on_delete: pulumi.Output[str] = pulumi.property("onDelete")
    """What a delete does with the managed members: ``scaleIn`` or ``retain``."""
    timeout_seconds: pulumi.Output[int] = pulumi.property("timeoutSeconds")
    """The time limit of one create, update or delete, in seconds."""
    members: pulumi.Output[Sequence[Member]] = pulumi.property("members")
    """The managed members that are in the group, sorted by ECU id."""
    foreign_members: pulumi.Output[Sequence[Member]] = pulumi.property("foreignMembers")
    """The members of the group that this membership does not manage, sorted by ECU id."""
    running_count: pulumi.Output[int] = pulumi.property("runningCount")
    """The number of running members of the whole group, including foreign members."""
    group_name: pulumi.Output[str] = pulumi.property("groupName")
    """The name of the deploy group."""
    cluster_id: pulumi.Output[str] = pulumi.property("clusterId")
    """The id of the cluster that the application runs in."""
    change_order_ids: pulumi.Output[Sequence[str]] = pulumi.property("changeOrderIds")
    """The ids of the change orders of the last operation, in the order of submission."""

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
        wait_for: pulumi.Input[WaitFor | str] | None = None,
        join_timeout_seconds: pulumi.Input[int] | None = None,
        force_scale_in: pulumi.Input[ForceScaleIn | str] | None = None,
        confirm_batches: pulumi.Input[bool] | None = None,
        on_delete: pulumi.Input[OnDelete | str] | None = None,
        timeout_seconds: pulumi.Input[int] | None = None,
    ) -> None:
        """Manage which ECS instances are members of one EDAS deploy group.

        Listed instances that are not in the group are scaled out, members that leave the list are scaled in, and
        nothing else is touched: members that the program does not list are reported in ``foreign_members`` and
        left alone unless ``exclusive`` is set. New members join and are seen running before old ones leave.

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
            app_id: the id of the application. Changing this forces a replacement.
            group_id: the id of the deploy group, not its name; ``get_deploy_group`` finds it by name. Changing
                this forces a replacement.
            instance_ids: the ids (``i-...``) of the ECS instances that must be members, in any order. At least
                one of this and ``ecu_ids`` must be given; an empty list means that there are no members.
            ecu_ids: the ids of the ECUs that must be members, in addition to ``instance_ids``.
            region_id: the region of the application. By default the recorded region, or for a new membership
                the region of the settings or the environment. Changing this forces a replacement.
            exclusive: whether the group must hold exactly the listed members. By default False: members that
                are not listed (foreign members) are never touched. True: the preview names them and they are
                scaled in.
            min_running: the lowest number of running members of the group during a create or update, checked
                before every scale in. By default 1; 0 allows stopping the last one.
            max_removals: refuse a create or update that would remove more members than this from the group.
                By default there is no limit.
            batch_size: the most instances in one change order, from 1 to 200. By default 50.
            batch_pause_seconds: the pause between change orders. By default 0.
            wait_for: when a joined member counts as done. ``running`` (the default): the change order has
                succeeded and the member runs. ``order``: the change order has succeeded.
            join_timeout_seconds: how long a listed instance may be missing from the cluster, belong to another
                application or group, or have no EDAS agent that answers, before the operation fails; and how
                long a joined instance may take to run after its change order. By default 300.
            force_scale_in: which members may be removed by force. ``never`` (the default): none. ``offline``:
                members whose EDAS agent is offline, which EDAS cannot stop otherwise.
            confirm_batches: whether to confirm a change order of this membership that waits for the manual
                confirmation of a batch. By default False: the operation waits for a person.
            on_delete: what a delete does with the managed members. ``scaleIn`` (the default): they are scaled
                in. ``retain``: they stay in the group and no change order is sent.
            timeout_seconds: the time limit of one create, update or delete, including the wait for other
                people's change orders. By default 1800. The resource option ``custom_timeouts`` takes
                precedence.
        """
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
        # A property that is not named here would be no attribute of the resource.
        self._register(resource_name, {**dict.fromkeys(TO_CAMEL), **given}, opts)

    @classmethod
    def get(
        cls,
        resource_name: str,
        id: pulumi.Input[str],  # noqa: A002  # as in every Pulumi SDK
        opts: pulumi.ResourceOptions | None = None,
    ) -> Self:
        """Read a membership that exists, without managing it.

        Args:
            resource_name: the name of the resource in the stack.
            id: ``<regionId>/<appId>/<groupId>``.
            opts: Pulumi's resource options.

        Returns:
            A membership whose outputs show the group as it is now.
        """
        membership = cls.__new__(cls)
        by_id = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id))
        membership._register(resource_name, dict.fromkeys(TO_CAMEL), by_id)  # noqa: SLF001  # our own class
        return membership

    def _register(
        self, resource_name: str, properties: dict[str, Any], opts: pulumi.ResourceOptions | None
    ) -> None:
        """Make the resource known to the engine; ``properties`` is a new dict with every property."""
        raise NotImplementedError

    def translate_input_property(self, prop: str) -> str:
        """Return the name in state of a Python name; of a path (``ignore_changes``), that of its first part."""
        return re.sub(r"^\w+", lambda head: TO_CAMEL.get(head[0], head[0]), prop)

    def translate_output_property(self, prop: str) -> str:
        """Return the Python name of a name in state."""
        return TO_SNAKE.get(prop, prop)


TO_CAMEL: Final[dict[str, str]] = {
    snake: getattr(MembershipSurface, snake).name for snake in inspect.get_annotations(MembershipSurface)
}
"""The names in state of the attributes; a test holds them to the table of inputs and outputs."""

TO_SNAKE: Final[dict[str, str]] = {camel: snake for snake, camel in TO_CAMEL.items()}


def _make_getter(snake: str, annotation: object) -> property:
    """Return an output as a property, the form of generated SDKs."""

    def read(self: MembershipSurface) -> object:
        return self.__dict__.get(snake)

    read.__annotations__["return"] = annotation
    return property(pulumi.getter(name=TO_CAMEL[snake])(read))


# Pulumi works out the types of properties once, those of annotated attributes again for each resource.
for _snake, _annotation in inspect.get_annotations(MembershipSurface, eval_str=True).items():
    setattr(MembershipSurface, _snake, _make_getter(_snake, _annotation))
