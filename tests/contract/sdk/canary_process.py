"""A process that signs calls with one source of credentials while everything logs as much as it can.

The law of this file: what it prints is what a person could ever see. Where the credentials library asks a host of
Alibaba Cloud, a server of this process answers; everything else is as installed.

    python -m tests.contract.sdk.canary_process PROFILE
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from Tea.core import TeaCore

from pulumi_edas_scale.domain.errors import EdasError
from pulumi_edas_scale.edas.client import SdkClient

GIVEN = {
    "AccessKeyId": "STS.canary-given-key",
    "AccessKeySecret": "canary-given-secret",
    "SecurityToken": "canary-given-token",
    "Expiration": "2199-01-01T00:00:00Z",
}
ANSWERS: dict[str, tuple[int, dict[str, Any]]] = {}


class _Service(BaseHTTPRequestHandler):
    """EDAS below /pop, and below every other path whoever gives credentials."""

    def answer(self) -> None:
        status, body = ANSWERS["edas" if self.path.startswith("/pop/") else "credentials"]
        text = json.dumps(
            body
            | ({"Message": "not accepted: " + self.path + " " + str(self.headers)} if status > 299 else {})
        )
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PUT = answer  # noqa: N815  # the names http.server calls

    def log_message(self, *_: object) -> None:
        """Print nothing: a service is not what a person sees."""


def main() -> None:
    """Make calls that end in every way, and print how."""
    logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
    service = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{service.server_port}"
    composed = TeaCore.compose_url

    def compose_url(request: object) -> str:
        there = urlsplit(composed(request))
        return str(there._replace(scheme="http", netloc=urlsplit(url).netloc).geturl())

    TeaCore.compose_url = staticmethod(compose_url)
    good = (200, {"Code": "Success", **GIVEN, "Credentials": GIVEN})
    refused = (403, {"Code": "Forbidden", **GIVEN})
    order = (200, {"Code": 200, "ChangeOrderId": "order"})
    clients: dict[str, SdkClient] = {}
    for title, client, credentials, edas in (
        ("no credentials", "first", refused, order),
        ("a good call", "second", good, order),
        ("a refused call", "second", good, refused),
    ):
        ANSWERS.update(credentials=credentials, edas=edas)
        asked = clients.setdefault(
            client, SdkClient(region_id="r", endpoint=url, profile=sys.argv[1] if sys.argv[1:] else None)
        )
        ending = f"== {title}\n"
        try:
            ending += asked.submit_scale_out("app", "group", ["ecu"]) + f" by {asked.credentials_source()}"
        except EdasError:
            ending += traceback.format_exc()
        sys.stdout.write(f"{ending}\n{asked!r}\n")


if __name__ == "__main__":
    main()
