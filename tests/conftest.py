"""What every suite shares: the Hypothesis profiles, a clean environment, the e2e marker.

The law of this file: a test run depends on the checkout alone, not on the machine or the account of the
person who runs it.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The default is the same in CI and on a laptop: the same examples in every run, no limit on the time of one.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
# `make soak`: new examples in every run, and many; a failure stays in .hypothesis and comes first next time.
settings.register_profile(
    "soak", max_examples=10_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
# `make mutants`: a mutant is held against the same few examples, so that a thousand of them end within an afternoon.
settings.register_profile("mutants", max_examples=20, derandomize=True, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# Settings and credentials of the person who runs the tests. No test may see them: it would pass or fail by
# them, or worse, reach a real account.
FOREIGN_PREFIXES = ("ALIBABA_CLOUD_", "ALIBABACLOUD_", "ALICLOUD_", "EDAS_SCALE_", "PULUMI_")

E2E_DIRECTORY = Path(__file__).parent / "e2e"


def pytest_configure() -> None:
    """Drop what the machine adds before a test module is imported; child processes inherit what is left."""
    for name in list(os.environ):
        if name.startswith(FOREIGN_PREFIXES):
            del os.environ[name]
    # A shell that starts a run in the background has it ignore interrupts, and so would every process that the
    # tests start to interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests below tests/e2e, so that `-m "not e2e"` runs without a Pulumi CLI."""
    for item in items:
        if E2E_DIRECTORY in item.path.parents:
            item.add_marker(pytest.mark.e2e)
