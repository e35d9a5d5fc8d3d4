"""Puts another build of the native core where `sim` will look for it; imported before `sim`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

NAME = "sim.native._core"


def use(core: Path) -> None:
    """Load the extension module in this file as `sim.native._core`."""
    if NAME in sys.modules:
        raise RuntimeError("a core is loaded already")
    spec = importlib.util.spec_from_file_location(NAME, core)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{core} is no extension module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
