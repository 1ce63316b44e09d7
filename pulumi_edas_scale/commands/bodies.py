"""A client of EDAS that keeps what EDAS answered, word for word.

This file's law: it changes no call and no answer. The values of ``model.py`` hold what the provider needs; a
person who looks into a change order, or checks a fact about the API, needs the rest too.
"""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.errors import EdasError
from pulumi_edas_scale.sdk_client import SdkClient

if TYPE_CHECKING:
    from collections.abc import Mapping

REMEMBERED_CALLS: Final = 64
"""Enough for a command that ends; one that watches for hours must not keep every answer."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call: its operation and the body of the answer, or the error it ended in."""

    operation: str
    body: object = None
    error: EdasError | None = None


class RememberingClient(SdkClient):
    """EDAS through the official SDK, with a memory; for one thread.

    Args:
        region_id, endpoint, profile, environ: as for ``SdkClient``.
    """

    def __init__(
        self, *, region_id: str, endpoint: str | None, profile: str | None, environ: Mapping[str, str]
    ) -> None:
        super().__init__(region_id=region_id, endpoint=endpoint, profile=profile, environ=environ)
        self._exchanges: deque[Exchange] = deque(maxlen=REMEMBERED_CALLS)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The last calls, oldest first."""
        return tuple(self._exchanges)

    def body_of(self, operation: str) -> object:
        """Return the body of the last good answer to an operation, None when there was none."""
        good = (
            each.body for each in reversed(self._exchanges) if each.operation == operation and not each.error
        )
        return next(good, None)

    def credentials_source(self) -> str:
        """Return which provider of Alibaba Cloud's credentials library gave the keys, empty before a call."""
        if self._connection is None:
            return ""
        with contextlib.suppress(Exception):  # each source has its own errors; a name is all that is lost
            return str(self._connection.credential.get_credential().provider_name or "")
        return ""

    def _call(self, operation: str, resource: str, **parameters: object) -> object:
        try:
            body = super()._call(operation, resource, **parameters)
        except EdasError as error:
            self._exchanges.append(Exchange(operation, error=error))
            raise
        self._exchanges.append(Exchange(operation, body))
        return body
