from __future__ import annotations

import pytest

from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    CredentialsError,
    EdasError,
    EdasScaleError,
    EndpointError,
    InputError,
    InternalError,
    NotSentError,
    NotUnderstoodError,
    OperationError,
    PartialFailureError,
    PermissionDeniedError,
    ThrottledError,
    UnavailableError,
    UnknownShapeError,
)

OPERATION = "ScaleOutApplication"


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (InputError, EdasScaleError),
        (BusinessError, EdasError),
        (PermissionDeniedError, EdasError),
        (CredentialsError, EdasError),
        (ThrottledError, EdasError),
        (UnavailableError, EdasError),
        (NotSentError, UnavailableError),
        (EndpointError, NotSentError),
        (NotUnderstoodError, UnavailableError),
        (OperationError, EdasScaleError),
        (PartialFailureError, OperationError),
        (InternalError, EdasScaleError),
    ],
)
def test_whose_fault(kind: type[EdasScaleError], fault: type[EdasScaleError]) -> None:
    """Errors are sorted by whose fault they are, so that each can be handled where it must be."""
    assert kind.__mro__[1] is fault


@pytest.mark.parametrize("kind", [BusinessError, PermissionDeniedError, CredentialsError, ThrottledError])
def test_what_was_refused_is_not_ambiguous(kind: type[EdasError]) -> None:
    """A refused call was surely not executed, so it must not be taken for one whose answer was lost."""
    assert not issubclass(kind, UnavailableError)


def test_input_errors_name_the_property() -> None:
    """Each failure begins with its property path; one of the whole resource has none."""
    error = InputError(
        [("appId", Message("ES113", "is needed.")), ("", Message("ES101", "Nothing is listed."))]
    )
    assert str(error) == "appId: is needed. Nothing is listed."
    assert error.failures == (("appId", "is needed."), ("", "Nothing is listed."))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (EdasError(OPERATION), "ScaleOutApplication failed: no answer came."),
        (EdasError(OPERATION, message="connection reset"), "ScaleOutApplication failed: connection reset."),
        (EdasError(OPERATION, message="It broke."), "ScaleOutApplication failed: It broke."),
        (EdasError(OPERATION, "601"), "ScaleOutApplication answered 601."),
        (
            EdasError(OPERATION, "601", "order is running", "req-1"),
            "ScaleOutApplication answered 601 'order is running' (RequestId req-1).",
        ),
        (EdasError(OPERATION, "500", "", "req-1"), "ScaleOutApplication answered 500 (RequestId req-1)."),
    ],
    ids=["silence", "loss", "sentence", "code", "all", "no text"],
)
def test_a_failed_call_is_one_sentence(error: EdasError, words: str) -> None:
    """A call that failed says its operation, EDAS's code and text, and the id support asks for, as far as known."""
    assert str(error) == words


WHOLE = (OPERATION, "X.Y", "said", "req-1")


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (BusinessError(*WHOLE), "Alibaba Cloud support finds the call by its RequestId."),
        (UnavailableError(*WHOLE), "Alibaba Cloud support finds the call by its RequestId."),
        (ThrottledError(*WHOLE), "with fewer resources at once (--parallel)."),
        (PermissionDeniedError(*WHOLE, action="edas:ReadApplication"), "grant it to the caller."),
        (CredentialsError(*WHOLE), "'edas-scale doctor' looks at each."),
        (UnknownShapeError(*WHOLE), "attach them to an issue of the pulumi-edas-scale project."),
        (
            NotSentError(OPERATION, message=Message("ES707", "refused")),
            "one may name an emulator that has ended.",
        ),
        (CredentialsError(OPERATION, message=Message("ES701", "none. Export a pair.")), "Export a pair."),
    ],
    ids=[
        "refused",
        "outage",
        "throttled",
        "permission",
        "credentials",
        "shape",
        "not sent",
        "no credentials",
    ],
)
def test_a_failed_call_ends_with_what_to_do(error: EdasError, end: str) -> None:
    """Whoever has to act on a failed call is told what helps, once, before the short code."""
    assert error.with_fix().endswith(end)
    assert error.with_fix().startswith(str(error))
    assert error.with_code() == f"{error.with_fix()} [{error.short_code}]"


def test_refused_credentials_say_where_they_came_from() -> None:
    """Where the credentials were found is said by name, where it is known."""
    error = CredentialsError(*WHOLE)
    assert error.fix.startswith("Check key, secret and token")
    error.source = "the environment variables A and B"
    assert error.fix.startswith(
        "The credentials came from the environment variables A and B: check key, secret"
    )


def test_a_failed_call_keeps_its_parts() -> None:
    """The parts of a failed call stay readable for the layer that builds the message."""
    error = ThrottledError(OPERATION, "Throttling", "slow down", "req-1", 2.5)
    assert (error.operation, error.code, error.message) == (OPERATION, "Throttling", "slow down")
    assert (error.request_id, error.retry_after) == ("req-1", 2.5)


def test_a_missing_permission_is_named() -> None:
    """A missing RAM permission is named where it is known, and no sentence is spent where it is not."""
    known = PermissionDeniedError(OPERATION, "Forbidden", "no", "req-1", action="edas:ManageApplication")
    assert str(known) == (
        "ScaleOutApplication answered Forbidden 'no' (RequestId req-1). The RAM action edas:ManageApplication is "
        "missing: grant it to the caller."
    )
    assert str(PermissionDeniedError(OPERATION, "Forbidden")) == "ScaleOutApplication answered Forbidden."


def test_an_operation_error_is_its_message() -> None:
    """The error of an operation is the message for the user and nothing else."""
    error = OperationError(Message("ES601", "It failed."))
    assert str(error) == error.message == "It failed."
    assert error.with_code() == "It failed. [ES601]"


def test_a_partial_failure_carries_what_is_true() -> None:
    """A partial failure carries copies of inputs and outputs, so that later changes cannot falsify state."""
    outputs: dict[str, object] = {"members": []}
    error = PartialFailureError(Message("ES601", "Half of it."), "the-id", {"appId": "app-1"}, outputs)
    outputs["members"] = ["changed later"]
    assert error.outputs == {"members": []}
    assert (error.id, error.inputs) == ("the-id", {"appId": "app-1"})


def test_our_own_fault_asks_for_a_report() -> None:
    """An error that is our fault says so."""
    assert str(InternalError("Impossible.")) == (
        "Impossible. Please report this, it is a bug in pulumi-edas-scale."
    )
