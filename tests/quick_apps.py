"""What makes hundreds of applications in one process cheap. Nothing that a test can see changes.

An application spends nine tenths of its making on functions that build addresses, one for each route, and most of a
first page on compiling templates. Here each route's function is made when it is first called, and templates are
compiled once for all applications.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

Builder = Callable[..., Any]


class _Compiled(BytecodeCache):
    """Compiled templates of this process, by their name and the digest of their source."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        kept = self.kept.get((bucket.key, bucket.checksum))
        if kept is not None:
            bucket.load_bytecode(BytesIO(kept))

    def dump_bytecode(self, bucket: Bucket) -> None:
        file = BytesIO()
        bucket.write_bytecode(file)
        self.kept[bucket.key, bucket.checksum] = file.getvalue()


_compiled = _Compiled()
_compile_builder = Rule._compile_builder


def _compile_when_called(rule: Rule, append_unknown: bool = True) -> Builder:
    made: list[Builder] = []

    def build(self: Rule, **values: Any) -> Any:
        if not made:
            made.append(_compile_builder(rule, append_unknown))
        return made[0](self, **values)

    return build


def set_up() -> None:
    """For the whole process; applications that are made afterwards are cheap."""
    Rule._compile_builder = _compile_when_called  # type: ignore[method-assign]
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": _compiled}
