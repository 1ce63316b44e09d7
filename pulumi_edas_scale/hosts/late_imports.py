"""Packages that the Alibaba SDK imports for what a call does not need, imported when something uses them.

Half of the first call's time would go into these two: aiohttp is for asynchronous calls, which nobody here makes,
and apscheduler renews the RAM role of an ECS instance.

This file's law: for a process of our own only; in the host of dynamic resources other packages may import them at the
same time. And nothing is replaced: whoever makes an object of a class, or asks for anything but a class's name, gets
what the package has.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any, Final

CLASSES: Final = {
    "aiohttp": frozenset({"ClientResponse", "ClientSession"}),
    "apscheduler.schedulers.background": frozenset({"BackgroundScheduler"}),
}
"""The modules, and the classes that the SDK names when it is imported."""


class _LateModule(ModuleType):
    """Stands for a module in the names of those who import it, until they use it."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        if name.startswith("__"):
            raise AttributeError(name)  # the import system's own questions are no use of the module
        if name not in CLASSES[self.__name__]:
            return getattr(_import(self.__name__), name)
        module = self.__name__

        def make(_class: type, *args: object, **kwargs: object) -> object:
            return getattr(_import(module), name)(*args, **kwargs)

        return type(name, (), {"__new__": make})


def _import(name: str) -> ModuleType:
    """Return the module itself; from now on it is what others import."""
    if isinstance(sys.modules.get(name), _LateModule):
        sys.modules.pop(name, None)
    return import_module(name)


def import_late() -> None:
    """Have the packages imported when they are used, where they are not imported already."""
    for name in CLASSES:
        sys.modules.setdefault(name, _LateModule(name))
