"""The engine's side: what a front end needs from the process it runs in.

The law of this package: it translates between Pulumi and ``operations``; no decision, no waiting for EDAS.
"""
