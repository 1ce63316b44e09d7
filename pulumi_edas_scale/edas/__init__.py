"""The only I/O with EDAS: calls, what their answers mean, and how often they may be made.

The law of this package: wire names and the Alibaba Cloud SDK end here; it decides nothing about a membership.
"""
