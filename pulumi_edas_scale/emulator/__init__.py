"""An EDAS for laptops and CI: applications, groups and change orders over HTTP, with faults on demand.

The law of this package: it shares no code with the provider it helps to test, so that the one cannot hide a
mistake of the other. `world` is what exists and its laws, `api` one call without HTTP, `server.py` the
rest. Start with README.md.
"""

from __future__ import annotations

from pulumi_edas_scale.emulator.in_process import Emulator

__all__ = ["Emulator"]
