"""The EDAS API 2017-08-01 on the wire: routes, signatures, parameters, envelopes and shapes.

The law of this package: it renders the world and decides nothing about it.
"""
