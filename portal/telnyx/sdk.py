"""Imports the ``telnyx`` package, and is the only door to it.

That happens at the first need and never at start-up. It has some 3,000 modules, for numbers, faxes, messages and much
else: those are imported that are asked for.
"""

import ast
import sys
from functools import cache, cached_property
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import Any


@cache
def telnyx() -> ModuleType:
    """Return the ``telnyx`` package, imported at the first call."""
    _have_parts_on_demand()
    import telnyx

    return telnyx


def _have_parts_on_demand() -> None:
    """Put in the place of its two large packages what imports as it is asked; not where they were imported whole."""
    found = util.find_spec("telnyx")
    for place in found.submodule_search_locations or () if found else ():
        for name in ("types", "resources"):
            sys.modules.setdefault(f"telnyx.{name}", _OnDemand(f"telnyx.{name}", Path(place) / name))


class _OnDemand(ModuleType):
    """Is a package as far as it was asked for: its own code would import every module that it has."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        file = str(folder / "__init__.py")
        self.__spec__ = util.spec_from_file_location(name, file, submodule_search_locations=[str(folder)])
        self.__path__, self.__file__, self.__package__ = [str(folder)], file, name

    @cached_property
    def _homes(self) -> dict[str, str]:
        """Map each name of the package to the module within that has it, as its own code says."""
        lines = ast.parse(Path(str(self.__file__)).read_bytes()).body
        imports = [line for line in lines if isinstance(line, ast.ImportFrom) and line.level == 1 and line.module]
        return {one.asname or one.name: f".{line.module}" for line in imports for one in line.names}

    def __getattr__(self, name: str) -> Any:
        if home := None if name.startswith("__") else self._homes.get(name):
            value = getattr(import_module(home, self.__name__), name)
        elif not name.startswith("_") and util.find_spec(f".{name}", self.__name__):
            value = import_module(f".{name}", self.__name__)
        else:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        setattr(self, name, value)
        return value
