"""The operations of both front ends, in plain values.

This file's law: everything a front end can ask is here, in camelCase dicts, and nothing of any engine. A front end
translates; this file knows which use case a request is, what is recorded and what the user is told.
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
    InternalError,
    OperationError,
    PartialFailureError,
)
from pulumi_edas_scale.domain.fields import BY_NAME, OUTPUTS
from pulumi_edas_scale.domain.inputs import (
    Checked,
    changed_members,
    changed_properties,
    check_inputs,
    ignored_lists,
    import_inputs,
    membership_id,
    parse_membership_id,
    parse_recorded,
    parse_spec,
    remove_ids,
    render_outputs,
)
from pulumi_edas_scale.domain.model import UNKNOWN, Outcome, Recorded, Scope
from pulumi_edas_scale.domain.resolution import with_instance_ids
from pulumi_edas_scale.edas.reads import PREVIEW_FRESH_SECONDS
from pulumi_edas_scale.operations.lookups import QUERIES, find_wrong_application
from pulumi_edas_scale.operations.observe import (
    CannotTellError,
    Target,
    is_gone,
    outcome_of,
    recorded_instance_ids,
)
from pulumi_edas_scale.operations.outcome import ChangeError, Operation
from pulumi_edas_scale.operations.ownership import Claim, MemoryLog, Ownership
from pulumi_edas_scale.operations.preview import Preview, preview_change, preview_replacement
from pulumi_edas_scale.operations.reconcile import Reconciler
from pulumi_edas_scale.operations.refresh import refresh
from pulumi_edas_scale.operations.session import Session, open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pulumi_edas_scale.domain.clock import Runtime
    from pulumi_edas_scale.domain.codes import Failure
    from pulumi_edas_scale.domain.model import Application, Policy, Spec
    from pulumi_edas_scale.domain.settings import Settings
    from pulumi_edas_scale.edas.api import EdasClient
    from pulumi_edas_scale.operations.ownership import RunLog
    from pulumi_edas_scale.operations.refresh import Refreshed

READ_RETRY_TIMEOUT_SECONDS: Final = 20.0
"""A refresh has no time-out of its own: this long a failing call is retried, so that it ends within half a minute."""

SCOPE_PROPERTIES: Final = ("regionId", "appId", "groupId")
LIST_PROPERTIES: Final = ("instanceIds", "ecuIds")


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


@dataclass(frozen=True, slots=True)
class DiffAnswer:
    """What a change of inputs, or drift, asks for.

    Attributes:
        changes: whether anything is to be done.
        replaces: names of the properties that replace the resource.
        delete_before_replace: whether the old one goes first.
        detailed: property paths with add, delete, update or one of these with ``-replace``; never empty when
            something changes.
    """

    changes: bool
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False
    detailed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """A membership as it is: what the program would have to say, and what is true."""

    id: str
    inputs: dict[str, object]
    outputs: dict[str, object]


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
    _ignored_told: bool = False
    _opening: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.ownership = Ownership(self.log)

    def stop(self) -> None:
        """Let everybody who waits look at the stop sign, and leave the run: nothing more is sent."""
        self.wake()
        self.end_of_operation()

    def wake(self) -> None:
        """Let everybody who waits look at the stop sign."""
        with self.runtime:
            self.runtime.notify()

    def end_of_operation(self) -> None:
        """Leave the run of the engine, and forget what EDAS showed: another run begins with another service."""
        with self.runtime:
            self.log.close()
        for session in tuple(self._sessions.values()):
            session.reads.forget()

    # -- before anything is sent ---------------------------------------------------------------------------------

    def check(
        self, urn: str | None, recorded: Mapping[str, object] | None, news: Mapping[str, object]
    ) -> Checked:
        """Check the inputs of a program, complete them, and note what the membership claims.

        Args:
            urn: the resource, None when the front end cannot tell it.
            recorded: the old inputs, None for a new resource.
            news: the inputs of the program.
        """
        with self._question():
            checked = self._checked(urn, recorded, news)
        if self.settings.ignored and not self._ignored_told:
            self._ignored_told = True
            words = messages.describe_ignored_settings(self.settings.ignored)
            checked = replace(checked, warnings=(*checked.warnings, words))
        return checked

    def _checked(
        self, urn: str | None, recorded: Mapping[str, object] | None, news: Mapping[str, object]
    ) -> Checked:
        checked = check_inputs(news, recorded=recorded, settings=self.settings)
        spec = parse_spec(checked.inputs) if not checked.failures else None
        if spec is None or spec.scope is None or not urn:
            return checked
        conflict = self._claim(urn, spec, spec.scope, recorded or {})
        if conflict is None:
            return checked
        return replace(checked, failures=(*checked.failures, conflict))

    def diff(  # noqa: PLR0913 - what the engine asks with
        self,
        urn: str | None,
        id: str,  # noqa: A002 - the engine's word
        recorded_outputs: Mapping[str, object],
        news: Mapping[str, object],
        *,
        announce: bool = True,
        ignored: Iterable[str] = (),
    ) -> DiffAnswer:
        """Say whether something is to be done, by the inputs and by a live reading.

        Args:
            urn: the resource.
            id: its id.
            recorded_outputs: what the last operation or reading wrote down.
            news: the checked inputs of the program.
            announce: False in a refresh, where the engine asks with the sides swapped: nothing is read or said.
            ignored: property paths of ``ignoreChanges``; who is in a list among them is left to somebody else.

        Raises:
            InputError: what the program asks for is refused.
            OperationError: EDAS cannot be read, so it cannot be told whether anything drifted.
        """
        changed = tuple(name for name in changed_properties(recorded_outputs, news) if name in BY_NAME)
        replaces = tuple(name for name in SCOPE_PROPERTIES if name in changed)
        if replaces:
            deletes_first = _shares_instances(recorded_outputs, news, replaces)
            if announce and deletes_first:
                with self._question():
                    self._preview_replacement(urn, id, recorded_outputs, news)
            return DiffAnswer(
                changes=True,
                replaces=replaces,
                delete_before_replace=deletes_first,
                detailed=tuple((name, "update-replace") for name in replaces)
                + _detailed(recorded_outputs, news, tuple(name for name in changed if name not in replaces)),
            )
        with self._question():
            drifted = announce and self._preview_update(
                urn, id, recorded_outputs, news, ignored_lists(ignored)
            )
        detailed = _detailed(recorded_outputs, news, changed)
        if drifted and not detailed:
            detailed = (("members", "update"),)
        return DiffAnswer(changes=bool(detailed), detailed=detailed)

    def preview_create(self, urn: str | None, news: Mapping[str, object]) -> dict[str, object]:
        """Say what a create would do, and return the outputs it would have.

        Raises:
            InputError: what no other resource of the program could make right.
        """
        spec = parse_spec(news)
        if spec.scope is not None and self.settings.preview_reads:
            target = _target(urn, spec.scope, spec, Recorded(), self._policy(spec.policy, None))
            with self._question():
                self._announce(urn, self._preview(urn, target))
        return _unknown_outputs(news)

    def preview_update(
        self,
        urn: str | None,
        id: str,  # noqa: A002 - the engine's word
        recorded_outputs: Mapping[str, object],
        news: Mapping[str, object],
    ) -> dict[str, object]:
        """Return the outputs an update would have; what it does was said by the diff."""
        del urn, id
        outputs = _unknown_outputs(news)
        for name in ("groupName", "clusterId"):
            if recorded_outputs.get(name) is not None:
                outputs[name] = recorded_outputs[name]
        return outputs

    # -- changes -------------------------------------------------------------------------------------------------

    def create(
        self, urn: str | None, news: Mapping[str, object], timeout_seconds: float | None
    ) -> tuple[str, dict[str, object]]:
        """Bring the listed members in; those that are there already are adopted without an order.

        Returns:
            The id and the outputs.

        Raises:
            PartialFailureError: something was changed, but not everything.
            OperationError, InputError: nothing was sent.
        """
        spec = parse_spec(news)
        scope = _known_scope(spec)
        target = _target(urn, scope, spec, Recorded(), self._policy(spec.policy, timeout_seconds))
        outputs = self._change(urn, target, news)
        return membership_id(scope), outputs

    def update(  # noqa: PLR0913, PLR0917 - as above
        self,
        urn: str | None,
        id: str,  # noqa: A002 - the engine's word
        recorded_outputs: Mapping[str, object],
        news: Mapping[str, object],
        timeout_seconds: float | None,
        ignored: Iterable[str] = (),
    ) -> dict[str, object]:
        """Bring the group from what it is to what is listed.

        Args:
            urn: the resource.
            id: its id.
            recorded_outputs: what the last operation or reading wrote down.
            news: the checked inputs of the program.
            timeout_seconds: the engine's, None when it does not say.
            ignored: property paths of ``ignoreChanges``; who is in a list among them is left to somebody else.

        Raises:
            PartialFailureError: something was changed, but not everything.
            OperationError, InputError: nothing was sent, state stays as it was.
        """
        spec = parse_spec(news)
        recorded = parse_recorded(recorded_outputs)
        target = _target(
            urn, parse_membership_id(id), spec, recorded, self._policy(spec.policy, timeout_seconds)
        )
        return self._change(urn, replace(target, ignored=ignored_lists(ignored)), news)

    def delete(
        self,
        urn: str | None,
        id: str,  # noqa: A002 - the engine's word
        recorded_outputs: Mapping[str, object],
        timeout_seconds: float | None,
    ) -> None:
        """Take the managed members out, unless they are to be retained; what is gone already needs no order.

        Raises:
            OperationError: members are left, or it cannot be told whether they are.
        """
        recorded = parse_recorded(recorded_outputs)
        if recorded.policy.on_delete is OnDelete.RETAIN:
            return
        self._run(urn, self._delete_target(urn, id, recorded, timeout_seconds))

    # -- readings ------------------------------------------------------------------------------------------------

    def read(
        self,
        urn: str | None,
        id: str,  # noqa: A002 - the engine's word
        recorded_outputs: Mapping[str, object] | None,
        recorded_inputs: Mapping[str, object] | None,
    ) -> ReadAnswer | None:
        """Say how a membership is; never wait for it, and never fail because an instance is unwell.

        Args:
            urn: the resource.
            id: ``<regionId>/<appId>/<groupId>``.
            recorded_outputs: of the last operation; None or empty for an import, which takes every member.
            recorded_inputs: the inputs in the spelling of the program, None when the front end cannot tell them.

        Returns:
            The truth, or None when the group or the application is gone.

        Raises:
            OperationError: there is nothing to import, or it cannot be told whether it is gone.
        """
        recorded = parse_recorded(recorded_outputs or {})
        scope = replace(parse_membership_id(id), group_name=recorded.group_name)
        session = self._session(scope.region_id)
        context = OperationContext(
            self.runtime,
            stopped=self.host.stopped,
            retry_timeout=READ_RETRY_TIMEOUT_SECONDS,
            report=_HostReporter(self.host, urn or "").progress,
        )
        try:
            live = self._live_group(session, scope, recorded, context)
            if not recorded_outputs:
                return _import(scope, live)
            if live is None:
                return None
            scope = scope.named(live)
            known = {each for each in BY_NAME if each in recorded_outputs}
            inputs = recorded_inputs or {name: recorded_outputs[name] for name in known}
            found = refresh(session, scope, recorded, live, context)
            return self._refreshed(urn, found, recorded_outputs, inputs, scope)
        except EdasError as error:
            message = f"Reading {messages.describe_group(scope)} failed. {error}"
            raise OperationError(Message(error.short_code, message)) from error
        except (Cancelled, DeadlineExceeded) as sign:
            message = f"Reading {messages.describe_group(scope)} was stopped: {sign}."
            raise OperationError(Message("ES605", message)) from sign

    def invoke(self, token: str, args: Mapping[str, object]) -> dict[str, object]:
        """Answer a function; only the last part of the token counts (``edas-scale:index:getDeployGroup``)."""
        query = QUERIES.get(token.rpartition(":")[2])
        if query is None:
            reason = f"{token} is no function of this package; it has {', '.join(sorted(QUERIES))}."
            raise InputError([("", Message("ES129", reason))])
        region_id = args.get("regionId") or self.settings.region_id
        if not isinstance(region_id, str):
            reason = "is not set. Set it, or edas-scale:regionId, or ALIBABA_CLOUD_REGION_ID."
            raise InputError([("regionId", Message("ES131", reason))])
        context = OperationContext(
            self.runtime, stopped=self.host.stopped, retry_timeout=READ_RETRY_TIMEOUT_SECONDS
        )
        try:
            return query(self._session(region_id), region_id, args, context)
        except EdasError as error:
            words = f"{token.rpartition(':')[2]} failed. {error}"
            raise OperationError(Message(error.short_code, words)) from error

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
                    client, self.runtime, self.ownership, _place(self.settings)
                )
            return self._sessions[region_id]

    def _policy(self, policy: Policy, timeout_seconds: float | None) -> Policy:
        """Apply the engine's customTimeouts, and ``strictPreview``, under which nobody waits for joiners."""
        if timeout_seconds:
            policy = replace(policy, timeout_seconds=max(int(timeout_seconds), 1))
        if self.settings.strict_preview:
            policy = replace(policy, join_timeout_seconds=0)
        return policy

    def _claim(self, urn: str, spec: Spec, scope: Scope, recorded: Mapping[str, object]) -> Failure | None:
        """Record what a resource lists; return the failure when it cannot stand beside the others."""
        before = parse_spec(recorded)
        listed_before = frozenset(each.id for each in before.listed)
        claim = Claim(
            urn=urn,
            scope=scope,
            ids=frozenset(each.id for each in spec.listed),
            recorded=listed_before if before.scope == scope else frozenset(),
            complete=spec.complete,
            exclusive=spec.policy.exclusive,
            min_running=spec.policy.min_running,
            left=(before.scope, listed_before) if before.scope not in {None, scope} else None,
        )
        with self.runtime:
            conflict = self.ownership.record(claim)
        return None if conflict is None else ("", conflict)

    def _preview_update(
        self,
        urn: str | None,
        id: str,  # noqa: A002 - the engine's word
        recorded_outputs: Mapping[str, object],
        news: Mapping[str, object],
        ignored: frozenset[str],
    ) -> bool:
        """Announce what an update would do; return whether there is anything to do."""
        if not self.settings.preview_reads:
            return False
        spec = parse_spec(news)
        recorded = parse_recorded(recorded_outputs)
        target = _target(urn, parse_membership_id(id), spec, recorded, self._policy(spec.policy, None))
        target = replace(target, ignored=ignored)
        preview = self._preview(urn, target, _ecu_ids(recorded_outputs.get("foreignMembers")))
        self._announce(urn, preview)
        return preview.changes_membership

    def _preview_replacement(
        self,
        urn: str | None,
        id: str,  # noqa: A002 - the engine's word
        recorded_outputs: Mapping[str, object],
        news: Mapping[str, object],
    ) -> None:
        """Announce what leaves before the new membership is made, and refuse what would leave for nothing."""
        recorded = parse_recorded(recorded_outputs)
        if not self.settings.preview_reads or recorded.policy.on_delete is OnDelete.RETAIN:
            return
        old = self._delete_target(urn, id, recorded, None)
        spec = parse_spec(news)
        joining = None
        if spec.scope is not None:
            new = _target(urn, spec.scope, spec, Recorded(), self._policy(spec.policy, None))
            joining = (self._session(spec.scope.region_id), new)
        try:
            preview = preview_replacement(
                (self._session(old.scope.region_id), old), joining, self._context(urn)
            )
        except Cancelled as sign:
            raise OperationError(Message("ES605", f"The preview was stopped: {sign}.")) from sign
        self._announce(urn, preview)

    def _delete_target(
        self,
        urn: str | None,
        id: str,  # noqa: A002 - the engine's word
        recorded: Recorded,
        timeout_seconds: float | None,
    ) -> Target:
        return Target(
            urn=urn or "",
            scope=replace(parse_membership_id(id), group_name=recorded.group_name),
            listed=(),
            policy=self._policy(recorded.policy, timeout_seconds),
            recorded=recorded,
            deleting=True,
        )

    def _preview(
        self, urn: str | None, target: Target, known_foreign: frozenset[str] = frozenset()
    ) -> Preview:
        strict = self.settings.strict_preview
        session = self._session(target.scope.region_id)
        try:
            return preview_change(
                session, target, self._context(urn), strict=strict, known_foreign=known_foreign
            )
        except Cancelled as sign:
            raise OperationError(Message("ES605", f"The preview was stopped: {sign}.")) from sign

    def _context(self, urn: str | None) -> OperationContext:
        """Return what bounds an operation that has no deadline yet."""
        report = _HostReporter(self.host, urn or "").progress
        return OperationContext(self.runtime, stopped=self.host.stopped, report=report)

    def _announce(self, urn: str | None, preview: Preview) -> None:
        if preview.failures:
            raise InputError(preview.failures)
        for line in preview.lines:
            self.host.info(urn or "", line)
        for warning in preview.warnings:
            self.host.warn(urn or "", warning)

    def _change(self, urn: str | None, target: Target, news: Mapping[str, object]) -> dict[str, object]:
        try:
            return render_outputs(news, self._run(urn, target))
        except ChangeError as failure:
            if failure.outcome is None:
                raise
            raise PartialFailureError(
                failure.message,
                id=membership_id(target.scope),
                inputs=news,
                outputs=render_outputs(news, failure.outcome),
            ) from failure

    def _run(self, urn: str | None, target: Target) -> Outcome:
        reporter = _HostReporter(self.host, urn or "")
        session = self._session(target.scope.region_id)
        if urn and not target.deleting:  # the end of what was replaced is no change of the resource itself
            with self.runtime:
                self.ownership.note_begun(urn)
        operation = Operation(
            session=session,
            target=target,
            context=self._context(urn),
            reporter=reporter,
            abort_on_stop=self.settings.on_cancel == "abort",
        )
        try:
            return Reconciler(operation).run()
        except ChangeError as failure:
            if failure.outcome is not None or not isinstance(failure.__cause__, BusinessError):
                raise
            # Nothing was sent, because something was refused to be read: perhaps it is not an application's id.
            wrong = find_wrong_application(session, target.scope, self._context(urn))
            if wrong is None:
                raise
            words = format_failure(*messages.describe_wrong_application(target.scope, wrong, session.place))
            raise ChangeError(failure.message + f" {words}") from failure

    def _live_group(
        self, session: Session, scope: Scope, recorded: Recorded, context: OperationContext
    ) -> Application | None:
        """Return a reading in which the group is, or None when it or its application is gone."""
        try:
            live = session.reads.recent_application(
                scope.app_id, context, within=PREVIEW_FRESH_SECONDS, group_id=scope.group_id
            ).value
        except BusinessError as error:
            try:
                if is_gone(session, scope, recorded.cluster_id, context):
                    return None
            except CannotTellError as doubt:
                words = messages.describe_not_gone(scope, recorded.cluster_id, doubt.error or error)
                raise OperationError(words) from error
            raise
        live = with_instance_ids(live, recorded_instance_ids(recorded))
        return live if live.group(scope.group_id) is not None else None

    def _refreshed(
        self,
        urn: str | None,
        found: Refreshed,
        recorded_outputs: Mapping[str, object],
        inputs: Mapping[str, object],
        scope: Scope,
    ) -> ReadAnswer:
        """Say what a refresh has found, and return what the program would have to say and what is true."""
        for sentence in found.warnings:
            self.host.warn(urn or "", sentence)
        arrivals = messages.describe_arrivals(
            found.outcome.foreign, _ecu_ids(recorded_outputs.get("foreignMembers")), scope
        )
        for line in (found.away, arrivals):
            if line is not None:
                self.host.info(urn or "", line)
        kept = remove_ids(inputs, found.left)
        # After a failed update the engine keeps the old inputs; only the outputs say what it was to reach.
        reached_for = {
            name: recorded_outputs[name] for name in LIST_PROPERTIES if recorded_outputs.get(name) is not None
        }
        outputs = {**kept, **remove_ids(reached_for, found.left)} if reached_for else kept
        return ReadAnswer(membership_id(scope), kept, render_outputs(outputs, found.outcome))


@dataclass(frozen=True, slots=True)
class _HostReporter:
    """What one operation says, at its resource."""

    host: Host
    urn: str

    def progress(self, text: str) -> None:
        self.host.progress(self.urn, text)

    def info(self, text: str) -> None:
        self.host.info(self.urn, text)

    def warn(self, warning: Message) -> None:
        self.host.warn(self.urn, warning)


def _place(settings: Settings) -> str:
    """Return which EDAS is asked, in words."""
    endpoint = f"endpoint {settings.endpoint}" if settings.endpoint else "the region's public endpoint"
    return f"{endpoint}, profile {settings.profile}" if settings.profile else endpoint


def _target(urn: str | None, scope: Scope, spec: Spec, recorded: Recorded, policy: Policy) -> Target:
    return Target(
        urn=urn or "",
        scope=replace(scope, group_name=recorded.group_name),
        listed=spec.listed,
        policy=policy,
        recorded=recorded,
        unknown_ids=None if spec.open_ended else spec.unknown_ids,
    )


def _known_scope(spec: Spec) -> Scope:
    if spec.scope is None:
        message = "A create was asked for before region, application and group were known."
        raise InternalError(message)
    return spec.scope


def _import(scope: Scope, live: Application | None) -> ReadAnswer:
    """Return a whole group as one membership."""
    if live is None:
        message = Message(
            "ES120",
            f"There is nothing to import: {messages.describe_group(scope)} in region {scope.region_id} does not "
            "exist, or these credentials do not see it. The id is <regionId>/<appId>/<groupId>.",
        )
        raise OperationError(message)
    members = live.members_of(scope.group_id)
    inputs = import_inputs(scope, members)
    outcome = outcome_of(live, scope, frozenset(each.ecu_id for each in members), Recorded())
    return ReadAnswer(membership_id(scope), inputs, render_outputs(inputs, outcome))


def _shares_instances(
    old: Mapping[str, object], new: Mapping[str, object], replaces: tuple[str, ...]
) -> bool:
    """Return whether the old membership must go first: some instance may be in both, or the place is not known."""
    before, after = parse_spec(old), parse_spec(new)
    if after.scope is None or not after.complete or "groupId" not in replaces:
        return True
    shared = {each.id for each in before.listed} & {each.id for each in after.listed}
    recorded = {name for each in parse_recorded(old).members for name in (each.ecu_id, each.instance_id)}
    return bool(shared or recorded & {each.id for each in after.listed})


def _detailed(
    old: Mapping[str, object], new: Mapping[str, object], changed: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Return the changed properties by path: lists by element, everything else by name."""
    by_member = changed_members(old, new) if {"instanceIds", "ecuIds"} & set(changed) else ()
    kinds: dict[str, str] = {}
    for path, kind in by_member:
        # One id went and another stands in its place: the engine shows one line for a path.
        kinds[path] = "update" if path in kinds else kind
    covered = {path.split("[", 1)[0] for path in kinds}
    return (*kinds.items(), *(_whole(name, old, new) for name in changed if name not in covered))


def _whole(name: str, old: Mapping[str, object], new: Mapping[str, object]) -> tuple[str, str]:
    if old.get(name) is None:
        return name, "add"
    return name, "update" if new.get(name) is not None else "delete"


def _unknown_outputs(news: Mapping[str, object]) -> dict[str, object]:
    inputs = {name: value for name, value in news.items() if name in BY_NAME}
    return {**inputs, **dict.fromkeys(OUTPUTS, UNKNOWN)}


def _ecu_ids(members: object) -> frozenset[str]:
    return frozenset(_iterate_ecu_ids(members))


def _iterate_ecu_ids(members: object) -> Iterator[str]:
    for each in members if isinstance(members, (list, tuple)) else ():
        ecu_id = each.get("ecuId") if isinstance(each, dict) else None
        if isinstance(ecu_id, str):
            yield ecu_id
