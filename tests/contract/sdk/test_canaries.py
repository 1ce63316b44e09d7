"""No source of credentials leaves a trace, whatever happens and however much is logged."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
CANARY = re.compile(r"canary-(?:given|own)-\w+")

KEY = {"access_key_id": "LTAI.canary-own-key", "access_key_secret": "canary-own-secret"}
ROLE = {"ram_role_arn": "acs:ram::1:role/r", "ram_session_name": "s"}
OIDC = {
    "ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1:role/r",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1:oidc-provider/p",
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "{home}/oidc",
}
SOURCES: dict[str, tuple[dict[str, str], dict[str, object]]] = {
    "key": (
        {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI.canary-own-key",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "canary-own-secret",
        },
        {},
    ),
    "token": (
        {
            "ALICLOUD_ACCESS_KEY": "STS.canary-own-key",
            "ALICLOUD_SECRET_KEY": "canary-own-secret",
            "ALICLOUD_SECURITY_TOKEN": "canary-own-token",
        },
        {},
    ),
    "profile with a key": ({}, {"mode": "AK", **KEY}),
    "profile with a token": ({}, {"mode": "StsToken", **KEY, "sts_token": "canary-own-token"}),
    "profile with a role": ({}, {"mode": "RamRoleArn", **KEY, **ROLE}),
    "profile with OIDC": (
        {},
        {
            "mode": "OIDC",
            **ROLE,
            "oidc_provider_arn": "acs:ram::1:oidc-provider/p",
            "oidc_token_file": "{home}/oidc",
        },
    ),
    "OIDC": (OIDC, {}),
    "role of the machine": (
        {"ALIBABA_CLOUD_ECS_METADATA": "role", "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "false"},
        {},
    ),
    "address": ({"ALIBABA_CLOUD_CREDENTIALS_URI": "http://127.0.0.1/keys?secret=canary-own-address"}, {}),
}
"""What each source needs in the environment, and in the profile of the command line's file."""


@pytest.mark.parametrize("source", SOURCES)
def test_no_source_leaves_a_trace(source: str, tmp_path: Path) -> None:
    """Keys, tokens, what was paid for them and where: in no log line, message, traceback or repr."""
    environment, profile = json.loads(json.dumps(SOURCES[source]).replace("{home}", str(tmp_path)))
    (tmp_path / "oidc").write_text("canary-own-oidc")
    if profile:
        (tmp_path / ".aliyun").mkdir()
        listed = {"current": "prod", "profiles": [{"name": "prod", **profile}]}
        (tmp_path / ".aliyun" / "config.json").write_text(json.dumps(listed))
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG"}}
    seen = subprocess.run(
        [sys.executable, "-m", "tests.contract.sdk.canary_process", *(["prod"] if profile else [])],
        env=kept
        | {"HOME": str(tmp_path), "DEBUG": "sdk", "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}
        | environment,
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout
    assert "== a good call" in seen
    assert "\norder " in seen, seen
    assert "DEBUG:urllib3.connectionpool" in seen
    assert CANARY.findall(seen) == [], seen
