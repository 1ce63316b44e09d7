"""Tell what other people did to the deploy groups of many stacks.

    python drift_report.py DIRECTORY[:STACK] ...

A directory is a Pulumi project; without a stack, all its stacks are looked at. Nothing is changed: each stack is
previewed. A line of the table is either drift, in the provider's words, or what the next up would do.

Exit codes: 0, no drift and no change anywhere; 1, there is some; 2, at least one stack cannot be told.
"""

from __future__ import annotations

import argparse
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


@dataclass
class Report:
    """What the preview of one stack tells.

    Attributes:
        stack: the project's directory and the stack.
        lines: the resource, and what is to be said of it.
        failure: why it cannot be told; None when it can.
    """

    stack: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    failure: str | None = None

    def hear(self, event: EngineEvent) -> None:
        """Take from an event of the engine what belongs in the table."""
        if event.diagnostic_event is not None and "Drift:" in event.diagnostic_event.message:
            words = " ".join(event.diagnostic_event.message.split())
            self.lines.append((name_of(event.diagnostic_event.urn or ""), words.removeprefix("Drift: ")))
        if event.resource_pre_event is not None:
            told = event.resource_pre_event.metadata
            if MEMBERSHIP in told.type and told.op not in NOTHING_TO_DO:
                self.lines.append((name_of(told.urn), f"the next up would {told.op.value} it"))


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
    rows = [("STACK", "RESOURCE", "WHAT")]
    for report in reports:
        said = sorted(set(report.lines))
        if report.failure is not None:
            said.append(("-", f"cannot be told: {report.failure}"))
        rows += [(report.stack, *line) for line in said or [("-", "as it should be")]]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}" for row in rows)


def main() -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("projects", nargs="+", metavar="DIRECTORY[:STACK]")
    try:
        wanted = [each for argument in parser.parse_args().projects for each in stacks_of(argument)]
    except auto.CommandError as error:
        print(f"cannot be told: {error}", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(AT_ONCE) as pool:
        reports = list(pool.map(lambda each: look_at(*each), wanted))
    print(table(reports))
    if any(report.failure is not None for report in reports):
        return 2
    return 1 if any(report.lines for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
