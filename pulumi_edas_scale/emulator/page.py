"""The page that shows groups, members and orders live."""

from __future__ import annotations

LOG_LINES = 200
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)
HTML = "<!doctype html><title>EDAS emulator</title><p>The emulator runs."
