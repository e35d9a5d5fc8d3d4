"""Vendored libraries are what the list says they are."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

VENDOR = Path(__file__).parents[2] / "portal" / "static" / "vendor"
ROW = re.compile(r"^\| (\S+) \| (.+?) \| (.+?) \| ([0-9a-f]{64}) \|$", re.MULTILINE)


def listed() -> dict[str, str]:
    return {row[1]: row[4] for row in ROW.finditer((VENDOR / "VENDORED.md").read_text())}


def test_every_served_file_is_listed() -> None:
    served = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.suffix in (".js", ".css", ".svg")}
    assert served == set(listed())


def test_every_file_has_the_digest_that_was_written_down() -> None:
    found = {name: hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() for name in listed()}
    assert found == listed()


def test_modules_import_only_files_that_lie_beside_them() -> None:
    imports = re.compile(r"""^(?:import|export)\b[^'"\n]*?['"]([^'"]+)['"]""", re.MULTILINE)
    for module in (VENDOR / "codemirror").glob("*.js"):
        for target in imports.findall(module.read_text()):
            assert target.startswith("./"), f"{module.name} imports {target}"
            assert (module.parent / target).is_file(), f"{module.name} imports {target}"
