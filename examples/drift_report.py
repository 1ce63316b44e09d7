"""Report what other people did to the deploy groups of many stacks.

    python drift_report.py [--json] DIRECTORY[:STACK] ...

A directory is a Pulumi project; without a stack, all its stacks are looked at. Nothing is changed: each stack is
previewed. The result of a stack is one of

    clean       looked at, and as it should be
    drift       somebody changed a group outside Pulumi; the lines say what, in the provider's words
    unfinished  an update of this stack was interrupted or failed, and left work; nobody else did anything
    pending     the program has changed and was not deployed
    failed      the preview failed, so nothing is known

Exit codes: 0, every stack is clean; 1, at least one drifted; 2, at least one failed; 3, none of these, but work is
unfinished or pending. A failure wins over drift: what could not be looked at may have drifted, too.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pulumi import automation as auto

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent

AT_ONCE = 4  # a preview is two or three processes
NOTHING_TO_DO = ("same", "read", "refresh")
MEMBERSHIP = "DeployGroupMembership"
DRIFT = "Drift:"
UNFINISHED = "Unfinished work of the last update"
EXIT_CODES = {"clean": 0, "drift": 1, "failed": 2, "unfinished": 3, "pending": 3}
BY_WEIGHT = ("failed", "drift", "unfinished", "pending", "clean")


@dataclass
class Report:
    """What the preview of one stack says.

    Attributes:
        stack: the project's directory and the stack.
        lines: by kind of finding, the resource and what there is to say of it.
        failure: why the preview failed; None when it did not.
    """

    stack: str
    lines: set[tuple[str, str, str]] = field(default_factory=set)
    failure: str | None = None

    def hear(self, event: EngineEvent) -> None:
        """Take from an event of the engine what belongs in the report."""
        if event.diagnostic_event is not None:
            words = " ".join(event.diagnostic_event.message.split())
            kind = next(
                (kind for kind, mark in (("drift", DRIFT), ("unfinished", UNFINISHED)) if mark in words), None
            )
            if kind is not None:
                self.lines.add(
                    (kind, name_of(event.diagnostic_event.urn or ""), words.removeprefix("Drift: "))
                )
        if event.resource_pre_event is not None:
            step = event.resource_pre_event.metadata
            if MEMBERSHIP in step.type and step.op not in NOTHING_TO_DO:
                self.lines.add(("pending", name_of(step.urn), f"the next up would {step.op.value} it"))

    @property
    def result(self) -> str:
        """The one word for the stack: the weightiest of what was found."""
        found = {kind for kind, _, _ in self.lines} | ({"failed"} if self.failure is not None else {"clean"})
        return next(kind for kind in BY_WEIGHT if kind in found)

    @property
    def as_json(self) -> dict[str, object]:
        """The report for a program."""
        return {
            "stack": self.stack,
            "result": self.result,
            "lines": [{"resource": name, "what": what} for _, name, what in sorted(self.lines)],
            "failure": self.failure,
        }


def name_of(urn: str) -> str:
    """Return the name of a resource."""
    return urn.rpartition("::")[2]


def stacks_of(argument: str) -> list[tuple[str, str]]:
    """Return the directory and the name of each stack that an argument means."""
    directory, colon, stack = argument.rpartition(":")
    if colon:
        return [(directory, stack)]
    return [(argument, each.name) for each in auto.LocalWorkspace(work_dir=argument).list_stacks()]


def look_at(directory: str, stack: str) -> Report:
    """Preview one stack."""
    report = Report(f"{directory}:{stack}")
    try:
        auto.select_stack(stack_name=stack, work_dir=directory).preview(on_event=report.hear)
    except auto.CommandError as error:
        reasons = [line for line in str(error).splitlines() if line.strip().startswith("error:")]
        report.failure = reasons[0].strip() if reasons else str(error).splitlines()[0]
    return report


def table(reports: list[Report]) -> str:
    """Return the table, one line for each thing there is to say."""
    rows = [("STACK", "RESULT", "RESOURCE", "WHAT")]
    for report in reports:
        said = [(name, what) for _, name, what in sorted(report.lines)]
        if report.failure is not None:
            said.append(("-", report.failure))
        rows += [(report.stack, report.result, *line) for line in said or [("-", "as it should be")]]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1, 2)]
    return "\n".join(
        "  ".join([*(f"{row[column]:{width}}" for column, width in enumerate(widths)), row[3]])
        for row in rows
    )


def main() -> int:
    """Print the report and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print an object for each stack")
    parser.add_argument("projects", nargs="+", metavar="DIRECTORY[:STACK]")
    arguments = parser.parse_args()
    try:
        wanted = [each for argument in arguments.projects for each in stacks_of(argument)]
    except auto.CommandError as error:
        print(f"failed: {error}", file=sys.stderr)
        return EXIT_CODES["failed"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        reports = list(pool.map(lambda each: look_at(*each), wanted))
    print(json.dumps([each.as_json for each in reports], indent=2) if arguments.json else table(reports))
    results = {each.result for each in reports} or {"clean"}
    return EXIT_CODES[next(kind for kind in BY_WEIGHT if kind in results)]


if __name__ == "__main__":
    sys.exit(main())
