"""What is inside a change order: its batches, and how each instance fares.

This file's law: it only explains. Whether an order ended, and how, is decided by ``parse.py`` and
``orders.py``; what is missing or of another shape here is left out, never an error. Pure.

Source: EDAS API 2017-08-01, GetChangeOrderInfo.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pulumi_edas_scale.domain.orders import is_ended
from pulumi_edas_scale.edas.failures import quote
from pulumi_edas_scale.edas.parse import as_integer, instance_ip, loose_objects, loose_text


@dataclass(frozen=True, slots=True)
class BatchInstance:
    """One instance of a batch; EDAS reports its address and name, never its id.

    Attributes:
        ip: the private address, empty when not reported.
        name: the name of the machine, empty when not reported.
        status: EDAS's number, None when not reported.
        step: the last step that has begun, with what EDAS says of it unless that is "success".
    """

    ip: str
    name: str
    status: int | None
    step: str

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it in this order."""
        return is_ended(self.status)


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of a change order, which EDAS calls a pipeline."""

    name: str
    status: int | None
    instances: tuple[BatchInstance, ...]


@dataclass(frozen=True, slots=True)
class OrderBody:
    """What GetChangeOrderInfo reports beside the state: ``created_at`` is EDAS's text, without a zone."""

    kind: str
    detail: str
    created_at: str
    batches: tuple[Batch, ...]


def parse_order_body(body: object) -> OrderBody:
    """Read the body of GetChangeOrderInfo as far as it can be read.

    Args:
        body: any JSON value.
    """
    order = body.get("changeOrderInfo") if isinstance(body, Mapping) else None
    order = order if isinstance(order, Mapping) else {}
    return OrderBody(
        kind=loose_text(order, "CoType"),
        detail=loose_text(order, "Desc"),
        created_at=loose_text(order, "CreateTime"),
        batches=tuple(
            Batch(
                name=loose_text(pipeline, "PipelineName") or f"Batch: {number}",
                status=as_integer(pipeline.get("PipelineStatus")),
                instances=tuple(_instances(pipeline)),
            )
            for number, pipeline in enumerate(
                loose_objects(order, "PipelineInfoList", "PipelineInfo"), start=1
            )
        ),
    )


def _instances(pipeline: Mapping[str, object]) -> Iterator[BatchInstance]:
    """Yield each instance of a batch once, with the state of its last stage."""
    found: dict[tuple[str, str], BatchInstance] = {}
    for stage in loose_objects(pipeline, "StageList", "StageInfoDTO"):
        for entry in loose_objects(stage, "StageResultDTO", "InstanceDTOList", "InstanceDTO"):
            begun = [
                (loose_text(step, "StageName"), loose_text(step, "StageMessage"))
                for step in loose_objects(entry, "InstanceStageDTOList", "InstanceStageDTO")
                if as_integer(step.get("Status")) != 0
            ]
            step, message = begun[-1] if begun else ("", "")
            instance = BatchInstance(
                ip=quote(instance_ip(entry)),
                name=loose_text(entry, "InstanceName"),
                status=as_integer(entry.get("Status")),
                step=f"{step}: {message}" if message and message.lower() != "success" else step,
            )
            # A later stage shows the same instance again, and knows more of it.
            found[instance.ip, instance.name] = instance
    yield from found.values()
