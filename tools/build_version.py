"""The version of a package that is built, which differs from commit to commit.

The law of this file: a release has the version of ``pulumi_edas_scale/version.py``, and what is built between releases
sorts below it, so that an installer replaces an older build by a newer one and either by the release. The version that
the package itself says stays the plain one: Pulumi asks for a semantic version.

Hatchling runs this file when it builds (``tool.hatch.version`` in pyproject.toml), also from an sdist and without git.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

RELEASE_VARIABLE = "EDAS_SCALE_RELEASE"
"""Says that a release is built; tools/release.py sets it, because the tag comes after the build."""

ROOT = Path(__file__).resolve().parents[1]


def build_version(root: Path = ROOT) -> str:
    """Return the version of a build from a directory, after PEP 440.

    Raises:
        ValueError: version.py states no version.
    """
    found = re.search(
        r'^__version__ = "([^"]+)"$',
        (root / "pulumi_edas_scale" / "version.py").read_text("utf-8"),
        re.MULTILINE,
    )
    if found is None:
        raise ValueError("pulumi_edas_scale/version.py states no version")
    base = found[1]
    sdist = root / "PKG-INFO"
    if sdist.is_file():  # what an sdist was built as is what a wheel made from it is
        recorded = re.search(r"^Version: (\S+)$", sdist.read_text("utf-8"), re.MULTILINE)
        return recorded[1] if recorded is not None else base
    # A directory inside somebody else's repository is no commit of ours.
    if os.environ.get(RELEASE_VARIABLE) or _git(root, "rev-parse", "--show-toplevel") != str(root):
        return base
    dirty = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    if not dirty and f"v{base}" in _git(root, "tag", "--points-at", "HEAD").split():
        return base
    count, commit = _git(root, "rev-list", "--count", "HEAD"), _git(root, "rev-parse", "--short=12", "HEAD")
    return f"{base}.dev{count}+g{commit}{'.dirty' if dirty else ''}"


def _git(root: Path, *arguments: str) -> str:
    """Return what git says of a directory; nothing when it is no repository, or there is no git."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
