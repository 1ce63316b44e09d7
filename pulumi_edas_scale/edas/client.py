"""EDAS as ``api.py`` describes it: each method makes a call and returns values.

This file's law: one method is one HTTP request, at most, and every call ends: at its own time-out, at the end of its
operation, or with it. How a call is made is the business of ``sdk.py``, how much it may bring that of ``transport.py``.
Every method may be called from many threads.
"""

from __future__ import annotations

import contextlib
import copy
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain.clock import LINE_SECONDS
from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.errors import EdasError, InputError, InternalError, NotSentError
from pulumi_edas_scale.edas import parse as answers
from pulumi_edas_scale.edas.failures import OPERATIONS, Answer, TransportError, classify_transport_error
from pulumi_edas_scale.edas.sdk import Connector, parse_endpoint
from pulumi_edas_scale.edas.transport import (
    RESOLVE_SECONDS,
    NotBegunError,
    TooSlowError,
    UnresolvedError,
    run_call,
)
from pulumi_edas_scale.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.domain.model import (
        Application,
        ApplicationSummary,
        ChangeOrder,
        Cluster,
        ClusterMember,
        Machine,
        OrderReport,
        Page,
    )
    from pulumi_edas_scale.domain.settings import StaticKeys

CALL_TIMEOUT: Final = 30.0
"""Seconds from connecting to the last byte, when nobody says otherwise."""

CREDENTIALS_TIMEOUT: Final = 20.0
"""Seconds that looking for credentials may take before the first call; less than a preview has."""

PATIENT_SECONDS: Final = 10.0
"""What a call may always take, also where somebody waits who would rather know now that nothing comes."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call, for those who watch.

    Attributes:
        operation: what was called.
        body: the JSON value of the answer, also of a refusal; None when there was none.
        error: what the call ended in, None when the answer was good.
        parameters: of the call, by the SDK's names.
        status: the HTTP status, 0 when it is not known.
        headers: of a good answer, by small-letter name.
        seconds: from the beginning of the call to its end.
    """

    operation: str
    body: object = None
    error: EdasError | None = None
    parameters: Mapping[str, object] = field(default_factory=dict, compare=False)
    status: int = field(default=0, compare=False)
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)
    seconds: float = field(default=0.0, compare=False)


class SdkClient:
    """EDAS through the official SDK; implements ``api.EdasClient``, which documents the methods.

    Args:
        region_id: the region whose EDAS is asked.
        endpoint: host or URL to use instead of the region's own, None for that one. Without a scheme it is
            spoken to over https, a loopback address over http.
        network: ``vpc`` for the region's address inside its VPCs; without effect where an endpoint is given.
        profile: the profile of Alibaba Cloud's configuration files to use, None for the usual search.
        keys: keys of the stack configuration, which come before the environment; None for none.
        user_agent: what is added to the SDK's own User-Agent.
        environ: the environment to look for credentials and proxies in, None for that of the process at the
            first call.
        call_timeout: seconds that a call may take, from connecting to the last byte.
        watch: gets every call when it is over, in the thread that asked for it.

    Raises:
        InputError: the endpoint is not one, or there is neither endpoint nor region.
    """

    def __init__(  # noqa: PLR0913 - keywords, and all but one have a default
        self,
        *,
        region_id: str,
        endpoint: str | None = None,
        network: str = "public",
        profile: str | None = None,
        keys: StaticKeys | None = None,
        user_agent: str = f"pulumi-edas-scale/{__version__}",
        environ: Mapping[str, str] | None = None,
        call_timeout: float = CALL_TIMEOUT,
        watch: Callable[[Exchange], None] | None = None,
    ) -> None:
        if not (region_id or endpoint):
            reason = Message("ES131", "is not set: without a region, EDAS has no address.")
            raise InputError([("regionId", reason)])
        self._region_id = region_id
        self._call_timeout = call_timeout
        self._watch = watch
        self._context: OperationContext | None = None
        if not endpoint and network == "vpc":
            endpoint = f"https://edas-vpc.{region_id}.aliyuncs.com"
        self._connector = Connector(
            region_id,
            parse_endpoint(endpoint) if endpoint else None,
            profile,
            keys,
            user_agent,
            environ,
            call_timeout,
        )

    def __repr__(self) -> str:
        connector = self._connector
        return f"SdkClient({str(connector.endpoint or connector.region_id)!r}, profile={connector.profile!r})"

    def within(self, context: OperationContext) -> SdkClient:
        """Return this client for the calls of one operation: they end when it does."""
        bounded = copy.copy(self)
        bounded._context = context  # noqa: SLF001 - another of this class
        return bounded

    def read_application(self, app_id: str) -> Application:
        """Return one reading of the whole application (QueryApplicationStatus)."""
        body = self._call("QueryApplicationStatus", f"application {app_id}", app_id=app_id)
        return answers.parse_application(body, app_id)

    def read_applications(self, page: int = 1, page_size: int | None = None) -> Page[ApplicationSummary]:
        """Return one page, counted from 1, of the applications of the region; all without a size (ListApplication)."""
        resource = f"all applications of {self._region_id}"
        body = self._call("ListApplication", resource, **_paging(page, page_size))
        return answers.parse_applications(body, page)

    def read_application_states(self, app_ids: Sequence[str]) -> tuple[ApplicationSummary, ...]:
        """Return what the first page says of those applications, if EDAS honours the filter (ListApplication)."""
        body = self._call(
            "ListApplication",
            f"{len(app_ids)} applications of {self._region_id}",
            app_ids=json.dumps(list(app_ids), separators=(",", ":")),
            current_page=1,
            page_size=len(app_ids),
        )
        return answers.parse_applications(body).items

    def read_scale_out_machines(self, cluster_id: str, app_id: str = "") -> tuple[Machine, ...]:
        """Return the machines of the cluster that no application uses, sorted by ECU id (ListScaleOutEcu)."""
        resource = f"cluster {cluster_id}" if cluster_id else f"application {app_id}"
        asked = {"cluster_id": cluster_id} if cluster_id else {"app_id": app_id}
        return answers.parse_machines(self._call("ListScaleOutEcu", resource, **asked))

    def read_cluster_members(
        self, cluster_id: str, page: int = 1, page_size: int | None = None
    ) -> Page[ClusterMember]:
        """Return one page, counted from 1, of the instances of a cluster; all without a size (ListClusterMembers)."""
        body = self._call(
            "ListClusterMembers",
            f"cluster {cluster_id}",
            cluster_id=cluster_id,
            **_paging(page, page_size),
        )
        return answers.parse_cluster_members(body, page)

    def read_cluster(self, cluster_id: str) -> Cluster:
        """Return the kind of a cluster, and whether it is there (GetCluster)."""
        body = self._call("GetCluster", f"cluster {cluster_id}", cluster_id=cluster_id)
        return answers.parse_cluster(body, cluster_id)

    def read_change_orders(self, app_id: str) -> tuple[ChangeOrder, ...]:
        """Return the recent change orders of an application, in no promised order (ListRecentChangeOrder)."""
        body = self._call("ListRecentChangeOrder", f"application {app_id}", app_id=app_id)
        return answers.parse_change_orders(body)

    def read_change_order(self, order_id: str) -> OrderReport:
        """Return the state of one change order (GetChangeOrderInfo)."""
        body = self._call("GetChangeOrderInfo", f"change order {order_id}", change_order_id=order_id)
        return answers.parse_order_report(body, order_id)

    def submit_scale_out(self, app_id: str, group_id: str, ecu_ids: Sequence[str]) -> str:
        """Ask EDAS to add machines to a group; return the id of the change order (ScaleOutApplication)."""
        body = self._call(
            "ScaleOutApplication",
            f"application {app_id}",
            app_id=app_id,
            deploy_group=group_id,
            ecu_info=_joined("EcuInfo", ecu_ids),
        )
        return answers.parse_order_id("ScaleOutApplication", body)

    def submit_scale_in(self, app_id: str, ecc_ids: Sequence[str], *, force: bool) -> str | None:
        """Ask EDAS to remove members; return the order's id, or None when forced (ScaleInApplication)."""
        body = self._call(
            "ScaleInApplication",
            f"application {app_id}",
            app_id=app_id,
            ecc_info=_joined("EccInfo", ecc_ids),
            force_status=True if force else None,
        )
        if force:
            return answers.parse_forced_order_id("ScaleInApplication", body)
        return answers.parse_order_id("ScaleInApplication", body)

    def submit_abort(self, order_id: str) -> None:
        """Stop a running change order; what is already changed stays changed (AbortChangeOrder)."""
        self._call("AbortChangeOrder", f"change order {order_id}", change_order_id=order_id)

    def submit_confirmation(self, pipeline_id: str) -> None:
        """Confirm the batch that waits for a person (ContinuePipeline)."""
        self._call("ContinuePipeline", f"batch {pipeline_id}", pipeline_id=pipeline_id, confirm=True)

    def read(self, operation: str, **parameters: object) -> None:
        """Make any reading, for the watcher alone: nothing is understood of the answer, and no refusal is raised.

        Args:
            operation: one of ``failures.OPERATIONS`` that does not write.
            parameters: by the SDK's names.

        Raises:
            InternalError: the operation writes.
        """
        if OPERATIONS[operation].writes:
            raise InternalError(f"{operation} is not a reading.")
        with contextlib.suppress(EdasError):
            self._call(operation, "what was asked for", **parameters)

    @property
    def address(self) -> str:
        """Where EDAS is, as a URL."""
        return self._connector.address()

    def credentials_source(self) -> str:
        """Return which provider of Alibaba Cloud's credentials library gave the keys, empty before a call."""
        return self._connector.provider_name()

    def _call(self, operation: str, resource: str, **parameters: object) -> object:
        """Make one call and return the body of its successful answer."""
        begun = time.monotonic()
        answer, error = Answer(0, None), None
        try:
            answer, error = self._ask(operation, resource, parameters)
        except EdasError as lost:
            error = lost
        if self._watch is not None:
            seconds = time.monotonic() - begun
            self._watch(
                Exchange(operation, answer.body, error, parameters, answer.status, answer.headers, seconds)
            )
        if error is not None:
            raise error
        return answer.body

    def _ask(
        self, operation: str, resource: str, parameters: Mapping[str, object]
    ) -> tuple[Answer, EdasError | None]:
        context = self._context
        seconds = self._call_timeout
        if context is not None and context.retry_timeout is not None:
            seconds = min(seconds, max(context.retry_timeout, PATIENT_SECONDS))
        try:
            return run_call(
                lambda: self._connector.ask(operation, resource, parameters),
                seconds=seconds,
                seconds_before=CREDENTIALS_TIMEOUT,
                check=_check_of(context, operation),
                writes=OPERATIONS[operation].writes,
            )
        except UnresolvedError as slow:
            detail = f"{slow}: no answer within {RESOLVE_SECONDS:g} s"
            raise classify_transport_error(operation, TransportError.UNRESOLVED, detail) from None
        except NotBegunError:
            words = Message(
                "ES720",
                f"looking for credentials was not over within {CREDENTIALS_TIMEOUT:g} s, so nothing was sent: a token "
                "service or the metadata service of ECS does not answer",
            )
            raise NotSentError(operation, message=words) from None
        except TooSlowError:
            detail = (
                f"{seconds:g} s, edas-scale:callTimeoutSeconds"
                if seconds == self._call_timeout
                else f"{seconds:g} s"
            )
            raise classify_transport_error(operation, TransportError.TIMED_OUT, detail) from None


def _check_of(context: OperationContext | None, operation: str) -> Callable[[], None]:
    """Return what is asked while a call is under way: whether to go on, with a line every few seconds that it is.

    Outside an operation nothing but its own time ends a call.
    """
    begun = time.monotonic()
    lines = 0

    def check() -> None:
        nonlocal lines
        if context is None:
            return
        context.check()
        waited = time.monotonic() - begun
        if waited >= LINE_SECONDS * (lines + 1):
            lines += 1
            context.report(f"waiting for the answer of {operation}, {waited:.0f} s")

    return check


def _paging(page: int, page_size: int | None) -> dict[str, int]:
    """Return the parameters of a page; none without a size, because EDAS then answers with the whole list."""
    return {} if page_size is None else {"current_page": page, "page_size": page_size}


def _joined(parameter: str, ids: Sequence[str]) -> str:
    """Return ids as EDAS takes them; an empty list is refused, because EDAS may read it as everything."""
    if isinstance(ids, str) or not ids or not all(re.fullmatch(r"[^\s,]+", each) for each in ids):
        raise InternalError(f"{parameter} must be one id or more, none of them empty or with a comma in it.")
    return ",".join(ids)
