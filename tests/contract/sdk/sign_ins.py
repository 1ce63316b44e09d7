"""People who are signed in, or were, as the configuration of the Alibaba Cloud CLI shows them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

EXPIRED_SIGN_IN: Final = {
    "mode": "CloudSSO",
    "cloud_sso_sign_in_url": "https://signin.test",
    "cloud_sso_account_id": "1",
    "cloud_sso_access_config": "ac",
    "access_token": "canary-token-0123456789",
    "cloud_sso_access_token_expire": 1,
}


def write_sign_in(home: Path, **profile: object) -> None:
    """Write the configuration in a home directory, with one profile of somebody who is signed in."""
    path = home / ".aliyun" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"current": "sso", "profiles": [{"name": "sso", **profile}]}))
