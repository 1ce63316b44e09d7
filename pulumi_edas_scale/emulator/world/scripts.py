"""How a change order is to run: from a duration and a rule's wishes to phases, batches and outcomes.

The law of this file: a script is decided once, when the order is created, and is then only followed by
`progress.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pulumi_edas_scale.emulator.world.durations import Duration
from pulumi_edas_scale.emulator.world.entities import OrderStatus, Outcome, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

# The task error an instance gets when a rule says that it fails and does not say how.
TASK_TIMEOUT = "EDAS-10002 Task timeout during execution"
AGENT_OFFLINE = "EDAS-10001 STAR_AGENT_OFFLINE"
CHANGE_ABORTED = "The change was terminated"

TASK_ERRORS: Mapping[str, str] = {
    "EDAS-10000": "EDAS-10000 NO_SPACE_LEFT_ON_DISK",
    "EDAS-10001": AGENT_OFFLINE,
    "EDAS-10002": TASK_TIMEOUT,
    "EDAS-10012": "EDAS-10012 UNZIP_WAR_FAILED",
    "EDAS-10013": "EDAS-10013 JAR_WAR_FAILED",
    "EDAS-10014": "EDAS-10014 WAR_URL_403",
    "EDAS-10015": "EDAS-10015 WAR_URL_404",
    "EDAS-10016": "EDAS-10016 JAVA_PROCESS_ROOT",
}

BAD_ENDS = (OrderStatus.FAILED, OrderStatus.PARTIAL, OrderStatus.SYSTEM_FAILURE)


@dataclass(frozen=True)
class OrderScript:
    """What a rule or an action asks of an order; every None means "as without it"."""

    end: int | None = None
    duration: Duration | None = None
    held: bool = False  # waits for a person (8): between two batches, or before the only one
    batches: int = 1
    batch_wait: Duration | None = None  # how long it shows 9 between two batches
    flips: Duration | None = None  # how long it shows failed (3) before it goes on
    phases: tuple[Phase, ...] | None = None  # verbatim; overrules all the above but `end`
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)  # by ECS or ECU id
    failing: str | None = None  # task error of every instance that has no outcome of its own

    @property
    def batch_type(self) -> str:
        """Return the wire word for how the next batch is released."""
        return "Manual" if self.held else "Automatic"

    def outcome_of(self, *names: str) -> Outcome:
        """Return the outcome for an instance by any of its ids."""
        for name in names:
            if name in self.outcomes:
                return self.outcomes[name]
        if self.failing is not None:
            return Outcome(error=self.failing)
        if self.end in BAD_ENDS and not self.outcomes:
            return Outcome(error=TASK_TIMEOUT)
        return Outcome()


def phases_of(script: OrderScript, default: Duration) -> list[Phase]:
    """Write the phases of an order; running phases without length are left out.

    Args:
        script: what was asked.
        default: the duration of an order of which nothing else was said.
    """
    if script.phases is not None:
        return list(script.phases)
    whole = script.duration or default
    parts = script.batches + (1 if script.flips else 0)
    share = whole.divided(parts)
    phases: list[Phase] = []
    if script.held and script.batches == 1:
        phases.append(Phase(OrderStatus.HELD, until_confirmed=True, batch=0))
    if script.flips:
        phases.append(Phase(OrderStatus.RUNNING, share, batch=0))
        phases.append(Phase(OrderStatus.FAILED, script.flips, batch=0))
    for batch in range(script.batches):
        if batch and script.held:
            phases.append(Phase(OrderStatus.HELD, until_confirmed=True, batch=batch))
        elif batch:
            phases.append(Phase(OrderStatus.BATCH_WAIT, script.batch_wait or Duration(polls=1), batch=batch))
        phases.append(Phase(OrderStatus.RUNNING, share, batch=batch, completes=True))
    return phases


def task_error(code: str) -> str:
    """Return the text EDAS shows for a task error code; an unknown code is its own text."""
    return TASK_ERRORS.get(code, code)
