"""Which keys this process was given, and how to say that there are none, or why those that are there do not work.

This file's law: pure over the mapping it is given, and a secret never leaves in a message or a ``repr``. The
environment of Alibaba Cloud's own tools comes first, that of Terraform and pulumi-alicloud second; every
other source is left to the official chain (``client.py``). A pair is used whole or not at all. What the official
library says of a source that does not work may hold an answer of the token service, or a token in an address: only
what comes before them is repeated.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.settings import KEY_SETTINGS, StaticKeys
from pulumi_edas_scale.edas.failures import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

KEY_VARIABLES: Final = (
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
    ("ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "ALICLOUD_SECURITY_TOKEN"),
)
"""Key, secret and optional token, in the order in which they are looked at."""

PROFILE_VARIABLES: Final = ("ALIBABA_CLOUD_PROFILE", "ALICLOUD_PROFILE")

PROFILE_FILES: Final = "~/.aliyun/config.json and ~/.alibabacloud/credentials.ini"


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


def describe_source(
    environ: Mapping[str, str], profile: str | None, keys: StaticKeys | None, found: str = ""
) -> str:
    """Say where credentials are taken from; names only, never values.

    Args:
        environ: the environment.
        profile: the profile of the settings, None when none is named.
        keys: those of the stack configuration, which come before anything else.
        found: the source that a search has found, empty when none has.
    """
    if keys is not None:
        return f"{' and '.join(KEY_SETTINGS[:2])} of the stack configuration"
    chosen = chosen_profile(environ, profile)
    if chosen:
        return f"the profile '{chosen}' of {PROFILE_FILES}"
    if find_keys(environ) is None:
        return f"the search of Alibaba Cloud's credentials library{f' ({found})' if found else ''}"
    key, secret, token = next(
        names for names in KEY_VARIABLES if all(environ.get(name, "").strip() for name in names[:2])
    )
    temporary = f", with {token}" if environ.get(token, "").strip() else ""
    return f"the environment variables {key} and {secret}{temporary}"


OIDC_VARIABLES: Final = (
    "ALIBABA_CLOUD_ROLE_ARN",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE",
)
"""All three, or none."""

SOURCES: Final = {
    "EnvironmentVariableCredentialsProvider": "the environment variables",
    "OIDCRoleArnCredentialsProvider": "ALIBABA_CLOUD_ROLE_ARN with an OIDC token",
    "CLIProfileCredentialsProvider": "~/.aliyun/config.json",
    "ProfileCredentialsProvider": "~/.alibabacloud/credentials.ini",
    "EcsRamRoleCredentialsProvider": "the RAM role of this ECS instance",
    "URLCredentialsProvider": "ALIBABA_CLOUD_CREDENTIALS_URI",
}
"""What each provider of the official library reads."""

NOT_THERE: Final = {
    "EnvironmentVariableCredentialsProvider": r"",
    "CLIProfileCredentialsProvider": r"unable to (open credentials file|get profile with)|credentials file is disabled"
    r"|invalid profile name",
    "ProfileCredentialsProvider": r"No such file or directory|failed to get credential from credentials file",
    "EcsRamRoleCredentialsProvider": r"",
}
"""What a source says that is not there at all; a metadata service that fails looks like none."""


def explain_failure(error: BaseException) -> tuple[tuple[str, str], ...]:
    """Return what is wrong with each source that is there, as pairs of the source and its cause.

    Args:
        error: what the official library raised; that of its search holds a list of what each source said.
    """
    text = str(error)
    found = re.search(r"providers in the chain: (\[.*\])\s*$", text, re.DOTALL)
    try:
        reported = [str(each) for each in ast.literal_eval(found.group(1))] if found else []
    except (ValueError, SyntaxError):
        reported = []
    pairs = [each.partition(": ") for each in reported]
    return tuple(
        (SOURCES.get(name, name), describe_cause(said))
        for name, _, said in pairs
        if not (name in NOT_THERE and re.search(NOT_THERE[name], said))
    )


def describe_cause(text: str) -> str:
    """Return what the official library says of a source, without answers, queries and anything like a key."""
    code = re.search(r"\bCode\W{1,4}([A-Z][A-Za-z.]{3,60})", text)
    head = re.split(r",?\s*result:|\s*\(Caused by|:? Max retries exceeded|\{", text, maxsplit=1)[0]
    head = re.sub(r"\?[^\s'\"]*", "", head)
    head = re.sub(r"(?=[A-Za-z+_=-]*\d)(?=[\d+_=-]*[A-Za-z])[A-Za-z0-9+_=-]{20,}", "***", head)
    unreachable = re.search(r"host='?([\w.-]+)'?, port=(\d+)", text)
    if unreachable and re.search(r"Max retries|timed? ?out|Connection", text, re.IGNORECASE):
        head = f"{unreachable.group(1)} cannot be reached"
    answered = f"Alibaba Cloud answered {code.group(1)}" if code else ""
    return "; ".join(each for each in (quote(head).rstrip(" .:,"), answered) if each)


def _halves(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield what is half there, by the names of the variables."""
    for names in (*(pair[:2] for pair in KEY_VARIABLES), OIDC_VARIABLES):
        present = [each for each in names if environ.get(each, "").strip()]
        absent = [each for each in names if each not in present]
        # A role alone is what other tools assume with a key; two of the three are meant for OIDC.
        if present and absent and present != ["ALIBABA_CLOUD_ROLE_ARN"]:
            yield (
                f"{' and '.join(present)} {'is' if len(present) == 1 else 'are'} set, but {' and '.join(absent)} "
                f"{'is' if len(absent) == 1 else 'are'} not"
            )


def describe_missing(
    environ: Mapping[str, str], profile: str | None, causes: Sequence[tuple[str, str]] = ()
) -> Message:
    """Say why there are no credentials: what is wrong with those that are there, or where they were looked for.

    Args:
        environ: the environment; only names of it are repeated.
        profile: the profile that must be used, None for a search.
        causes: what is wrong with each source that is there.
    """
    if profile:
        cause = "".join(f" {source}: {words}." for source, words in causes)
        return Message(
            "ES702",
            f"no usable credentials in the profile '{profile}' of {PROFILE_FILES}.{cause} "
            "Set edas-scale:profile to a profile that is there, or sign in with 'aliyun configure'.",
        )
    wrong = [*_halves(environ), *(f"{source}: {words}" for source, words in causes)]
    if wrong:
        return Message(
            "ES720",
            f"the credentials that are there do not work. {'. '.join(wrong)}. Correct them, sign in again with "
            "'aliyun configure', or name a profile with edas-scale:profile.",
        )
    pairs = ", ".join(f"{key} with {secret}" for key, secret, _ in KEY_VARIABLES)
    return Message(
        "ES701",
        f"no credentials were found. Looked at: {pairs}; ALIBABA_CLOUD_ROLE_ARN with an OIDC token; "
        f"{PROFILE_FILES}; the RAM role of this ECS instance; ALIBABA_CLOUD_CREDENTIALS_URI. "
        "Export one of the pairs, or name a profile with edas-scale:profile.",
    )
