"""Which way a call goes, decided from an environment alone (S88)."""

from __future__ import annotations

import pytest

from pulumi_edas_scale.edas.transport import find_proxy

PROXY = "http://user:password@proxy:3128"
EDAS = "https://edas.cn-hangzhou.aliyuncs.com"


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_is_found(variable: str) -> None:
    """The proxy of the scheme, or else that of every scheme, in either spelling; its password is not repeated."""
    found = find_proxy(EDAS, {variable: PROXY, "http_proxy": "http://other"})
    assert found is not None
    assert (found.variable, found.url, found.is_socks) == (variable, PROXY, False)
    assert "password" not in repr(found)


def test_the_proxy_of_the_scheme_comes_first() -> None:
    """HTTPS_PROXY wins over ALL_PROXY, and the lower case over the upper one."""
    found = find_proxy(
        EDAS, {"ALL_PROXY": "socks5://a", "HTTPS_PROXY": "http://b", "https_proxy": "http://c"}
    )
    assert found is not None
    assert found.url == "http://c"


@pytest.mark.parametrize(
    "url", ["socks5://proxy:1080", "socks5h://proxy", "socks4://proxy", "SOCKS5://proxy"]
)
def test_a_socks_proxy_is_told_apart(url: str) -> None:
    """A proxy that speaks SOCKS is known by its scheme."""
    found = find_proxy(EDAS, {"ALL_PROXY": url})
    assert found is not None
    assert found.is_socks


@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize(
    ("url", "listed", "direct"),
    [
        (EDAS, "edas.cn-hangzhou.aliyuncs.com", True),
        (EDAS, "other, Edas.CN-hangzhou.aliyuncs.com", True),
        (EDAS, "aliyuncs.com", True),
        (EDAS, ".aliyuncs.com", True),
        (EDAS, "yuncs.com", False),
        (EDAS, "edas.cn-hangzhou.aliyuncs.com:443", True),
        (EDAS, "edas.cn-hangzhou.aliyuncs.com:8443", False),
        (f"{EDAS}:8443", "edas.cn-hangzhou.aliyuncs.com:8443", True),
        (f"{EDAS}:8443", ".aliyuncs.com:8443", True),
        ("http://edas.internal", "edas.internal:80", True),
        ("http://10.1.2.3:8080", "10.0.0.0/8", True),
        ("http://10.1.2.3:8080", "10.1.2.3", True),
        ("http://11.1.2.3:8080", "10.0.0.0/8", False),
        ("http://10.1.2.3:8080", "10.1.2.9/24", True),
        ("http://[fd00::1]:8080", "fd00::/8", True),
        ("http://[fd00::1]:8080", "fd00::1", True),
        (EDAS, "10.0.0.0/8", False),
        (EDAS, "not/a/network", False),
        (EDAS, "*", True),
        (EDAS, "", False),
        ("http://127.0.0.1:8080", "", True),
        ("http://localhost:8080", "", True),
    ],
)
def test_s88_no_proxy(url: str, listed: str, direct: bool, variable: str) -> None:  # noqa: FBT001 - a row of the table
    """S88: NO_PROXY takes names, suffixes, ports and networks; this machine is always reached directly."""
    assert (find_proxy(url, {"ALL_PROXY": PROXY, variable: listed}) is None) is direct
