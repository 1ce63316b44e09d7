"""The use cases: create, update, delete, read, preview and the functions.

The law of this package: it observes, asks ``domain`` to decide, and acts; it knows no Pulumi engine.
"""
