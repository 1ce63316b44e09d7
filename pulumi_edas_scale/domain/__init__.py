"""What the package knows and decides: values, laws and sentences.

The law of this package: pure. No I/O, no logging, and no clock but the one that is handed in (``clock.py``).
"""
