"""The main front end: ``DeployGroupMembership`` as a Pulumi dynamic resource, a pip install and nothing else.

This file's law: it translates. No decision, no loop, no waiting. Three names in it are state format and never
change, because every state ever written holds them: the module and class
``pulumi_edas_scale.dynamic.Provider`` (a provider is pickled as a reference to its class), and the type token
of the resource. What the host process needs is in ``hosts/dynamic.py`` and, where it reaches past the public
API of dynamic providers, in ``hosts/dynamic_process.py``; a program does not import either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

from pulumi_edas_scale.surface import MembershipSurface

if TYPE_CHECKING:
    import pulumi

    from pulumi_edas_scale.domain.settings import Settings
    from pulumi_edas_scale.hosts.dynamic import DynamicFrontEnd
    from pulumi_edas_scale.hosts.dynamic_process import DynamicHost
    from pulumi_edas_scale.operations.service import Service


class DeployGroupMembership(MembershipSurface, Resource, module="edas-scale", name="DeployGroupMembership"):
    """The members of one EDAS deploy group, as a dynamic resource: no plugin is needed.

    ``get`` needs version 3.272 or later of the pulumi package.
    """

    def _register(
        self, resource_name: str, properties: dict[str, Any], opts: pulumi.ResourceOptions | None
    ) -> None:
        from pulumi_edas_scale.hosts import preflight  # noqa: PLC0415  # only the program pays for it

        preflight.refuse_import(opts)
        preflight.ensure_host_python()
        Resource.__init__(self, Provider(), resource_name, properties, opts)


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
        created = self._front_end.create(props)
        return CreateResult(created.id, created.outputs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Report what is true now."""
        answer = self._front_end.read(id_, props)
        if answer is None:
            return ReadResult(None, {})  # gone; without the empty outputs the host fails
        return ReadResult(answer.id, answer.outputs, answer.inputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Bring the group from what it is to what is listed."""
        return UpdateResult(self._front_end.update(_id, _olds, _news).outputs)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Take the managed members out, unless they are to be retained."""
        self._front_end.delete(_id, _props)
