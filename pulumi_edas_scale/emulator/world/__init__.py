"""The emulated EDAS: what exists, what an operation does to it, and what passing time brings about.

The law of this package: no I/O, no clock of its own and no randomness.
"""
