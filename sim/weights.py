"""Arrays in safetensors files: written whole, and read with suspicion, since models come from other people."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

MAXIMUM_BYTES = 128 * 1024 * 1024
MAXIMUM_HEADER_BYTES = 256 * 1024
MAXIMUM_JSON_BYTES = 4 * 1024 * 1024

Arrays = dict[str, NDArray[np.generic]]


class ModelError(ValueError):
    """A model's folder that cannot be used; the message is one line and says the mend."""


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file whole: a temporary one beside it, flushed to the disk (if `durable`), then renamed over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_bytes(path: Path, maximum: int) -> bytes:
    """A file's bytes. ModelError where it is missing, unreadable or larger than `maximum`."""
    try:
        size = path.stat().st_size
        if size > maximum:
            raise ModelError(f"{path.name} has {size} bytes, more than the {maximum} that a model may have there")
        with path.open("rb") as file:
            return file.read(maximum)
    except OSError as error:
        raise ModelError(
            f"{path.name} cannot be read ({error.strerror}); {path.parent} is no finished model: train it"
        ) from error


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], notes: dict[str, object]) -> None:
    """A safetensors file of these arrays; `notes` go into its metadata as JSON."""
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_bytes(path, safetensors.numpy.save(plain, metadata={"notes": json.dumps(notes)}))


def read_arrays(path: Path, expected: dict[str, tuple[tuple[int, ...], str]]) -> tuple[Arrays, dict[str, object]]:
    """Arrays and notes of a file that must hold exactly the `expected` ones: name -> (shape, dtype's name).

    ModelError for anything else: a broken header, other names, shapes or kinds, numbers that are not finite.
    """
    data = read_bytes(path, MAXIMUM_BYTES)
    if len(data) < 8 or int.from_bytes(data[:8], "little") > MAXIMUM_HEADER_BYTES:
        raise ModelError(f"{path.name} is no safetensors file; take the model's folder anew")
    try:
        arrays: Arrays = safetensors.numpy.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        notes = json.loads(header.get("__metadata__", {}).get("notes", "{}"))
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path.name} is broken ({error}); take the model's folder anew") from error
    if not isinstance(notes, dict):
        raise ModelError(f"{path.name} is broken (its notes are no object); take the model's folder anew")
    _check(path.name, arrays, expected)
    return arrays, notes


def _check(name: str, arrays: Arrays, expected: dict[str, tuple[tuple[int, ...], str]]) -> None:
    if arrays.keys() != expected.keys():
        odd = ", ".join(sorted(arrays.keys() ^ expected.keys())[:4])
        raise ModelError(f"{name} does not fit this model's network: {odd}")
    for key, (shape, kind) in expected.items():
        array = arrays[key]
        if array.shape != shape or array.dtype.name != kind:
            raise ModelError(
                f"{name}: {key} is {array.dtype.name} {array.shape}, but the car and its network need {kind} {shape}"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError(f"{name}: {key} holds values that are no finite numbers; use an earlier checkpoint")


def fingerprint(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 in hex over names, shapes and little-endian bytes: equal for equal weights, however they are stored."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.name} {array.shape}\n".encode())
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
