"""The operations of both front ends, in plain values.

This file's law: everything a front end can ask is here, in camelCase dicts, and nothing of any engine. A front end
translates; this file knows which use case a request is, what is recorded and what the user reads.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.choices import OnDelete
from pulumi_edas_scale.domain.clock import Cancelled, DeadlineExceeded, OperationContext, ThreadRuntime
from pulumi_edas_scale.domain.codes import Message, format_failure
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    EdasError,
    InputError,
    OperationError,
    PartialFailureError,
)
from pulumi_edas_scale.domain.inputs import Checked, check_inputs, ignored_lists, import_inputs
from pulumi_edas_scale.domain.model import Outcome, Recorded, Scope
from pulumi_edas_scale.operations.claims import Claim
from pulumi_edas_scale.operations.lookups import QUERIES, find_wrong_application
from pulumi_edas_scale.operations.observe import Target, outcome_of
from pulumi_edas_scale.operations.outcome import ChangeError, Operation
from pulumi_edas_scale.operations.ownership import MemoryLog, Ownership
from pulumi_edas_scale.operations.preview import Preview, preview_change, preview_replacement
from pulumi_edas_scale.operations.reconcile import Reconciler
from pulumi_edas_scale.operations.refresh import read_group, refresh
from pulumi_edas_scale.operations.request import Diff, Request, Result
from pulumi_edas_scale.operations.session import Session, open_session
from pulumi_edas_scale.operations.traces import describe_strangers, find_strangers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pulumi_edas_scale.domain.clock import Runtime
    from pulumi_edas_scale.domain.codes import Failure
    from pulumi_edas_scale.domain.model import Policy
    from pulumi_edas_scale.domain.settings import Settings
    from pulumi_edas_scale.edas.api import EdasClient
    from pulumi_edas_scale.operations.ownership import RunLog

READ_RETRY_TIMEOUT_SECONDS: Final = 20.0
"""A refresh has no time-out of its own: this long a failing call is retried, so that it ends within half a minute."""

SAME_AGAIN_SECONDS: Final = 5.0
"""After so long a status is shown again although it says the same: the run is still there."""

FUNCTION_LINE_SECONDS: Final = 3.0
"""Between two lines of a function that waits. What it waits for speaks up at most seven seconds apart, so none of its
waits is silent for longer than ten."""


class Host(Protocol):
    """What a front end can do for an operation; no method blocks or raises, any thread may call."""

    def progress(self, urn: str, text: str) -> None:
        """Replace the status line of a resource."""
        ...

    def info(self, urn: str, text: str) -> None:
        """Leave a line under a resource."""
        ...

    def warn(self, urn: str, warning: Message) -> None:
        """Leave a warning under a resource."""
        ...

    def stopped(self) -> str | None:
        """Return why nothing more may be sent (``runtime.ENGINE_GONE``, ``runtime.CANCELLED``), or None."""
        ...


def _connect(settings: Settings, region_id: str) -> EdasClient:
    from pulumi_edas_scale.edas.client import SdkClient  # noqa: PLC0415 - only a call of EDAS needs it

    return SdkClient(
        region_id=region_id,
        endpoint=settings.endpoint,
        network=settings.network,
        profile=settings.profile,
        keys=settings.keys,
        call_timeout=settings.call_timeout_seconds,
    )


@dataclass(slots=True)
class Service:
    """One configured provider; made without a call, used by many threads.

    Args:
        settings: region, endpoint, profile and how previews behave.
        host: the front end.
        connect: opens EDAS for a region.
        runtime: time, chance and waiting.
        log: what the provider processes of this engine run share; by default this is the only one.
    """

    settings: Settings
    host: Host
    connect: Callable[[Settings, str], EdasClient] = _connect
    runtime: Runtime = field(default_factory=ThreadRuntime)
    log: RunLog = field(default_factory=MemoryLog)
    ownership: Ownership = field(init=False)
    _sessions: dict[str, Session] = field(default_factory=dict)
    _ignored_reported: bool = False
    _opening: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.ownership = Ownership(self.log)

    def stop(self) -> None:
        """Let everybody who waits look at the stop sign, and leave the run: nothing more is sent."""
        self.wake()
        self.leave_run()

    def wake(self) -> None:
        """Let everybody who waits look at the stop sign."""
        with self.runtime:
            self.runtime.notify()

    def leave_run(self) -> None:
        """Leave the run of the engine, and forget what EDAS showed: another run begins with another service."""
        with self.runtime:
            self.log.close()
        for session in tuple(self._sessions.values()):
            session.reads.forget()

    # -- before anything is sent ---------------------------------------------------------------------------------

    def check(self, request: Request) -> Checked:
        """Check the inputs of a program, complete them, and note what the membership claims."""
        with self._question():
            checked = check_inputs(request.news, recorded=request.olds or None, settings=self.settings)
            conflict = None if checked.failures else self._claim(replace(request, news=checked.inputs))
        if conflict is not None:
            checked = replace(checked, failures=(conflict,))
        if self.settings.ignored and not self._ignored_reported:
            self._ignored_reported = True
            words = messages.describe_ignored_settings(self.settings.ignored)
            checked = replace(checked, warnings=(*checked.warnings, words))
        return checked

    def diff(self, request: Request) -> Diff:
        """Say whether something is to be done, by the inputs and by a live reading.

        Raises:
            InputError: what the program asks for is refused.
            OperationError: EDAS cannot be read, so it is not known whether anything drifted.
        """
        asked = request.diff()
        drifted: tuple[tuple[str, str], ...] = ()
        with self._question():
            if request.announce and self.settings.preview_reads:
                if not asked.replaces:
                    drifted = self._preview(request).drifted(request.spec.listed)
                elif asked.delete_before_replace and request.recorded.policy.on_delete is not OnDelete.RETAIN:
                    self._preview_replacement(request)
        if drifted and not asked.changes:
            return Diff(changes=True, detailed=drifted)
        return asked

    def preview_create(self, request: Request) -> Result:
        """Say what a create would do, and return the outputs it would have.

        Raises:
            InputError: what no other resource of the program could make right.
        """
        if request.spec.scope is not None and self.settings.preview_reads:
            with self._question():
                self._preview(request)
        return request.expected_result()

    # -- changes -------------------------------------------------------------------------------------------------

    def change(self, request: Request) -> Result:
        """Bring the group from what it is to what is listed; a create is a change from nothing recorded.

        Members that are there already are adopted without an order.

        Raises:
            PartialFailureError: something was changed, but not everything.
            OperationError, InputError: nothing was sent, state stays as it was.
        """
        try:
            return request.result(self._run(self._target(request)))
        except ChangeError as failure:
            if failure.outcome is None:
                raise
            true = request.result(failure.outcome)
            raise PartialFailureError(failure.message, true.id, true.inputs, true.outputs) from failure

    def delete(self, request: Request) -> None:
        """Take the managed members out, unless they are to be retained; what is gone already needs no order.

        Raises:
            OperationError: members are left, or it is not known whether they are.
        """
        if request.recorded.policy.on_delete is OnDelete.RETAIN:
            return
        target = self._delete_target(request)
        unknown, traces = find_strangers(
            self._session(target.scope.region_id),
            target.scope,
            self._run(target).foreign,
            request.known_foreign,
            self._context(request.urn),
            urn=request.urn,
        )
        staying = messages.describe_staying(unknown, target.scope, traces)
        if staying is not None:
            self.host.info(request.urn, staying)

    # -- readings ------------------------------------------------------------------------------------------------

    def read(self, request: Request) -> Result | None:
        """Say how a membership is; never wait for it, and never fail because an instance is unwell.

        Args:
            request: with nothing recorded it is an import, which takes every member.

        Returns:
            The truth, or None when the group or the application is gone.

        Raises:
            OperationError: there is nothing to import, or it is not known whether it is gone.
        """
        scope, recorded = request.scope, request.recorded
        session = self._session(scope.region_id)
        context = replace(self._context(request.urn), retry_timeout=READ_RETRY_TIMEOUT_SECONDS)
        try:
            if not request.olds:
                return _import(session, scope, context)
            live = read_group(session, scope, recorded, context)
            if live is None:
                return None
            scope = scope.named(live)
            found = refresh(session, scope, recorded, live, context)
        except EdasError as error:
            message = f"Reading {messages.describe_group(scope)} failed. {error.with_fix()}"
            raise OperationError(Message(error.short_code, message)) from error
        except (Cancelled, DeadlineExceeded) as sign:
            message = f"Reading {messages.describe_group(scope)} was stopped: {sign}."
            raise OperationError(Message("ES605", message)) from sign
        arrivals = describe_strangers(
            session,
            scope,
            found.outcome.foreign,
            request.known_foreign,
            context,
            urn=request.urn,
            policy=recorded.policy,
        )
        for sentence in found.warnings:
            self.host.warn(request.urn, sentence)
        for line in (*([found.away] if found.away is not None else ()), *arrivals):
            self.host.info(request.urn, line)
        return request.result_less(found.left, found.outcome)

    def invoke(self, token: str, args: Mapping[str, object]) -> dict[str, object]:
        """Answer a function; only the last part of the token counts (``edas-scale:index:getDeployGroup``)."""
        query = QUERIES.get(token.rpartition(":")[2])
        if query is None:
            reason = f"{token} is not a function of this package; it has {', '.join(sorted(QUERIES))}."
            raise InputError([("", Message("ES129", reason))])
        region_id = args.get("regionId") or self.settings.region_id
        if not isinstance(region_id, str):
            reason = "is not set. Set it, or edas-scale:regionId, or ALIBABA_CLOUD_REGION_ID."
            raise InputError([("regionId", Message("ES131", reason))])
        function = token.rpartition(":")[2]
        context = OperationContext(
            self.runtime,
            stopped=self.host.stopped,
            retry_timeout=READ_RETRY_TIMEOUT_SECONDS,
            report=_FunctionReporter(self.host, self.runtime, function, self.runtime.now()).progress,
        )
        try:
            return query(self._session(region_id), region_id, args, context)
        except EdasError as error:
            raise OperationError(
                Message(error.short_code, f"{function} failed. {error.with_fix()}")
            ) from error
        except Cancelled as sign:
            raise OperationError(Message("ES605", f"{function} was stopped: {sign}.")) from sign

    # -- inside --------------------------------------------------------------------------------------------------

    @contextmanager
    def _question(self) -> Iterator[None]:
        """Let scale ins wait while the engine asks: the next resource may claim what they would take out."""
        with self.runtime:
            self.ownership.question_begins()
        try:
            yield
        finally:
            with self.runtime:
                self.ownership.question_ends(self.runtime.now())
                self.runtime.notify()

    def _session(self, region_id: str) -> Session:
        with self._opening:
            if region_id not in self._sessions:
                client = self.connect(self.settings, region_id)
                self._sessions[region_id] = open_session(
                    client, self.runtime, self.ownership, self.settings.place
                )
            return self._sessions[region_id]

    def _claim(self, request: Request) -> Failure | None:
        """Record what a resource lists; return why it cannot stand beside the others, and the input that says so."""
        spec, before = request.spec, request.before
        if spec.scope is None:
            return None
        listed_before = frozenset(each.id for each in before.listed)
        claim = Claim(
            # Without a URN the place has to do: who is listed there is kept from a delete all the same.
            urn=request.urn or str(spec.scope),
            scope=spec.scope,
            ids=frozenset(each.id for each in spec.listed),
            recorded=listed_before if before.scope == spec.scope else frozenset(),
            complete=spec.complete,
            exclusive=spec.policy.exclusive,
            min_running=spec.policy.min_running,
            left=(before.scope, listed_before) if before.scope not in {None, spec.scope} else None,
        )
        with self.runtime:
            conflict = self.ownership.record(claim)
        if conflict is None:
            return None
        paths = (each.path for each in spec.listed if each.id in conflict.ids)
        # The group as a whole: one of the two is exclusive, and the other has no place in it.
        return next(paths, "exclusive" if claim.exclusive else "groupId"), conflict.message

    def _target(self, request: Request) -> Target:
        spec = request.spec
        return Target(
            urn=request.urn,
            scope=request.scope,
            listed=spec.listed,
            policy=self._policy(spec.policy, request.timeout_seconds),
            recorded=request.recorded,
            unknown_ids=None if spec.open_ended else spec.unknown_ids,
            ignored=ignored_lists(request.ignored),
        )

    def _delete_target(self, request: Request) -> Target:
        return Target(
            urn=request.urn,
            scope=request.scope,
            listed=(),
            policy=self._policy(request.recorded.policy, request.timeout_seconds),
            recorded=request.recorded,
            deleting=True,
        )

    def _policy(self, policy: Policy, timeout_seconds: float | None) -> Policy:
        """Apply the engine's customTimeouts, and ``strictPreview``, under which nobody waits for joiners."""
        if timeout_seconds:
            policy = replace(policy, timeout_seconds=max(int(timeout_seconds), 1))
        if self.settings.strict_preview:
            policy = replace(policy, join_timeout_seconds=0)
        return policy

    def _context(self, urn: str) -> OperationContext:
        """Return what bounds an operation that has no deadline yet."""
        report = _HostReporter(self.host, urn, self.runtime).progress
        return OperationContext(self.runtime, stopped=self.host.stopped, report=report)

    def _preview(self, request: Request) -> Preview:
        """Announce what a change would do, from a live reading."""
        target = self._target(request)
        return self._announce(
            request,
            lambda: preview_change(
                self._session(target.scope.region_id),
                target,
                self._context(request.urn),
                strict=self.settings.strict_preview,
                known_foreign=request.known_foreign,
            ),
        )

    def _preview_replacement(self, request: Request) -> None:
        """Announce what leaves before the new membership is made, and refuse what would leave for nothing."""
        old, new, joining = self._delete_target(request), request.spec.scope, None
        if new is not None:
            created = Request(urn=request.urn, news=request.news)
            joining = (self._session(new.region_id), self._target(created))
        leaving = (self._session(old.scope.region_id), old)
        self._announce(request, lambda: preview_replacement(leaving, joining, self._context(request.urn)))

    def _announce(self, request: Request, look: Callable[[], Preview]) -> Preview:
        try:
            preview = look()
        except Cancelled as sign:
            raise OperationError(
                Message("ES605", f"Looking at the deploy group was stopped: {sign}.")
            ) from sign
        if preview.failures:
            raise InputError(preview.failures)
        for line in preview.lines:
            self.host.info(request.urn, line)
        for warning in preview.warnings:
            self.host.warn(request.urn, warning)
        return preview

    def _run(self, target: Target) -> Outcome:
        session = self._session(target.scope.region_id)
        # The end of what was replaced is not a change of the resource itself.
        if target.urn and not target.deleting:
            with self.runtime:
                self.ownership.note_begun(target.urn)
        operation = Operation(
            session=session,
            target=target,
            context=self._context(target.urn),
            reporter=_HostReporter(self.host, target.urn, self.runtime),
            abort_on_stop=self.settings.on_cancel == "abort",
        )
        try:
            return Reconciler(operation).run()
        except ChangeError as failure:
            if failure.outcome is not None or not isinstance(failure.__cause__, BusinessError):
                raise
            # Nothing was sent, because something was refused to be read: perhaps it is not an application's id.
            wrong = find_wrong_application(session, target.scope, self._context(target.urn))
            if wrong is None:
                raise
            raise ChangeError(failure.message + f" {format_failure(*wrong.failure)}") from failure


@dataclass(slots=True)
class _HostReporter:
    """What one operation says, at its resource."""

    host: Host
    urn: str
    runtime: Runtime
    _shown: str = ""
    _shown_at: float = 0.0

    def progress(self, text: str) -> None:
        now = self.runtime.now()
        # A log that is no terminal has a line for each; but one that stands still says nothing of who still waits.
        if text != self._shown or now - self._shown_at >= SAME_AGAIN_SECONDS:
            self._shown, self._shown_at = text, now
            self.host.progress(self.urn, text)

    def info(self, text: str) -> None:
        self.host.info(self.urn, text)

    def warn(self, warning: Message) -> None:
        self.host.warn(self.urn, warning)


@dataclass(slots=True)
class _FunctionReporter:
    """What a function waits for. It has no row whose status could change, so its lines stay, and are few."""

    host: Host
    runtime: Runtime
    function: str
    reported_at: float

    def progress(self, text: str) -> None:
        now = self.runtime.now()
        if now - self.reported_at >= FUNCTION_LINE_SECONDS:
            self.reported_at = now
            self.host.info("", f"{self.function}: {text}")


def _import(session: Session, scope: Scope, context: OperationContext) -> Result:
    """Return a whole group as one membership."""
    try:
        live = session.reads.shown_application(scope.app_id, context, group_id=scope.group_id).value
    except BusinessError as error:
        wrong = find_wrong_application(session, scope, context)
        if wrong is None:
            raise
        raise _nothing_to_import(wrong.failure) from error
    if live.group(scope.group_id) is None:
        raise _nothing_to_import(messages.describe_missing_group(scope, live))
    members = live.members_of(scope.group_id)
    inputs = import_inputs(scope, members)
    outcome = outcome_of(live, scope, frozenset(each.ecu_id for each in members), Recorded())
    return Request(id=str(scope), news=inputs).result(outcome)


def _nothing_to_import(failure: Failure) -> OperationError:
    words = f"There is nothing to import. {format_failure(*failure)} The id is <regionId>/<appId>/<groupId>."
    return OperationError(Message("ES120", words))
