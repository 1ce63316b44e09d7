"""What the environment says of proxies and certificates counts in every call (S88, docs/environment.md)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.errors import EndpointError, NotSentError, UnavailableError
from pulumi_edas_scale.edas.client import SdkClient
from pulumi_edas_scale.edas.transport import CA_VARIABLES
from tests.contract.sdk.certificates import tls_context, write_certificate
from tests.contract.sdk.conftest import KEYS
from tests.contract.sdk.raw_server import RawServer, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORDER = {"Code": 200, "ChangeOrderId": "order"}


def submit(url: str, **environ: str) -> str:
    """Make one call under an environment."""
    client = SdkClient(region_id="r", endpoint=url, environ=KEYS | environ, call_timeout=10)
    return client.submit_scale_out("app", "group", ["ecu"])


def failure(url: str, **environ: str) -> str:
    """Make one call that cannot be sent; return what is said."""
    with pytest.raises(EndpointError) as caught:
        submit(url, **environ)
    return str(caught.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate of 127.0.0.1 that signed itself, and its key."""
    return write_certificate(tmp_path_factory.mktemp("certificate") / "server.pem")


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[RawServer]:
    """A server that speaks TLS with that certificate."""
    server = RawServer()
    server.socket = tls_context(certificate).wrap_socket(server.socket, server_side=True)
    with server:
        server.reply = Reply.json(ORDER)
        yield server


def test_s88_a_certificate_that_is_not_trusted_is_named(tls_server: RawServer) -> None:
    """S88: a certificate nobody vouches for is a fault of its own kind, with the library's reason; nothing is sent."""
    said = failure(tls_server.url.replace("http:", "https:"))
    assert "the certificate of the endpoint is not trusted, nothing was sent" in said
    assert "self" in said
    assert tls_server.received == []


@pytest.mark.parametrize("variable", CA_VARIABLES)
def test_s88_a_bundle_of_the_environment_is_trusted(
    tls_server: RawServer, certificate: Path, variable: str
) -> None:
    """S88: REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and SSL_CERT_FILE say whose certificates are trusted."""
    assert submit(tls_server.url.replace("http:", "https:"), **{variable: str(certificate)}) == "order"


@pytest.mark.parametrize("variable", CA_VARIABLES)
def test_a_bundle_that_cannot_be_read_is_named(tmp_path: Path, variable: str) -> None:
    """A variable that names no file, or a file without certificates, is told by its name."""
    words = f"{variable} of the environment names certificates that cannot be read"
    assert words in failure("https://127.0.0.1:9", **{variable: str(tmp_path / "nowhere.pem")})
    (tmp_path / "empty.pem").write_text("no certificate")
    assert words in failure("https://127.0.0.1:9", **{variable: str(tmp_path / "empty.pem")})


@pytest.mark.parametrize("variable", ["ALL_PROXY", "https_proxy"])
def test_s88_a_socks_proxy_is_refused_by_name(variable: str) -> None:
    """S88: a SOCKS proxy cannot be used; the variable is named, what works is said, the password is not."""
    said = failure("https://edas.test", **{variable: "socks5h://user:canary@127.0.0.1:9"})
    assert f"the environment variable {variable} names a SOCKS proxy" in said
    assert "Set HTTPS_PROXY to a proxy that speaks HTTP, or add edas.test to NO_PROXY" in said
    assert "canary" not in said


def test_s88_all_proxy_is_used(server: RawServer) -> None:
    """S88: ALL_PROXY stands in for a proxy of the scheme."""
    server.reply = Reply.json(ORDER)
    assert submit("http://edas.test", ALL_PROXY=server.url) == "order"
    assert server.received[0].target.startswith("http://edas.test/")


def test_s88_a_proxy_whose_name_does_not_resolve_is_the_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S88: what is wrong is the proxy and not the endpoint, and the variable that names it is said."""

    def resolve(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    said = failure("https://edas.test", HTTPS_PROXY="http://user:canary@proxy.test:3128")
    assert "the name of the proxy cannot be resolved" in said
    assert "edas.test through a proxy, HTTPS_PROXY" in said
    assert "canary" not in said


def test_s88_a_proxy_that_refuses_is_the_cause() -> None:
    """S88: nobody looks for a fault at EDAS when nothing listens where the proxy should be."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotSentError, match="the proxy refused it; nothing was sent"):
        submit("http://edas.test", http_proxy=f"http://127.0.0.1:{port}")


def test_s88_an_address_that_speaks_no_tls_is_named(server: RawServer) -> None:
    """S88: https:// in front of an address that speaks plain HTTP says so."""
    server.reply = Reply(400)
    with pytest.raises(UnavailableError, match="does not speak TLS, so the endpoint may be one with http://"):
        submit(server.url.replace("http:", "https:"))
