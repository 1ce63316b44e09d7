"""Every error of this package, sorted by whose fault it is.

This file's law: a class exists only where somebody handles it differently. Errors keep their parts, so that the
layer that knows the user's words can build the message; ``str()`` of each is already one full sentence.

    EdasScaleError
      InputError                  yours: the inputs, with the property path of each failure
      EdasError                   EDAS's: one call, with operation, code, message and request id
        BusinessError             understood and refused (``Code`` 601 and its like)
        PermissionDeniedError     a RAM permission is missing; nothing was done
        CredentialsError          key, signature, clock or activation; nothing was done
        ThrottledError            too many calls; nothing was done; ask again later
        UnavailableError          no answer that can be trusted; a write may or may not have been executed
          NotSentError            the connection was refused: nothing was done
            EndpointError         the same, and it stays so until somebody sets something right
        NotUnderstoodError        an answer that is not one of EDAS's; counts as ambiguous for a write
          UnknownShapeError       an answer of EDAS in which a part is spelled in a way that nobody knew
            MissingListError      a list that is not there, and nothing in the answer says whether it is empty
            CutListError          a list with fewer elements than the answer counts
      OperationError              a create, update, read or delete did not end well; the message is for the user
        PartialFailureError       as above, and something was changed: state must say what is true
      InternalError               ours: please report it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from pulumi_edas_scale.domain.codes import BY_CODE, Message, format_failure, join_messages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi_edas_scale.domain.codes import Failure


class EdasScaleError(Exception):
    """The root of all errors this package raises on purpose.

    Attributes:
        short_code: of the message (``codes.py``); empty where there is none.
    """

    short_code: str = ""

    def with_code(self) -> str:
        """Return the message with its short code behind it."""
        return Message(self.short_code, str(self)).with_code()


class InputError(EdasScaleError):
    """Inputs that cannot be right.

    Args:
        failures: what is wrong, with the property path of each.
    """

    def __init__(self, failures: Sequence[Failure]) -> None:
        self.failures = tuple(failures)
        super().__init__(" ".join(format_failure(*each) for each in self.failures))

    def with_code(self) -> str:
        """Return every failure, each with its own code."""
        return join_messages([format_failure(*each) for each in self.failures]).with_code()


class EdasError(EdasScaleError):
    """One call of EDAS that did not succeed.

    Args:
        operation: the API operation, as EDAS names it (``ScaleOutApplication``).
        code: EDAS's code or the gateway's, as text; empty when there was no answer.
        message: EDAS's own text, without our words; where no answer came, a message of ours with its code.
        request_id: what Alibaba Cloud support asks for; empty when not reported.
        retry_after: seconds the gateway asks to wait, None when it does not say.
    """

    answered_code: ClassVar = "ES713"
    """The short code where there was an answer."""

    def __init__(
        self,
        operation: str,
        code: str = "",
        message: str = "",
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.operation = operation
        self.code = code
        self.message = message
        self.request_id = request_id
        self.retry_after = retry_after
        ours = message.code if isinstance(message, Message) else "ES715"
        self.short_code = self.answered_code if code else ours
        super().__init__(operation, code, message, request_id)

    def __str__(self) -> str:
        if not self.code:
            return f"{self.operation} failed: {self.message or 'no answer came'}".rstrip(".") + "."
        said = f" '{self.message}'" if self.message else ""
        request = f" (RequestId {self.request_id})" if self.request_id else ""
        return f"{self.operation} answered {self.code}{said}{request}."

    @property
    def fix(self) -> str:
        """What to do about it, in sentences; empty where the error says so itself."""
        return "" if self.short_code in _SAYING_WHAT_TO_DO else BY_CODE[self.short_code].fix

    def with_fix(self) -> str:
        """Return the message for somebody who has to act on it; a status line needs no more than ``str``."""
        return f"{self} {self.fix}".rstrip()

    def with_code(self) -> str:
        """Return the message and what to do about it, with its short code behind it."""
        return Message(self.short_code, self.with_fix()).with_code()


_SAYING_WHAT_TO_DO: Final = frozenset({"ES701", "ES702", "ES703", "ES717", "ES719", "ES720"})
"""Codes of messages that end with what to do, because it depends on what was found."""


class BusinessError(EdasError):
    """EDAS understood the call and refused it; repeating it unchanged is useless unless the application was busy."""


class PermissionDeniedError(EdasError):
    """The caller lacks a RAM permission; ``action`` names it (``edas:ReadApplication``)."""

    def __init__(
        self, operation: str, code: str = "", message: str = "", request_id: str = "", *, action: str = ""
    ) -> None:
        super().__init__(operation, code, message, request_id)
        self.action = action
        if action:
            self.short_code = "ES703"

    def __str__(self) -> str:
        need = f" The RAM action {self.action} is missing: grant it to the caller." if self.action else ""
        return super().__str__() + need


class CredentialsError(EdasError):
    """The account, the key, the signature or the clock of this machine is not accepted, or nobody is signed in.

    Attributes:
        source: where the credentials of the call came from, by names; empty when there were none.
    """

    source: str = ""

    @property
    def fix(self) -> str:
        """Whose they are, and who looks at everything that may be wrong with them."""
        if not self.code:
            return super().fix
        origin = f"The credentials came from {self.source}: check " if self.source else "Check "
        return (
            f"{origin}key, secret and token, the clock of this machine, and that EDAS is activated for the account; "
            "'edas-scale doctor' looks at each."
        )


class ThrottledError(EdasError):
    """EDAS refused the call before executing it, because too many were made in the last minute."""

    @property
    def fix(self) -> str:
        """The limit is one of calls a minute."""
        return "Try again in a minute, or with fewer resources at once (--parallel)."


class UnavailableError(EdasError):
    """The call ended without an answer that can be trusted; a write may have been executed."""


class NotSentError(UnavailableError):
    """The connection was refused: the call was surely not executed."""


class EndpointError(NotSentError):
    """The endpoint cannot be used as it is configured: its name, its certificate, the proxy; nothing was sent."""


class NotUnderstoodError(UnavailableError):
    """The answer does not have the documented shape, so nothing can be concluded from it."""


class UnknownShapeError(NotUnderstoodError):
    """EDAS answered well, but a part of the answer is not spelled as documented; the message says which part."""

    answered_code: ClassVar = "ES719"

    def __str__(self) -> str:
        return f"{super().__str__()} {RECORD_HINT}"


RECORD_HINT: Final = (
    "The shape of this answer was not understood, so nothing is concluded from it. 'edas-scale doctor --record FILE' "
    "saves the answers, without secrets: attach them to an issue of the pulumi-edas-scale project."
)
"""What helps against a spelling nobody knew: EDAS documents no example of an empty list."""


class MissingListError(UnknownShapeError):
    """A list is not there, and nothing in the answer says whether it is empty: believed when it stays so."""


class CutListError(UnknownShapeError):
    """A list has fewer elements than the same answer counts; it may be complete a moment later."""


class OperationError(EdasScaleError):
    """An operation on a membership that did not end well; the message is the user's.

    Args:
        message: one paragraph: what was attempted, the evidence, what is true now, the next command.
    """

    def __init__(self, message: Message) -> None:
        self.message = message
        self.short_code = message.code
        super().__init__(message)


class PartialFailureError(OperationError):
    """A create or update that changed something and did not reach its end; the engine saves what is true.

    Args:
        message: for the user.
        id: of the resource.
        inputs: the desired inputs, in camelCase.
        outputs: what is true now, in camelCase.
    """

    def __init__(
        self,
        message: Message,
        id: str,  # noqa: A002 - the engine's word
        inputs: Mapping[str, object],
        outputs: Mapping[str, object],
    ) -> None:
        super().__init__(message)
        self.id = id
        self.inputs = dict(inputs)
        self.outputs = dict(outputs)


class InternalError(EdasScaleError):
    """A state that this package must never reach."""

    short_code = "ES901"

    def __str__(self) -> str:
        return f"{super().__str__()} Please report this, it is a bug in pulumi-edas-scale."
