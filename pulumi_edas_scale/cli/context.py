"""What every command that asks EDAS needs: options, settings, one session, and how things are found by name.

This file's law: nothing is sent that could change anything. A call that fails is retried for some seconds,
because a person is waiting.
"""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

import click

from pulumi_edas_scale.cli.output import Failure, WrongUse, note, output_options
from pulumi_edas_scale.cli.recorder import Recorder
from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.clock import IMPATIENT_RETRY_SECONDS, OperationContext, ThreadRuntime
from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.errors import BusinessError, InputError
from pulumi_edas_scale.domain.model import Scope
from pulumi_edas_scale.domain.settings import resolve_settings
from pulumi_edas_scale.edas.client import SdkClient
from pulumi_edas_scale.operations.ownership import Ownership
from pulumi_edas_scale.operations.session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pulumi_edas_scale.domain.clock import Runtime
    from pulumi_edas_scale.domain.model import Application, ApplicationSummary, ChangeOrder, DeployGroup
    from pulumi_edas_scale.domain.settings import Settings
    from pulumi_edas_scale.operations.session import Session

SILENT_COMMAND_SECONDS: Final = 3.0
"""How long a command may wait without a word; ten seconds of silence would be a defect."""

OPTIONS: Final = {
    "regionId": "the option --region",
    "endpoint": "the option --endpoint",
    "profile": "the option --profile",
}
"""The option that sets a setting, as a message calls it."""


@dataclass(frozen=True, slots=True)
class CliContext:
    """What a command sees of the process it runs in; click's ``obj``.

    Attributes:
        environ: the environment.
        runtime: monotonic time, chance and waiting.
        wall_clock: the time of day, with its zone.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    runtime: Runtime = field(default_factory=ThreadRuntime)
    wall_clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class Cloud:
    """EDAS in one region, for the length of a command."""

    cli_context: CliContext
    settings: Settings
    region_id: str
    client: SdkClient
    recorder: Recorder
    session: Session

    @property
    def context(self) -> OperationContext:
        """The bounds of one reading."""
        runtime = self.cli_context.runtime
        return OperationContext(
            runtime, retry_timeout=IMPATIENT_RETRY_SECONDS, report=report_waiting(runtime)
        )

    def application(self, wanted: str) -> Application:
        """Return an application by its id or its name, read now.

        Raises:
            Failure: there is none, or several have the name.
        """
        if _ID.fullmatch(wanted):
            try:
                return self.read(wanted)
            except BusinessError:
                # An application may be named like an id; only one that is listed is refused for another reason.
                if any(each.app_id == wanted for each in self.session.reads.applications(self.context)):
                    raise
        return self.read(self.summary(wanted).app_id)

    def summary(self, wanted: str) -> ApplicationSummary:
        """Return an application's line in the list of the region, by its id or its name.

        Raises:
            Failure: there is none, or several have the name.
        """
        known = self.session.reads.applications(self.context)
        # An id comes first: a name that looks like another application's id must not hide that one.
        found = [each for each in known if each.app_id == wanted] or [
            each for each in known if each.name == wanted
        ]
        if len(found) == 1:
            return found[0]
        if found:
            ids = messages.join_list(each.app_id for each in found)
            raise Failure(
                f"{len(found)} applications in region {self.region_id} have the name '{wanted}': {ids}. Use an id."
            )
        listed = messages.join_list(f"{each.name} ({each.app_id})" for each in known) or "none"
        raise Failure(
            f"There is no application '{wanted}' in region {self.region_id}, or these credentials do not see it. "
            f"They see: {listed}."
        )

    def read(self, app_id: str) -> Application:
        """Return a reading of an application that begins now."""
        # A person looks again because something has changed: a shared reading would show the past.
        begun_after = self.cli_context.runtime.now()
        return self.session.reads.application(app_id, self.context, begun_after=begun_after).value

    def change_orders(self, app_id: str) -> tuple[ChangeOrder, ...]:
        """Return the recent change orders of an application, the newest first."""
        orders = self.session.reads.change_orders(app_id, self.context)
        return tuple(sorted(orders, key=lambda each: (each.created_at, each.order_id), reverse=True))

    def group(self, live: Application, wanted: str) -> DeployGroup:
        """Return a deploy group of an application by its id or its name.

        Raises:
            Failure: there is none, or several have the name.
        """
        found = [each for each in live.groups if each.group_id == wanted] or [
            each for each in live.groups if each.name == wanted
        ]
        if len(found) == 1:
            return found[0]
        words = (
            f"Application {live.name} ({live.app_id}) has {len(found) or 'no'} deploy group"
            f"{'s' if found else ''} '{wanted}'. {messages.list_groups(live)}"
        )
        raise Failure(Message("ES123", words).with_code())

    def scope(self, live: Application, group: DeployGroup) -> Scope:
        """Return whose members a membership of that group manages."""
        return Scope(self.region_id, live.app_id, group.group_id)


_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def cli_context_of(ctx: click.Context) -> CliContext:
    """Return what the caller gave, else the process itself."""
    return ctx.obj if isinstance(ctx.obj, CliContext) else CliContext()


def open_cloud(ctx: click.Context, *, region: str | None, endpoint: str | None, profile: str | None) -> Cloud:
    """Return EDAS as options and environment say; no call is made.

    Raises:
        Failure: an option or a variable cannot be right, or no region is given.
    """
    cli_context = cli_context_of(ctx)
    settings = settings_of(cli_context.environ, region=region, endpoint=endpoint, profile=profile)
    if settings.region_id is None:
        raise WrongUse("No region is given. Use --region, or set ALIBABA_CLOUD_REGION_ID.")
    recorder = Recorder()
    runtime = cli_context.runtime
    bounds = OperationContext(runtime, retry_timeout=IMPATIENT_RETRY_SECONDS, report=report_waiting(runtime))
    client = SdkClient(
        region_id=settings.region_id,
        endpoint=settings.endpoint,
        network=settings.network,
        profile=settings.profile,
        call_timeout=settings.call_timeout_seconds,
        environ=cli_context.environ,
        watch=recorder.note,
    ).within(bounds)
    session = open_session(client, cli_context.runtime, Ownership())
    return Cloud(cli_context, settings, settings.region_id, client, recorder, session)


def report_waiting(runtime: Runtime) -> Callable[[str], None]:
    """Return what says on stderr why a command takes long; what is over in a moment is not worth a line."""
    said = runtime.now()

    def report(line: str) -> None:
        nonlocal said
        if runtime.now() - said >= SILENT_COMMAND_SECONDS:
            said = runtime.now()
            note(line)

    return report


def settings_of(
    environ: Mapping[str, str], *, region: str | None, endpoint: str | None, profile: str | None
) -> Settings:
    """Return the settings that hold: options first, then the environment.

    Raises:
        Failure: one of them cannot be right.
    """
    explicit = {"regionId": region, "endpoint": endpoint, "profile": profile}
    try:
        return resolve_settings({}, environ, explicit, OPTIONS)
    except InputError as error:
        raise WrongUse(error.with_code()) from error


def cloud_options(command: Callable[..., object]) -> Callable[..., object]:
    """Give a command the options that say where EDAS is, and how to print the answer."""
    for option in (
        click.option("--profile", metavar="NAME", help="Profile of the Alibaba Cloud credentials."),
        click.option("--endpoint", metavar="URL", help="Address of EDAS, with its scheme."),
        click.option("--region", metavar="ID", help="Region, such as cn-hangzhou."),
    ):
        command = option(command)
    return output_options(command)


def with_cloud(command: Callable[..., object]) -> Callable[..., object]:
    """Give a command the options of ``cloud_options``, and ``cloud`` in their place."""

    @functools.wraps(command)
    def opened(*, region: str | None, endpoint: str | None, profile: str | None, **rest: Any) -> object:  # noqa: ANN401
        ctx = click.get_current_context()
        return command(cloud=open_cloud(ctx, region=region, endpoint=endpoint, profile=profile), **rest)

    return cloud_options(opened)
