"""What the network and the credentials may do to a run, through the real CLI and both front ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.sdk.certificates import tls_before, write_certificate
from tests.contract.sdk.sign_ins import EXPIRED_SIGN_IN, write_sign_in
from tests.e2e import orders
from tests.e2e.stack import FrontEnd, Stack
from tests.e2e.world import ACCESS_KEY, SECRET

if TYPE_CHECKING:
    from pathlib import Path

ABC = ["i-a", "i-b", "i-c"]
ABCD = [*ABC, "i-d"]
KEYS = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")


@pytest.mark.scenario("S82")
def test_s82_an_answer_that_trickles(web: Stack) -> None:
    """It ends at callTimeoutSeconds and is asked for again; a time-out and Ctrl-C are heeded meanwhile."""
    web.config["edas-scale:callTimeoutSeconds"] = "2"
    web.edas.rule(effect="trickle", operation="QueryApplicationStatus")
    web.declare(ABCD)
    web.up().must_say("no answer arrived in time (2 s, edas-scale:callTimeoutSeconds)")
    assert web.members() == ABCD

    web.config["edas-scale:callTimeoutSeconds"] = "600"
    web.edas.rule(effect="trickle", operation="ListRecentChangeOrder", part="headers", times=None)
    web.declare([*ABCD, "i-e"], timeout_seconds=3)
    web.up(fails=True).must_say("time-out of 3 seconds passed", "ListRecentChangeOrder")

    web.declare([*ABCD, "i-e"])
    seen = len(web.edas.log("ListRecentChangeOrder"))
    running = web.start("up", "--yes", "--skip-preview")
    web.edas.await_calls("ListRecentChangeOrder", seen + 1)
    running.interrupt()
    result = running.result(30.0)
    assert result.exit_code != 0
    result.must_say("was stopped: the run was cancelled")
    assert web.members() == ABCD


@pytest.mark.scenario("S84")
def test_s84_what_expires_in_the_middle_of_a_wait(web: Stack) -> None:
    """A token or a time stamp that expired once is fetched again: a poll, a reading and a write go on."""
    for operation, code in (
        ("ScaleOutApplication", "InvalidTimeStamp.Expired"),
        ("GetChangeOrderInfo", "InvalidSecurityToken.Expired"),
        ("QueryApplicationStatus", "InvalidSecurityToken.Expired"),
    ):
        web.edas.rule(effect="error", operation=operation, status=400, code=code, message="expired")
    web.declare(ABCD)

    web.up()

    assert orders.orders(web.edas) == [("scale_out", ["i-d"])]
    assert web.members() == ABCD


@pytest.mark.scenario("S88")
def test_s88_a_certificate_and_a_name(web: Stack, tmp_path: Path) -> None:
    """A certificate nobody vouches for, or a name that is not resolved, ends a refresh and an update with the cause.

    Where the environment says whose certificates are trusted, they are.
    """
    certificate = write_certificate(tmp_path / "server.pem")
    web.environment["ALIBABA_CLOUD_ENDPOINT_EDAS"] = "http://[fe80::1%25nosuch]:8080"
    web.refresh(fails=True).must_say("the name of the endpoint cannot be resolved")
    with tls_before(int(web.edas.url.rpartition(":")[2]), certificate) as front:
        web.environment["ALIBABA_CLOUD_ENDPOINT_EDAS"] = front.url
        web.declare(ABCD)
        refused = web.up(fails=True)
        web.environment["SSL_CERT_FILE"] = str(certificate)
        web.refresh()

    refused.must_say("the certificate of the endpoint is not trusted")
    assert orders.writes(web.edas) == []
    assert web.members() == ABC


def without_keys(stack: Stack) -> None:
    """Leave no access key in the environment, and no metadata service to wait for."""
    stack.environment |= {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", **dict.fromkeys(KEYS, "")}


OIDC = {
    "ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1:role/r",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1:oidc-provider/p",
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "/nowhere/oidc-token",
}


@pytest.mark.scenario("S89")
def test_s89_credentials_that_do_not_work(web: Stack) -> None:
    """An expired sign-in, a missing token file, a half-set variable, a token service out of reach: each by name."""
    without_keys(web)
    token = web.directory / "oidc-token"
    token.write_text("canary-token-0123456789")
    dead = {"HTTPS_PROXY": "http://127.0.0.1:9", "ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(token)}
    hermetic = dict(web.environment)
    said = []
    for more in (OIDC, {name: OIDC[name] for name in list(OIDC)[:2]}, OIDC | dead):
        web.environment = hermetic | more
        said.append(web.preview(fails=True))
    web.environment = hermetic
    write_sign_in(web.directory / "home", **EXPIRED_SIGN_IN)
    said.append(web.refresh(fails=True))

    missing, half, unreachable, expired = said
    missing.must_say(
        "ALIBABA_CLOUD_ROLE_ARN with an OIDC token", "No such file or directory", "/nowhere/oidc-token"
    )
    half.must_say("are set, but ALIBABA_CLOUD_OIDC_TOKEN_FILE is not")
    unreachable.must_say("sts.aliyuncs.com cannot be reached")
    expired.must_say("~/.aliyun/config.json: CloudSSO access token is empty or expired, please re-login")
    for each in said:
        assert "no credentials were found" not in each.words
        assert "canary" not in each.output
    assert web.edas.log() == []
    assert web.members() == ABC


@pytest.mark.scenario("S92")
def test_s92_the_stack_names_another_account(web: Stack) -> None:
    """Keys of ``alicloud:`` sign where the process sees them; where it does not, the difference is reported."""
    if web.front_end is FrontEnd.DYNAMIC:
        web.environment |= dict(
            zip(KEYS, ("LTAI5tSomebodyElse", "another-secret-than-the-right-one"), strict=True)
        )
    web.config |= {"alicloud:accessKey": ACCESS_KEY, "alicloud:secretKey": SECRET}

    result = web.preview(expect_no_changes=True)

    if web.front_end is FrontEnd.NATIVE:
        result.must_say("warning", "alicloud:accessKey", "edas-scale:profile")
    assert len(web.edas.log("QueryApplicationStatus")) == 1
