"""Writes a frozen TensorFlow graph (GraphDef): the form in which the physical car takes a policy. No TensorFlow needed.

Field numbers are those of TensorFlow's graph.proto, node_def.proto, attr_value.proto, tensor.proto and
tensor_shape.proto. Pictures are (n, height, width, channels), kernels (height, width, in, out), as TensorFlow has them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.wire import part, varint, whole, wholes

FLOAT, INT32 = 1, 3
PRODUCER, LEAST_CONSUMER = 27, 12
"""Versions of a graph of TensorFlow 1.12, with which the console's were made: every later one reads it."""


class GraphWriter:
    """Nodes, one after another; each method gives the name of its last node."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def to_bytes(self) -> bytes:
        """The whole graph."""
        versions = whole(1, PRODUCER) + whole(2, LEAST_CONSUMER)
        return b"".join([*self._parts, part(4, versions)])

    def placeholder(self, name: str, shape: Sequence[int]) -> str:
        """An input of float32; -1 stands for any number of rows."""
        return self._add(name, "Placeholder", dtype=_kind(FLOAT), shape=part(7, _shape(shape)))

    def constant(self, name: str, value: NDArray[np.float32] | NDArray[np.int32]) -> str:
        """An array that is part of the graph."""
        kind = FLOAT if value.dtype == np.float32 else INT32
        content = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<")).tobytes()
        tensor = whole(1, kind) + part(2, _shape(value.shape)) + part(4, content)
        return self._add(name, "Const", dtype=_kind(kind), value=part(8, tensor))

    def divided(self, name: str, value: str, divisor: float) -> str:
        """Every number divided by the same one."""
        by = self.constant(f"{name}/y", np.array(divisor, np.float32))
        return self._add(name, "RealDiv", [value, by], T=_kind(FLOAT))

    def pooled(self, name: str, value: str, size: int) -> str:
        """A picture's means over windows of `size` x `size`, side by side."""
        window = part(1, wholes(3, (1, size, size, 1)))
        return self._add(
            name,
            "AvgPool",
            [value],
            T=_kind(FLOAT),
            ksize=window,
            strides=window,
            padding=part(2, "VALID"),
            data_format=part(2, "NHWC"),
        )

    def convolution(
        self, name: str, value: str, kernel: NDArray[np.float32], bias: NDArray[np.float32], stride: int
    ) -> str:
        """A convolution within the picture, and its bias."""
        weights = self.constant(f"{name}/kernel", kernel)
        convolved = self._add(
            f"{name}/Conv2D",
            "Conv2D",
            [value, weights],
            T=_kind(FLOAT),
            strides=part(1, wholes(3, (1, stride, stride, 1))),
            dilations=part(1, wholes(3, (1, 1, 1, 1))),
            padding=part(2, "VALID"),
            data_format=part(2, "NHWC"),
        )
        return self._biased(name, convolved, bias)

    def dense(self, name: str, value: str, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """A dense layer: kernel (in, out), and its bias."""
        weights = self.constant(f"{name}/kernel", kernel)
        flags = {"transpose_a": whole(5, 0), "transpose_b": whole(5, 0)}
        multiplied = self._add(f"{name}/MatMul", "MatMul", [value, weights], T=_kind(FLOAT), **flags)
        return self._biased(name, multiplied, bias)

    def flattened(self, name: str, value: str, size: int) -> str:
        """Each picture as a row of numbers."""
        shape = self.constant(f"{name}/shape", np.array([-1, size], np.int32))
        return self._add(name, "Reshape", [value, shape], T=_kind(FLOAT), Tshape=_kind(INT32))

    def side_by_side(self, name: str, values: Sequence[str]) -> str:
        """Rows of numbers joined into longer ones."""
        axis = self.constant(f"{name}/axis", np.array(-1, np.int32))
        count = whole(3, len(values))
        return self._add(name, "ConcatV2", [*values, axis], N=count, T=_kind(FLOAT), Tidx=_kind(INT32))

    def applied(self, name: str, operation: str, value: str) -> str:
        """Relu, Tanh, Softmax or Identity of it."""
        return self._add(name, operation, [value], T=_kind(FLOAT))

    def _biased(self, name: str, value: str, bias: NDArray[np.float32]) -> str:
        added = self.constant(f"{name}/bias", bias)
        return self._add(f"{name}/BiasAdd", "BiasAdd", [value, added], T=_kind(FLOAT), data_format=part(2, "NHWC"))

    def _add(self, name: str, operation: str, inputs: Sequence[str] = (), **attributes: bytes) -> str:
        node = part(1, name) + part(2, operation) + b"".join(part(3, value) for value in inputs)
        node += b"".join(part(5, part(1, key) + part(2, attributes[key])) for key in sorted(attributes))
        self._parts.append(part(1, node))
        return name


def _kind(kind: int) -> bytes:
    return whole(6, kind)


def _shape(shape: Sequence[int]) -> bytes:
    return b"".join(part(2, whole(1, size) if size >= 0 else b"\x08" + varint(-1)) for size in shape)
