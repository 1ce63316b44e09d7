"""Run the plugin: this is how Pulumi starts a plugin that it got as a Python package from a repository."""

from __future__ import annotations

from pulumi_edas_scale.plugin import main

if __name__ == "__main__":
    main()
