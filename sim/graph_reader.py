"""Reads a frozen TensorFlow graph (GraphDef) that anybody may have made: nodes and constants, nothing is run.

Every count, name, list and array has a greatest size; the depth is that of the format's own messages, so that there is
nothing to nest. Arrays stay where they are in the file until one is asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.graph_writer import FLOAT, INT32
from sim.weights import ModelError
from sim.wire import WireError, fields, read_varint, signed

LARGEST_BYTES = 272 * 1024**2
"""Of the file: a network of 64 million numbers has 256 MB, and the critic's head lies beside it."""
MOST_NODES = 4096
"""The console's largest graphs have some 200."""
MOST_INPUTS, MOST_ATTRIBUTES, MOST_DIMENSIONS = 64, 64, 6
LONGEST_NAME = 512
MOST_PARTS = 2 * MOST_NODES
MOST_NUMBERS = 64_000_000
"""Of one array."""
MOST_REPEATED = 1_000_000
"""Of one that a few bytes stand for: biases and scales, never weights that were learned."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Node:
    """One node: its operation, the names of its inputs, and its attributes as they lie in the file."""

    name: str
    operation: str
    inputs: tuple[str, ...]
    attributes: dict[str, memoryview]

    def text(self, key: str) -> str:
        """An attribute that is a text; empty where it is missing."""
        return _text(_field(self.attributes.get(key), 2), "an attribute")

    def flag(self, key: str) -> bool:
        """An attribute that is a truth value; False where it is missing."""
        return bool(_whole(self.attributes.get(key), 5))

    def numbers(self, key: str) -> tuple[int, ...]:
        """An attribute that is a short list of whole numbers; empty where it is missing."""
        found: list[int] = []
        listed = _field(self.attributes.get(key), 1)
        for number, value in fields(listed, MOST_DIMENSIONS + 2):
            if number != 3:
                continue
            found += [value] if isinstance(value, int) else _packed(value)
        return tuple(signed(value) for value in found)

    def shape(self) -> tuple[int, ...] | None:
        """The attribute `shape`; -1 where a size is open. None where it is missing or tells nothing."""
        if "shape" not in self.attributes:
            return None
        return _shape(_field(self.attributes["shape"], 7))


class Graph:
    """The nodes of a graph by their names, and where each one's output goes."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes

    @classmethod
    def read(cls, content: bytes) -> Graph:
        """A graph's file. ModelError for anything that is none, in one sentence."""
        if len(content) > LARGEST_BYTES:
            raise ModelError(f"Its graph has {len(content)} bytes, more than the {LARGEST_BYTES} of any car's network.")
        try:
            return cls(_nodes(memoryview(content)))
        except WireError as error:
            raise ModelError(f"Its model.pb is no frozen graph of TensorFlow ({error}).") from None

    def node(self, name: str) -> Node:
        """The node that an input's name means: its first output. ModelError where there is none."""
        bare = name.partition(":")[0].removeprefix("^")
        if bare not in self.nodes:
            raise ModelError(f"Its graph has no node {bare[:80]!r}, which another one needs.")
        return self.nodes[bare]

    def array(self, name: str) -> Array | None:
        """The numbers of a constant as float32, looked at through identities; None where it is no constant."""
        node = self.node(name)
        for _ in range(MOST_INPUTS):
            if node.operation != "Identity" or not node.inputs:
                break
            node = self.node(node.inputs[0])
        if node.operation != "Const" or "value" not in node.attributes:
            return None
        try:
            return _array(_field(node.attributes["value"], 8), node.name)
        except WireError as error:
            raise ModelError(f"The array {node.name[:80]!r} of its graph cannot be read ({error}).") from None


def _nodes(message: memoryview) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for number, value in fields(message, MOST_PARTS):
        if number != 1 or isinstance(value, int):
            continue
        node = _node(value)
        if node.name in nodes:
            raise WireError("two of its nodes have one name")
        nodes[node.name] = node
        if len(nodes) > MOST_NODES:
            raise WireError(f"it has more than {MOST_NODES} nodes")
    if not nodes:
        raise WireError("it has no nodes")
    return nodes


def _node(message: memoryview) -> Node:
    name = operation = ""
    inputs: list[str] = []
    attributes: dict[str, memoryview] = {}
    for number, value in fields(message, MOST_INPUTS + MOST_ATTRIBUTES):
        if isinstance(value, int):
            continue
        if number == 1:
            name = _text(value, "a name")
        elif number == 2:
            operation = _text(value, "an operation")
        elif number == 3:
            inputs.append(_text(value, "an input"))
        elif number == 5:
            attributes[_text(_field(value, 1), "an attribute")] = _field(value, 2)
    if len(inputs) > MOST_INPUTS:
        raise WireError(f"a node has more than {MOST_INPUTS} inputs")
    return Node(name, operation, tuple(inputs), attributes)


def _array(tensor: memoryview, name: str) -> Array:
    """A TensorProto: its bytes, or fewer values than there are, of which the last goes on."""
    kind, content = 0, memoryview(b"")
    shape: tuple[int, ...] = ()
    singles: list[float] = []
    for number, value in fields(tensor, 4096):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number == 2 and not isinstance(value, int):
            shape = _shape(value) or ()
        elif number == 4 and not isinstance(value, int):
            content = value
        elif number == 5 and not isinstance(value, int):
            singles += np.frombuffer(value, "<f4").tolist() if len(value) % 4 == 0 else []
        elif number == 7:
            singles += [float(signed(one)) for one in ([value] if isinstance(value, int) else _packed(value))]
    if kind not in (FLOAT, INT32):
        raise WireError("its numbers are neither float32 nor int32")
    count = math.prod(shape)
    if min(shape, default=1) < 1 or count > MOST_NUMBERS:
        raise WireError(f"it has the shape {shape}")
    if len(content):
        if len(content) != 4 * count:
            raise WireError(f"it has {len(content)} bytes for {count} numbers")
        array = np.frombuffer(content, "<f4" if kind == FLOAT else "<i4").astype(np.float32).reshape(shape)
    elif singles and len(singles) <= count <= MOST_REPEATED:
        array = np.full(count, singles[-1], np.float32)
        array[: len(singles)] = singles
        array = array.reshape(shape)
    else:
        raise WireError("it has no numbers")
    if not np.isfinite(array).all():
        raise ModelError(f"The array {name[:80]!r} of its graph holds values that are no finite numbers.")
    return array


def _shape(message: memoryview) -> tuple[int, ...] | None:
    sizes: list[int] = []
    for number, value in fields(message, MOST_DIMENSIONS + 2):
        if number == 3:
            return None
        if number == 2 and not isinstance(value, int):
            sizes.append(signed(_whole(value, 1)))
    if len(sizes) > MOST_DIMENSIONS:
        raise WireError(f"it has more than {MOST_DIMENSIONS} dimensions")
    return tuple(sizes)


def _field(message: memoryview | None, wanted: int) -> memoryview:
    """The last field of that number which is bytes; empty where there is none."""
    found = memoryview(b"")
    for number, value in fields(message if message is not None else found, MOST_ATTRIBUTES):
        if number == wanted and not isinstance(value, int):
            found = value
    return found


def _whole(message: memoryview | None, wanted: int) -> int:
    found = 0
    for number, value in fields(message if message is not None else memoryview(b""), MOST_ATTRIBUTES):
        if number == wanted and isinstance(value, int):
            found = value
    return found


def _packed(message: memoryview) -> list[int]:
    found: list[int] = []
    at = 0
    while at < len(message):
        if len(found) == 4096:
            raise WireError("a list is too long")
        value, at = read_varint(message, at)
        found.append(value)
    return found


def _text(value: memoryview, what: str) -> str:
    if len(value) > LONGEST_NAME:
        raise WireError(f"{what} has {len(value)} characters")
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        raise WireError(f"{what} is no text") from None
