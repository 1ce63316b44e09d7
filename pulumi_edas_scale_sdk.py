"""The plugin's resource and functions under the name that ``pulumi import`` writes into Python programs.

Pulumi's generators import the SDK that they would generate from ``schema.json``. This module stands for it, so that
a generated program runs with this package alone. An SDK that somebody generates with ``pulumi package add`` is a
directory of the same name, which Python prefers to a module. A module cannot be marked as typed, so
``pulumi_edas_scale_sdk-stubs`` tells type checkers the same (PEP 561).
"""

from pulumi_edas_scale.native import *  # noqa: F403
