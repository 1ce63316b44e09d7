"""tools/pulumi_cli.py runs only what Pulumi published: an archive whose checksum differs is never unpacked."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tools import pulumi_cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = f"pulumi-v{pulumi_cli.CLI_VERSION}-linux-x64.tar.gz"


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a directory with a release archive in it, served as Pulumi's download host does."""
    monkeypatch.setattr(pulumi_cli, "archive_name", lambda: NAME)
    (tmp_path / "served").mkdir()
    with tarfile.open(tmp_path / "served" / NAME, "w:gz") as archive:
        entry = tarfile.TarInfo("pulumi/pulumi")
        entry.size = len(b"#!/bin/sh\n")
        archive.addfile(entry, io.BytesIO(b"#!/bin/sh\n"))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def publish(tmp_path: Path, *lines: str) -> None:
    """Write the list of checksums that is served beside the archive."""
    sums = tmp_path / "served" / f"pulumi-{pulumi_cli.CLI_VERSION}-checksums.txt"
    sums.write_text("".join(f"{line}\n" for line in lines))


def test_an_archive_with_the_published_checksum_is_unpacked(releases: str, tmp_path: Path) -> None:
    """The programs of the archive are there afterwards."""
    found = hashlib.sha256((tmp_path / "served" / NAME).read_bytes()).hexdigest()
    publish(tmp_path, f"{'0' * 64}  another.tar.gz", f"{found}  {NAME}")

    pulumi_cli.download(tmp_path / "bin", releases)

    assert (tmp_path / "bin" / "pulumi").read_bytes() == b"#!/bin/sh\n"


def test_an_archive_with_another_checksum_is_not_unpacked(releases: str, tmp_path: Path) -> None:
    """The failure names both sums, and nothing of the archive was written."""
    publish(tmp_path, f"{'0' * 64}  {NAME}")

    with pytest.raises(
        OSError, match=rf"{NAME} has the SHA-256 sum [0-9a-f]{{64}}, but 0{{64}} is published"
    ):
        pulumi_cli.download(tmp_path / "bin", releases)

    assert not (tmp_path / "bin").exists()


@pytest.mark.parametrize("lines", [[], [f"{'0' * 64}  another.tar.gz"], ["not a list"]])
def test_an_archive_without_a_checksum_is_not_used(releases: str, tmp_path: Path, lines: list[str]) -> None:
    """A list that does not name the archive vouches for nothing."""
    publish(tmp_path, *lines)

    with pytest.raises(OSError, match=f"no checksum of {NAME} is published"):
        pulumi_cli.download(tmp_path / "bin", releases)

    assert not (tmp_path / "bin").exists()


def test_without_the_list_of_checksums_nothing_is_used(releases: str, tmp_path: Path) -> None:
    """A download host that serves the archive and no checksums is not trusted."""
    with pytest.raises(OSError, match="404"):
        pulumi_cli.download(tmp_path / "bin", releases)

    assert not (tmp_path / "bin").exists()
