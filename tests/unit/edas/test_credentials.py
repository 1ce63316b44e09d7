from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_edas_scale.domain.settings import StaticKeys
from pulumi_edas_scale.edas.credentials import (
    KEY_VARIABLES,
    PROFILE_VARIABLES,
    chosen_profile,
    describe_cause,
    describe_missing,
    describe_source,
    explain_failure,
    find_keys,
)

ALIBABA = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "a", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "as"}
TERRAFORM = {"ALICLOUD_ACCESS_KEY": "t", "ALICLOUD_SECRET_KEY": "ts", "ALICLOUD_SECURITY_TOKEN": "tt"}
NAMES = sorted({name for names in KEY_VARIABLES for name in names} | set(PROFILE_VARIABLES))


def test_alibaba_comes_first() -> None:
    """The pair of Alibaba Cloud's tools wins, and takes no token from the other pair."""
    keys = find_keys(ALIBABA | TERRAFORM)
    assert keys is not None
    assert (keys.access_key_id, keys.access_key_secret, keys.security_token) == ("a", "as", "")


def test_terraform_names_are_enough() -> None:
    """The pair of Terraform is taken with its token."""
    keys = find_keys(TERRAFORM)
    assert keys is not None
    assert (keys.access_key_id, keys.access_key_secret, keys.security_token) == ("t", "ts", "tt")


@pytest.mark.parametrize(
    "environ", [{}, {"ALICLOUD_ACCESS_KEY": "t"}, ALIBABA | {"ALIBABA_CLOUD_ACCESS_KEY_ID": " "}]
)
def test_half_a_pair_is_none(environ: dict[str, str]) -> None:
    """A key without its secret, or an empty one, is no credential."""
    assert find_keys(environ) is None


@pytest.mark.parametrize(
    ("environ", "profile", "chosen"),
    [
        ({}, None, None),
        ({}, "", None),
        ({}, "prod", "prod"),
        (ALIBABA, "prod", "prod"),
        (ALIBABA | {"ALIBABA_CLOUD_PROFILE": "prod"}, "prod", None),
        (ALIBABA | {"ALICLOUD_PROFILE": "prod"}, "prod", None),
        ({"ALIBABA_CLOUD_PROFILE": "prod"}, "prod", "prod"),
        (ALIBABA | {"ALIBABA_CLOUD_PROFILE": "other"}, "prod", "prod"),
    ],
)
def test_profile_or_keys(environ: dict[str, str], profile: str | None, chosen: str | None) -> None:
    """A profile of the stack beats exported keys; one that is exported too does not."""
    assert chosen_profile(environ, profile) == chosen


@given(st.dictionaries(st.sampled_from(NAMES), st.text("XYZ", min_size=8)), st.none() | st.just("prod"))
def test_no_value_in_a_message(environ: dict[str, str], profile: str | None) -> None:
    """What is said about missing credentials names variables, never their values."""
    text = (
        describe_missing(environ, profile)
        + describe_source(environ, profile, None)
        + repr(find_keys(environ))
    )
    assert not any(value in text for value in environ.values())


KEYS_OF_THE_STACK = StaticKeys("k", "s", "")


@pytest.mark.parametrize(
    ("environ", "profile", "keys", "found", "source"),
    [
        (
            ALIBABA,
            "prod",
            KEYS_OF_THE_STACK,
            "",
            "alicloud:accessKey and alicloud:secretKey of the stack config",
        ),
        (ALIBABA, "prod", None, "", "the profile 'prod' of ~/.aliyun/config.json"),
        (
            ALIBABA | TERRAFORM,
            None,
            None,
            "",
            "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        ),
        (
            TERRAFORM,
            None,
            None,
            "",
            "ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY, with ALICLOUD_SECURITY_TOKEN",
        ),
        ({}, None, None, "ecs_ram_role", "the search of Alibaba Cloud's credentials library (ecs_ram_role)"),
        ({}, None, None, "", "the search of Alibaba Cloud's credentials library"),
    ],
)
def test_the_source_is_the_one_that_was_used(
    environ: dict[str, str], profile: str | None, keys: StaticKeys | None, found: str, source: str
) -> None:
    """Where credentials came from is told in the order in which they are looked for."""
    assert source in describe_source(environ, profile, keys, found)


def test_half_a_pair_is_said() -> None:
    """A variable that was forgotten is named."""
    assert "ALICLOUD_ACCESS_KEY is set, but ALICLOUD_SECRET_KEY is not." in describe_missing(
        {"ALICLOUD_ACCESS_KEY": "t"}, None
    )


CANARY = "canary0123456789ABCDEFcanary"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("CloudSSO access token is empty or expired, please re-login with cli",) * 2,
        (
            f'error refreshing credentials from sso, http_code: 400, result: {{"Code": "NoPermission", "x": "{CANARY}',
            "error refreshing credentials from sso, http_code: 400; Alibaba Cloud answered NoPermission",
        ),
        (
            f"HTTPSConnectionPool(host='sts.aliyuncs.com', port=443): Max retries exceeded with url: /?T={CANARY}",
            "sts.aliyuncs.com cannot be reached",
        ),
        (
            f"error retrieving credentials from http://127.0.0.1/keys?token={CANARY} result: {CANARY}",
            "error retrieving credentials from http://127.0.0.1/keys",
        ),
        (f"unheard of: {CANARY}", "unheard of: ***"),
        ("[Errno 2] No such file or directory: '/run/token'",) * 2,
    ],
)
def test_s89_a_cause_is_told_without_secrets(text: str, cause: str) -> None:
    """S89: what the official library says is repeated as far as it can hold no answer, token or key."""
    assert describe_cause(text) == cause


def test_a_source_that_is_not_there_is_no_cause() -> None:
    """Of the official search only sources that are there and do not work are told."""
    told = [
        "EnvironmentVariableCredentialsProvider: Environment variable accessKeyId cannot be empty",
        "CLIProfileCredentialsProvider: CloudSSO access token is empty or expired, please re-login with cli",
        "ProfileCredentialsProvider: [Errno 2] No such file or directory: '/root/.alibabacloud/credentials.ini'",
        "EcsRamRoleCredentialsProvider: timed out",
    ]
    error = RuntimeError(f"unable to load credentials from any of the providers in the chain: {told}")
    assert [source for source, _ in explain_failure(error)] == ["~/.aliyun/config.json"]
    assert explain_failure(RuntimeError("something else")) == ()
    assert explain_failure(RuntimeError("providers in the chain: [not python]")) == ()
