"""What every suite shares: the Hypothesis profiles, a clean environment, the e2e marker.

The law of this file: a test run depends on the checkout alone, not on the machine or the account of the
person who runs it.
"""

from __future__ import annotations

import contextlib
import locale
import os
import signal
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fetching import FOR_FETCHING

# The default is the same in CI and on a laptop: the same examples in every run, no limit on the time of one.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
# `make soak`: new examples in every run, and many; a failure stays in .hypothesis and comes first next time.
settings.register_profile(
    "soak", max_examples=10_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
# `make mutants`: a mutant is held against the same few examples, so that a thousand of them end within an afternoon.
settings.register_profile("mutants", max_examples=20, derandomize=True, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# Settings and credentials of the person who runs the tests, and what changes how programs speak. No test may see them:
# it would pass or fail by them, or worse, reach a real account.
FOREIGN_PREFIXES = (
    *("ALIBABA_CLOUD_", "ALIBABACLOUD_", "ALICLOUD_", "EDAS_SCALE_", "_EDAS_SCALE_", "PULUMI_"),
    *("GIT_", "GRPC_", "PYTHON"),
)
FOREIGN = frozenset(
    ("DEBUG", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "TERM", "LANG", "LANGUAGE")
)
# How this machine reaches the internet: for what fetches packages, and for nothing that a test looks at.
NETWORK_PREFIXES = ("PIP_",)
NETWORK = frozenset(
    (
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    )
)

PLUGIN = "pulumi-resource-edas-scale"
E2E_DIRECTORY = Path(__file__).parent / "e2e"


def pytest_configure() -> None:
    """Drop what the machine adds before a test module is imported; child processes inherit what is left."""
    for name in list(os.environ):
        if name in NETWORK or name.startswith(NETWORK_PREFIXES):
            os.environ[f"{FOR_FETCHING}{name}"] = os.environ.pop(name)
        elif name in FOREIGN or name.startswith(FOREIGN_PREFIXES):
            del os.environ[name]
    # An environment that is activated, this one or another, would answer for the plugin under test.
    kept = [each for each in os.environ.get("PATH", os.defpath).split(os.pathsep) if each]
    os.environ["PATH"] = os.pathsep.join(each for each in kept if not Path(each, PLUGIN).exists())
    os.environ.update(TZ="UTC", LC_ALL="C.UTF-8")
    time.tzset()
    with contextlib.suppress(locale.Error):  # not on every macOS, whose files are in UTF-8 anyway
        locale.setlocale(locale.LC_ALL, "C.UTF-8")
    os.umask(0o022)
    # A shell that starts a run in the background has it ignore interrupts, and so would every process that the
    # tests start to interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests below tests/e2e, so that `-m "not e2e"` runs without a Pulumi CLI."""
    for item in items:
        if E2E_DIRECTORY in item.path.parents:
            item.add_marker(pytest.mark.e2e)
