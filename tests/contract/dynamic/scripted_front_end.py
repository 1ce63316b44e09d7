"""A front end whose operations do what the application id says; the host process imports it by its name.

It stands for the core: the contract tests of the host ask what reaches the core and what becomes of its
answers.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import CreateResult, ResourceProvider

from pulumi_edas_scale import dynamic
from pulumi_edas_scale.domain.codes import Failure, Message
from pulumi_edas_scale.domain.errors import InputError, OperationError, PartialFailureError
from pulumi_edas_scale.domain.inputs import Checked
from pulumi_edas_scale.domain.model import UNKNOWN
from pulumi_edas_scale.hosts import dynamic_process as dynamic_host
from pulumi_edas_scale.operations.request import Diff, Request, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi_edas_scale.domain.settings import Settings
    from pulumi_edas_scale.hosts.dynamic_process import DynamicHost

WIDTH = 40
"""How many creates must be in the host at once for one with the application id ``crowd`` to end."""


HALF = Message("", "half an emoji \ud83d")
"""A text that no message carries."""

BLIND = "SCRIPTED_FRONT_END_BLIND"
"""The environment variable that lets the host look like one of another version."""

if BLIND in os.environ:
    dynamic_host._servicer_frames = lambda frame: iter(())  # noqa: ARG005  # the name is part of the type


class ScriptedFrontEnd(dynamic.Provider):
    """The real front end before scripted operations."""

    def _make_operations(self, settings: Settings, host: DynamicHost) -> Any:  # noqa: ANN401
        return ScriptedOperations(settings, host)


class RealFrontEnd(dynamic.Provider):
    """The front end as it is, in a host that may look like one of another version."""


class ScriptedOperations:
    """Operations that tell in their outputs what they were given."""

    def __init__(self, settings: Settings, host: DynamicHost) -> None:
        self._settings = settings
        self._host = host
        self._woken = threading.Event()
        self._crowd = threading.Barrier(WIDTH)

    def stop(self) -> None:
        """Wake whoever waits for a stop."""
        self._woken.set()

    def check(self, asked: Request) -> Checked:
        """Pass the inputs on, with remarks."""
        news = asked.news
        self._script(asked.urn, news)
        wrong: dict[str, tuple[Failure, ...]] = {
            "wrong": (
                ("instanceIds[1]", Message("ES301", "is wrong.")),
                ("", Message("ES115", "is wrong as a whole.")),
            ),
            "half": (("groupId", HALF),),
        }
        seen = {
            "recorded": sorted(asked.olds) or None,
            "unknown": [name for name, value in news.items() if value is UNKNOWN],
            "region": self._settings.region_id,
        }
        return Checked(
            inputs={**news, "seen": seen},
            failures=wrong.get(str(news["appId"]), ()),
            warnings=(Message("ES310", "a warning"),),
        )

    def preview_create(self, asked: Request) -> Result:
        """Announce the plan."""
        if asked.news["appId"] == "plan":
            self._host.info(asked.urn, "scale out 1: i-a")
        return Result("", {}, {})

    def diff(self, asked: Request) -> Diff:
        """Say by the answer whether the diff was taken for a real one."""
        self._script(asked.urn, asked.news)
        if asked.news["appId"] != asked.olds["appId"]:
            return Diff(changes=True, replaces=("appId",), delete_before_replace=True)
        return Diff(changes=asked.announce and asked.id in {"id", "cn-hangzhou/a/g"} and not asked.ignored)

    def change(self, asked: Request) -> Result:
        """Tell what is known of the call."""
        self._script(asked.urn, asked.news)
        odd = {"groupName": HALF, "runningCount": float("nan"), "members": ({"ecuId": HALF},)}
        seen: dict[str, object] = {"urn": asked.urn, "timeout": asked.timeout_seconds}
        if asked.id:
            seen |= {"id": asked.id, "olds": sorted(asked.olds), "ignored": list(asked.ignored)}
        outputs = {**asked.news, "seen": seen, **(odd if asked.news["appId"] == "half" else {})}
        return Result(asked.id or "id", {}, outputs)

    def read(self, asked: Request) -> Result | None:
        """Find what the recorded outputs say; the id ``gone`` is gone."""
        if asked.id == "gone":
            return None
        self._script(asked.urn, asked.olds or {"appId": ""})
        seen = {"outputs": sorted(asked.olds) or None, "inputs": sorted(asked.news) or None}
        return Result(asked.id, dict(asked.news), {"appId": "read", "seen": seen})

    def delete(self, asked: Request) -> None:
        """Say what is known of the call in the failure ``told``."""
        self._script(asked.urn, asked.olds)
        if asked.id == "told":
            raise OperationError(Message("", f"{asked.urn} {asked.timeout_seconds}"))

    def _script(self, urn: str, properties: Mapping[str, object]) -> None:
        scripts = {
            "refused": self._refuse,
            "input": self._input,
            "partial": self._partial,
            "bug": self._bug,
            "exit": self._exit,
            "crowd": self._wait_for_the_crowd,
            "says": self._say,
            "half": self._say_half,
            "half-refused": self._refuse_half,
            "half-partial": self._partial_half,
            "half-bug": self._bug_half,
            "stops": self._wait_for_a_stop,
        }
        script = scripts.get(str(properties["appId"]))
        if script is not None:
            script(urn, properties)

    def _refuse(self, _urn: str, _properties: Mapping[str, object]) -> None:
        raise OperationError(Message("", "Scale out of deploy group g failed."))

    def _input(self, _urn: str, _properties: Mapping[str, object]) -> None:
        raise InputError([("groupId", Message("", "is no group.")), ("", Message("", "Nothing fits."))])

    def _partial(self, _urn: str, properties: Mapping[str, object]) -> None:
        raise PartialFailureError(
            Message("", "One of two joined."),
            id="id",
            inputs={**properties, "maxRemovals": None},
            outputs={**properties, "members": [{"ecuId": "e-1", "joined": True}], "runningCount": 1},
        )

    def _bug(self, _urn: str, _properties: Mapping[str, object]) -> None:
        message = "no such\nkey"
        raise RuntimeError(message)

    def _say_half(self, urn: str, _properties: Mapping[str, object]) -> None:
        self._host.progress(urn, HALF)
        self._host.warn(urn, HALF)

    def _refuse_half(self, _urn: str, _properties: Mapping[str, object]) -> None:
        raise OperationError(HALF)

    def _partial_half(self, _urn: str, _properties: Mapping[str, object]) -> None:
        raise PartialFailureError(HALF, "id", {"appId": HALF}, {"groupName": HALF})

    def _bug_half(self, _urn: str, _properties: Mapping[str, object]) -> None:
        raise RuntimeError(HALF)

    def _exit(self, _urn: str, _properties: Mapping[str, object]) -> None:
        sys.exit(3)

    def _wait_for_the_crowd(self, _urn: str, _properties: Mapping[str, object]) -> None:
        self._crowd.wait(timeout=60)

    def _say(self, urn: str, _properties: Mapping[str, object]) -> None:
        self._host.progress(urn, "waiting")
        self._host.info(urn, "scale out 1: i-a")
        self._host.warn(urn, Message("", "i-b does not run"))

    def _wait_for_a_stop(self, _urn: str, properties: Mapping[str, object]) -> None:
        Path(str(properties["entered"])).touch()
        self._woken.wait(timeout=60)
        Path(str(properties["left"])).write_text(str(self._host.stopped()), encoding="utf-8")
        raise OperationError(Message("", "Stopped."))


class ForeignProvider(ResourceProvider):
    """A dynamic resource of somebody else in the same stack."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Say that it began, and end when told to."""
        with Path(props["pipe"]).open("w", encoding="utf-8"):
            pass  # opening a pipe waits for the other side
        with Path(props["pipe"]).open(encoding="utf-8") as pipe:
            pipe.read()
        Path(props["done"]).touch()
        return CreateResult("foreign", {})
