"""The page that shows groups, members, orders and requests live, and has buttons to break things.

The law of this file: one document without any asset from elsewhere; its policy lets only its own script run, so a
name in a world file can never become one.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

LOG_LINES = 200  # requests that the page is sent; the control API has all of them

HTML = Path(__file__).with_name("page.html").read_text(encoding="utf-8")


def content_security_policy(document: str) -> str:
    """Return the policy under which a document works: its own inline script, by hash, and its own server."""
    scripts = re.findall(r"<script>(.*?)</script>", document, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


CONTENT_SECURITY_POLICY = content_security_policy(HTML)
