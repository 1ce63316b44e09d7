"""The network below the SDK: which way a call goes, how long it takes and how much it brings.

This file's law: one call has a total time and a total size. ``requests`` counts the gap between two bytes and not the
whole, so an answer that trickles would never end: a call runs in a thread of its own, its caller waits for it no
longer than it may take, and who leaves it shuts its socket, which ends the thread as well.

Nothing of ``requests`` is imported before the first call. The SDK has no hook for any of this, so it is done by an
adapter in the session that the SDK keeps per host (not public; held by ``tests/contract/sdk``).
"""

# ruff: noqa: ANN401, PLC0415 - the objects of requests and urllib3 pass through; they are imported by the first call

from __future__ import annotations

import errno
import functools
import ipaddress
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, build_opener
from urllib.request import proxy_bypass_environment as is_excepted  # type: ignore[attr-defined] # requests uses it too

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_T = TypeVar("_T")

LARGEST_BODY: Final = 64 * 1024 * 1024
"""Bytes, decoded. The largest answer that was ever seen has some hundred kilobytes."""

CHUNK: Final = 64 * 1024
"""Bytes that are read and decoded at once: what a small body may decode to is seen before it is there."""

CONNECTIONS: Final = 64
"""Kept alive per host: as many as the plugin has threads."""

CHECK_SECONDS: Final = 0.1
"""Between two questions whether a call that takes longer should still be waited for."""

RESOLVE_SECONDS: Final = 5.0
"""How long a name may take to be resolved. The resolver of the system asks for half a minute, and cannot be stopped."""

LAST_WORD_SECONDS: Final = 0.5
"""What a stopped write is given to answer: the id of its order spares the next run a search."""


class TooLargeError(OSError):
    """The body is larger than any answer of EDAS, and was not read to its end."""


class TooSlowError(Exception):
    """The call was not over in time; it may have been executed."""


class NotBegunError(TooSlowError):
    """What comes before the call, such as looking for credentials, took too long; nothing was sent."""


class UnresolvedError(TooSlowError):
    """The name of a host was not resolved in time, so nothing was sent; the argument is the host."""


class Attempt:
    """One call under way, for the thread that makes it and for the one that waits."""

    status: int
    """The HTTP status of its answer, 0 for none."""

    def __init__(self) -> None:
        self.asked = time.monotonic()
        self.begun: float | None = None
        self.status = 0
        self._left = False
        self._connection: Any = None
        self._resolving: tuple[str, float] | None = None  # the host, and since when

    def begin(self) -> None:
        """Start the clock: what came before, such as looking for credentials, is not part of the call."""
        self.begun = time.monotonic()

    def seconds_left(self, seconds: float, seconds_before: float) -> float:
        """Return how much is left of the time it may take, or of that before it begins, or of resolving a name."""
        begun, resolving = self.begun, self._resolving
        end = self.asked + seconds_before if begun is None else begun + seconds
        if resolving is not None:
            end = min(end, resolving[1] + RESOLVE_SECONDS)
        return end - time.monotonic()

    def too_slow(self) -> TooSlowError:
        """Return what it is that took too long."""
        if self.begun is None:
            return NotBegunError()
        return TooSlowError() if self._resolving is None else UnresolvedError(self._resolving[0])

    def resolve(self, host: str, port: int) -> None:
        """Resolve a name, which the connection then does once more, so that it is known who hangs in that."""
        self._resolving = (host, time.monotonic())
        try:
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            return  # no name at all, which the connection says in its own words
        finally:
            self._resolving = None

    def uses(self, connection: Any) -> None:
        """Note the connection that the call is made on.

        Raises:
            ConnectionAbortedError: nobody waits for the call any more.
        """
        with _connections:
            if self._left:
                raise ConnectionAbortedError("the call was given up")
            self._connection = connection
            connection.attempt = self

    def leave(self) -> None:
        """Shut the connection, unless another call uses it by now."""
        with _connections:
            self._left = True
            if self._connection is not None and self._connection.attempt is self:
                self._connection.shut()


_connections = threading.Lock()
"""Guards who uses which connection."""

_here = threading.local()
"""Its ``attempt`` is the call that the present thread makes."""


def present_attempt() -> Attempt:
    """Return the call that the present thread makes."""
    attempt: Attempt = _here.attempt
    return attempt


def run_call(
    call: Callable[[], _T], *, seconds: float, seconds_before: float, check: Callable[[], None], writes: bool
) -> _T:
    """Make a call in a thread of its own and return what it returns, or raise what it raises.

    Args:
        call: makes it, and says to ``present_attempt`` when it begins.
        seconds: how long it may take from then on.
        seconds_before: how long it may take to begin.
        check: raises when its caller must not wait any longer; asked ten times a second.
        writes: whether it changes something, so that its answer is worth a moment more.

    Raises:
        TooSlowError: it was not over in time; the class says what took so long.
    """
    attempt = Attempt()
    result: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        _here.attempt = attempt
        try:
            result.append(call())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True, name="edas-call")
    thread.start()
    try:
        while thread.is_alive() and (left := attempt.seconds_left(seconds, seconds_before)) > 0:
            thread.join(min(left, CHECK_SECONDS))
            if thread.is_alive():
                try:
                    check()
                except Exception:
                    thread.join(LAST_WORD_SECONDS if writes else 0.0)
                    if thread.is_alive():
                        raise
    finally:
        late = attempt.too_slow() if thread.is_alive() else None
        if late is not None:
            attempt.leave()
    if late is not None:
        raise late
    if errors:
        raise errors[0]
    return result[0]


class _Watched:
    """A connection of ``urllib3`` that another thread can shut, whatever it is doing."""

    _dns_host: str
    port: int
    attempt: Attempt | None = None
    _twin: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        present_attempt().uses(self)
        present_attempt().resolve(self._dns_host, self.port)
        made: socket.socket = super()._new_conn()  # type: ignore[misc] # of the class it is mixed into
        # TLS takes the socket over and keeps it to itself until its handshake is done; a copy stays ours.
        self._twin = made.dup()
        try:
            present_attempt().uses(self)  # the call may have been left meanwhile
        except OSError:
            made.close()
            raise
        return made

    def request(self, *args: Any, **options: Any) -> Any:
        present_attempt().uses(self)
        return super().request(*args, **options)  # type: ignore[misc] # as above

    def shut(self) -> None:
        """End whatever reads or writes here."""
        if self._twin is not None:
            with suppress(OSError):
                self._twin.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        super().close()  # type: ignore[misc] # as above
        if self._twin is not None:
            self._twin.close()
            self._twin = None


@functools.cache
def _pools() -> dict[str, type[Any]]:
    """Return the classes of pools whose connections can be shut, by scheme."""
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    plain = type("Plain", (_Watched, HTTPConnection), {})
    tls = type("Tls", (_Watched, HTTPSConnection), {})
    return {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
    }


def make_adapter(context: Any, proxies: dict[str, str]) -> Any:
    """Return an adapter for a session of ``requests``.

    Args:
        context: the TLS context, None for plain HTTP.
        proxies: the proxy of each scheme.
    """
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        """What the SDK sends its requests through."""

        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            super().init_poolmanager(*args, **options, ssl_context=context)
            self.poolmanager.pool_classes_by_scheme = _pools()

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            manager = super().proxy_manager_for(proxy, **options, ssl_context=context)
            manager.pool_classes_by_scheme = _pools()
            return manager

        def cert_verify(self, *_: Any) -> None:
            """Add nothing: the context knows whom to trust."""

        def send(self, request: Any, *_: Any, **options: Any) -> Any:
            """Send a request, note the status of its answer, and read a body that has an end."""
            response: Any = super().send(request, **(options | {"stream": True, "proxies": proxies}))
            present_attempt().status = response.status_code
            response._content = _read_body(response)  # noqa: SLF001 - there is no other way to hand it over
            return response

    return Adapter(CONNECTIONS, CONNECTIONS)


def _read_body(response: Any) -> bytes:
    """Return the whole decoded body of an answer.

    Raises:
        TooLargeError: it is too large.
    """
    if "," in response.headers.get("Content-Encoding", ""):  # each layer multiplies what a chunk decodes to
        response.close()
        raise TooLargeError
    parts = []
    size = 0
    for part in response.iter_content(CHUNK):
        parts.append(part)
        size += len(part)
        if size > LARGEST_BODY:
            response.close()
            raise TooLargeError
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy of an address, and the environment variable that names it; the URL may hold a password."""

    variable: str
    url: str = field(repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS and not HTTP."""
        return self.url.lower().startswith("socks")


def find_proxy(url: str, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy that the environment has for an address, None to go there directly."""
    names = (f"{urlsplit(url).scheme}_proxy", "all_proxy")
    spellings = [spelling for name in names for spelling in (name, name.upper())]
    variable = next((each for each in spellings if environ.get(each)), None)
    return None if variable is None or _is_direct(url, environ) else Proxy(variable, environ[variable])


def _is_direct(url: str, environ: Mapping[str, str]) -> bool:
    """Whether an address is reached without a proxy: this machine, and what NO_PROXY lists.

    An entry is a name with everything below it, an address, a network (``10.0.0.0/8``), or ``*``; a name may end in a
    port.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return (
        is_loopback(host)
        or any(is_excepted(each, {"no": listed}) for each in (host, f"{host}:{port}"))
        or any(_is_in(host, each.strip()) for each in listed.split(","))
    )


def _is_in(host: str, network: str) -> bool:
    try:
        return "/" in network and ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


CA_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""Who may name a file or a directory of certificates; the first that is set is trusted, and nobody else."""


def make_tls_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return a TLS context that trusts what the environment names, else what this machine and ``certifi`` trust.

    Raises:
        OSError: what the environment names cannot be read; its ``filename`` is the variable.
    """
    variable = next((each for each in CA_VARIABLES if environ.get(each)), None)
    if variable is None:
        import certifi

        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
        return context
    path = environ[variable]
    try:
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        reason = (
            error.strerror
            if error.filename or error.errno in {errno.ENOENT, errno.EACCES}
            else "no certificates"
        )
        raise OSError(error.errno, reason or "no certificates", variable) from None


def read_date(url: str, environ: Mapping[str, str], seconds: float) -> str:
    """Return the ``Date`` header of a host, whatever else it answers; empty when there is none in that time."""

    def ask() -> str:
        proxy = find_proxy(url, environ)
        handlers = [ProxyHandler({} if proxy is None else {urlsplit(url).scheme: proxy.url})]
        context = [HTTPSHandler(context=make_tls_context(environ))] if url.startswith("https:") else []
        try:
            with build_opener(*handlers, *context).open(url, timeout=seconds) as answer:
                return str(answer.headers.get("Date") or "")
        except HTTPError as error:
            with error:
                return str(error.headers.get("Date") or "")

    try:
        return run_call(ask, seconds=seconds, seconds_before=seconds, check=lambda: None, writes=False)
    except (OSError, ValueError, TooSlowError):
        return ""
