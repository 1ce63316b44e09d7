from __future__ import annotations

import json
import re
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.emulator.page import CONTENT_SECURITY_POLICY
from tests.contract.emulator.clients import SHOP, http, sdk_call, sdk_client


def _next_state(stream: HTTPResponse) -> Any:  # noqa: ANN401 - any JSON
    """Read server-sent events up to the end of the next one and return its data."""
    data = ""
    for line in stream:
        text = line.decode().rstrip("\n")
        if text.startswith("data: "):
            data = text.removeprefix("data: ")
        elif not text and data:
            return json.loads(data)
    raise AssertionError("the stream ended")


def _connection(edas: Emulator) -> HTTPConnection:
    host = urlsplit(edas.url)
    return HTTPConnection(host.hostname or "", host.port, timeout=30)


def test_the_page_needs_nothing_from_elsewhere() -> None:
    """No address in it leads to another server, and its policy forbids to try."""
    with Emulator() as edas:
        connection = _connection(edas)
        connection.request("GET", "/")
        answer = connection.getresponse()
        text = answer.read().decode()
        assert (answer.status, answer.getheader("Content-Type")) == (200, "text/html; charset=utf-8")
        assert answer.getheader("Content-Security-Policy") == CONTENT_SECURITY_POLICY
        connection.close()
    assert not re.search(r"https?://|src=|@import|url\(", text)
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert '<meta name="viewport"' in text


def test_every_request_of_the_page_is_understood() -> None:
    """The rules and actions that its buttons send are accepted by the control API."""
    with Emulator() as edas:
        _, text = http(edas, "GET", "/")
        table = re.search(r"const FAULTS = (\[.*?\n\]);", text, re.DOTALL)
        assert table is not None
        literal = re.sub(r"([{ ])(\w+): ", r'\1"\2": ', table.group(1)).replace(",\n]", "\n]")
        for _, rule in json.loads(literal):
            assert http(edas, "POST", "/_emulator/rules", rule)[0] == 200
        actions = set(re.findall(r'act\("(\w+)"', text))
        assert actions == {
            "offline",
            "online",
            "leave",
            "import",
            "confirm_order",
            "hold_order",
            "fail_order",
            "abort_order",
        }
        for action in actions:
            assert (
                "is unknown" not in http(edas, "POST", "/_emulator/actions", {"action": action})[1]["error"]
            )


def test_the_page_hears_of_every_change() -> None:
    """At once what is, then what requests, people and time have changed."""
    with Emulator(order_duration="seconds:0.2") as edas:
        connection = _connection(edas)
        connection.request("GET", "/_emulator/events")
        stream = connection.getresponse()
        assert stream.getheader("Content-Type") == "text/event-stream"
        first = _next_state(stream)
        assert (first["orders"], first["log"], first["paused"]) == ([], [], [])
        edas.action("offline", instance="i-bp101")
        second = _next_state(stream)
        assert second["version"] > first["version"]
        member = edas.members("_DEFAULT_GROUP", "shop")[0]["eccId"]
        sdk_call(sdk_client(edas), "ScaleInApplication", app_id=SHOP, ecc_info=member)
        seen: list[int] = []
        while not seen or seen[-1] == 1:
            seen.append(_next_state(stream)["orders"][0]["status"])
        assert seen[-1] == 2
        connection.close()


def test_the_page_hears_of_rules() -> None:
    """A rule that is added, removed or cleared shows, although nothing in the world has changed."""
    with Emulator() as edas:
        connection = _connection(edas)
        connection.request("GET", "/_emulator/events")
        stream = connection.getresponse()
        assert _next_state(stream)["rules"] == []
        rule = edas.rule(effect="throttle", operation="ListApplication")
        assert [each["id"] for each in _next_state(stream)["rules"]] == [rule]
        assert http(edas, "DELETE", f"/_emulator/rules/{rule}")[0] == 200
        assert _next_state(stream)["rules"] == []
        edas.rule(effect="throttle", operation="ListApplication")
        assert len(_next_state(stream)["rules"]) == 1
        edas.clear_rules()
        assert _next_state(stream)["rules"] == []
        connection.close()
