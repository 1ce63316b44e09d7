from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.errors import CredentialsError, EdasError, NotSentError, UnavailableError
from pulumi_edas_scale.edas.client import SdkClient
from tests.contract.sdk.conftest import KEYS
from tests.contract.sdk.endings import failure
from tests.contract.sdk.raw_server import RawServer, Reply
from tests.contract.sdk.sign_ins import EXPIRED_SIGN_IN, write_sign_in

if TYPE_CHECKING:
    from collections.abc import Mapping

ORDER = {"Code": 200, "ChangeOrderId": "order"}
SECRETS = (KEYS["ALIBABA_CLOUD_ACCESS_KEY_SECRET"], KEYS["ALIBABA_CLOUD_SECURITY_TOKEN"])


def submit(url: str, environ: Mapping[str, str], profile: str | None = None) -> str:
    """Make one call with the credentials of an environment."""
    client = SdkClient(region_id="r", endpoint=url, profile=profile, environ=environ)
    return client.submit_scale_out("app", "group", ["ecu"])


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of a process with an empty home and no metadata service, for the library to start in."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG"}}
    return kept | {
        "HOME": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
    }


PROGRAM = """
import sys, threading
from pulumi_edas_scale.edas.client import SdkClient
client = SdkClient(region_id="r", endpoint=sys.argv[1], profile=sys.argv[2] or None)
try:
    print(client.submit_scale_out("app", "group", ["ecu"]))
except Exception as error:
    print(type(error).__name__, error)
print(threading.active_count(), "threads")
"""


def run(url: str, environ: Mapping[str, str], profile: str = "") -> str:
    """Make one call in a process of its own, since the official library reads its environment once."""
    # From Python 3.12 on the SDK's way to tell the time is deprecated.
    strict = ["-W", "error", "-W", "ignore:datetime.datetime.utcnow:DeprecationWarning"]
    command = [sys.executable, *strict, "-c", PROGRAM, url, profile]
    result = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=True)
    assert result.stderr == ""
    return result.stdout


def test_keys_of_alibaba_cloud_come_first(server: RawServer) -> None:
    """The names of Alibaba Cloud's own tools win over those of Terraform."""
    server.reply = Reply.json(ORDER)
    submit(server.url, KEYS | {"ALICLOUD_ACCESS_KEY": "other", "ALICLOUD_SECRET_KEY": "other"})
    assert "Credential=LTAI-invented-key," in server.received[0].headers["authorization"]
    assert server.received[0].headers["x-acs-security-token"] == KEYS["ALIBABA_CLOUD_SECURITY_TOKEN"]


def test_keys_of_terraform(server: RawServer) -> None:
    """The names that Terraform and pulumi-alicloud users export are enough."""
    server.reply = Reply.json(ORDER)
    submit(server.url, {"ALICLOUD_ACCESS_KEY": "terraform-key", "ALICLOUD_SECRET_KEY": "secret"})
    assert "Credential=terraform-key," in server.received[0].headers["authorization"]
    assert "x-acs-security-token" not in server.received[0].headers


def test_half_a_pair_is_not_mixed_with_another(server: RawServer) -> None:
    """A key of one tool is never signed with the secret of another."""
    server.reply = Reply.json(ORDER)
    submit(
        server.url,
        {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "half",
            "ALICLOUD_ACCESS_KEY": "whole",
            "ALICLOUD_SECRET_KEY": "secret",
        },
    )
    assert "Credential=whole," in server.received[0].headers["authorization"]


def test_keys_start_no_thread(server: RawServer, home: dict[str, str]) -> None:
    """Keys of the environment need no search, so nothing is left running and nothing is printed."""
    server.reply = Reply.json(ORDER)
    del home["ALIBABA_CLOUD_ECS_METADATA_DISABLED"]
    assert run(server.url, home | KEYS).splitlines() == ["order", "1 threads"]


def test_keys_exported_after_the_import_of_the_library(server: RawServer) -> None:
    """The environment of the first call counts, not that of the import."""
    server.reply = Reply.json(ORDER)
    environ: dict[str, str] = {}
    client = SdkClient(region_id="r", endpoint=server.url, environ=environ)
    environ |= KEYS
    assert client.submit_scale_out("app", "group", ["ecu"]) == "order"


def write_profiles(home: Mapping[str, str], **profiles: str) -> None:
    """Write a configuration of the Alibaba Cloud CLI with one key for each profile."""
    path = Path(home["HOME"]) / ".aliyun" / "config.json"
    path.parent.mkdir()
    listed = [
        {"name": name, "mode": "AK", "access_key_id": key, "access_key_secret": "secret-of-file"}
        for name, key in profiles.items()
    ]
    path.write_text(json.dumps({"current": "default", "profiles": listed}))


def test_the_usual_search_finds_the_profile_of_the_cli(server: RawServer, home: dict[str, str]) -> None:
    """Somebody who is signed in with the Alibaba Cloud CLI needs nothing else."""
    server.reply = Reply.json(ORDER)
    write_profiles(home, default="from-file")
    assert run(server.url, home).startswith("order")
    assert "Credential=from-file," in server.received[0].headers["authorization"]


def test_a_profile_asked_for_beats_exported_keys(server: RawServer, home: dict[str, str]) -> None:
    """A profile in the stack configuration is meant: keys in the shell do not redirect it to another account."""
    server.reply = Reply.json(ORDER)
    write_profiles(home, default="from-file", prod="from-prod")
    assert run(server.url, home | KEYS, "prod").startswith("order")
    assert "Credential=from-prod," in server.received[0].headers["authorization"]


def test_a_profile_of_the_environment_does_not_beat_its_keys(server: RawServer, home: dict[str, str]) -> None:
    """With both exported, the keys win, as in Alibaba Cloud's own tools."""
    server.reply = Reply.json(ORDER)
    write_profiles(home, prod="from-prod")
    assert run(server.url, home | KEYS | {"ALIBABA_CLOUD_PROFILE": "prod"}, "prod").startswith("order")
    assert "Credential=LTAI-invented-key," in server.received[0].headers["authorization"]


def test_a_profile_of_the_ini_file(server: RawServer, home: dict[str, str]) -> None:
    """A profile that only the older file has is found there."""
    server.reply = Reply.json(ORDER)
    path = Path(home["HOME"]) / ".alibabacloud" / "credentials.ini"
    path.parent.mkdir()
    path.write_text("[prod]\ntype = access_key\naccess_key_id = from-ini\naccess_key_secret = secret\n")
    assert run(server.url, home, "prod").startswith("order")
    assert "Credential=from-ini," in server.received[0].headers["authorization"]


def test_a_missing_profile_is_not_replaced_by_another_source(server: RawServer, home: dict[str, str]) -> None:
    """A profile that does not exist is an error that names it; no other account is used in its place."""
    write_profiles(home, default="from-file")
    output = run(server.url, home | KEYS, "prod")
    assert output.startswith("CredentialsError ")
    assert "'prod'" in output
    assert server.received == []


def test_no_credentials_at_all(server: RawServer, home: dict[str, str]) -> None:
    """Without credentials nothing is sent, and the error lists where they were looked for."""
    output = run(server.url, home)
    assert output.startswith("CredentialsError ")
    for source in (
        "no credentials were found",
        "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "~/.aliyun/config.json",
        "RAM role",
    ):
        assert source in output
    assert server.received == []


OIDC = {
    "ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1:role/r",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1:oidc-provider/p",
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "/nowhere/oidc-token",
}


@pytest.mark.parametrize("profile", ["", "sso"])
def test_s89_an_expired_sign_in_is_named(server: RawServer, home: dict[str, str], profile: str) -> None:
    """S89: a CloudSSO sign-in that is over is told as such, with the file, and not as no credentials."""
    write_sign_in(Path(home["HOME"]), **EXPIRED_SIGN_IN)
    output = run(server.url, home, profile)
    assert "~/.aliyun/config.json: CloudSSO access token is empty or expired, please re-login" in output
    assert "no credentials were found" not in output
    assert "canary" not in output


def test_s89_a_missing_token_file_is_named(server: RawServer, home: dict[str, str]) -> None:
    """S89: an OIDC token file that is not there is told with its path."""
    output = run(server.url, home | OIDC)
    assert "ALIBABA_CLOUD_ROLE_ARN with an OIDC token: " in output
    assert "No such file or directory" in output
    assert "/nowhere/oidc-token" in output
    assert "no credentials were found" not in output


def test_s89_a_token_service_that_cannot_be_reached_is_named(
    server: RawServer, home: dict[str, str], tmp_path: Path
) -> None:
    """S89: that the token service cannot be reached is told, without the token that was to be sent there."""
    (tmp_path / "token").write_text("canary-token-0123456789")
    dead = "http://127.0.0.1:9"
    environ = home | OIDC | {"ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(tmp_path / "token"), "HTTPS_PROXY": dead}
    output = run(server.url, environ)
    assert "sts.aliyuncs.com cannot be reached" in output
    assert "no credentials were found" not in output
    assert "canary" not in output


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {name: OIDC[name] for name in list(OIDC)[:2]},
            f"{' and '.join(list(OIDC)[:2])} are set, but ALIBABA_CLOUD_OIDC_TOKEN_FILE is not",
        ),
        ({"ALICLOUD_ACCESS_KEY": "half"}, "ALICLOUD_ACCESS_KEY is set, but ALICLOUD_SECRET_KEY is not"),
    ],
    ids=["oidc", "key"],
)
def test_s89_half_set_variables_are_named(
    server: RawServer, home: dict[str, str], environ: dict[str, str], said: str
) -> None:
    """S89: variables of which one is missing are told by name."""
    output = run(server.url, home | environ)
    assert said in output
    assert "no credentials were found" not in output


EXPIRED_CODES = ["InvalidSecurityToken.Expired", "InvalidTimeStamp.Expired"]


@pytest.mark.parametrize("code", EXPIRED_CODES)
def test_s84_what_expired_once_is_signed_again(server: RawServer, client: SdkClient, code: str) -> None:
    """S84: a token or a signature that expired once is made again, for a read and for a write: neither was executed."""
    server.first = [Reply.json(failure(code), status=400)]
    server.reply = Reply.json(ORDER)
    assert client.submit_scale_out("app", "group", ["ecu"]) == "order"
    first, second = (each.headers for each in server.received)
    assert first["x-acs-signature-nonce"] != second["x-acs-signature-nonce"]


@pytest.mark.parametrize("code", EXPIRED_CODES)
def test_s84_what_stays_expired_is_an_error(server: RawServer, client: SdkClient, code: str) -> None:
    """S84: when it is still expired with fresh credentials, the error is the gateway's, after one more request."""
    server.reply = Reply.json(failure(code), status=400)
    with pytest.raises(CredentialsError, match=code):
        client.read_application("app")
    assert len(server.received) == 2


def test_s84_credentials_are_fetched_again(server: RawServer) -> None:
    """S84: the second request is signed with what the source gives now, not with what it gave before."""
    environ = dict(KEYS)
    client = SdkClient(region_id="r", endpoint=server.url, environ=environ)
    server.reply = Reply.json(ORDER)
    client.submit_scale_out("app", "group", ["ecu"])
    environ["ALIBABA_CLOUD_SECURITY_TOKEN"] = "another-token-0123456789"
    server.first = [Reply.json(failure("InvalidSecurityToken.Expired"), status=400)]
    client.submit_scale_out("app", "group", ["ecu"])
    tokens = [each.headers["x-acs-security-token"] for each in server.received]
    assert tokens == [*[KEYS["ALIBABA_CLOUD_SECURITY_TOKEN"]] * 2, "another-token-0123456789"]


def test_missing_credentials_are_not_searched_for_by_every_thread(server: RawServer) -> None:
    """After a search in vain the next calls fail at once, with an error of their own operation."""
    client = SdkClient(region_id="r", endpoint=server.url, profile="missing-profile", environ={})
    errors = []
    for call in (lambda: client.read_application("app"), lambda: client.read_change_orders("app")):
        with pytest.raises(CredentialsError) as caught:
            call()
        errors.append(caught.value)
    assert [error.operation for error in errors] == ["QueryApplicationStatus", "ListRecentChangeOrder"]
    assert errors[0].message == errors[1].message


class SignedOut:
    """A source of credentials that answers with the error of the token service."""

    def get_credential(self) -> object:
        """Fail, with the secrets in the text."""
        raise RuntimeError(f'{{"Code": "NoPermission", "Message": "denied", "Secret": "{SECRETS[0]}"}}')


def test_credentials_that_cannot_be_renewed(server: RawServer, client: SdkClient) -> None:
    """Credentials that were there and cannot be had again are an outage: nothing was sent, and waiting may help."""
    server.reply = Reply.json(ORDER)
    client.submit_scale_out("app", "group", ["ecu"])
    connection = client._connector.connection
    assert connection is not None
    connection.credential._source = SignedOut()
    with pytest.raises(
        NotSentError, match=r"could not be renewed\. Alibaba Cloud answered NoPermission"
    ) as caught:
        client.submit_scale_out("app", "group", ["ecu"])
    assert SECRETS[0] not in "".join(traceback.format_exception(caught.value))
    assert len(server.received) == 1


def test_the_gateway_may_echo_what_was_signed(server: RawServer, client: SdkClient) -> None:
    """A text that repeats the signed headers is shown without key, token and signature."""
    echo = (
        "Specified signature is not matched with our calculation. server canonicalRequest is [POST\n/pop\n\n"
        f"x-acs-security-token:{SECRETS[1]}\nx-acs-accesskey-id:LTAI-invented-key\n"
        f"authorization:ACS3-HMAC-SHA256 Credential=LTAI-invented-key,Signature=0123abcd] secret {SECRETS[0]}"
    )
    server.reply = Reply.json(failure("SignatureDoesNotMatch", echo), status=400)
    with pytest.raises(CredentialsError) as caught:
        client.read_application("app")
    printed = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(client)
    assert "not matched" in printed
    for secret in (*SECRETS, "LTAI-invented-key", "0123abcd"):
        assert secret not in printed


@pytest.mark.parametrize(
    "reply", [Reply(reset=True), Reply(502, b"<html>"), Reply(403, b'{"Code": "Forbidden.RAM"}')]
)
def test_no_secret_in_a_traceback(server: RawServer, client: SdkClient, reply: Reply) -> None:
    """The SDK's exceptions hold the signed request, so they are not part of the traceback."""
    server.reply = reply
    with pytest.raises(EdasError) as caught:
        client.submit_scale_out("app", "group", ["ecu"])
    printed = "".join(traceback.format_exception(caught.value))
    assert "Authorization" not in printed
    assert "darabonba" not in printed
    for secret in SECRETS:
        assert secret not in printed


@pytest.mark.parametrize("debug", ["sdk", "SDK"])
def test_debugging_the_sdk_prints_no_secrets(server: RawServer, home: dict[str, str], debug: str) -> None:
    """With DEBUG=sdk the SDK would print the signed headers; nothing is printed."""
    server.reply = Reply.json(ORDER)
    assert run(server.url, home | KEYS | {"DEBUG": debug}).startswith("order")


def test_secrets_are_not_in_the_repr() -> None:
    """A client shows where it points, and nothing it signs with."""
    client = SdkClient(region_id="cn-hangzhou", environ=KEYS)
    assert repr(client) == "SdkClient('cn-hangzhou', profile=None)"


def test_an_sdk_that_breaks_off_is_named_by_its_error_alone(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing came back, so nothing is said about an answer; the text of the error may hold the signed request."""
    client = SdkClient(region_id="r", endpoint=server.url, profile=None, environ=KEYS)
    server.reply = Reply.json(ORDER)
    client.submit_scale_out("app", "group", ["ecu"])

    def broken(*_: object) -> None:
        raise ZeroDivisionError(KEYS["ALIBABA_CLOUD_ACCESS_KEY_SECRET"])

    monkeypatch.setattr("darabonba.core.DaraCore.do_action", broken)
    with pytest.raises(UnavailableError) as caught:
        client.submit_scale_out("app", "group", ["ecu"])
    assert str(caught.value) == (
        "ScaleOutApplication failed: the Alibaba Cloud SDK broke off with ZeroDivisionError, and no answer came."
    )
    assert caught.value.__cause__ is None
