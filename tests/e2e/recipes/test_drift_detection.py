"""Finding drift without a person: by the exit code of a preview, over many stacks, and in a scheduled workflow."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.e2e import orders
from tests.e2e.causes import UNREADABLE, make_unreadable
from tests.e2e.recipes.beside import EXAMPLES, run_beside
from tests.e2e.stack import Code, FrontEnd, membership
from tests.e2e.world import BETA, GAMMA, SHOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.stack import Stack

ABC = ["i-a", "i-b", "i-c"]
ROOT = Path(__file__).parents[3]
DYNAMIC_ONLY = pytest.mark.parametrize("front_end", [FrontEnd.DYNAMIC], ids=["dynamic"])


@pytest.mark.scenario("S7", "S8")
def test_the_exit_code_of_a_preview_tells_drift(web: Stack) -> None:
    """Nothing to do is 0; a member that left is another code, with the words; a foreign arrival is words only."""
    assert web.preview(expect_no_changes=True).exit_code == 0
    web.edas.action("join", group=BETA, application=SHOP, instance="i-d")
    reported = web.preview(expect_no_changes=True)
    assert "Drift: i-d joined" in reported.words
    web.edas.action("leave", instance="i-b")

    drifted = web.preview(expect_no_changes=True, fails=True)

    assert "no changes were expected" in drifted.words
    assert "Drift: i-b left" in drifted.words
    assert orders.writes(web.edas) == []


def test_a_preview_as_json_carries_plan_and_drift(web: Stack) -> None:
    """A script reads both from the diagnostics, at the resource they belong to."""
    web.edas.action("leave", instance="i-b")

    preview = json.loads(web.run("preview", "--json").output)

    said = [
        (each["severity"], each["message"])
        for each in preview["diagnostics"]
        if each["urn"].endswith("::web")
    ]
    assert [message.partition(":")[0] for severity, message in said if severity == "info"] == ["scale out 1"]
    assert any("Drift: i-b left" in message for severity, message in said if severity == "warning")


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not on PATH")
@pytest.mark.parametrize("front_end", [FrontEnd.NATIVE], ids=["native"])
def test_the_line_of_the_cookbook_prints_plan_and_drift(web: Stack) -> None:
    """It works as it stands, also beside the engine's warning about a plugin on PATH, which is about no resource."""
    (web.program / "Pulumi.yaml").write_text(json.dumps({"name": "shop", "runtime": "python"}))
    web.edas.action("leave", instance="i-b")
    [line] = re.findall(
        r"^pulumi preview --json \| .*$", (ROOT / "docs" / "cookbook.md").read_text("utf-8"), re.MULTILINE
    )

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=web.program,
        env=web.variables(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert [each.partition(":")[0] for each in done.stdout.splitlines()] == ["info web", "warning web"]


@DYNAMIC_ONLY
def test_a_report_over_many_stacks(stack: Stack) -> None:
    """The report names what drifted in which stack, changes nothing, and ends with 0, 1 or 2."""
    where = Code(f"{{'dev': {BETA!r}, 'other': {GAMMA!r}}}[pulumi.get_stack()]")
    who = Code(f"{{'dev': {ABC!r}, 'other': ['i-e']}}[pulumi.get_stack()]")
    stack.write(membership(group_id=where, instance_ids=who))
    stack.up()
    stack.run("stack", "init", "other")
    stack.environment["PULUMI_STACK"] = "other"
    stack.up()
    del stack.environment["PULUMI_STACK"]
    stack.edas.clear_log()

    clean = run_beside(stack, "python", EXAMPLES / "drift_report.py", stack.program)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert clean.stdout.count("as it should be") == 2

    stack.edas.action("leave", instance="i-b")
    drifted = run_beside(stack, "python", EXAMPLES / "drift_report.py", stack.program)
    assert drifted.returncode == 1, drifted.stdout + drifted.stderr
    [line] = [each for each in drifted.stdout.splitlines() if "i-b left" in each]
    assert line.split()[0].endswith(":dev")
    assert line.split()[1:3] == ["drift", "web"]
    assert "the next up would update it" in drifted.stdout
    assert "as it should be" in drifted.stdout

    unknown = run_beside(stack, "python", EXAMPLES / "drift_report.py", f"{stack.program}:no-such-stack")
    assert unknown.returncode == 2, unknown.stdout + unknown.stderr
    assert "failed" in unknown.stdout
    assert orders.writes(stack.edas) == []


def workflow_steps() -> dict[str, str]:
    """Return the scripts of the workflow by the names of their steps."""
    workflow = yaml.safe_load((EXAMPLES / "ci" / "drift.yml").read_text())
    steps = workflow["jobs"]["drift"]["steps"]
    return {step["name"]: step["run"] for step in steps if "name" in step}


RESULTS = {
    "nothing": ("clean", "clean", 0),
    "leave": ("drift", "drift", 1),
    "join": ("foreign", "drift", 1),
    "interrupted": ("unfinished", "unfinished", 3),
    "changed": ("pending", "pending", 3),
    "broken": ("failed", "failed", 2),
    **dict.fromkeys(UNREADABLE, ("failed", "failed", 2)),
}
"""What the workflow and the report say, and the report's exit code, by what happened."""


@pytest.mark.scenario("S65", "S94")
@pytest.mark.parametrize("front_end", [FrontEnd.DYNAMIC], ids=["dynamic"])
@pytest.mark.parametrize("what", RESULTS)
def test_workflow_and_report_tell_the_cases_apart(
    given: Callable[..., Stack], tmp_path: Path, what: str
) -> None:
    """Drift, unfinished work of our own, a change of the program, a failure and clean are told apart, by cause."""
    stack = given(instance_ids=ABC)
    happen(stack, what)
    result, reported, code = RESULTS[what]
    output, summary = tmp_path / "output", tmp_path / "summary.md"
    variables = {"STACK": "dev", "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}

    look = run_beside(stack, "bash", "-eo", "pipefail", "-c", workflow_steps()["Look"], environment=variables)
    report = run_beside(stack, "python", EXAMPLES / "drift_report.py", "--json", f"{stack.program}:dev")

    assert look.returncode == 0, look.stdout + look.stderr
    assert output.read_text() == f"result={result}\n", summary.read_text()
    assert f"### dev: {result}" in summary.read_text()
    assert report.returncode == code, report.stdout + report.stderr
    [found] = json.loads(report.stdout)
    assert found["result"] == reported


def happen(stack: Stack, what: str) -> None:
    """Let it happen to a stack."""
    if what == "leave":
        stack.edas.action("leave", instance="i-b")
    elif what == "join":
        stack.edas.action("join", group=BETA, application=SHOP, instance="i-d")
    elif what == "interrupted":
        stack.edas.rule(effect="order", instances={"i-d": "EDAS-10001"})
        stack.declare([*ABC, "i-d"])
        stack.up(fails=True)
    elif what == "changed":
        stack.declare(ABC[:2])
    elif what == "broken":
        (stack.program / "__main__.py").write_text("import nothing_of_this_name\n")
    elif what in UNREADABLE:
        make_unreadable(stack, what)


def gitlab_scripts() -> list[str]:
    """Return what the job of GitLab CI runs, step by step."""
    job = yaml.safe_load((EXAMPLES / "ci" / "gitlab-ci.yml").read_text())["drift"]
    return list(job["script"])


def test_both_pipelines_look_in_the_same_way() -> None:
    """GitLab's job tells the cases apart by the lines that GitHub's workflow runs, which the test above proves."""
    github, gitlab = (each.splitlines() for each in (workflow_steps()["Look"], gitlab_scripts()[0]))
    shared = github[: github.index("fi") + 1] if "fi" in github else []

    assert len(shared) > 8
    assert gitlab[: len(shared)] == shared


@pytest.mark.parametrize(
    ("result", "found", "asked"),
    [
        ("drift", "[]", "--data-urlencode title=Deploy groups of dev changed outside Pulumi"),
        ("foreign", '[{"iid": 7}]', "https://gitlab.example/api/v4/projects/1/issues/7/notes"),
        ("clean", "[]", None),
        ("failed", "[]", None),
    ],
)
def test_the_job_of_gitlab_posts_once(tmp_path: Path, result: str, found: str, asked: str | None) -> None:
    """Drift opens an issue, or is added to the one that is open; only a failed preview fails the job."""
    tool = tmp_path / "curl"
    tool.write_text(f'#!/bin/sh\necho "$@" >>asked\ncase "$*" in *--get*) echo \'{found}\';; esac\n')
    tool.chmod(0o755)
    (tmp_path / "preview.txt").write_text("Drift: i-b left deploy group b outside Pulumi.\n")
    (tmp_path / "result.txt").write_text(f"{result}\n")
    (tmp_path / "asked").touch()
    environment = {
        "PATH": f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "STACK": "dev",
        "CI_API_V4_URL": "https://gitlab.example/api/v4",
        "CI_PROJECT_ID": "1",
        "DRIFT_ISSUE_TOKEN": "glpat-invented",
    }

    posted = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(gitlab_scripts()[1:])],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert posted.returncode == (1 if result == "failed" else 0), posted.stderr
    calls = (tmp_path / "asked").read_text()
    assert asked in calls if asked is not None else not calls


@pytest.mark.parametrize(
    ("open_issue", "asked"), [("", "issue create --title Deploy groups of dev"), ("7", "issue comment 7")]
)
def test_the_workflow_posts_once(tmp_path: Path, open_issue: str, asked: str) -> None:
    """An issue is opened for a stack, and commented while it is open."""
    tool = tmp_path / "gh"
    tool.write_text(f'#!/bin/sh\necho "$@" >>asked\ncase "$*" in *list*) echo "{open_issue}";; esac\n')
    tool.chmod(0o755)
    (tmp_path / "preview.txt").write_text("Drift: i-b left deploy group b outside Pulumi.\n")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "STACK": "dev"}

    posted = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", workflow_steps()["Post what drifted"]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert posted.returncode == 0, posted.stderr
    assert asked in (tmp_path / "asked").read_text()
    assert "i-b left" in (tmp_path / "body.md").read_text()
