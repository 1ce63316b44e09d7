"""Every way an answer of EDAS can look, with the error it must become: one table for two suites.

``tests/unit/test_classification.py`` asks the pure table, ``test_endings.py`` asks the installed SDK over HTTP.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from pulumi_edas_scale.domain.errors import (
    BusinessError,
    CredentialsError,
    EdasError,
    NotUnderstoodError,
    PermissionDeniedError,
    ThrottledError,
    UnavailableError,
)

REQUEST_ID = "6C1C8F5E-0000-4000-8000-0123456789AB"


@dataclass(frozen=True)
class Ending:
    """One answer on the wire and the class it must become; ``payload`` is text when it is not JSON."""

    name: str
    status: int
    payload: object
    error: type[EdasError]
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None

    @property
    def raw(self) -> bytes:
        """The bytes on the wire."""
        return (self.payload if isinstance(self.payload, str) else json.dumps(self.payload)).encode()


def failure(code: object, message: str = "why not") -> dict[str, object]:
    """Return a failing body as EDAS and the gateway write it."""
    return {"Code": code, "Message": message, "RequestId": REQUEST_ID}


WAIT = {"x-acs-retry-after": "1500"}  # milliseconds
YEARS = {"x-acs-retry-after": "94608000000000"}  # milliseconds
HTML = "<html><head><title>Bad gateway</title></head><body>nginx</body></html>"

ENDINGS: tuple[Ending, ...] = (
    Ending("refused", 200, failure(601, "Application(1) does not exist"), BusinessError),
    Ending("refused-code-as-text", 200, failure("601", "Cluster(123) does not exist"), BusinessError),
    Ending("refused-code-as-fraction", 200, failure(601.0), BusinessError),
    Ending("not-found-in-body", 200, failure(404), BusinessError),
    Ending("other-code-in-body", 200, failure("InvalidParameter"), BusinessError),
    Ending("server-error-in-body", 200, failure(500, "server error"), NotUnderstoodError),
    Ending("server-error-in-body-as-text", 200, failure("500"), NotUnderstoodError),
    Ending("denied-in-body-401", 200, failure(401, "No permissions"), PermissionDeniedError),
    Ending("denied-in-body-403", 200, failure(403), PermissionDeniedError),
    Ending("denied-in-body-500", 200, failure("500", "No permissions"), NotUnderstoodError),
    Ending("denied-in-chinese", 200, failure(500, "没有权限"), NotUnderstoodError),
    Ending("outage-in-body-503", 200, failure(503, "busy"), UnavailableError),
    Ending("unknown-user", 200, failure(401, "Edas.errorcode.User.Invalid.message"), CredentialsError),
    Ending("unknown-user-at-gateway", 401, failure("AUTH_ERROR", "user check error"), CredentialsError),
    Ending("unknown-user-500", 500, failure("Edas.errorcode.User.Invalid.message"), CredentialsError),
    Ending("denied-at-gateway", 403, failure("Forbidden.RAM"), PermissionDeniedError),
    Ending("denied-no-permission", 403, failure("NoPermission"), PermissionDeniedError),
    Ending("denied-not-authorized", 400, failure("User.NotAuthorized"), PermissionDeniedError),
    Ending("denied-by-status", 403, failure("SomethingElse"), PermissionDeniedError),
    Ending("key-not-found", 404, failure("InvalidAccessKeyId.NotFound"), CredentialsError),
    Ending("key-inactive", 400, failure("InvalidAccessKeyId.Inactive"), CredentialsError),
    Ending("signature-400", 400, failure("SignatureDoesNotMatch"), CredentialsError),
    Ending("signature-403", 403, failure("SignatureDoesNotMatch"), CredentialsError),
    Ending("signature-incomplete", 400, failure("IncompleteSignature"), CredentialsError),
    Ending("clock", 400, failure("InvalidTimeStamp.Expired"), CredentialsError),
    Ending("token-expired", 400, failure("InvalidSecurityToken.Expired"), CredentialsError),
    Ending("key-disabled", 403, failure("Forbidden.AccessKeyDisabled"), CredentialsError),
    Ending("nonce", 400, failure("SignatureNonceUsed"), UnavailableError),
    Ending("throttled", 400, failure("Throttling"), ThrottledError),
    Ending("throttled-user", 400, failure("Throttling.User"), ThrottledError),
    Ending("throttled-api-429", 429, failure("Throttling.Api"), ThrottledError),
    Ending("throttled-503", 503, failure("Throttling.User"), ThrottledError),
    Ending("throttled-with-wait", 400, failure("Throttling.User"), ThrottledError, WAIT, 1.5),
    Ending("throttled-for-years", 400, failure("Throttling.User"), ThrottledError, YEARS, 60),
    Ending("throttled-html", 429, HTML, ThrottledError),
    Ending("throttled-in-body", 200, failure("Throttling.User"), ThrottledError),
    Ending("wait-without-throttling", 400, failure("InvalidParam"), BusinessError, WAIT, 1.5),
    Ending("outage-with-wait", 503, failure("ServiceUnavailable"), UnavailableError, WAIT, 1.5),
    Ending("outage", 503, failure("ServiceUnavailable"), UnavailableError),
    Ending("internal-error", 500, failure("INTERNAL_ERROR", "server error"), UnavailableError),
    Ending("unknown-500", 500, failure("Unheard.Of"), UnavailableError),
    Ending("html-502", 502, HTML, UnavailableError),
    Ending("empty-502", 502, "", UnavailableError),
    Ending("list-500", 500, [], UnavailableError),
    Ending("null-500", 500, None, UnavailableError),
    Ending("timeout-408", 408, HTML, UnavailableError),
    Ending(
        "refused-with-500",
        500,
        failure("Edas.errorcode.InstanceNotExist.Instance.message", "The instance does not exist."),
        BusinessError,
    ),
    Ending(
        "refused-other-with-500",
        500,
        failure("Edas.errorcode.OperationFailed.ApplicationsDifferent.message"),
        BusinessError,
    ),
    Ending("refused-in-text-with-500", 500, failure(500, "Edas.errorcode.changeGroup.x"), BusinessError),
    Ending("refused-601-with-500", 500, failure(601), BusinessError),
    Ending(
        "refused-with-600", 600, failure("Edas.Errorcode.InstanceNotExist.Cluster.Message"), BusinessError
    ),
    Ending("refused-601-with-600", 600, failure("601"), BusinessError),
    Ending("refused-otherwise-with-600", 600, failure("Application.Invalid"), BusinessError),
    Ending("success-with-600", 600, failure(200), NotUnderstoodError),
    Ending("nothing-with-600", 600, {}, NotUnderstoodError),
    Ending("busy", 400, failure("Application.ChangerOrderRunning"), BusinessError),
    Ending("not-found-at-gateway", 404, failure("InvalidApplication.NotFound"), BusinessError),
    Ending("too-large", 414, HTML, BusinessError),
    Ending("wrong-address", 404, failure("InvalidApi.NotFound"), NotUnderstoodError),
    Ending("wrong-method", 405, failure("UnsupportedHTTPMethod"), NotUnderstoodError),
    Ending("html-404", 404, HTML, NotUnderstoodError),
    Ending("html-403", 403, HTML, NotUnderstoodError),
    Ending("json-404-without-code", 404, {"message": "no route"}, NotUnderstoodError),
    Ending("empty-object-400", 400, {}, NotUnderstoodError),
    Ending("success-with-400", 400, failure(200), NotUnderstoodError),
    Ending("created", 201, failure(200), NotUnderstoodError),
    Ending("null", 200, None, NotUnderstoodError),
    Ending("list", 200, [], NotUnderstoodError),
    Ending("text", 200, "ok", NotUnderstoodError),
    Ending("html", 200, HTML, NotUnderstoodError),
    Ending("empty", 200, "", NotUnderstoodError),
    Ending("no-code", 200, {"Message": "success"}, NotUnderstoodError),
    Ending("null-code", 200, {"Code": None}, NotUnderstoodError),
    Ending("true-code", 200, {"Code": True}, NotUnderstoodError),
    Ending("list-code", 200, {"Code": [200]}, NotUnderstoodError),
)
