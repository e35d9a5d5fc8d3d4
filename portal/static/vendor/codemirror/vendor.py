"""Takes CodeMirror 6 from its npm packages into this folder: `python vendor.py FOLDER_OF_TGZ_FILES`.

Make the folder with `npm pack` of the packages below. Every package is one ES module; its bare imports
("@codemirror/state") become relative ones ("./codemirror-state.js"), so that a browser loads them without a build step
and without an import map, which a strict content security policy would have to allow inline.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tarfile
from pathlib import Path

PACKAGES = {
    "@codemirror/autocomplete": "dist/index.js",
    "@codemirror/commands": "dist/index.js",
    "@codemirror/lang-python": "dist/index.js",
    "@codemirror/language": "dist/index.js",
    "@codemirror/lint": "dist/index.js",
    "@codemirror/search": "dist/index.js",
    "@codemirror/state": "dist/index.js",
    "@codemirror/streamparser": "dist/index.js",
    "@codemirror/view": "dist/index.js",
    "@lezer/common": "dist/index.js",
    "@lezer/highlight": "dist/index.js",
    "@lezer/lr": "dist/index.js",
    "@lezer/python": "dist/index.js",
    "@marijn/find-cluster-break": "src/index.js",
    "crelt": "index.js",
    "style-mod": "src/style-mod.js",
    "w3c-keyname": "index.js",
}
IMPORT = re.compile(r"""(^(?:import|export)\b[^'"\n]*?(?:from\s*)?)['"]([^'"]+)['"]""", re.MULTILINE)


def file_name(package: str) -> str:
    """The flat name of a package's module: "@codemirror/state" is "codemirror-state.js"."""
    return package.removeprefix("@").replace("/", "-") + ".js"


def relative(source: str) -> str:
    """The module with its bare imports made relative. An import that is not in PACKAGES stops with its name."""

    def rewrite(found: re.Match[str]) -> str:
        if found[2] not in PACKAGES:
            raise SystemExit(f"{found[2]} is imported, but it is not among PACKAGES: add it and pack it")
        return f'{found[1]}"./{file_name(found[2])}"'

    return IMPORT.sub(rewrite, source)


def take(archives: Path, target: Path) -> list[str]:
    """Writes the modules and their licences; returns one line of the README's table for each."""
    rows = []
    for package, entry in PACKAGES.items():
        stem = file_name(package).removesuffix(".js")
        (archive,) = [path for path in archives.glob(f"{stem}-*.tgz") if path.name[len(stem) + 1].isdigit()]
        with tarfile.open(archive) as tar:
            module = relative(tar.extractfile(f"package/{entry}").read().decode())
            licence = tar.extractfile("package/LICENSE").read()
        (target / f"{stem}.js").write_text(module)
        (target / "LICENSES" / f"{stem}.txt").write_bytes(licence)
        version = archive.name.removeprefix(f"{stem}-").removesuffix(".tgz")
        rows.append(f"| {package} | {version} | {hashlib.sha256(module.encode()).hexdigest()} |")
    return rows


if __name__ == "__main__":
    here = Path(__file__).parent
    (here / "LICENSES").mkdir(exist_ok=True)
    print("\n".join(take(Path(sys.argv[1]), here)))
