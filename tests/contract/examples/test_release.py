"""The release is made by tools/release.py; the plugin archive starts with the right Python, or says what it needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest
import yaml

from pulumi_edas_scale.version import __version__
from tests.contract.examples.test_docs import ROOT
from tools import release
from tools.build_version import RELEASE_VARIABLE, build_version

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plugin archive, around a package that tells its arguments."""
    package = tmp_path / "lib" / "pulumi_edas_scale"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "plugin.py").write_text("import sys\ndef main():\n    print(sys.argv)\n")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "old.pyc").write_text("")
    (tmp_path / "dist").mkdir()
    monkeypatch.setattr(release, "DIST", tmp_path / "dist")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return release.build_archive(tmp_path / "lib", "0.1.0")


def start(archive: Path, directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Unpack the archive and start the plugin as the engine would."""
    with tarfile.open(archive) as content:
        content.extractall(directory, filter="data")
    environment = {"PATH": os.defpath, **variables}
    return subprocess.run(
        [directory / release.PROGRAM, "127.0.0.1:1"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_same_input_gives_the_same_archive(archive: Path, tmp_path: Path) -> None:
    """An archive is made of sorted files, by nobody, at the commit's moment, without what Python made by itself."""
    first = archive.read_bytes()

    again = release.build_archive(tmp_path / "lib", "0.1.0")

    assert again.read_bytes() == first
    with tarfile.open(archive) as content:
        names = content.getnames()
        assert {(each.uid, each.uname, each.mtime) for each in content} == {(0, "", 1700000000)}
    assert names == [
        release.PROGRAM,
        "start.py",
        "lib/pulumi_edas_scale/__init__.py",
        "lib/pulumi_edas_scale/plugin.py",
    ]


def test_the_archive_starts_with_the_python_it_was_built_for(archive: Path, tmp_path: Path) -> None:
    """The program hands its arguments to the package in lib, and to no package that happens to be installed."""
    done = start(archive, tmp_path / "a place", EDAS_SCALE_PYTHON=sys.executable, PYTHONPATH=str(ROOT))

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([release.PROGRAM, "127.0.0.1:1"])


def test_without_that_python_the_archive_says_what_it_needs(archive: Path, tmp_path: Path) -> None:
    """A Python of another minor version is not used: one line says which is needed."""
    other = tmp_path / "python3"
    other.write_text("#!/bin/sh\necho 2.7\n")
    other.chmod(0o755)

    done = start(archive, tmp_path / "place", EDAS_SCALE_PYTHON=str(other), PATH=str(tools_only(tmp_path)))

    assert done.returncode == 1
    assert f"needs Python {release.ARCHIVE_PYTHON} on PATH, or its path in EDAS_SCALE_PYTHON" in done.stderr


def tools_only(directory: Path) -> Path:
    """Return a directory with what the launcher itself needs and no Python."""
    tools = directory / "tools"
    tools.mkdir()
    (tools / "dirname").symlink_to("/usr/bin/dirname")
    return tools


def test_the_workflows_run_what_is_there() -> None:
    """Each make target and each file that a workflow runs exists."""
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    seen = 0
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        workflow = yaml.safe_load(file.read_text())
        for job in workflow["jobs"].values():
            for script in (step["run"] for step in job["steps"] if "run" in step):
                for words in re.findall(r"^make (.+)$", script, re.MULTILINE):
                    assert set(words.split()) <= targets
                    seen += 1
                for path in re.findall(r"\b(?:tools|tests)/[\w/]+\.py", script):
                    assert (ROOT / path).exists()
                    seen += 1
    assert seen >= 6


def test_every_action_is_pinned_by_commit() -> None:
    """A workflow runs an action at a commit, which nobody can move, with the version it has in a comment."""
    workflows = [*(ROOT / ".github" / "workflows").glob("*.yml"), *(ROOT / "examples" / "ci").glob("*.yml")]
    used = [use for file in workflows for use in re.findall(r"uses: *(.+)", file.read_text())]
    assert used
    assert [use for use in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []


def test_no_job_of_a_release_builds_with_a_right() -> None:
    """What runs the code of others may only read; who publishes packages holds nothing but its identity."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]

    assert "permissions" not in jobs["build"]
    assert jobs["pypi"]["permissions"] == {"id-token": "write"}
    assert [name for name, job in jobs.items() if job.get("permissions", {}).get("contents") == "write"] == [
        "github"
    ]
    assert not any(
        "checkout" in step.get("uses", "")
        for name in ("assemble", "pypi", "github")
        for step in jobs[name]["steps"]
    )


def test_the_site_is_built_without_the_right_to_publish_it() -> None:
    """The job that runs the code of others may only read; the one that publishes checks nothing out."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "docs.yml").read_text())["jobs"]

    assert "permissions" not in jobs["build"]
    assert [step["uses"].partition("@")[0] for step in jobs["publish"]["steps"]] == ["actions/deploy-pages"]


def test_the_version_stands_at_one_place() -> None:
    """The script reads the version that the package says."""
    assert release.version() == __version__


@pytest.mark.parametrize("lock", ["runtime.txt", "release.txt"])
def test_a_release_installs_what_is_tested(lock: str) -> None:
    """Each version in a lock file has hashes, and is the one of constraints.txt where that names the package."""
    pins = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
    tested = dict(pins.findall((ROOT / "constraints.txt").read_text()))
    entries = re.split(
        r"\n(?=\w)", re.sub(r"^#.*\n", "", (ROOT / "locks" / lock).read_text(), flags=re.MULTILINE)
    )
    assert entries
    for entry in entries:
        [(name, version)] = pins.findall(entry)
        assert "--hash=sha256:" in entry
        assert tested.get(name, version) == version


@pytest.fixture
def commit(tmp_path: Path) -> Path:
    """A repository of one commit with a package of version 1.2.3."""
    package = tmp_path / "repository" / "pulumi_edas_scale"
    package.mkdir(parents=True)
    (package / "version.py").write_text('__version__ = "1.2.3"\n')
    git(package.parent, "init", "--quiet")
    git(package.parent, "add", ".")
    git(
        package.parent, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "first"
    )
    return package.parent


def git(directory: Path, *arguments: str) -> None:
    """Run git."""
    subprocess.run(["git", *arguments], cwd=directory, check=True)


def test_a_build_of_a_commit_has_a_version_of_its_own(commit: Path) -> None:
    """It sorts below the release, names the commit, and says when what was built is not what was committed."""
    built = build_version(commit)

    assert re.fullmatch(r"1\.2\.3\.dev1\+g[0-9a-f]{12}", built)
    (commit / "pulumi_edas_scale" / "version.py").write_text('__version__ = "1.2.3"\n# changed\n')
    assert build_version(commit) == f"{built}.dirty"


def test_a_release_is_built_with_the_plain_version(commit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the tag of the version, and where the release script says so, nothing is added."""
    git(commit, "tag", "v1.2.3")
    assert build_version(commit) == "1.2.3"

    git(commit, "tag", "--delete", "v1.2.3")
    monkeypatch.setenv(RELEASE_VARIABLE, "1.2.3")
    assert build_version(commit) == "1.2.3"


def test_an_sdist_is_built_as_what_it_was_made_as(commit: Path) -> None:
    """Its own record counts, wherever it was unpacked; without one a directory that is no repository is the release."""
    unpacked = commit / "unpacked"
    (unpacked / "pulumi_edas_scale").mkdir(parents=True)
    (unpacked / "pulumi_edas_scale" / "version.py").write_text('__version__ = "1.2.3"\n')
    assert build_version(unpacked) == "1.2.3"

    (unpacked / "PKG-INFO").write_text("Metadata-Version: 2.4\nName: x\nVersion: 1.2.3.dev7+gabc\n")
    assert build_version(unpacked) == "1.2.3.dev7+gabc"
