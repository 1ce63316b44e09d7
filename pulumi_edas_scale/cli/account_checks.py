"""The doctor's look at the account: credentials, endpoint, clock, and each permission by a reading.

This file's law: every call is one reading, made once and not retried, because here a refusal is the answer.
What only a change would show is not tried.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, TypeVar

from pulumi_edas_scale.cli.findings import Finding, State
from pulumi_edas_scale.cli.recording import read_what_is_open
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    CredentialsError,
    EdasError,
    MissingListError,
    NotUnderstoodError,
    PermissionDeniedError,
    ThrottledError,
    UnknownShapeError,
)
from pulumi_edas_scale.domain.model import KUBERNETES_CLUSTER_TYPES
from pulumi_edas_scale.edas.credentials import describe_source
from pulumi_edas_scale.edas.failures import OPERATIONS
from pulumi_edas_scale.edas.transport import read_date

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulumi_edas_scale.cli.context import Cloud
    from pulumi_edas_scale.domain.model import ApplicationSummary

_T = TypeVar("_T")

CLOCK_SECONDS: Final = 5.0
"""Time-out of the question for the time."""

HARMLESS_SKEW: Final = 60.0
REFUSED_SKEW: Final = 900.0
"""Seconds; the gateway refuses calls that are signed more than 15 minutes off (InvalidTimeStamp.Expired)."""

_POLICY: Final = "'edas-scale ram-policy' prints the policy to attach to the caller."


def check_account(cloud: Cloud, wanted: str | None, *, record: bool = False) -> list[Finding]:
    """Look at everything that can be seen of the account by reading.

    Args:
        cloud: the account, not asked yet.
        wanted: id or name of the application to ask about, None for the first one on an ECS cluster.
        record: whether to make also the readings whose answers are not documented.
    """
    readings = _Readings(cloud)
    applications = readings.probe("ListApplication", cloud.client.read_applications)
    error = readings.errors.get("ListApplication")
    findings = [_credentials(cloud, error), _endpoint(cloud, error), check_clock(cloud)]
    # Every other reading would fail for the same reason, and hide it below a dozen red lines.
    if isinstance(error, CredentialsError) or findings[1].state is State.RED:
        return findings
    chosen = [
        each
        for each in (applications.items if applications else ())
        # One on Kubernetes has no ECU, so its readings would show nothing of the permissions that a membership needs.
        if (
            wanted in (each.app_id, each.name)
            if wanted
            else each.cluster_type not in KUBERNETES_CLUSTER_TYPES
        )
    ]
    readings.ask(chosen[0] if chosen else None, wanted, record=record)
    manage = Finding(
        "edas:ManageApplication",
        State.SKIPPED,
        "Only a change would show whether scale out and scale in are allowed, so it was not tried.",
        _POLICY,
    )
    return [*findings, *readings.findings, manage]


def _credentials(cloud: Cloud, error: EdasError | None) -> Finding:
    environ = cloud.cli_context.environ
    if isinstance(error, CredentialsError):
        if not error.code:
            return Finding("credentials", State.RED, error.message, "Export a key pair, or name a profile.")
        return Finding(
            "credentials",
            State.RED,
            f"Credentials from {error.source} are not accepted. {error}",
            "Check key, secret and token, the clock of this machine, and that EDAS is activated for the account.",
        )
    source = describe_source(
        environ, cloud.settings.profile, cloud.settings.keys, cloud.client.credentials_source()
    )
    return Finding("credentials", State.OK, f"Found in {source}.")


def _endpoint(cloud: Cloud, error: EdasError | None) -> Finding:
    source = cloud.settings.region_source
    region = f"region {cloud.region_id}{f' (from {source})' if source else ''}"
    at = f" at {cloud.settings.endpoint}" if cloud.settings.endpoint else ""
    answered = (BusinessError, PermissionDeniedError, CredentialsError, ThrottledError)
    if isinstance(error, CredentialsError) and not error.code:
        return Finding("endpoint", State.SKIPPED, f"EDAS of {region}{at} was not asked without credentials.")
    if error is None or isinstance(error, answered):
        return Finding("endpoint", State.OK, f"EDAS of {region}{at} answers.")
    hint = "the endpoint serves something else" if isinstance(error, NotUnderstoodError) else "the network"
    return Finding(
        "endpoint",
        State.RED,
        f"EDAS of {region}{at} cannot be used. {error}",
        f"Check the region, ALIBABA_CLOUD_ENDPOINT_EDAS, proxies, and {hint}.",
    )


def check_clock(cloud: Cloud) -> Finding:
    """Compare the clock of this machine with that of the endpoint."""
    url = cloud.client.address
    try:
        there = parsedate_to_datetime(read_date(url, cloud.cli_context.environ, CLOCK_SECONDS))
    except ValueError:
        return Finding("clock", State.SKIPPED, f"{url} sends no Date header.")
    there = there if there.tzinfo else there.replace(tzinfo=timezone.utc)
    skew = (cloud.cli_context.wall_clock() - there).total_seconds()
    if abs(skew) <= HARMLESS_SKEW:
        return Finding("clock", State.OK, "The clock of this machine agrees with EDAS's within a minute.")
    words = f"The clock of this machine is {abs(skew) / 60:.0f} minutes {'ahead' if skew > 0 else 'behind'}."
    return Finding(
        "clock",
        State.WARNING if abs(skew) < REFUSED_SKEW else State.RED,
        f"{words} Calls signed more than 15 minutes off are refused.",
        "Set the clock, or let NTP do it.",
    )


@dataclass
class _Readings:
    """The readings made so far: what they found, and the errors by operation."""

    cloud: Cloud
    findings: list[Finding] = field(default_factory=list)
    errors: dict[str, EdasError] = field(default_factory=dict)

    def ask(self, summary: ApplicationSummary | None, wanted: str | None, *, record: bool) -> None:
        """Make every other reading the provider makes, as far as there is something to ask about."""
        client = self.cloud.client
        app_id = summary.app_id if summary is not None else wanted
        if app_id is None:
            for operation in ("QueryApplicationStatus", "ListRecentChangeOrder", "GetChangeOrderInfo"):
                self._skip(operation, "no application on an ECS cluster is known; --app names one")
            cluster_id = ""
        else:
            live = self.probe("QueryApplicationStatus", lambda: client.read_application(app_id))
            cluster_id = (live.cluster_id if live else "") or (summary.cluster_id if summary else "")
            orders = self.probe("ListRecentChangeOrder", lambda: client.read_change_orders(app_id))
            if orders:
                self.probe("GetChangeOrderInfo", lambda: client.read_change_order(orders[0].order_id))
            elif orders is None:
                self._skip("GetChangeOrderInfo", "the change orders could not be listed")
            else:
                self._skip("GetChangeOrderInfo", "the application has no recent change order")
        calls: tuple[tuple[str, Callable[[], object]], ...] = (
            ("ListScaleOutEcu", lambda: client.read_scale_out_machines(cluster_id)),
            ("ListClusterMembers", lambda: client.read_cluster_members(cluster_id)),
            ("GetCluster", lambda: client.read_cluster(cluster_id)),
        )
        for operation, call in calls:
            if cluster_id:
                self.probe(operation, call)
            else:
                self._skip(operation, "no cluster is known")
        if record:
            read_what_is_open(self.cloud, app_id or "", cluster_id)

    def probe(self, operation: str, call: Callable[[], _T]) -> _T | None:
        """Make one reading and note how it went; None when it failed."""
        action = OPERATIONS[operation].ram_action
        name = f"{action} ({operation})"
        try:
            value = call()
        except PermissionDeniedError as error:
            self._failed(operation, Finding(name, State.RED, str(error), f"Grant {action}: {_POLICY}"), error)
        except ThrottledError as error:
            fix = "Run the doctor again in a minute; other programs use the account's calls."
            self._failed(operation, Finding(name, State.WARNING, str(error), fix), error)
        except UnknownShapeError as error:
            fix = "Run 'edas-scale doctor --record FILE' and report what it saves: it is not a fault of the account."
            state = State.WARNING if isinstance(error, MissingListError) else State.RED
            self._failed(operation, Finding(name, state, str(error), fix), error)
        except EdasError as error:
            fix = "Check that the application and its cluster exist in this account and region."
            self._failed(operation, Finding(name, State.RED, str(error), fix), error)
        else:
            self.findings.append(Finding(name, State.OK, "OK."))
            return value
        return None

    def _failed(self, operation: str, finding: Finding, error: EdasError) -> None:
        self.findings.append(finding)
        self.errors[operation] = error

    def _skip(self, operation: str, reason: str) -> None:
        action = OPERATIONS[operation].ram_action
        self.findings.append(Finding(f"{action} ({operation})", State.SKIPPED, f"Not asked: {reason}."))
