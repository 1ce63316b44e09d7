"""Change what the package decides or does, one small thing at a time, and see whether a unit test notices.

An operator that is exchanged (`make mutants`) is rarely what goes wrong in a rewrite; a rule that is forgotten is. Each
line of ``CHANGES`` takes one rule out of the code by hand. The law of this file: every change is noticed by the unit
tests of its own folder, and the script fails where one is not, or where the code it changes reads differently now.

    python tools/semantic_changes.py            all of them
    python tools/semantic_changes.py floor gone those whose rule has one of the words
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = "pulumi_edas_scale"
RESULTS: Final = ROOT / "build" / "semantic_changes.json"

DOMAIN: Final = (
    "tests/unit/domain/test_plan.py",
    "tests/unit/domain/test_orders.py",
    "tests/unit/operations",
)
EDAS: Final = (
    "tests/unit/edas/test_waiter.py",
    "tests/unit/edas/test_reads.py",
    "tests/unit/edas/test_queue.py",
)
OPERATIONS: Final = ("tests/unit/operations",)
TESTS: Final = {"domain": DOMAIN, "edas": (*EDAS, *OPERATIONS), "operations": OPERATIONS}


@dataclass(frozen=True)
class Change:
    """One rule that is forgotten.

    Attributes:
        rule: what the package no longer does, or does instead.
        file: the file below the package.
        before: the code that holds the rule, once in the file.
        after: the code without it.
    """

    rule: str
    file: str
    before: str
    after: str


CHANGES: Final = (
    Change(
        "any held order is confirmed, not only ours",
        "operations/follow.py",
        "confirm_batches and ours and pipeline",
        "confirm_batches and pipeline",
    ),
    Change(
        "a recorded order of ours is not ours any more",
        "operations/follow.py",
        "order_id in operation.progress.order_ids or order_id in operation.target.recorded.change_order_ids",
        "order_id in operation.progress.order_ids",
    ),
    Change(
        "held orders are confirmed without confirmBatches",
        "operations/follow.py",
        "if operation.target.policy.confirm_batches and ours",
        "if ours",
    ),
    Change(
        "a held order is confirmed again at every poll",
        "operations/follow.py",
        "self.reported.add(pipeline)",
        "pass",
    ),
    Change(
        "no stop check right before a confirmation",
        "operations/follow.py",
        "                operation.context.check_before_write()\n",
        "",
    ),
    Change(
        "our order is aborted although the engine is gone",
        "operations/outcome.py",
        "operation.abort_on_stop and sign.by_user",
        "operation.abort_on_stop",
    ),
    Change(
        "our order is aborted although it has ended",
        "operations/outcome.py",
        "progress.own_running and not ended and",
        "progress.own_running and",
    ),
    Change(
        "our order is aborted although onCancel is detach",
        "operations/outcome.py",
        "not ended and operation.abort_on_stop and",
        "not ended and",
    ),
    Change(
        "a failed update disowns members that have not left",
        "operations/outcome.py",
        "desired | progress.history.ordered | ours,",
        "desired | progress.history.ordered,",
    ),
    Change(
        "a failed update forgets a joiner that may still come",
        "operations/outcome.py",
        "        not_up | unseen,\n",
        "        not_up,\n",
    ),
    Change(
        "an operation that sent nothing forgets the recorded orders",
        "operations/outcome.py",
        "progress.found_ids) or operation.target.recorded.change_order_ids",
        "progress.found_ids)",
    ),
    Change(
        "a create that sent nothing writes state",
        "operations/outcome.py",
        "if not progress.touched or progress.observation is None:",
        "if progress.observation is None:",
    ),
    Change(
        "no stop check right before a write",
        "operations/submit.py",
        "        operation.context.check_before_write()\n",
        "",
    ),
    Change(
        "refusals are repeated fifty times",
        "operations/submit.py",
        "REFUSALS_TOLERATED: Final = 2\n",
        "REFUSALS_TOLERATED: Final = 50\n",
    ),
    Change(
        "a refusal is final at once",
        "operations/submit.py",
        "REFUSALS_TOLERATED: Final = 2\n",
        "REFUSALS_TOLERATED: Final = 0\n",
    ),
    Change(
        "a busy application counts as a refusal",
        "operations/submit.py",
        "if any(is_active(each.status) for each in orders):",
        "if not orders and any(is_active(each.status) for each in orders):",
    ),
    Change(
        "a lost write is repeated at once",
        "operations/submit.py",
        "AMBIGUOUS_SECONDS: Final = 30.0",
        "AMBIGUOUS_SECONDS: Final = 0.0",
    ),
    Change(
        "a lost write is repeated for ever",
        "operations/submit.py",
        "                if self.attempts.repeated:\n                    raise error\n",
        "",
    ),
    Change(
        "an order found after a lost answer is taken for ours",
        "operations/submit.py",
        "                report = self.follower.follow(new.order_id)\n",
        "                progress.order_ids.append(new.order_id)\n"
        "                report = self.follower.follow(new.order_id)\n",
    ),
    Change(
        "a found order gives the listing no time to follow",
        "operations/submit.py",
        "patience = VISIBILITY_LAG_SECONDS",
        "pass",
    ),
    Change(
        "a write cut off by a cancel changed nothing",
        "operations/submit.py",
        "            operation.progress.touched = True\n            operation.progress.unanswered",
        "            operation.progress.unanswered",
    ),
    Change(
        "what an order of the run removed is not noted",
        "operations/submit.py",
        "            operation.session.ownership.note_removed(scope, order.ecc_ids, runtime.now())\n"
        "        if order.kind",
        "            pass\n        if order.kind",
    ),
    Change(
        "batchPauseSeconds never pauses",
        "operations/reconcile.py",
        "Wait.PAUSE if len(found.plan.orders) > 1 else Wait.AGAIN",
        "Wait.AGAIN",
    ),
    Change(
        "the join clock runs while the application is busy",
        "operations/reconcile.py",
        "            active = any(is_active(each.status) for each in self._orders)\n",
        "",
    ),
    Change(
        "the join clock runs while EDAS starts a joiner",
        "operations/reconcile.py",
        "starting = self._is_starting(reason)",
        "starting = False",
    ),
    Change(
        "decide from a reading that an order came after",
        "operations/reconcile.py",
        "if reads.unchanged_since(scope.app_id, reading.begun):",
        "if reading:",
    ),
    Change(
        "what was refused is decided again from the old reading",
        "operations/reconcile.py",
        "if not (attempts.refused or attempts.repeated):",
        "if attempts is not None:",
    ),
    Change(
        "other people's active orders are not waited for",
        "operations/reconcile.py",
        "others = [each for each in self._orders if is_active(each.status)]",
        "others: list[ChangeOrder] = []",
    ),
    Change(
        "a scale in does not wait for the questions of the run",
        "operations/reconcile.py",
        "if order.kind is OrderKind.SCALE_IN and self._awaited_quiet():",
        "if order.kind is None and self._awaited_quiet():",
    ),
    Change(
        "somebody leaves for an adopted member that does not run yet",
        "operations/reconcile.py",
        "(leaves or plan.next_order is None)",
        "plan.next_order is None",
    ),
    Change(
        "who listed one instance for another group is not asked",
        "operations/claims.py",
        "if urn != claim.urn), None)\n        if other_urn is not None:",
        "if urn != claim.urn and self._by_urn[urn].scope == claim.scope), None)\n        if other_urn is not None:",
    ),
    Change(
        "an order of the API is told as somebody else's",
        "domain/messages.py",
        "if order.source == CONSOLE:",
        "if order.source:",
    ),
    Change(
        "an order before the last join explains who left",
        "operations/traces.py",
        "            ecu_id = sought.pop(ip)\n            if type_of(order.co_type) is kind:",
        "            ecu_id = sought[ip]\n            if type_of(order.co_type) is kind:",
    ),
    Change(
        "other people's ghosts are adopted",
        "operations/ghosts.py",
        "return found.union(each for",
        "return frozenset(each for",
    ),
    Change(
        "ghosts of this run count for the floor",
        "operations/ghosts.py",
        "in removed.items() if now",
        "in removed.items() if now < 0 and now",
    ),
    Change(
        "a delete does not wait for a joiner that is listed late",
        "operations/reconcile.py",
        "return Wait.LATE if self._is_joiner_late(found) else None",
        "return None",
    ),
    Change(
        "the deadline begins again with every turn",
        "operations/reconcile.py",
        "        if context.deadline is None:\n",
        "        if context is not None:\n",
    ),
    Change(
        "an application on Kubernetes is scaled",
        "operations/reconcile.py",
        "        if summary is not None:\n            raise ChangeError",
        "        if summary is None and summary:\n            raise ChangeError",
    ),
    Change(
        "gone with one witness: the list is not asked",
        "operations/observe.py",
        "if refusal is None or any(each.app_id == scope.app_id for each in listed):",
        "if refusal is None:",
    ),
    Change(
        "gone with one witness: the cluster is not asked",
        "operations/observe.py",
        "        if not present:\n",
        "        if present is None:\n",
    ),
    Change(
        "gone at the first look",
        "operations/observe.py",
        "if reads.seems(name, refusal, TWICE):",
        "if reads.seems(name, refusal, TWICE) or refusal:",
    ),
    Change(
        "members that another membership of the run lists leave",
        "operations/observe.py",
        "        protected=protected,\n",
        "",
    ),
    Change(
        "the floor of another membership of the run is not kept",
        "operations/observe.py",
        "        other_floor=floor,\n",
        "",
    ),
    Change(
        "exclusive evicts although the list is left to somebody else",
        "operations/observe.py",
        "replace(target.policy, exclusive=False) if target.ignored else target.policy",
        "target.policy",
    ),
    Change(
        "maxRemovals counts one order",
        "domain/plan.py",
        "done = len(plan_input.history.scaled_in)",
        "done = 0",
    ),
    Change(
        "running leavers go first",
        "domain/plan.py",
        "(member.agent_off, member.runs, member.ecu_id)",
        "(member.agent_off, not member.runs, member.ecu_id)",
    ),
    Change(
        "leavers whose agent is off go first",
        "domain/plan.py",
        "        *(_scale_in(part) for part in _chunks(reachable, size)),\n"
        "        *(_scale_in(part, force=force) for part in _chunks(silent, size)),\n",
        "        *(_scale_in(part, force=force) for part in _chunks(silent, size)),\n"
        "        *(_scale_in(part) for part in _chunks(reachable, size)),\n",
    ),
    Change(
        "leavers whose agent is off are forced without being asked",
        "domain/plan.py",
        "force = plan_input.policy.force_scale_in is ForceScaleIn.OFFLINE",
        "force = True",
    ),
    Change(
        "members leave before joiners run",
        "domain/plan.py",
        "if self.awaited and first.kind is OrderKind.SCALE_IN:",
        "if self.awaited and first.kind is None:",
    ),
    Change(
        "a delete evicts foreign members under exclusive",
        "domain/plan.py",
        "plan_input.policy.exclusive and not plan_input.deleting and",
        "plan_input.policy.exclusive and",
    ),
    Change(
        "a machine somebody added again is still ours",
        "domain/plan.py",
        "return member.ecu_id in plan_input.managed and not added_again",
        "return member.ecu_id in plan_input.managed",
    ),
    Change(
        "a member that stopped by itself is taken for a failed join",
        "domain/plan.py",
        "        and plan_input.settled.get(each.ecu_id) != each.ecc_id\n",
        "",
    ),
    Change(
        "a bad deployment is repaired machine by machine",
        "domain/plan.py",
        "    if not somebody_runs and not plan_input.our_scale_out_failed:\n",
        "    if not members:\n",
    ),
    Change(
        "a bad end is believed at the first poll",
        "domain/orders.py",
        "AGREEING_LOOKS: Final = 3",
        "AGREEING_LOOKS: Final = 1",
    ),
    Change(
        "a bad end is believed within a second",
        "domain/orders.py",
        "AGREEING_SECONDS: Final = 15.0",
        "AGREEING_SECONDS: Final = 0.0",
    ),
    Change(
        "refresh drops members while the application is busy",
        "operations/refresh.py",
        "live, undisturbed = _settled_reading(session, scope, live, context)",
        "live, _ = _settled_reading(session, scope, live, context)",
    ),
    Change(
        "refresh drops members on a reading older than the orders",
        "operations/refresh.py",
        "        if not reads.unchanged_since(app_id, reading.begun):  #",
        "        if not reading:  #",
    ),
    Change(
        "a lost wake-up: the end of a turn wakes nobody",
        "edas/queue.py",
        "                queue.remove(ticket)\n                self.runtime.notify()\n",
        "                queue.remove(ticket)\n",
    ),
    Change(
        "a lost wake-up: the end of an order wakes nobody",
        "edas/waiter.py",
        "                self.poll_schedule.forget(order.order_id)\n                runtime.notify()\n",
        "                self.poll_schedule.forget(order.order_id)\n",
    ),
    Change(
        "a lost wake-up: a poll that was answered wakes nobody",
        "edas/waiter.py",
        "not_before=not_before, gap=gap)\n            runtime.notify()\n",
        "not_before=not_before, gap=gap)\n",
    ),
    Change(
        "a lost wake-up: a shared reading wakes nobody",
        "edas/reads.py",
        "                self._in_flight.discard(name)\n                self.runtime.notify()\n",
        "                self._in_flight.discard(name)\n",
    ),
    Change(
        "the end of an order leaves older readings fresh",
        "edas/reads.py",
        "            self._order_ended[app_id] = self.runtime.now()\n",
        "",
    ),
    Change(
        "a throttled poll counts as a refusal of the order",
        "edas/waiter.py",
        "isinstance(error, (BusinessError, NotUnderstoodError))",
        "error is not None",
    ),
)


def main(words: list[str]) -> int:
    """Try the changes whose rule has one of the words, all without any; return how many nobody noticed."""
    chosen = [each for each in CHANGES if not words or any(word in each.rule for word in words)]
    results = []
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for name in (PACKAGE, "tests"):
            shutil.copytree(
                ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        for name in ("pyproject.toml", "schema.json"):
            shutil.copy(ROOT / name, copy / name)
        for each in chosen:
            begun = time.monotonic()
            test = noticed_by(each, copy)
            results.append({"rule": each.rule, "file": each.file, "noticed_by": test})
            print(
                f"{'NOT NOTICED' if test is None else 'noticed':12} {each.rule} ({time.monotonic() - begun:.0f} s)"
            )
    if not words:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    missed = sum(each["noticed_by"] is None for each in results)
    print(f"{len(results) - missed} of {len(results)} noticed")
    return missed


def noticed_by(change: Change, copy: Path) -> str | None:
    """Make a change in a copy, run the tests of its folder until one fails, and return that one."""
    path = copy / PACKAGE / change.file
    text = path.read_text("utf-8")
    if text.count(change.before) != 1:
        print(f"{change.file} reads differently now, change CHANGES:")
        return None
    path.write_text(text.replace(change.before, change.after), encoding="utf-8")
    tests = TESTS[change.file.partition("/")[0]]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", "--tb=no", *tests]
    try:
        ended = subprocess.run(
            [*command, "-o", "timeout=60"], cwd=copy, capture_output=True, text=True, check=False
        )
    finally:
        path.write_text(text, encoding="utf-8")
    failed = [line.split()[1] for line in ended.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if ended.returncode == 0:
        return None
    return failed[0] if failed else "collection"


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
