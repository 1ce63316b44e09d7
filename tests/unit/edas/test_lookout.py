from __future__ import annotations

from pulumi_edas_scale.edas.lookout import APPLICATION_SECONDS, CLUSTER_SECONDS, Lookout
from tests.unit.quiet import QuietRuntime


def test_the_more_wait_for_something_the_rarer_each_looks() -> None:
    """Applications and clusters share the calls of a minute; two who wait for the same share its readings too."""
    lookout = Lookout(QuietRuntime())
    assert lookout.gap_seconds() == 0.0
    with lookout.waiting("app-1", ""):
        assert lookout.gap_seconds() == APPLICATION_SECONDS
        with lookout.waiting("app-1", ""), lookout.waiting("app-2", ""):
            assert lookout.gap_seconds() == 2 * APPLICATION_SECONDS
        assert lookout.gap_seconds() == APPLICATION_SECONDS
        with lookout.waiting("app-2", "cluster-1"), lookout.waiting("app-3", "cluster-2"):
            assert lookout.gap_seconds() == 2 * CLUSTER_SECONDS
    assert lookout.gap_seconds() == 0.0
