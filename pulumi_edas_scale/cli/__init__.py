"""The commands of ``edas-scale``, one file each, and what they share.

The law of this package: a command reads, decides nothing the core has not decided, and prints. What was asked
for goes to stdout, as text or, with ``--json``, as JSON; everything else goes to stderr. ``main.py`` loads a
command when it is called.
"""
