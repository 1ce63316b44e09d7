from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils import Utils

from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.emulator.world.world_file import BUILT_IN_WORLD
from tests.contract.emulator.clients import SHOP, http, sdk_call, sdk_client

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY = {"id": "STS.key", "secret": "temporary-secret", "securityToken": "a-long-token"}


@pytest.fixture
def edas() -> Iterator[Emulator]:
    """An emulator with a lasting and a temporary key."""
    world = {**BUILT_IN_WORLD, "accessKeys": [*BUILT_IN_WORLD["accessKeys"], TEMPORARY]}
    with Emulator(world) as emulator:
        yield emulator


def _refusal(client: Any) -> ClientException:  # noqa: ANN401 - the SDK has no types
    with pytest.raises(ClientException) as caught:
        sdk_call(client, "QueryApplicationStatus", app_id=SHOP)
    return caught.value


def test_a_good_key_is_let_in(edas: Emulator) -> None:
    """Whatever characters the parameters have."""
    client = sdk_client(edas)
    assert sdk_call(client, "QueryApplicationStatus", app_id=SHOP).body.code == 200
    found = sdk_call(client, "ListApplication", app_name="a b+c/d~e%f=g&h,ü*").body
    assert (found.code, found.application_list.application) == (200, [])


def test_a_temporary_key_needs_its_token(edas: Emulator) -> None:
    """With the right token it is let in, with a wrong one or none it is not."""
    keys = {"access_key_id": TEMPORARY["id"], "access_key_secret": TEMPORARY["secret"]}
    good = sdk_client(edas, **keys, security_token=TEMPORARY["securityToken"])
    assert sdk_call(good, "QueryApplicationStatus", app_id=SHOP).body.code == 200
    assert _refusal(sdk_client(edas, **keys, security_token="other")).code == "InvalidSecurityToken.Malformed"
    assert _refusal(sdk_client(edas, **keys)).code == "MissingSecurityToken"


def test_a_wrong_secret_is_not_let_in(edas: Emulator) -> None:
    """The gateway's answer is logged as not executed, and nothing of the signature is."""
    refusal = _refusal(sdk_client(edas, access_key_secret="wrong"))
    assert (refusal.status_code, refusal.code) == (400, "SignatureDoesNotMatch")
    (entry,) = edas.log()
    assert (entry["operation"], entry["executed"], entry["status"]) == ("QueryApplicationStatus", False, 400)


def test_an_unknown_key_is_not_let_in(edas: Emulator) -> None:
    """With the code that says so."""
    assert _refusal(sdk_client(edas, access_key_id="nobody")).code == "InvalidAccessKeyId.NotFound"


def test_a_clock_that_is_wrong_is_not_let_in(edas: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a quarter of an hour of skew is too much."""
    monkeypatch.setattr(Utils, "get_timestamp", staticmethod(lambda: "2020-01-01T00:00:00Z"))
    assert _refusal(sdk_client(edas)).code == "InvalidTimeStamp.Expired"


def test_another_version_of_the_signature_is_not_let_in(edas: Emulator) -> None:
    """The older ROA signature is refused."""
    assert _refusal(sdk_client(edas, signature_algorithm="v2")).code == "IncompleteSignature"


def test_an_unsigned_request_is_not_let_in(edas: Emulator) -> None:
    """In the envelope of the gateway."""
    status, body = http(edas, "GET", f"/pop/v5/app/app_status?AppId={SHOP}")
    assert (status, body["Code"]) == (400, "IncompleteSignature")


def test_no_credential_enters_the_log_or_the_state(edas: Emulator) -> None:
    """Neither key id, secret, token nor signature, not even when a caller puts them into the query."""
    sdk_call(sdk_client(edas), "QueryApplicationStatus", app_id=SHOP)
    token = TEMPORARY["securityToken"]
    http(edas, "GET", f"/pop/v5/app/app_status?AccessKeyId=emulator-key&Signature=abc&SecurityToken={token}")
    seen = json.dumps([edas.log(), edas.state(), http(edas, "GET", "/_emulator/log"), edas.rules()])
    for secret in ("emulator-key", "emulator-secret", token, "abc", "Signature"):
        assert secret not in seen.replace("IncompleteSignature", "")
