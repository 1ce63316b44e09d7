"""One call on the wire: operation and parameters in, status, headers and body out, without HTTP.

The law of this file: the answer depends on the world, the call and `now` only, so that the same history gives
the same bytes. `handle` is all that a simulation needs; a server uses `admit` and `answer` apart, because a
rule may want a pause between the two. Business failures travel as EDAS sends them: HTTP 200 with a Code that
is not 200.
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pulumi_edas_scale.emulator.api.calls import OPERATIONS, Responses, ids_in
from pulumi_edas_scale.emulator.faults import CallFacts, Rule
from pulumi_edas_scale.emulator.world import progress
from pulumi_edas_scale.emulator.world.refusals import (
    BusyError,
    MissingParameterError,
    NotFoundError,
    RefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi_edas_scale.emulator.api.shapes import Json
    from pulumi_edas_scale.emulator.world.state import World

JSON_TYPE = "application/json;charset=utf-8"
HOST_ID = "edas.emulator.local"
_BODY_CODE = re.compile("[0-9]{1,9}")
_SECRET_NAME = re.compile("secret|signature|token|accesskey|authorization", re.IGNORECASE)

# Calls per minute and account, as documented; "special" limits are the numbers that are not raised.
DOCUMENTED_LIMITS: Mapping[str, int] = {
    "ScaleOutApplication": 40,
    "GetChangeOrderInfo": 100,
    "QueryApplicationStatus": 100,
    "ListDeployGroup": 200,
    "ListApplication": 60,
    "GetApplication": 40,
    "ListScaleOutEcu": 20,
}


@dataclass
class Response:
    """A response, and what happens to it on its way."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    code: str = ""  # for the log
    reset: bool = False  # the connection breaks instead
    delay: float = 0.0  # seconds the answer is held back; only `handle` adds up, a server waits by itself

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the parsed body."""
        return json.loads(self.body)


@dataclass
class Call:
    """A call that was let in: what it asks, and what the rules want of it."""

    operation: str
    params: Mapping[str, str]
    entry: dict[str, Any]  # its line in the log
    early: Response | None = None  # the answer that is given instead of executing it
    waits_before: list[Rule] = field(default_factory=list)
    waits_after: list[Rule] = field(default_factory=list)
    changes_after: Rule | None = None
    trickles: Rule | None = None


def handle(
    world: World, operation: str, params: Mapping[str, str], now: float, region: str | None = None
) -> Response:
    """Answer one call.

    Args:
        world: the emulated EDAS; changed by the call.
        operation: API name, such as `ScaleOutApplication`; unknown ones get the gateway's 404.
        params: query parameters as text.
        now: the moment of the call, seconds since the epoch, not before that of the call before.
        region: the header x-acs-region-id, for the switch `region_required`.

    Returns:
        The answer. `reset` and `delay` are for the caller to carry out.
    """
    call = admit(world, operation, params, now, region)
    response = answer(world, call, now)
    response.delay = sum(rule.seconds for rule in [*call.waits_before, *call.waits_after])
    return response


def admit(
    world: World, operation: str, params: Mapping[str, str], now: float, region: str | None = None
) -> Call:
    """Log a call, let time pass until now, and ask limits and rules what becomes of it."""
    progress.advance(world, now)
    call = Call(operation, params, entry=log_call(world, operation, params, now))
    if operation not in OPERATIONS:
        call.early = unknown_operation(world)
        return call
    if world.switches.flag("region_required") and region != world.region:
        code = "MissingRegionId" if region is None else "InvalidRegionId"
        call.early = gateway_error(world, 400, code, "The header x-acs-region-id must be this region.")
        return call
    # The limits before the rules: what the gateway throttles, EDAS never sees, so a rule does not count it.
    if _over_limit(world, operation, now):
        call.early = throttled(world, None)
        return call
    if operation == "ListApplication" and world.switches.text("list_application") == "failing":
        call.early = gateway_error(world, 503, "ServiceUnavailable", "The service is unavailable.")
        return call
    for rule in world.rules.acting_on(facts_of(world, operation, params)):
        call.entry.setdefault("rules", []).append(rule.id)
        if rule.effect in ("delay", "pause"):
            (call.waits_before if rule.when == "before" else call.waits_after).append(rule)
        elif rule.effect == "trickle":
            call.trickles = call.trickles or rule
        elif rule.when == "before":
            call.early = _answer_of(world, rule)
        else:
            call.changes_after = rule
    return call


def answer(world: World, call: Call, now: float) -> Response:
    """Execute an admitted call, unless it was answered early, and return what the caller gets."""
    if call.early is not None:
        return _logged(call, call.early)
    progress.advance(world, now)
    call.entry["executed"] = True
    try:
        _refuse_without_cause(world, call)
        content = OPERATIONS[call.operation](Responses(world, call.params, now))
    except MissingParameterError as missing:
        response = gateway_error(world, 400, f"Missing{missing.name}", str(missing))
    except RefusedError as refusal:
        response = _refused(world, refusal)
    else:
        call.entry["changeOrderId"] = content.get("ChangeOrderId")
        response = _success(world, call.operation, content)
    # A rule that acts after the call loses the answer, never what the call did.
    if call.changes_after is not None:
        response = _answer_of(world, call.changes_after)
    return _logged(call, response)


def log_call(world: World, operation: str, params: Mapping[str, str], now: float) -> dict[str, Any]:
    """Begin the line of a call in the request log; what looks like a credential never enters it."""
    world.calls_made["all"] += 1
    entry: dict[str, Any] = {
        "n": world.calls_made["all"],
        "time": now,
        "operation": operation,
        "params": {name: value for name, value in params.items() if not _SECRET_NAME.search(name)},
        "executed": False,
        "status": None,
        "code": None,
        "changeOrderId": None,
        "duration": 0.0,
    }
    world.log.append(entry)
    world.version += 1
    return entry


def _logged(call: Call, response: Response) -> Response:
    call.entry["status"] = None if response.reset else response.status
    call.entry["code"] = "reset" if response.reset else response.code
    return response


# ---- envelopes ----


def gateway_error(world: World, status: int, code: str, message: str) -> Response:
    """Return an error of the API gateway, which EDAS itself never saw."""
    body = {"Code": code, "Message": message, "RequestId": _request_id(world), "HostId": HOST_ID}
    return _json_response(status, body, code)


def unknown_operation(world: World) -> Response:
    """Return the gateway's answer to a path and method that are not an operation."""
    return gateway_error(
        world, 404, "InvalidApi.NotFound", "Specified api is not found, please check your url and method."
    )


def throttled(world: World, retry_after_ms: int | None) -> Response:
    """Return the gateway's answer to one call too many."""
    response = gateway_error(world, 400, "Throttling.User", "Request was denied due to user flow control.")
    if retry_after_ms is not None:
        response.headers["x-acs-retry-after"] = str(retry_after_ms)
    return response


def _success(world: World, operation: str, content: Json) -> Response:
    for name, spelling in world.switches.by_operation("empty_list"):
        if spelling != "list" and name in ("", operation):
            content = _with_empty_lists(content, spelling)
            break
    body: Json = {"Code": _code(world, 200), "Message": "success", "RequestId": _request_id(world), **content}
    if operation == "ScaleInApplication":  # the only response without it
        del body["RequestId"]
    return _json_response(200, body, "200")


def business_failure(world: World, code: int, message: str) -> Response:
    """Return a failure of EDAS itself: HTTP 200, and a Code that is not 200."""
    body = {"Code": _code(world, code), "Message": message, "RequestId": _request_id(world)}
    return _json_response(200, body, str(code))


def _refused(world: World, refusal: RefusedError) -> Response:
    text = refusal.text(world.switches.text("message_language"))
    if isinstance(refusal, BusyError) and world.switches.text("second_order") == "refused_400":
        return gateway_error(world, 400, "Application.ChangerOrderRunning", text)
    if isinstance(refusal, NotFoundError):
        return _not_found(world, refusal, text)
    if refusal.reason == "ecc_missing" and world.switches.text("unknown_member_scale_in") == "refused_500":
        return gateway_error(world, 500, "Edas.errorcode.OperationFailed.ApplicationsDifferent.message", text)
    if refusal.reason == "denied":
        way = world.switches.text("denied_as")
        if way == "http_403":
            return gateway_error(world, 403, "Forbidden.RAM", text)
        return business_failure(world, int(way.removeprefix("body_")), text)
    code = 601 if refusal.reason == "service" else int(world.switches.number("refusal_code"))
    return business_failure(world, code, text)


def _not_found(world: World, refusal: NotFoundError, text: str) -> Response:
    way = world.switches.text("not_found")
    if way.startswith("body_"):
        return business_failure(world, int(way.removeprefix("body_")), text)
    status = int(way.removeprefix("http_"))
    if status == 404:  # noqa: PLR2004 - the status itself
        return gateway_error(world, status, f"{refusal.entity}NotFound", text)
    return gateway_error(world, status, f"Edas.errorcode.InstanceNotExist.{refusal.entity}.message", text)


def _code(world: World, code: int) -> int | str:
    return str(code) if world.switches.text("code_type") == "text" else code


def _request_id(world: World) -> str:
    return world.ids.next("request").upper()


def _json_response(status: int, body: Json, code: str) -> Response:
    encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(
        status, encoded, {"Content-Type": JSON_TYPE, "x-acs-request-id": body.get("RequestId", "")}, code
    )


# ---- limits and rules ----


def _over_limit(world: World, operation: str, now: float) -> bool:
    # A refused call takes no place in the window: EDAS does not say, and the other side would lock a caller out.
    limit = DOCUMENTED_LIMITS.get(operation)
    if limit is None or world.switches.text("limits") == "off":
        return False
    window = world.recent_calls.setdefault(operation, deque())
    while window and window[0] <= now - world.switches.number("limit_window"):
        window.popleft()
    if len(window) >= limit:
        world.breaches[operation] += 1
        return True
    window.append(now)
    return False


def _answer_of(world: World, rule: Rule) -> Response:
    """Return the answer a rule gives in place of EDAS's own."""
    if rule.effect == "throttle":
        return throttled(world, rule.retry_after_ms)
    if rule.effect == "reset":
        return Response(0, b"", reset=True)
    if rule.effect == "body":
        return Response(rule.status, rule.body.encode(), {"Content-Type": rule.content_type}, code="body")
    if rule.status == 200:  # noqa: PLR2004 - a business failure
        return business_failure(
            world, int(rule.code) if _BODY_CODE.fullmatch(rule.code) else 601, rule.message
        )
    return gateway_error(world, rule.status, rule.code, rule.message)


def facts_of(world: World, operation: str, params: Mapping[str, str]) -> CallFacts:
    """Collect everything a call names, each thing by all of its names, for the rules to match."""
    order = world.orders.get(params.get("ChangeOrderId", ""))
    application_id = params.get("AppId") or (order.application_id if order else "")
    application = world.applications.get(application_id)
    instances = [*ids_in(params, "EcuInfo"), *ids_in(params, "EccInfo")]
    groups = {params.get("DeployGroup", "")}
    for identifier in tuple(instances):
        owner = world.owner_of_member(identifier)
        member = owner.members[identifier] if owner else None
        if member is not None:
            groups.add(member.group_id)
        machine = world.ecu(member.ecu_id if member else identifier)
        if machine is not None:
            instances += [machine.ecu_id, machine.instance_id]
    if order is not None:
        groups.add(order.group_id)
        instances += [
            name for target in order.targets for name in (target.ecu_id, target.instance_id, target.ecc_id)
        ]
    for group in application.groups.values() if application else ():
        if not groups.isdisjoint((group.id, group.name)):
            groups |= {group.id, group.name}
    return CallFacts(
        operation=operation,
        applications=(application_id, application.name if application else application_id),
        groups=tuple(sorted(groups - {""})),
        instances=tuple(instances),
        orders=(order.id,) if order else (),
    )


def _refuse_without_cause(world: World, call: Call) -> None:
    """Refuse what the account may not do, and the readings that the switch `refused_reading` names."""
    if call.operation in world.switches.text("denied_operations").split(","):
        raise RefusedError("denied")
    side = world.switches.text("refused_reading")
    for operation, which in world.switches.by_operation("refused_reading"):
        if operation != call.operation:
            continue
        if which == "running":
            # Its caller has seen the order run: by a read of it, or because it is an order of other people.
            places = [
                f"{side} {operation} {order.id}"
                for order in world.active.values()
                if call.params.get("ChangeOrderId") in (None, order.id)
                and call.params.get("AppId") in (None, order.application_id)
                and (order.reads or order.source != "pop")
            ]
            wanted = 1
        else:
            of_order = call.params.get("ChangeOrderId", "") if operation == "GetChangeOrderInfo" else ""
            places, wanted = [f"{side} {operation} {of_order}"], int(which)
        world.readings.update(places)
        if any(world.readings[place] == wanted for place in places):
            raise RefusedError("service")


def _with_empty_lists(value: Any, spelling: str) -> Any:  # noqa: ANN401 - any JSON
    """Spell the empty lists of an answer, at any depth, as the switch `empty_list` says."""
    if isinstance(value, list):
        return [_with_empty_lists(each, spelling) for each in value]
    if not isinstance(value, dict):
        return value
    answer = {}
    for key, inner in value.items():
        if not (isinstance(inner, dict) and len(inner) == 1 and [] in inner.values()):
            answer[key] = _with_empty_lists(inner, spelling)
        elif spelling == "inner_null":
            answer[key] = dict.fromkeys(inner)
        elif spelling != "absent":
            answer[key] = {"null": None, "object": {}, "array": [], "text": ""}[spelling]
    return answer
