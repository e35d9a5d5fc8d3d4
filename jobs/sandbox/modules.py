"""Modules that reward functions may import, loaded before the lockdown: after it no file can be opened.

Only those whose name stands somewhere in the code are loaded, as words and not by parsing: the code is hostile, and
loading one module too many costs milliseconds and nothing else. Safety does not rest on this list; it makes for
friendly messages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def _words(text: str) -> list[str]:
    return text.split()


_ALONE = _words(
    "__future__ abc bisect cmath contextlib copy decimal enum fractions functools heapq itertools json math numbers "
    "operator random re statistics string time typing warnings"
)
_WITH_PARTS: dict[str, tuple[str, ...]] = {
    "collections": ("collections.abc",),
    "dataclasses": ("inspect",),
    "datetime": ("_strptime",),
    "numpy": ("numpy.linalg", "numpy.random", "numpy.fft", "numpy.polynomial", "numpy.ma"),
    "shapely": (
        "shapely.geometry",
        "shapely.geometry.polygon",
        "shapely.ops",
        "shapely.affinity",
        "shapely.prepared",
        "shapely.strtree",
        "shapely.wkt",
    ),
    "scipy": (),
}
_SCIPY_PARTS = _words("constants fft integrate interpolate linalg ndimage optimize signal spatial special stats")
"""Parts of scipy take up to seconds to load, so each is loaded only where its own name stands in the code too."""

ALLOWED_MODULES: tuple[str, ...] = tuple(sorted([*_ALONE, *_WITH_PARTS]))
_IMPORTED_BY_NATIVE_CODE = frozenset({"_strptime", "copyreg"})
"""Native code imports these through the `__import__` of whoever called it, which may be the racer's code."""
_LAZILY_NEEDED = ("linecache", "traceback", "copyreg", "encodings.idna")
"""What Python itself imports when it formats a warning or an error."""


class ImportRefused(ImportError):
    """An import that is not on the list; the message says what is."""


def load_modules(code: str) -> None:
    """Import what `code` may be going to import, and what Python needs late. Call before the lockdown."""
    words = set(re.findall(r"\w+", code))
    for name in _LAZILY_NEEDED:
        import_module(name)
    for name in words.intersection(ALLOWED_MODULES):
        for module in (name, *_WITH_PARTS.get(name, ())):
            import_module(module)
    if "scipy" in words:
        for part in words.intersection(_SCIPY_PARTS):
            import_module(f"scipy.{part}")


def importer(genuine: Callable[..., ModuleType]) -> Callable[..., ModuleType]:
    """An `__import__` for the racer's code that hands out loaded modules and explains refusals."""

    def friendly_import(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> ModuleType:
        root = name.partition(".")[0]
        if level or (root not in ALLOWED_MODULES and name not in _IMPORTED_BY_NATIVE_CODE):
            shown = "." * level + name
            raise ImportRefused(f"`import {shown}` is not available here; allowed: {', '.join(ALLOWED_MODULES)}")
        if name not in sys.modules:
            raise ImportRefused(f"`import {name}` is not available here: this part of {root} is not loaded")
        return genuine(name, globals, locals, fromlist, level)

    return friendly_import
