"""Two ways to speak to an emulator: the real SDK, and plain HTTP for its control API."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from alibabacloud_edas20170801 import models
from alibabacloud_edas20170801.client import Client
from alibabacloud_tea_openapi.models import Config

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator import Emulator

SHOP = "3616cdca-4f92-4413-a1b2-000000000001"
DEFAULT = "8123db90-880f-486f-b1c2-000000000001"
BETA = "4f1fb6f5-6769-4bd6-9a00-000000000001"
ECS_CLUSTER = "0d247b93-8d62-4e34-8a00-000000000001"

_WORD_STARTS = str.maketrans({letter: f"_{letter.lower()}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})


def sdk_client(edas: Emulator, **config: object) -> Any:  # noqa: ANN401 - the SDK has no types
    """Return a client of the official SDK with the emulator's own key; `config` overrules."""
    key = next(iter(edas.world.access_keys.values()))
    settings = {
        "access_key_id": key.id,
        "access_key_secret": key.secret,
        "endpoint": urlsplit(edas.url).netloc,
        "protocol": "http",
        "region_id": edas.world.region,
        **config,
    }
    return Client(Config(**settings))


def sdk_call(client: Any, operation: str, **params: object) -> Any:  # noqa: ANN401 - the SDK has no types
    """Call an operation by its API name with parameters in snake case; return the SDK's response."""
    request = getattr(models, f"{operation}Request")
    method = getattr(client, operation.translate(_WORD_STARTS).lstrip("_"))
    return method(request(**params))


def http(
    edas: Emulator, method: str, path: str, body: object = None, content_type: str = "application/json"
) -> tuple[int, Any]:
    """Send a plain request; return the status and the parsed body, or its text when it is not JSON."""
    host = urlsplit(edas.url)
    connection = HTTPConnection(host.hostname or "", host.port, timeout=30)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, body=text, headers={"Content-Type": content_type} if text else {})
        answer = connection.getresponse()
        content = answer.read().decode()
    finally:
        connection.close()
    try:
        return answer.status, json.loads(content)
    except ValueError:
        return answer.status, content
