"""The front end between property bags and values: inputs are checked, parsed, rendered and compared here.

This file's law: what a single input means is said by the table in ``fields.py``; this file only walks it.
Nothing here raises because of what a program, a state or an engine holds: a check answers with failures, a
parse of recorded state takes what can be used, and only an import id, which a person typed, is an
``InputError``. Pure: no clock, no I/O, no logging. camelCase names end here.

The id of a membership says whose members it manages, ``<regionId>/<appId>/<groupId>``, and never which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.errors import InputError
from pulumi_edas_scale.domain.fields import (
    BY_NAME,
    LISTS,
    OUTPUTS,
    PROPERTIES,
    Kind,
    Property,
    element_problem,
    format_value,
    is_list,
    is_unknown,
    list_problem,
    nearest,
    normalize,
    problem_of,
    quote_value,
    region_problem,
)
from pulumi_edas_scale.domain.model import (
    Listed,
    Member,
    MemberState,
    Outcome,
    Policy,
    Recorded,
    RecordedMember,
    Scope,
    Spec,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pulumi_edas_scale.domain.codes import Failure
    from pulumi_edas_scale.domain.settings import Settings

UNSETTLED: Final = "__unsettled"
"""The hidden output with the ECU ids a failed operation did not bring up; ``__`` keys are never displayed."""

_ID_LISTS: Final = tuple(row for row in PROPERTIES if row.kind in LISTS)
_SCOPE: Final = tuple(row for row in PROPERTIES if row.replaces)
_POLICY: Final = tuple(row for row in PROPERTIES if not row.replaces and row.kind not in LISTS)

_MISSING: Final = {
    "appId": Message(
        "ES113",
        "the id of the EDAS application is required. Find it on its page in the EDAS console, or with the "
        "function getApplication (get_application in Python).",
    ),
    "groupId": Message(
        "ES114",
        "the id of the deploy group is required. Find it with the function getDeployGroup (get_deploy_group in "
        "Python), or with 'edas-scale status'.",
    ),
    "regionId": Message(
        "ES112",
        "no region is given. Set regionId on the resource, or edas-scale:regionId for the stack "
        "(pulumi config set edas-scale:regionId cn-hangzhou), or ALIBABA_CLOUD_REGION_ID in the environment.",
    ),
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Attributes:
        inputs: what the engine must record, in camelCase: ids in the program's order, whole numbers as int,
            defaults filled in, values that are not known yet untouched.
        failures: property path and reason of everything that cannot be right; empty when all is well.
        warnings: sentences for the user that stop nothing.
    """

    inputs: dict[str, object]
    failures: tuple[Failure, ...]
    warnings: tuple[Message, ...]


def check_inputs(
    news: Mapping[str, object], *, recorded: Mapping[str, object] | None, settings: Settings
) -> Checked:
    """Check the inputs of a program and complete them.

    Args:
        news: the program's inputs in camelCase; numbers may be floats, ``model.UNKNOWN`` may stand anywhere,
            None is absent, keys that begin with ``__`` are the engine's.
        recorded: the inputs or outputs of the last operation, None when there was none.
        settings: where the region comes from when neither the program nor the record has it.

    Returns:
        The completed inputs with every failure and warning; checking those inputs again changes nothing.
    """
    given = {name: value for name, value in news.items() if value is not None and not name.startswith("__")}
    region, warnings = _resolve_region(given.get("regionId"), recorded, settings)
    if region is not None:
        given["regionId"] = region
    inputs: dict[str, object] = {}
    failures: list[Failure] = []
    for row in PROPERTIES:
        value = given.pop(row.name, row.default)
        if value is None:
            failures.extend([(row.name, _MISSING[row.name])] if row.name in _MISSING else ())
            continue
        inputs[row.name] = normalize(row, value)
        if is_unknown(value):
            continue
        if row.kind in LISTS:
            failures.extend(_list_failures(row, value))
        elif problem := problem_of(row, value):
            failures.append((row.name, problem))
    if all(row.name not in inputs for row in _ID_LISTS):
        failures.append((_ID_LISTS[0].name, _NO_LIST))
    failures.extend(_not_an_input(name) for name in given)
    return Checked({**inputs, **given}, tuple(failures), warnings)


_NO_LIST: Final = Message(
    "ES101",
    "neither instanceIds nor ecuIds is given, so it is not known which instances should be members. Give "
    "at least one of the two lists; an empty list, [], means no members.",
)


def _resolve_region(
    stated: object, recorded: Mapping[str, object] | None, settings: Settings
) -> tuple[object, tuple[Message, ...]]:
    """Return the region that holds, None when there is none, and the warnings about it."""
    # What is recorded comes before the settings: another default region must not replace a membership.
    if stated is not None:
        return stated, ()
    kept = recorded.get("regionId") if recorded else None
    if not isinstance(kept, str) or region_problem(kept):
        return settings.region_id, ()
    if settings.region_id in (None, kept):
        return kept, ()
    source = f" ({settings.region_source})" if settings.region_source else ""
    warning = Message(
        "ES310",
        f"regionId: the region of this membership stays {kept}, as recorded, although the settings now say "
        f"{settings.region_id}{source}. Set regionId to {kept} on the resource to say so in the program; "
        "another value there replaces the membership.",
    )
    return kept, (warning,)


def _list_failures(row: Property, value: object) -> Iterable[Failure]:
    problem = list_problem(row, value)
    if problem:
        yield row.name, problem
        return
    first_at: dict[str, int] = {}
    for index, element in enumerate(_elements(value)):
        if is_unknown(element):
            continue
        path = f"{row.name}[{index}]"
        # A repeated id that is wrong as well has been named where it stands first.
        if isinstance(element, str) and element in first_at:
            first = f"{row.name}[{first_at[element]}]"
            yield (
                path,
                Message(
                    "ES102", f"{format_value(element)} is already given as {first}. Remove one of the two."
                ),
            )
            continue
        if isinstance(element, str):
            first_at[element] = index
        problem = element_problem(row, element)
        if problem:
            yield path, problem


def _not_an_input(name: str) -> Failure:
    path = name if name.isascii() and name.isalnum() else quote_value(name)
    if name in OUTPUTS:
        reason = "this is an output of DeployGroupMembership, which the program cannot set. Remove it."
        return path, Message("ES111", reason)
    meant = nearest(name, BY_NAME)
    advice = f"Did you mean {meant}?" if meant else f"Remove it; the inputs are {', '.join(BY_NAME)}."
    return path, Message("ES110", f"DeployGroupMembership has no such input. {advice}")


def parse_spec(inputs: Mapping[str, object]) -> Spec:
    """Return what the program asks for.

    Args:
        inputs: checked inputs; values may be unknown, which counts as the policy that forbids nothing.

    Returns:
        The ids in the order of the program, instance ids first, each once.
    """
    lists = [inputs.get(row.name) for row in _ID_LISTS]
    return Spec(
        region_id=_text(inputs, "regionId") or None,
        app_id=_text(inputs, "appId") or None,
        group_id=_text(inputs, "groupId") or None,
        listed=_listed(inputs),
        unknown_ids=sum(is_unknown(element) for ids in lists for element in _elements(ids)),
        open_ended=any(is_unknown(ids) for ids in lists),
        policy=_policy(inputs),
    )


def parse_recorded(outputs: Mapping[str, object]) -> Recorded:
    """Return what the recorded outputs say, whatever version or accident wrote them.

    Args:
        outputs: the recorded outputs; missing, empty or ill-formed parts are taken as not recorded.
    """
    entries = (_recorded_member(entry) for entry in _elements(outputs.get("members")))
    members = {member.ecu_id: member for member in entries if member is not None}
    return Recorded(
        members=tuple(members[ecu_id] for ecu_id in sorted(members)),
        listed=_listed(outputs),
        change_order_ids=_texts(outputs.get("changeOrderIds")),
        unsettled=frozenset(_texts(outputs.get(UNSETTLED))),
        cluster_id=_text(outputs, "clusterId"),
        group_name=_text(outputs, "groupName"),
        policy=_policy(outputs),
    )


def _recorded_member(entry: object) -> RecordedMember | None:
    if not isinstance(entry, Mapping) or not _text(entry, "ecuId"):
        return None
    state = _text(entry, "state")
    known = {each.value: each for each in MemberState}
    return RecordedMember(
        ecu_id=_text(entry, "ecuId"),
        instance_id=_text(entry, "instanceId"),
        ecc_id=_text(entry, "eccId"),
        ip=_text(entry, "ip"),
        state=known.get(state, MemberState.UNKNOWN),
        joined=entry.get("joined") is True,
    )


def _listed(values: Mapping[str, object]) -> tuple[Listed, ...]:
    """Return the known ids of both lists, each where it stands first."""
    found: dict[str, Listed] = {}
    for row in _ID_LISTS:
        for index, element in enumerate(_elements(values.get(row.name))):
            if isinstance(element, str) and element:
                found.setdefault(element, Listed(f"{row.name}[{index}]", element))
    return tuple(found.values())


def _policy(values: Mapping[str, object]) -> Policy:
    """Return a right policy: of each value the given one, what an unknown one stands for, or the default."""
    right: dict[str, Any] = {}
    for row in _POLICY:
        value = values.get(row.name)
        # An ill-formed recorded value must not stop a delete, so it counts as absent; a program's is refused before.
        if is_unknown(value):
            value = row.while_unknown
        elif value is None or problem_of(row, value):
            value = row.default
        right[row.snake] = normalize(row, value) if row.choices is None else row.choices(value)
    return Policy(**right)


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _texts(values: object) -> tuple[str, ...]:
    return tuple(value for value in _elements(values) if isinstance(value, str) and value)


def _elements(values: object) -> Sequence[object]:
    return values if isinstance(values, Sequence) and is_list(values) else ()


def render_outputs(inputs: Mapping[str, object], outcome: Outcome) -> dict[str, object]:
    """Return the outputs to record: the inputs with sorted ids, and what is true.

    Args:
        inputs: checked inputs, or recorded outputs, of which only the inputs are taken.
        outcome: what is true of the membership now.

    Returns:
        Outputs in camelCase; the same inputs and truth give the same text as JSON, byte for byte.
    """
    outputs: dict[str, object] = {}
    for row in PROPERTIES:
        value = inputs.get(row.name)
        if value is not None:
            outputs[row.name] = _sorted_ids(value) if row.kind in LISTS else normalize(row, value)
    outputs["members"] = [
        _render_member(member, joined=joined)
        for member, joined in sorted(outcome.members, key=lambda pair: _place(pair[0]))
    ]
    outputs["foreignMembers"] = [
        _render_member(member, joined=False) for member in sorted(outcome.foreign, key=_place)
    ]
    outputs["runningCount"] = outcome.running_count
    outputs["groupName"] = outcome.group_name
    outputs["clusterId"] = outcome.cluster_id
    outputs["changeOrderIds"] = list(outcome.change_order_ids)
    # Absent rather than empty, as in every state that was written before there was this output.
    if outcome.unsettled:
        outputs[UNSETTLED] = sorted(outcome.unsettled)
    return outputs


def _render_member(member: Member, *, joined: bool) -> dict[str, object]:
    return {
        "ecuId": member.ecu_id,
        "instanceId": member.instance_id,
        "eccId": member.ecc_id,
        "ip": member.ip,
        "state": member.state.value,
        "joined": joined,
    }


def _place(member: Member) -> tuple[str, str]:
    return member.ecu_id, member.ecc_id


def _sorted_ids(value: object) -> object:
    if not is_list(value):
        return value
    elements = _elements(value)
    return [*sorted(_texts(value)), *(element for element in elements if is_unknown(element))]


def remove_ids(inputs: Mapping[str, object], dropped: Collection[str]) -> dict[str, object]:
    """Return the inputs less the ids that are no longer members, in the recorded order and spelling.

    Args:
        inputs: recorded inputs; a list that is absent stays absent.
        dropped: ids of both spellings; an id that is not listed is ignored.
    """
    gone = frozenset(dropped)
    kept = dict(inputs)
    for row in _ID_LISTS:
        ids = inputs.get(row.name)
        if is_list(ids):
            kept[row.name] = [each for each in _elements(ids) if not (isinstance(each, str) and each in gone)]
    return kept


def import_inputs(scope: Scope, members: Sequence[Member]) -> dict[str, object]:
    """Return complete inputs that describe a group as it is.

    Args:
        scope: whose members these are.
        members: all members of the group; those without a known instance id are listed by their ECU.
    """
    instances = sorted(member.instance_id for member in members if member.instance_id)
    ecus = sorted(member.ecu_id for member in members if not member.instance_id)
    given: dict[str, object] = {"regionId": scope.region_id, "appId": scope.app_id, "groupId": scope.group_id}
    # An empty group needs an empty list: without any list it is not known who should be a member (ES101).
    if instances or not ecus:
        given["instanceIds"] = instances
    if ecus:
        given["ecuIds"] = ecus
    completed = ((row.name, given.get(row.name, row.default)) for row in PROPERTIES)
    return {name: value for name, value in completed if value is not None}


def same_inputs(a: Mapping[str, object], b: Mapping[str, object]) -> bool:
    """Whether two sets of inputs mean the same; order, spelling and defaults do not count."""
    return not changed_properties(a, b)


def changed_properties(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[str, ...]:
    """Return the sorted names of the inputs that mean something else.

    Args:
        old: recorded inputs or outputs; what is not an input is ignored.
        new: checked inputs; a value that is not known yet differs from everything.
    """
    return tuple(
        sorted(
            row.name
            for row in PROPERTIES
            if (_has_unknown(old.get(row.name)) or _has_unknown(new.get(row.name)))
            or _meaning(row, old.get(row.name)) != _meaning(row, new.get(row.name))
        )
    )


def _has_unknown(value: object) -> bool:
    return any(is_unknown(each) for each in (value, *_elements(value)))


def _meaning(row: Property, value: object) -> object:
    if value is None:
        value = row.default
    if row.kind in LISTS:
        # An absent list names nobody, as an empty one does: what is desired is the union of both.
        ids = _texts(value)
        broken = value is not None and not (is_list(value) and len(ids) == len(_elements(value)))
        return value if broken else frozenset(ids)
    if isinstance(value, bool) or value != value:  # noqa: PLR0124  # True is not 1 here, and NaN is itself
        return Kind.BOOLEAN, str(value)
    return value


def changed_members(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return which elements of the two lists come and go, for a detailed diff.

    Args:
        old: recorded inputs or outputs.
        new: checked inputs; an element that is not known yet counts as added.

    Returns:
        Pairs of a path and ``delete`` or ``add``, by list, removals first. A removal has the index in the old
        list, an addition that in the new one, so the same path may stand for both: one element took the place
        of the other. A list that is not known at all has no pairs; ``changed_properties`` names it.
    """
    changes: list[tuple[str, str]] = []
    for row in _ID_LISTS:
        if is_unknown(old.get(row.name)) or is_unknown(new.get(row.name)):
            continue
        before, after = _elements(old.get(row.name)), _elements(new.get(row.name))
        changes.extend((f"{row.name}[{index}]", "delete") for index in _indexes_not_in(before, after))
        changes.extend((f"{row.name}[{index}]", "add") for index in _indexes_not_in(after, before))
    return tuple(changes)


def _indexes_not_in(elements: Sequence[object], others: Sequence[object]) -> Iterable[int]:
    known = frozenset(_texts(others))
    return (i for i, element in enumerate(elements) if not (isinstance(element, str) and element in known))


def ignored_lists(paths: Iterable[str]) -> frozenset[str]:
    """Return which lists, or elements of lists, the property paths of ``ignoreChanges`` name."""
    names = {row.name for row in _ID_LISTS}
    found: set[str] = set()
    for path in paths:
        bare = path.removesuffix("[*]")
        if bare == "*":
            found |= names
        elif bare.partition("[")[0] in names:
            found.add(bare)
    return frozenset(found)


def membership_id(scope: Scope) -> str:
    """Return the resource id of a membership: whose members it manages, never which."""
    return str(scope)


def parse_membership_id(text: str) -> Scope:
    """Return whose members a resource id names.

    Raises:
        InputError: the text is not an id; the message says what one looks like.
    """
    parts = text.split("/")
    complete = len(parts) == len(_SCOPE)
    named = zip(_SCOPE, parts, strict=True) if complete else ()
    problems = [f"{row.name}: {problem}" for row, part in named if (problem := problem_of(row, part))]
    if problems or not complete:
        words = (f"{quote_value(text)} is not the id of a membership.", *problems, _ID_SHAPE)
        raise InputError([("id", Message("ES119", " ".join(words)))])
    return Scope(*parts)


_ID_SHAPE: Final = (
    "An id is <regionId>/<appId>/<groupId>, for example "
    "cn-hangzhou/3616cdca-4f92-4413-a1b2-0123456789ab/8123db90-880f-486f-b1c2-0123456789ab."
)
