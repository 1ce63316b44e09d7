"""Which keys this process was given, and how to say that there are none.

This file's law: pure over the mapping it is given, and a secret never leaves in a message or a ``repr``. The
environment of Alibaba Cloud's own tools comes first, that of Terraform and pulumi-alicloud second; every
other source is left to the official chain (``client.py``). A pair is used whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_VARIABLES: Final = (
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
    ("ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "ALICLOUD_SECURITY_TOKEN"),
)
"""Key, secret and optional token, in the order in which they are looked at."""

PROFILE_VARIABLES: Final = ("ALIBABA_CLOUD_PROFILE", "ALICLOUD_PROFILE")

PROFILE_FILES: Final = "~/.aliyun/config.json and ~/.alibabacloud/credentials.ini"


@dataclass(frozen=True, slots=True, repr=False)
class StaticKeys:
    """Keys found in the environment; ``security_token`` is empty for a key without one."""

    access_key_id: str
    access_key_secret: str
    security_token: str


def find_keys(environ: Mapping[str, str]) -> StaticKeys | None:
    """Return the first complete pair of the environment, None when there is none."""
    for names in KEY_VARIABLES:
        key, secret, token = (environ.get(name, "").strip() for name in names)
        if key and secret:
            return StaticKeys(key, secret, token)
    return None


def chosen_profile(environ: Mapping[str, str], profile: str | None) -> str | None:
    """Return the profile that must be used whatever the environment holds, None when keys may come first.

    A profile named by the stack configuration was chosen on purpose and beats keys that happen to be
    exported. One that only the environment names ranks after the keys of that environment, as in Alibaba
    Cloud's own tools.
    """
    if not profile:
        return None
    exported = profile in {environ.get(name) for name in PROFILE_VARIABLES}
    return None if exported and find_keys(environ) else profile


def describe_missing(environ: Mapping[str, str], profile: str | None) -> str:
    """Say which sources were looked at, and what is half there; names only, never values."""
    if profile:
        return (
            f"no usable credentials in the profile '{profile}' of {PROFILE_FILES}. "
            "Set edas-scale:profile to a profile that is there, or sign in with 'aliyun configure'."
        )
    pairs = ", ".join(f"{key} with {secret}" for key, secret, _ in KEY_VARIABLES)
    halves = [
        f"{present} is set, but {absent} is not"
        for key, secret, _ in KEY_VARIABLES
        for present, absent in ((key, secret), (secret, key))
        if environ.get(present, "").strip() and not environ.get(absent, "").strip()
    ]
    hint = "".join(f" {half}." for half in halves)
    return (
        f"no credentials were found. Looked at: {pairs}; ALIBABA_CLOUD_ROLE_ARN with an OIDC token; "
        f"{PROFILE_FILES}; the RAM role of this ECS instance; ALIBABA_CLOUD_CREDENTIALS_URI.{hint} "
        "Export one of the pairs, or name a profile with edas-scale:profile."
    )
