"""The boundary to Alibaba Cloud: the only file that imports the official SDK.

This file's law: one method is one HTTP request, at most. The SDK signs, resolves the endpoint and knows the
wire names; it is not trusted with anything else. It never retries here (a repeated POST may add a machine
twice), its models never see an answer (they drop what they do not expect), its loggers print nothing
(``DEBUG=sdk`` would print the signed headers), and what it raises ends in ``failures.py``. How long a call may take
and how much it may bring is the business of ``transport.py``.

Nothing of it is imported before the first call, because the engine starts this process several times in one
``up`` and most of them never call EDAS. Every method may be called from many threads.
"""

# ruff: noqa: ANN401 - the SDK has no types, and this is where its objects end

from __future__ import annotations

import contextlib
import copy
import functools
import json
import logging
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pulumi_edas_scale.domain.errors import (
    CredentialsError,
    EdasError,
    EndpointError,
    InputError,
    InternalError,
    NotSentError,
    UnavailableError,
)
from pulumi_edas_scale.edas import parse as answers
from pulumi_edas_scale.edas.credentials import (
    chosen_profile,
    describe_cause,
    describe_missing,
    explain_failure,
    find_keys,
)
from pulumi_edas_scale.edas.failures import (
    OPERATIONS,
    Answer,
    TransportError,
    classify_answer,
    classify_transport_error,
    transport_error_of,
)
from pulumi_edas_scale.edas.transport import (
    CONNECTIONS,
    RESOLVE_SECONDS,
    NotBegunError,
    TooSlowError,
    UnresolvedError,
    find_proxy,
    is_loopback,
    make_adapter,
    make_tls_context,
    present_attempt,
    run_call,
)
from pulumi_edas_scale.version import __version__

if TYPE_CHECKING:
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

CONNECT_TIMEOUT: Final = 5.0  # seconds, for each address that the endpoint's name has

CALL_TIMEOUT: Final = 30.0
"""Seconds from connecting to the last byte, when nobody says otherwise."""

CREDENTIALS_TIMEOUT: Final = 20.0
"""Seconds that looking for credentials may take before the first call; less than a preview has."""

PATIENT_SECONDS: Final = 10.0
"""What a call may always take, also where somebody waits who would rather know now that nothing comes."""

SILENT_SECONDS: Final = 8.0
"""How long a call may be under way before a line says so, and again; law 14 allows ten."""

LONGEST_RETRY_AFTER: Final = 60.0
"""Seconds; a gateway that asks for more is asked again all the same."""

CREDENTIALS_PAUSE: Final = 30.0  # seconds
"""How long missing credentials stay missing: the metadata service of ECS is asked last, and elsewhere takes
seconds to time out, for every thread that waits."""

REMEMBERED_SECRETS: Final = 12
"""The parts of the last three credentials: an answer to a call signed with them may still arrive."""

EXPIRED: Final = re.compile(
    r"InvalidSecurityToken\..*|SecurityTokenExpired|InvalidTimeStamp\..*", re.IGNORECASE
)
"""Codes of a token or a signature whose time is over, which both may be while an order is waited for."""

SHORTEST_SECRET: Final = 6  # characters; anything shorter is no key, and would be found in ordinary words

SDK_LOGGERS: Final = ("darabonba-core", "alibabacloud-tea", "credentials", "apscheduler")
SDK_PACKAGES: Final = ("alibabacloud_", "darabonba", "Tea")
"""How the names of the SDK's other loggers begin: older versions have one in every module."""

ADDRESS_LOGGERS: Final = ("urllib3.connectionpool", "urllib3.util.retry")
"""Who logs the addresses of calls. The token service takes its tokens, and who asks, in the query."""


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
    """EDAS through the official SDK; implements ``client.EdasClient``, which documents the methods.

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
        watch: is told every call when it is over, in the thread that asked for it.

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
            raise InputError([("regionId", "is not set: without a region, EDAS has no address.")])
        self._region_id = region_id
        self._call_timeout = call_timeout
        self._watch = watch
        self._context: OperationContext | None = None
        if not endpoint and network == "vpc":
            endpoint = f"https://edas-vpc.{region_id}.aliyuncs.com"
        self._connector = _Connector(
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
        """Return what the first page says of those applications, as far as EDAS heeds the filter (ListApplication)."""
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
            raise InternalError(f"{operation} is no reading.")
        with contextlib.suppress(EdasError):
            self._call(operation, "what was asked for", **parameters)

    @property
    def address(self) -> str:
        """Where EDAS is, as a URL."""
        return self._connector.address()

    def credentials_source(self) -> str:
        """Return which provider of Alibaba Cloud's credentials library gave the keys, empty before a call."""
        connection = self._connector.connection
        if connection is None:
            return ""
        with contextlib.suppress(Exception):  # each source has its own errors; a name is all that is lost
            return str(connection.credential.get_credential().provider_name or "")
        return ""

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
                check=_go_on if context is None else _check_of(context, operation),
                writes=OPERATIONS[operation].writes,
            )
        except UnresolvedError as slow:
            detail = f"{slow}: no answer within {RESOLVE_SECONDS:g} s"
            raise classify_transport_error(operation, TransportError.UNRESOLVED, detail) from None
        except NotBegunError:
            words = (
                f"looking for credentials was not over within {CREDENTIALS_TIMEOUT:g} s, so nothing was sent: a token "
                "service or the metadata service of ECS does not answer"
            )
            raise NotSentError(operation, message=words) from None
        except TooSlowError:
            detail = (
                f"{seconds:g} s, edas-scale:callTimeoutSeconds"
                if seconds == self._call_timeout
                else f"{seconds:g} s"
            )
            raise classify_transport_error(operation, TransportError.TIMED_OUT, detail) from None


def _go_on() -> None:
    """Nothing bounds the call but its own time."""


def _check_of(context: OperationContext, operation: str) -> Callable[[], None]:
    """Return what is asked while a call is under way: whether to go on, and every some seconds a line that it is."""
    begun = time.monotonic()
    lines = 0

    def check() -> None:
        nonlocal lines
        context.check()
        waited = time.monotonic() - begun
        if waited >= SILENT_SECONDS * (lines + 1):
            lines += 1
            context.report(f"waiting for the answer of {operation}, {waited:.0f} s")

    return check


@dataclass(slots=True)
class _Connector:
    """Makes the connection at the first call; shared by a client and its likes that are bound to an operation."""

    region_id: str
    endpoint: Endpoint | None
    profile: str | None
    keys: StaticKeys | None = field(repr=False)
    user_agent: str
    environ: Mapping[str, str] | None
    call_timeout: float
    connection: _Connection | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _missing: str = ""  # why there are no credentials, until _look_again_at
    _look_again_at: float = 0.0

    def ask(
        self, operation: str, resource: str, parameters: Mapping[str, object]
    ) -> tuple[Answer, EdasError | None]:
        """Make one call; return its answer, and the error that it means, if it is not a good one."""
        connection = self._connected(operation)
        present_attempt().begin()
        answer = connection.ask(operation, parameters)
        error = classify_answer(operation, answer, resource, connection.credential.secrets)
        if isinstance(error, CredentialsError) and EXPIRED.fullmatch(error.code):
            # Refused before it was executed: with other credentials, signed now, even a write may be sent again.
            connection.credential.renew()
            answer = connection.ask(operation, parameters)
            error = classify_answer(operation, answer, resource, connection.credential.secrets)
        return answer, error

    def _connected(self, operation: str) -> _Connection:
        """Return the connection, which the first call makes."""
        if self.connection is not None:
            return self.connection
        with self._lock:
            if self.connection is None:
                if time.monotonic() < self._look_again_at:
                    raise CredentialsError(operation, message=self._missing)
                self.connection = self._connect(operation)
            return self.connection

    def _connect(self, operation: str) -> _Connection:
        environ = os.environ if self.environ is None else self.environ
        profile = None if self.keys else chosen_profile(environ, self.profile)
        sdk = _import_sdk()
        try:
            credential = _Credential(functools.partial(_open_credential, sdk, environ, profile, self.keys))
            credential.get_credential()
        except Exception as error:  # noqa: BLE001 - each source has its own errors, and their texts may hold secrets
            self._missing = describe_missing(environ, profile, explain_failure(error))
            self._look_again_at = time.monotonic() + CREDENTIALS_PAUSE
            raise CredentialsError(operation, message=self._missing) from None
        client = self._open_client(sdk, credential)
        _mount_adapter(sdk, client, self._way(operation, client, environ))
        return _Connection(sdk, client, credential, self.region_id)

    def address(self) -> str:
        """Return where EDAS is, by the SDK's map of endpoints; nothing is asked."""
        client = self._open_client(_import_sdk(), None)
        return f"{client._protocol}://{client._endpoint}"  # noqa: SLF001 - where the SDK found the region's endpoint

    def _open_client(self, sdk: _Sdk, credential: _Credential | None) -> Any:
        return sdk.raw_client(
            sdk.config(
                credential=credential,
                region_id=self.region_id,
                endpoint=self.endpoint.netloc if self.endpoint else None,
                protocol=self.endpoint.scheme if self.endpoint else "https",
                user_agent=self.user_agent,
                connect_timeout=_milliseconds(min(CONNECT_TIMEOUT, self.call_timeout)),
                # The gap between two bytes; longer than a call may take, so that only one clock decides.
                read_timeout=_milliseconds(self.call_timeout + CONNECT_TIMEOUT),
                max_idle_conns=CONNECTIONS,
            )
        )

    def _way(self, operation: str, client: Any, environ: Mapping[str, str]) -> Any:
        """Return an adapter that goes to the endpoint as the environment says: proxy and certificates.

        Raises:
            EndpointError: that way cannot be gone.
        """
        protocol, host = client._protocol, client._endpoint  # noqa: SLF001 - where the SDK found the region's endpoint
        proxy = find_proxy(f"{protocol}://{host}", environ)
        if proxy is not None and proxy.is_socks:
            words = (
                f"the environment variable {proxy.variable} names a SOCKS proxy, and only HTTP proxies can be used. "
                f"Set {protocol.upper()}_PROXY to a proxy that speaks HTTP, or add {host} to NO_PROXY"
            )
            raise EndpointError(operation, message=words)
        try:
            context = make_tls_context(environ) if protocol == "https" else None
        except OSError as error:
            words = f"{error.filename} of the environment names certificates that cannot be read: {error.strerror}"
            raise EndpointError(operation, message=words) from None
        return make_adapter(context, {protocol: proxy.url} if proxy is not None else {})


def _paging(page: int, page_size: int | None) -> dict[str, int]:
    """Return the parameters of a page; none without a size, because EDAS then answers with the whole list."""
    return {} if page_size is None else {"current_page": page, "page_size": page_size}


def _joined(parameter: str, ids: Sequence[str]) -> str:
    """Return ids as EDAS takes them; an empty list is refused, because EDAS may read it as everything."""
    if isinstance(ids, str) or not ids or not all(re.fullmatch(r"[^\s,]+", each) for each in ids):
        raise InternalError(f"{parameter} must be one id or more, none of them empty or with a comma in it.")
    return ",".join(ids)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where EDAS is: ``netloc`` is host and port, as the SDK wants them without the scheme."""

    scheme: str
    netloc: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


def parse_endpoint(text: str) -> Endpoint:
    """Split an endpoint that is written with or without its scheme.

    Raises:
        InputError: it is not a host with an optional port.
    """
    url = urlsplit(text if "://" in text else f"//{text}")
    try:
        usable = url.hostname and (url.port is None or url.port) and url.scheme in {"", "http", "https"}
    except ValueError:  # a port that is no number
        usable = False
    if not usable or url.path.strip("/") or url.query or url.fragment or "@" in url.netloc or " " in text:
        shown = "one with a user name" if "@" in text else f"'{re.split('[?#]', text)[0]}'"
        reason = f"expected a URL such as https://edas.cn-hangzhou.aliyuncs.com or a host, got {shown}."
        raise InputError([("edas-scale:endpoint", reason)])
    default = "http" if is_loopback(url.hostname or "") else "https"
    return Endpoint(url.scheme or default, url.netloc)


@dataclass(frozen=True, slots=True)
class _Sdk:
    """The parts of the SDK this file uses."""

    raw_client: Callable[[Any], Any]
    models: Any
    config: Any
    runtime_options: Any
    core: Any
    credentials: Any
    providers: Any
    credentials_config: Any
    answered: type[Exception]
    lost: type[Exception]


@functools.cache
def _import_sdk() -> _Sdk:
    """Import the SDK, which takes a good part of a second, and make its loggers silent."""
    import alibabacloud_credentials.client
    import alibabacloud_credentials.models
    import alibabacloud_credentials.provider
    import alibabacloud_edas20170801.client
    import alibabacloud_edas20170801.models
    import alibabacloud_tea_openapi.exceptions
    import alibabacloud_tea_openapi.utils_models
    import darabonba.core
    import darabonba.exceptions
    import darabonba.runtime

    class RawClient(alibabacloud_edas20170801.client.Client):  # type: ignore[misc] # the SDK is not typed
        """The client of EDAS, which hands over what it received instead of a model of it."""

        def call_api(self, params: Any, request: Any, runtime: Any) -> dict[str, object]:
            runtime.raw_answer = super().call_api(params, request, runtime)
            return {}

    others = [name for name in logging.root.manager.loggerDict if name.startswith(SDK_PACKAGES)]
    for name in (*SDK_LOGGERS, *others):
        _silence(logging.getLogger(name))
    for name in ADDRESS_LOGGERS:
        logging.getLogger(name).addFilter(_cut_queries)
    return _Sdk(
        raw_client=RawClient,
        models=alibabacloud_edas20170801.models,
        config=alibabacloud_tea_openapi.utils_models.Config,
        runtime_options=darabonba.runtime.RuntimeOptions,
        core=darabonba.core.DaraCore,
        credentials=alibabacloud_credentials.client.Client,
        providers=alibabacloud_credentials.provider,
        credentials_config=alibabacloud_credentials.models.Config,
        answered=alibabacloud_tea_openapi.exceptions.AlibabaCloudException,
        lost=darabonba.exceptions.RetryError,
    )


def _silence(logger: logging.Logger) -> None:
    """Keep a logger of the SDK from logging anything, at any level.

    With ``DEBUG=sdk`` in the environment it holds the signed headers, and its warnings of credentials that could not
    be renewed hold the token service's whole answer. What it would say is in our errors, without secrets. Each comes
    with a handler of its own that writes to stderr.
    """
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
    logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.CRITICAL + 1)


def _cut_queries(record: logging.LogRecord) -> bool:
    """Leave the queries out of the addresses in a line of a log."""
    record.msg, record.args = re.sub(r"\?[^\s'\"]*", "?...", record.getMessage()), ()
    return True


def _open_credential(
    sdk: _Sdk, environ: Mapping[str, str], profile: str | None, keys: StaticKeys | None
) -> Any:
    """Return where credentials come from: the profile asked for, keys of the stack or the environment, or a search.

    The search is only begun when it is needed: it starts a thread that renews the RAM role of an ECS
    instance.
    """
    if profile:
        names = ("CLIProfileCredentialsProvider", "ProfileCredentialsProvider")
        return _FirstOf(
            {
                name: sdk.credentials(provider=getattr(sdk.providers, name)(profile_name=profile))
                for name in names
            }
        )
    keys = keys or find_keys(environ)
    return sdk.credentials(_static_config(sdk, keys)) if keys else sdk.credentials()


def _static_config(sdk: _Sdk, keys: StaticKeys) -> Any:
    return sdk.credentials_config(
        type="sts" if keys.security_token else "access_key",
        access_key_id=keys.access_key_id,
        access_key_secret=keys.access_key_secret,
        security_token=keys.security_token or None,
    )


class _FirstOf:
    """The first of several sources that has credentials."""

    def __init__(self, sources: Mapping[str, Any]) -> None:
        self._sources = sources

    def get_credential(self) -> Any:
        told = []
        for name, source in self._sources.items():
            try:
                return source.get_credential()
            except Exception as error:  # noqa: BLE001 - each source has its own errors
                told.append(f"{name}: {error}")
        raise LookupError(f"providers in the chain: {told}")  # as the library's own search says it


class _NotRenewedError(Exception):
    """Credentials that were there before could not be had again, so nothing was sent."""


class _Credential:
    """What the SDK asks for the keys of each call; it remembers what must never be repeated to anybody."""

    def __init__(self, open_source: Callable[[], Any]) -> None:
        self._open_source = open_source
        self._source = open_source()
        self._had = False
        self.secrets: tuple[str, ...] = ()

    def renew(self) -> None:
        """Begin again at the source: what it remembers of a token, the gateway takes no more."""
        self._source = self._open_source()

    def get_credential(self) -> Any:
        """Return the present credentials, in the SDK's own class."""
        try:
            model = self._source.get_credential()
        except Exception as error:
            if self._had:
                causes = explain_failure(error) or (("", describe_cause(str(error))),)
                words = ". ".join(f"{source}: {cause}" if source else cause for source, cause in causes)
                raise _NotRenewedError(words) from None
            raise
        self._had = True
        given = (model.access_key_id, model.access_key_secret, model.security_token, model.bearer_token)
        fresh = [text for text in given if text and len(text) >= SHORTEST_SECRET and text not in self.secrets]
        if fresh:
            self.secrets = (*fresh, *self.secrets)[:REMEMBERED_SECRETS]
        return model


class _Connection:
    """The client of the SDK, and how its ways to end are told apart."""

    def __init__(self, sdk: _Sdk, client: Any, credential: _Credential, region_id: str) -> None:
        self.credential = credential
        # Several regions share one address (the SDK's map of endpoints): the region must be in the call, and signed.
        self._headers = {"x-acs-region-id": region_id} if region_id else {}
        self._sdk = sdk
        self._client = client

    def ask(self, operation: str, parameters: Mapping[str, object]) -> Answer:
        """Make one call.

        The chain of causes is cut: the SDK's exceptions carry the signed request, and tracebacks print them.

        Raises:
            EdasError: no answer came.
        """
        request = getattr(self._sdk.models, f"{operation}Request")(**parameters)
        call = getattr(self._client, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower() + "_with_options")
        runtime = self._sdk.runtime_options()
        try:
            call(request, self._headers, runtime)
        except self._sdk.answered as error:
            return _refusal(error)
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever its own libraries do
            return self._unanswered(operation, getattr(error, "inner_exception", error))
        raw = runtime.raw_answer
        headers = {str(name).lower(): str(value) for name, value in (raw.get("headers") or {}).items()}
        return Answer(raw["statusCode"], raw["body"], headers=headers)

    def _unanswered(self, operation: str, error: BaseException) -> Answer:
        """Return what came back instead of JSON, or raise what it means that nothing did."""
        if isinstance(error, _NotRenewedError):
            raise NotSentError(operation, message=f"the credentials could not be renewed. {error}") from None
        if isinstance(error, self._sdk.lost):
            names = {cls.__name__ for cause in _causes(error.__context__) for cls in type(cause).__mro__}
            via = " through a proxy" if "ProxyError" in names else ""
            why = "".join(
                f": {cause.verify_message}"
                for cause in _causes(error.__context__)
                if isinstance(cause, ssl.SSLCertVerificationError)
            )
            where = f"{self._client._endpoint}{via}{why}"  # noqa: SLF001 - where the SDK found the region's endpoint
            raise classify_transport_error(operation, transport_error_of(names), where) from None
        unread = re.search(r'Value: "(.*)"\.$', str(error), re.DOTALL)
        if unread is None and not present_attempt().status:
            words = f"the Alibaba Cloud SDK broke off with {type(error).__name__}, and no answer came"
            raise UnavailableError(operation, message=words) from None
        return Answer(present_attempt().status, None, text=unread.group(1) if unread else "")


def _milliseconds(seconds: float) -> int:
    """Return a time-out as the SDK counts it; 0 would mean its default."""
    return max(1, round(seconds * 1000))


def _refusal(error: Any) -> Answer:
    """Return the answer that the SDK has made an exception of; it counts in milliseconds."""
    retry_after = getattr(error, "retry_after", None)
    denied = getattr(error, "access_denied_detail", None)
    body = {"Code": error.code, "Message": error.message} if error.data is None else error.data
    if isinstance(body, Mapping):  # the SDK writes the status into the body
        body = {name: value for name, value in body.items() if name != "statusCode"}
    return Answer(
        status=error.status_code or 0,
        body=body,
        retry_after=min(retry_after / 1000, LONGEST_RETRY_AFTER)
        if isinstance(retry_after, (int, float))
        else None,
        denied_action=str(denied.get("AuthAction") or "") if isinstance(denied, Mapping) else "",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception of requests and all it wraps.

    Its ``__context__`` is left out: it may be an exception the caller was just handling, and a connection
    that was refused then says nothing about this one.
    """
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [cause.__cause__, getattr(cause, "reason", None), *cause.args]


def _mount_adapter(sdk: _Sdk, client: Any, adapter: Any) -> None:
    """Put an adapter between the SDK and the network that does what the SDK cannot.

    It bounds calls, goes the way the environment says, and notes the HTTP status, which the SDK loses when the body is
    not JSON. No redirection is followed, which would send a signed call elsewhere. The SDK has no hook for it, so this
    uses the session the SDK keeps per host (not public; held by ``tests/contract/sdk``). With an SDK that keeps none,
    these are missing and all else works.
    """
    host, protocol = client._endpoint, client._protocol  # noqa: SLF001 - as above
    with contextlib.suppress(AttributeError, TypeError):
        session = _session_of(sdk, protocol, host)
        session.mount(f"{protocol}://", adapter)
        session.max_redirects = 0


def _session_of(sdk: _Sdk, protocol: str, host: str) -> Any:
    """Return the session the SDK will use for a host; the two calls are those of its versions."""
    get_session = sdk.core._get_session  # noqa: SLF001 - as above
    key = f"{protocol}://{host}:80"  # 80: the SDK's word for "the port is in the host"
    try:
        return get_session(f"{key}:pool={CONNECTIONS}", protocol, pool_size=CONNECTIONS)
    except TypeError:  # darabonba-core before 1.0.9
        return get_session(key, protocol)
