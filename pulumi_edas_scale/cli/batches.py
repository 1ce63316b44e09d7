"""What is inside a change order: its batches, and how each instance fares.

This file's law: it only explains. Whether an order ended, and how, is told by ``parse.py`` and
``orders.py``; what is missing or of another shape here is left out, never an error. Pure.

Source: EDAS API 2017-08-01, GetChangeOrderInfo.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pulumi_edas_scale.edas.failures import quote
from pulumi_edas_scale.edas.parse import as_integer, private_ip

ENDED: Final = frozenset({2, 3, 6, 7, 10})
"""Statuses of a batch or an instance after which nothing more happens to it by itself."""


@dataclass(frozen=True, slots=True)
class BatchInstance:
    """One instance of a batch; EDAS tells its address and name, never its id.

    Attributes:
        ip: the private address, empty when not told.
        name: the name of the machine, empty when not told.
        status: EDAS's number, None when not told.
        step: the last step that has begun, with what EDAS says of it unless that is "success".
    """

    ip: str
    name: str
    status: int | None
    step: str

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it in this order."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of a change order, which EDAS calls a pipeline."""

    name: str
    status: int | None
    instances: tuple[BatchInstance, ...]


@dataclass(frozen=True, slots=True)
class OrderBody:
    """What GetChangeOrderInfo tells beside the state: ``created_at`` is EDAS's text, without a zone."""

    kind: str
    detail: str
    created_at: str
    batches: tuple[Batch, ...]


def parse_order_body(body: object) -> OrderBody:
    """Read the body of GetChangeOrderInfo as far as it can be read.

    Args:
        body: any JSON value.
    """
    order = _object(body, "changeOrderInfo")
    return OrderBody(
        kind=_text(order, "CoType"),
        detail=_text(order, "Desc"),
        created_at=_text(order, "CreateTime"),
        batches=tuple(
            Batch(
                name=_text(pipeline, "PipelineName") or f"Batch: {number}",
                status=as_integer(pipeline.get("PipelineStatus")),
                instances=tuple(_instances(pipeline)),
            )
            for number, pipeline in enumerate(_objects(order, "PipelineInfoList", "PipelineInfo"), start=1)
        ),
    )


def _instances(pipeline: Mapping[str, object]) -> Iterator[BatchInstance]:
    """Yield each instance of a batch once, with the state of its last stage."""
    found: dict[tuple[str, str], BatchInstance] = {}
    for stage in _objects(pipeline, "StageList", "StageInfoDTO"):
        for entry in _objects(_object(stage, "StageResultDTO"), "InstanceDTOList", "InstanceDTO"):
            address = entry.get("InstanceIp")
            instance = BatchInstance(
                ip=quote(private_ip(address)) if isinstance(address, str) else "",
                name=_text(entry, "InstanceName"),
                status=as_integer(entry.get("Status")),
                step=_last_step(entry),
            )
            found[instance.ip, instance.name] = instance
    yield from found.values()


def _last_step(entry: Mapping[str, object]) -> str:
    steps = [
        (_text(step, "StageName"), _text(step, "StageMessage"))
        for step in _objects(entry, "InstanceStageDTOList", "InstanceStageDTO")
        if as_integer(step.get("Status")) != 0
    ]
    name, message = steps[-1] if steps else ("", "")
    return f"{name}: {message}" if message and message.lower() != "success" else name


def _object(value: object, key: str) -> Mapping[str, object]:
    inner = value.get(key) if isinstance(value, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def _objects(value: Mapping[str, object], wrapper: str, element: str) -> Iterator[Mapping[str, object]]:
    inner = _object(value, wrapper).get(element)
    for each in inner if isinstance(inner, Sequence) and not isinstance(inner, str) else ():
        if isinstance(each, Mapping):
            yield each


def _text(value: Mapping[str, object], key: str) -> str:
    text = value.get(key)
    return quote(text) if isinstance(text, str) else ""
