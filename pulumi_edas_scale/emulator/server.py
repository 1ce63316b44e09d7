"""The emulator as an HTTP server: signatures in, wire answers out, and the control API beside them.

The law of this file: it carries and waits, and decides nothing. The holder of the lock owns the world;
requests and the in-process helper take it for one call at a time. It binds to the loopback unless asked
otherwise.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from pulumi_edas_scale.emulator import control, page, views
from pulumi_edas_scale.emulator.api import trickle, wire
from pulumi_edas_scale.emulator.api.routes import API_VERSION, operation_of
from pulumi_edas_scale.emulator.api.signature import SignatureError, SignedRequest, Verifier
from pulumi_edas_scale.emulator.inputs import InputError, mapping_of, parse_json, seconds_of
from pulumi_edas_scale.emulator.world import progress
from pulumi_edas_scale.emulator.world.world_file import BUILT_IN_WORLD, build_world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pulumi_edas_scale.emulator.faults import Rule
    from pulumi_edas_scale.emulator.world.state import World

MAX_BODY_BYTES = 8 * 1024 * 1024  # a world file of 20 000 machines
EVENT_INTERVAL_SECONDS = 0.25  # how often a page hears of what time alone has changed
# Readers of the event stream; one that takes nothing for that long is dropped.
MAX_EVENT_READERS = 32
READER_TIMEOUT_SECONDS = 5.0
DRAIN_SECONDS = 0.005
START_TIMEOUT_SECONDS = 30.0
LONGEST_REASON = 1_000  # characters: a reason quotes what was sent, which may be long
MAX_ADVANCE_SECONDS = 366 * 24 * 3600  # one jump; dates far ahead cannot be written
_CREATED_AT = time.time() - time.monotonic()


def wall_clock() -> float:
    """Return seconds since the epoch that never run backwards in one process."""
    return _CREATED_AT + time.monotonic()


class Host:
    """The world behind a lock, with its clock and the calls that are paused in it."""

    def __init__(self, world: World, clock: Callable[[], float] = wall_clock) -> None:
        """Take over a world."""
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)  # notified at every logged call and every pause
        self.world = world
        self.verifier = Verifier()
        self.clock_offset = 0.0
        self.paused: dict[int, dict[str, Any]] = {}  # call number to its line in the log
        self._clock = clock

    def now(self) -> float:
        """Return the present moment of the world."""
        return self._clock() + self.clock_offset

    def snapshot(self) -> dict[str, Any]:
        """Return the world and the paused calls as JSON."""
        with self.lock:
            return {**views.snapshot(self.world, self.now()), "paused": sorted(self.paused)}

    def replace_world(self, data: object) -> None:
        """Start over with another world; the request log starts over too."""
        with self.changed:
            version = self.world.version
            self.world = build_world(data)
            self.world.version += version + 1
            self.verifier = Verifier()
            self.resume()

    def set_switches(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Set switches and return all of them."""
        with self.lock:
            self.world.switches.update(values)
            self.world.version += 1
            return dict(self.world.switches.as_json())

    def act(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Do one action; `advance_clock` is about the clock of this host, the others about the world."""
        name = str(args.get("action", ""))
        with self.changed:
            if name == "advance_clock":
                seconds = seconds_of(args.get("seconds"), "advance_clock.seconds", MAX_ADVANCE_SECONDS)
                self.clock_offset += seconds
                progress.advance(self.world, self.now())
                return {"now": self.now()}
            return control.act(self.world, name, args, self.now())

    def resume(self) -> list[int]:
        """Let all paused calls go on and return their numbers."""
        with self.changed:
            numbers = sorted(self.paused)
            self.paused.clear()
            self.changed.notify_all()
            return numbers


def _add_rules(host: Host, body: object) -> Any:  # noqa: ANN401 - one rule or a list, as it was asked
    if isinstance(body, list):
        return [
            host.world.rules.add(mapping_of(rule, f"[{i}]"), f"[{i}]").as_json()
            for i, rule in enumerate(body)
        ]
    return host.world.rules.add(mapping_of(body, "rule")).as_json()


CONTROL: Mapping[tuple[str, str], Callable[[Host, Any], Any]] = {
    ("GET", "state"): lambda host, _: host.snapshot(),
    ("GET", "log"): lambda host, _: list(host.world.log),
    ("DELETE", "log"): lambda host, _: host.world.log.clear(),
    ("GET", "switches"): lambda host, _: host.world.switches.as_json(),
    ("POST", "switches"): lambda host, body: host.set_switches(mapping_of(body, "switches")),
    ("GET", "rules"): lambda host, _: host.world.rules.as_json(),
    ("POST", "rules"): _add_rules,
    ("DELETE", "rules"): lambda host, _: host.world.rules.clear(),
    ("GET", "running-minimum"): lambda host, _: views.running_minimum(host.world, host.now()),
    ("DELETE", "running-minimum"): lambda host, _: host.world.reset_lowest_running(),
    ("POST", "world"): lambda host, body: host.replace_world(body or BUILT_IN_WORLD),
    ("POST", "actions"): lambda host, body: host.act(mapping_of(body, "action")),
    ("POST", "resume"): lambda host, _: {"resumed": host.resume()},
}
"""The control API: method and path below `/_emulator/`, and what is answered to a parsed body; None is `{}`."""


class Service:
    """The aiohttp application around a host."""

    def __init__(self, host: Host, names: frozenset[str]) -> None:
        """Prepare the routes; `names` are host names, beside addresses, that callers may use."""
        self.host = host
        self._names = names | {"localhost"}
        self._event: tuple[tuple[int, int] | None, bytes] = (None, b"")
        self._event_readers = 0
        self.application = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[self._check_host])
        add = self.application.router.add_route
        add("GET", "/", self.page)
        add("GET", "/_emulator/events", self.events)
        for (method, path), answer in CONTROL.items():
            add(method, f"/_emulator/{path}", self._json_of(answer))
        add("DELETE", "/_emulator/rules/{id}", self.delete_rule)
        add("*", "/{path:.*}", self.edas)

    @web.middleware
    async def _check_host(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse a foreign name in the header Host: a page of another site that lets its name lead here."""
        name = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
        if name not in self._names:
            try:
                ipaddress.ip_address(name)
            except ValueError:
                text = f"this emulator is not {name!r}: use its address"
                raise web.HTTPMisdirectedRequest(text=text) from None
        return await handler(request)

    # ---- the EDAS API ----

    async def edas(self, request: web.Request) -> web.StreamResponse:
        """Answer a call of the EDAS API, as late and as badly as the rules say."""
        body = await request.read()
        operation = operation_of(request.method, request.path)
        params = dict(request.query)
        started = time.monotonic()
        refused = self._refused_by_gateway(request, body, operation, params)
        if refused is not None:
            return _as_web(refused)
        with self.host.changed:
            region = request.headers.get("x-acs-region-id")
            call = wire.admit(self.host.world, operation or request.path, params, self.host.now(), region)
            self.host.changed.notify_all()
        alive = await self._wait(call.waits_before, call.entry, request)
        if not alive:
            call.entry["code"] = "disconnected"
            return web.Response(status=499)
        with self.host.changed:
            response = wire.answer(self.host.world, call, self.host.now())
            call.entry["duration"] = round(time.monotonic() - started, 6)
            self.host.changed.notify_all()
        await self._wait(call.waits_after, call.entry, request)
        if call.trickles is not None and not response.reset:
            await _trickle(request, response, call.trickles)
            response.reset = True  # the bytes are out already, and aiohttp would send its own behind them
        if response.reset:
            _break_connection(request)
        return _as_web(response)

    def _refused_by_gateway(
        self, request: web.Request, body: bytes, operation: str | None, params: Mapping[str, str]
    ) -> wire.Response | None:
        """Return the answer to a request that the gateway does not let in, or None."""
        signed = SignedRequest(
            method=request.method,
            path=request.rel_url.raw_path,
            query=tuple(request.query.items()),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
        with self.host.changed:
            world = self.host.world
            try:
                self.host.verifier.verify(signed, world.access_keys, time.time())
                if request.headers.get("x-acs-version") == API_VERSION:
                    return None
                error = SignatureError(400, "InvalidVersion", "Specified parameter Version is not valid.")
            except SignatureError as refusal:
                error = refusal
            entry = wire.log_call(world, operation or request.path, params, self.host.now())
            entry["status"], entry["code"] = error.status, error.code
            self.host.changed.notify_all()
            return wire.gateway_error(world, error.status, error.code, error.message)

    async def _wait(self, rules: list[Rule], entry: dict[str, Any], request: web.Request) -> bool:
        """Wait as the rules say; False when the caller is gone by then."""
        for rule in rules:
            if rule.effect == "delay":
                await asyncio.sleep(rule.seconds)
                continue
            with self.host.changed:
                self.host.paused[entry["n"]] = entry
                self.host.world.version += 1
                self.host.changed.notify_all()
            # A poll: the condition of the host is one for threads, and would block every other call of this loop.
            while entry["n"] in self.host.paused:  # noqa: ASYNC110 - as the comment says
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.01)  # a caller may have gone since this loop looked at its connections
        return not rules or (request.transport is not None and not request.transport.is_closing())

    # ---- the control API ----

    def _json_of(self, handler: Callable[[Host, Any], Any]) -> Callable[[web.Request], Any]:
        """Make a route of a function from the parsed body to JSON; None becomes an empty object."""

        async def route(request: web.Request) -> web.Response:
            try:
                body = await _json_body(request)
                with self.host.changed:
                    result = handler(self.host, body)
                    text = json.dumps({} if result is None else result, ensure_ascii=False)
            except InputError as error:
                return web.json_response({"error": str(error)[:LONGEST_REASON]}, status=400)
            return web.Response(text=text, content_type="application/json")

        return route

    async def delete_rule(self, request: web.Request) -> web.Response:
        """Remove the rule that the path names."""
        with self.host.lock:
            removed = self.host.world.rules.remove(request.match_info["id"])
        return web.json_response({"removed": removed}, status=200 if removed else 404)

    # ---- the page ----

    async def page(self, _request: web.Request) -> web.Response:
        """Show the world to people."""
        headers = {"Content-Security-Policy": page.CONTENT_SECURITY_POLICY}
        return web.Response(text=page.HTML, content_type="text/html", headers=headers)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send the state whenever it has changed, as server-sent events, until the page goes away."""
        if self._event_readers >= MAX_EVENT_READERS:
            raise web.HTTPServiceUnavailable(text="too many readers of the event stream")
        self._event_readers += 1
        try:
            response = web.StreamResponse(
                headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
            )
            await response.prepare(request)
            seen: tuple[int, int] | None = None
            while request.transport is not None and not request.transport.is_closing():
                with self.host.lock:
                    progress.advance(self.host.world, self.host.now())
                    version = (self.host.world.version, self.host.world.rules.version)
                    if version != self._event[0]:  # rendered once for all readers
                        recent = list(self.host.world.log)[-page.LOG_LINES :]
                        text = json.dumps({**self.host.snapshot(), "log": recent}, ensure_ascii=False)
                        self._event = (version, f"event: state\ndata: {text}\n\n".encode())
                if version != seen:
                    seen = version
                    try:
                        await asyncio.wait_for(response.write(self._event[1]), READER_TIMEOUT_SECONDS)
                    except asyncio.TimeoutError:
                        _break_connection(request)
                await asyncio.sleep(EVENT_INTERVAL_SECONDS)
            return response
        finally:
            self._event_readers -= 1


async def _json_body(request: web.Request) -> Any:  # noqa: ANN401 - any JSON
    """Return the parsed body of a control request.

    A POST must say that it is JSON: a page of another site cannot send that without asking first.
    """
    if request.method != "POST":
        return None
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="the control API takes Content-Type: application/json")
    body = await request.read()
    try:
        return parse_json(body.decode()) if body else {}
    except ValueError as error:  # a body that is not UTF-8 too
        raise InputError(f"the body is not JSON: {error}") from None


def _as_web(response: wire.Response) -> web.Response:
    return web.Response(status=response.status or 500, body=response.body, headers=response.headers)


def _break_connection(request: web.Request) -> None:
    """Reset the TCP connection instead of closing it, as a broken network does."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _trickle(request: web.Request, response: wire.Response, rule: Rule) -> None:
    """Write an answer piece by piece to the bare connection, until its end or until the caller goes away."""
    transport = request.transport
    if transport is None:
        return
    for piece in trickle.pieces_of(response, rule.part):
        if transport.is_closing():
            return
        transport.write(piece)
        while transport.get_write_buffer_size():
            await asyncio.sleep(DRAIN_SECONDS)
            if transport.is_closing():
                return
        await asyncio.sleep(rule.seconds)


class ThreadedServer:
    """A server that runs in a thread of its own until it is stopped."""

    def __init__(self, host: Host, address: str = "127.0.0.1", port: int = 0) -> None:
        """Prepare; nothing is bound yet."""
        self._host = host
        self._address = address
        self._port = port
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="edas-emulator", daemon=True)
        self.url = ""

    def start(self) -> None:
        """Bind, and return once requests are answered.

        Raises:
            OSError: the address cannot be bound.
        """
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_SECONDS):
            raise TimeoutError(f"the emulator did not start within {START_TIMEOUT_SECONDS:.0f} seconds")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Close all connections and end the thread."""
        self._host.resume()
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_TIMEOUT_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits in start()
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        names = frozenset({self._address.lower(), socket.gethostname().lower()})
        application = Service(self._host, names).application
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._address, self._port).start()
            address, port, *_ = runner.addresses[0]
            self.url = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
            self._ready.set()
            await self._stop.wait()
        finally:
            await runner.cleanup()
