"""How often a process looks at what it waits for, all of its operations together.

This file's law: looking grows with applications and clusters, not with operations, and leaves half of EDAS's calls of
a minute to those who have something to do.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pulumi_edas_scale.domain.clock import Runtime

APPLICATION_SECONDS: Final = 1.2
"""Seconds for each application that is waited for: half of the 100 calls a minute of QueryApplicationStatus."""

CLUSTER_SECONDS: Final = 6.0
"""The same for each cluster: half of the 20 calls a minute of ListScaleOutEcu."""


@dataclass(slots=True)
class Lookout:
    """Which applications and clusters somebody of this process waits for."""

    runtime: Runtime
    _applications: Counter[str] = field(default_factory=Counter)
    _clusters: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def waiting(self, app_id: str, cluster_id: str) -> Iterator[None]:
        """Be counted while waiting for something of an application, and of a cluster unless that is empty."""
        with self.runtime:
            self._applications[app_id] += 1
            self._clusters[cluster_id] += 1
        try:
            yield
        finally:
            with self.runtime:
                for counter, name in ((self._applications, app_id), (self._clusters, cluster_id)):
                    counter[name] -= 1
                    if not counter[name]:
                        del counter[name]

    def gap_seconds(self) -> float:
        """Return the least time between two looks at one application."""
        with self.runtime:
            clusters = len([each for each in self._clusters if each])
            return max(len(self._applications) * APPLICATION_SECONDS, clusters * CLUSTER_SECONDS)
