"""Answers that come in pieces, too slowly, without an end, or larger than they look.

The law of this file: bytes only. `server.py` writes the pieces to the connection and waits between them.
"""

from __future__ import annotations

import itertools
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pulumi_edas_scale.emulator.api.wire import Response

_BOMB_BYTES = 256 * 2**20
_BLOCK_BYTES = 2**20


def pieces_of(response: Response, part: str) -> Iterable[bytes]:
    """Return an answer in pieces.

    Args:
        response: the whole answer.
        part: what trickles: `body` byte by byte, or `headers` line by line; `continue` repeats
            "100 Continue", `endless` is a body that never ends, `bomb` a small body that unpacks to 256 MiB.
    """
    if part == "continue":
        return itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n")
    if part == "endless":
        return itertools.chain(
            [_head(response, "Transfer-Encoding: chunked")], itertools.repeat(b"1\r\n \r\n")
        )
    if part == "bomb":
        packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
        blocks = [packer.compress(b" " * _BLOCK_BYTES) for _ in range(_BOMB_BYTES // _BLOCK_BYTES)]
        packed = b"".join([*blocks, packer.compress(response.body), packer.flush()])
        return [_head(response, "Content-Encoding: gzip", f"Content-Length: {len(packed)}"), packed]
    head = _head(response, f"Content-Length: {len(response.body)}")
    if part == "headers":
        return [*head.splitlines(keepends=True), response.body]
    return itertools.chain([head], (bytes([byte]) for byte in response.body))


def _head(response: Response, *headers: str) -> bytes:
    given = [f"{name}: {value}" for name, value in response.headers.items()]
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:  # EDAS has a status 600
        phrase = ""
    lines = [f"HTTP/1.1 {response.status} {phrase}", *given, *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode()
