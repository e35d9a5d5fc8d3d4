"""The wire format of protocol buffers: what TensorFlow's graphs and ONNX files are written in, as far as they need it.

https://protobuf.dev/programming-guides/encoding/. Writing is a few bytes around the arrays; reading is for files that
anybody may have made: nothing is recursive, nothing is copied, and every length is checked before it is followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import pack

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
LONGEST_VARINT = 10
SIZES = {EIGHT_BYTES: 8, FOUR_BYTES: 4}


class WireError(ValueError):
    """Bytes that are no message."""


def varint(value: int) -> bytes:
    """A whole number; negative ones as 64 bits, which makes ten bytes."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def whole(field: int, value: int) -> bytes:
    """A field that is a whole number, a truth value or one of an enumeration."""
    return varint(field << 3 | VARINT) + varint(value)


def number(field: int, value: float) -> bytes:
    """A field that is a float32."""
    return varint(field << 3 | FOUR_BYTES) + pack("<f", value)


def part(field: int, content: bytes | str) -> bytes:
    """A field that is a text, bytes or a message."""
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | BYTES) + varint(len(content)) + content


def wholes(field: int, values: Iterable[int]) -> bytes:
    """A field that is a packed list of whole numbers."""
    return part(field, b"".join(varint(value) for value in values))


def fields(message: memoryview, most: int) -> Iterator[tuple[int, int | memoryview]]:
    """(number, value) of each field: an int, or the bytes. WireError for what is cut short, or more than `most`."""
    at = 0
    for _ in range(most):
        if at == len(message):
            return
        key, at = read_varint(message, at)
        kind = key & 7
        if kind == VARINT:
            value, at = read_varint(message, at)
            yield key >> 3, value
            continue
        if kind == BYTES:
            size, at = read_varint(message, at)
        elif kind in SIZES:
            size = SIZES[kind]
        else:
            raise WireError("it has a field of a kind that is not in use")
        if size > len(message) - at:
            raise WireError("it is cut short")
        yield key >> 3, message[at : at + size]
        at += size
    if at != len(message):
        raise WireError(f"it has more than {most} parts")


def read_varint(message: memoryview, at: int) -> tuple[int, int]:
    """The whole number that stands at `at`, and where the next thing does."""
    value = 0
    for index in range(min(LONGEST_VARINT, len(message) - at)):
        byte = message[at + index]
        value |= (byte & 127) << 7 * index
        if byte < 128:
            return value & (1 << 64) - 1, at + index + 1
    raise WireError("it is cut short")


def signed(value: int) -> int:
    """A whole number that may be negative, as it was before it was written."""
    return value - (1 << 64) if value >> 63 else value
