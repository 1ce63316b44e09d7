"""The official SDK: the only file that imports it.

This file's law: the SDK signs, resolves the endpoint and knows the wire names; it is not trusted with anything
else. It never retries here (a repeated POST may add a machine twice), its models never see an answer (they drop what
they do not expect), its loggers print nothing (``DEBUG=sdk`` would print the signed headers), and what it raises ends
in ``failures.py``.

Nothing of it is imported before the first call, because the engine starts this process several times in one
``up`` and most of them never call EDAS.
"""

# ruff: noqa: ANN401 - the SDK has no types, and this is where its objects end

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.errors import (
    CredentialsError,
    EndpointError,
    InputError,
    NotSentError,
    UnavailableError,
)
from pulumi_edas_scale.edas.credentials import (
    chosen_profile,
    describe_cause,
    describe_missing,
    describe_source,
    explain_failure,
    find_keys,
)
from pulumi_edas_scale.edas.failures import (
    Answer,
    classify_answer,
    classify_transport_error,
    transport_error_of,
)
from pulumi_edas_scale.edas.transport import (
    CONNECTIONS,
    find_proxy,
    is_loopback,
    make_adapter,
    make_tls_context,
    present_attempt,
)

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.errors import EdasError
    from pulumi_edas_scale.domain.settings import StaticKeys
    from pulumi_edas_scale.edas.transport import Proxy

CONNECT_TIMEOUT: Final = 5.0  # seconds, for each address that the endpoint's name has

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

NO_TLS_REASONS: Final = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}
"""What OpenSSL calls an answer that is no TLS; the first two may also come in the middle of an answer."""

SHORTEST_SECRET: Final = 6  # characters; anything shorter is not a key, and would be found in ordinary words

SDK_LOGGERS: Final = ("darabonba-core", "alibabacloud-tea", "credentials", "apscheduler")
SDK_PACKAGES: Final = ("alibabacloud_", "darabonba", "Tea")
"""How the names of the SDK's other loggers begin: older versions have one in every module."""

ADDRESS_LOGGERS: Final = ("urllib3.connectionpool", "urllib3.util.retry")
"""Who logs the addresses of calls. The token service takes its tokens, and who asks, in the query."""


@dataclass(slots=True)
class Connector:
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
        if isinstance(error, CredentialsError):
            error.source = self._source()
        return answer, error

    def _source(self) -> str:
        """Return where the credentials come from, by names."""
        environ = os.environ if self.environ is None else self.environ
        return describe_source(environ, self.profile, self.keys, self.provider_name())

    def provider_name(self) -> str:
        """Return which provider of Alibaba Cloud's credentials library gave the keys, empty before a call."""
        if self.connection is None:
            return ""
        with contextlib.suppress(Exception):  # each source has its own errors; a name is all that is lost
            return str(self.connection.credential.get_credential().provider_name or "")
        return ""

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
        sdk = import_sdk()
        try:
            credential = _Credential(functools.partial(_open_credential, sdk, environ, profile, self.keys))
            credential.get_credential()
        except Exception as error:  # noqa: BLE001 - each source has its own errors, and their texts may hold secrets
            self._missing = describe_missing(environ, profile, explain_failure(error))
            self._look_again_at = time.monotonic() + CREDENTIALS_PAUSE
            raise CredentialsError(operation, message=self._missing) from None
        client = self._open_client(sdk, credential)
        protocol, host = client._protocol, client._endpoint  # noqa: SLF001 - where the SDK found the region's endpoint
        proxy = find_proxy(f"{protocol}://{host}", environ)
        _mount_adapter(sdk, client, _way(operation, protocol, host, environ, proxy))
        return _Connection(sdk, client, credential, self.region_id, proxy.variable if proxy else "")

    def address(self) -> str:
        """Return where EDAS is, by the SDK's map of endpoints; nothing is asked."""
        client = self._open_client(import_sdk(), None)
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
    except ValueError:  # a port that is not a number
        usable = False
    if not usable or url.path.strip("/") or url.query or url.fragment or "@" in url.netloc or " " in text:
        shown = "one with a user name" if "@" in text else f"'{re.split('[?#]', text)[0]}'"
        reason = Message(
            "ES132", f"expected a URL such as https://edas.cn-hangzhou.aliyuncs.com or a host, got {shown}."
        )
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
def import_sdk() -> _Sdk:
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
    if keys is None:
        return sdk.credentials()
    return sdk.credentials(
        sdk.credentials_config(
            type="sts" if keys.security_token else "access_key",
            access_key_id=keys.access_key_id,
            access_key_secret=keys.access_key_secret,
            security_token=keys.security_token or None,
        )
    )


class _FirstOf:
    """The first of several sources that has credentials."""

    def __init__(self, sources: Mapping[str, Any]) -> None:
        self._sources = sources

    def get_credential(self) -> Any:
        reported = []
        for name, source in self._sources.items():
            try:
                return source.get_credential()
            except Exception as error:  # noqa: BLE001 - each source has its own errors
                reported.append(f"{name}: {error}")
        raise LookupError(f"providers in the chain: {reported}")  # as the library's own search says it


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
    """The client of the SDK, and the ways in which its calls end."""

    def __init__(
        self, sdk: _Sdk, client: Any, credential: _Credential, region_id: str, proxy_variable: str
    ) -> None:
        self.credential = credential
        # Several regions share one address (the SDK's map of endpoints): the region must be in the call, and signed.
        self._headers = {"x-acs-region-id": region_id} if region_id else {}
        self._sdk = sdk
        self._client = client
        self._proxy_variable = proxy_variable

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
            words = Message(
                "ES720",
                f"the credentials could not be renewed. {error}. "
                "Correct them, or sign in again with 'aliyun configure'",
            )
            raise NotSentError(operation, message=words) from None
        if isinstance(error, self._sdk.lost):
            names = {cls.__name__ for cause in _causes(error.__context__) for cls in type(cause).__mro__}
            via = f" through a proxy, {self._proxy_variable}" if "ProxyError" in names else ""
            why = "".join(map(_tls_reason, _causes(error.__context__)))
            where = f"{self._client._endpoint}{via}{why}"  # noqa: SLF001 - where the SDK found the region's endpoint
            raise classify_transport_error(operation, transport_error_of(names), where) from None
        unread = re.search(r'Value: "(.*)"\.$', str(error), re.DOTALL)
        if unread is None and not present_attempt().status:
            words = Message(
                "ES715", f"the Alibaba Cloud SDK broke off with {type(error).__name__}, and no answer came"
            )
            raise UnavailableError(operation, message=words) from None
        return Answer(present_attempt().status, None, text=unread.group(1) if unread else "")


def _way(operation: str, protocol: str, host: str, environ: Mapping[str, str], proxy: Proxy | None) -> Any:
    """Return an adapter that goes to the endpoint as the environment says: proxy and certificates.

    Raises:
        EndpointError: that way cannot be gone.
    """
    if proxy is not None and proxy.is_socks:
        words = Message(
            "ES717",
            f"the environment variable {proxy.variable} names a SOCKS proxy, and only HTTP proxies can be used. "
            f"Set {protocol.upper()}_PROXY to a proxy that speaks HTTP, or add {host} to NO_PROXY",
        )
        raise EndpointError(operation, message=words)
    try:
        context = make_tls_context(environ) if protocol == "https" else None
    except OSError as error:
        words = Message(
            "ES718",
            f"{error.filename} of the environment names certificates that cannot be read: {error.strerror}",
        )
        raise EndpointError(operation, message=words) from None
    return make_adapter(context, {protocol: proxy.url} if proxy is not None else {})


def _tls_reason(cause: BaseException) -> str:
    """Return why TLS was not agreed on, as the library says it."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f": {cause.verify_message}"
    if isinstance(cause, ssl.SSLError) and cause.reason in NO_TLS_REASONS:
        return ": what answers there does not speak TLS, so the endpoint may be one with http://"
    return ""


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
    key = f"{protocol}://{host}:80"  # 80: the SDK's word for "the port is in the host"
    with contextlib.suppress(AttributeError, TypeError):
        get_session = sdk.core._get_session  # noqa: SLF001 - as above
        try:
            session = get_session(f"{key}:pool={CONNECTIONS}", protocol, pool_size=CONNECTIONS)
        except TypeError:  # darabonba-core before 1.0.9
            session = get_session(key, protocol)
        session.mount(f"{protocol}://", adapter)
        session.max_redirects = 0
