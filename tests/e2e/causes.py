"""The causes for which EDAS cannot be read, each as a user meets it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from tests.e2e.world import SHOP

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

UNREADABLE: Final = ("credentials", "secret", "permission", "outage", "endpoint", "application")


def make_unreadable(stack: Stack, cause: str) -> str:
    """Let nobody read the application any more; return words that the error must hold."""
    if cause == "credentials":
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
            stack.environment[name] = ""
        stack.environment["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true"
        return "ALIBABA_CLOUD_ACCESS_KEY_ID"
    if cause == "secret":
        stack.environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "another-secret-than-the-right-one"
        return "SignatureDoesNotMatch"
    if cause == "permission":
        stack.edas.rule(
            operation="QueryApplicationStatus", effect="error", status=403, code="Forbidden.RAM", times=None
        )
        return "edas:ReadApplication"
    if cause == "outage":
        stack.edas.rule(
            operation="QueryApplicationStatus",
            effect="error",
            status=503,
            code="ServiceUnavailable",
            times=None,
        )
        return "QueryApplicationStatus"
    if cause == "endpoint":
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        stack.environment["ALIBABA_CLOUD_ENDPOINT_EDAS"] = f"http://127.0.0.1:{port}"
        return "connection was refused"
    stack.edas.action("delete_application", application="shop")
    return SHOP
