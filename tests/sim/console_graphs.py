"""Frozen graphs as the console's trainer (Coach on TensorFlow 1) froze them, with what it has beside a policy's layers.

`test_console_archive.py` holds the reader to them; the nodes are those that TensorFlow 2.21 froze of the same Python.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.car import Car
from sim.car_archive import grid_behind
from sim.graph_writer import FLOAT, GraphWriter
from sim.layers import Picture, kernel_of
from sim.network_layout import NetworkLayout, TowerLayout
from sim.wire import part, whole
from tests.sim.camera_frames import Array

ONE = {"T": whole(6, FLOAT)}


class CoachGraph(GraphWriter):
    """Coach's way of writing the layers: variables are read through identities, the input is scaled and shifted, and
    what goes into the head is (1 - r) times itself plus r times itself. `turned` is how a layer that looks at each
    place transposes its kernel."""

    def __init__(self, turned: Sequence[int] = (0, 1)) -> None:
        super().__init__()
        self.turned = list(turned)

    def variable(self, name: str, value: Array) -> str:
        return self._add(f"{name}/read", "Identity", [self.constant(name, value)], **ONE)

    def arithmetic(self, name: str, operation: str, *values: str) -> str:
        return self._add(name, operation, values, **ONE)

    def layer(self, name: str, value: str, kernel: Array, bias: Array, stride: int = 0) -> str:
        weights = self.variable(f"{name}/kernel", kernel)
        if stride:
            attributes = {"strides": _sides(stride), "padding": part(2, "VALID"), "data_format": part(2, "NHWC")}
            value = self._add(f"{name}/Conv2D", "Conv2D", [value, weights], **ONE, **attributes)
        else:
            value = self._add(f"{name}/MatMul", "MatMul", [value, weights], **ONE)
        return self._add(f"{name}/BiasAdd", "BiasAdd", [value, self.variable(f"{name}/bias", bias)], **ONE)

    def per_place(self, name: str, value: str, kernel: Array, bias: Array) -> str:
        """A dense layer on a picture, as tf.layers.dense writes it: tensordot over the channels."""
        inside = f"{name}/Tensordot"
        free, axes = (self.integers(f"{inside}/{key}", said) for key, said in (("free", [0, 1, 2]), ("axes", [3])))
        zero = self.constant(f"{inside}/concat/axis", np.array(0, np.int32))
        shape = self._add(f"{inside}/Shape", "Shape", [value], **ONE)
        sizes = [
            self._add(f"{inside}/GatherV2{end}", "GatherV2", [shape, which, zero])
            for end, which in (("", free), ("_1", axes))
        ]
        counts = [
            self._add(f"{inside}/Prod{end}", "Prod", [size, zero]) for end, size in zip(("", "_1"), sizes, strict=True)
        ]
        order = self._add(f"{inside}/concat", "ConcatV2", [free, axes, zero])
        turned = self._add(f"{inside}/transpose", "Transpose", [value, order], **ONE)
        flat = self._add(f"{inside}/Reshape", "Reshape", [turned, self._add(f"{inside}/stack", "Pack", counts)], **ONE)
        weights = self.variable(f"{name}/kernel", kernel)
        same = self.integers(f"{inside}/transpose_1/perm", self.turned)
        weights = self._add(f"{inside}/transpose_1", "Transpose", [weights, same], **ONE)
        as_it_is = self.integers(f"{inside}/Reshape_1/shape", list(kernel.shape))
        weights = self._add(f"{inside}/Reshape_1", "Reshape", [weights, as_it_is], **ONE)
        product = self._add(f"{inside}/MatMul", "MatMul", [flat, weights], **ONE)
        outputs = self.integers(f"{inside}/Const_2", [len(bias)])
        behind = self._add(f"{inside}/concat_1", "ConcatV2", [sizes[0], outputs, zero])
        whole_again = self._add(inside, "Reshape", [product, behind], **ONE)
        return self._add(f"{name}/BiasAdd", "BiasAdd", [whole_again, self.variable(f"{name}/bias", bias)], **ONE)

    def integers(self, name: str, said: list[int]) -> str:
        return self.constant(name, np.array(said, np.int32))

    def reshaped(self, name: str, value: str) -> str:
        shape = self._add(f"{name}/Shape", "Shape", [value], **ONE)
        packed = self._add(f"{name}/Reshape/shape", "Pack", [shape, shape], **ONE)
        return self._add(f"{name}/Reshape", "Reshape", [value, packed], **ONE)


def _sides(stride: int) -> bytes:
    return part(1, b"".join(whole(3, side) for side in (1, stride, stride, 1)))


def coach_graph(car: Car, layout: NetworkLayout, arrays: dict[str, Array], *, offset: float = 0.0) -> bytes:
    """A graph of this policy, its sensors in the order of their names, and a critic beside it; `offset` is taken off
    every input."""
    graph = CoachGraph()
    sac = car.training_algorithm == "sac"
    base = f"main_level/agent/{'policy' if sac else 'main'}/online"
    network = f"{base}/network_{0 if sac else 1}"
    order = sorted(range(len(car.sensors)), key=lambda index: car.sensors[index].name)
    seen = []
    for index in order:
        name, tower = car.sensors[index].name, layout.towers[index]
        grid = tower.sees.grid
        shape = grid if isinstance(tower.sees, Picture) else grid[2:]
        value = graph.placeholder(f"{base}/network_0/{name}/{name}", (-1, *shape))
        seen.append(_embedded(graph, f"{network}/{name}", value, tower, arrays, offset))
    value = seen[0]
    if len(seen) > 1:
        axis = graph.constant(f"{network}/merger/axis", np.array(-1, np.int32))
        value = graph.arithmetic(f"{network}/merger", "ConcatV2", *seen, axis)
    grids = [grid_behind(layout.towers[index]) for index in order]
    kernel = kernel_of(_in_order(arrays["policy.0.weight"], layout, order), grids)
    value = graph.layer(f"{network}/middleware_fc_embedder/Dense_0", value, kernel, arrays["policy.0.bias"])
    value = graph.arithmetic(f"{network}/middleware_fc_embedder/Relu", "Relu", value)
    value = _rescaled(graph, network, value)
    graph.layer(
        f"{base}/network_0/v_head_0/output", value, np.ones((layout.trunk[0], 1), np.float32), np.ones(1, np.float32)
    )
    head = f"{network}/{'sac_policy' if sac else 'ppo'}_head_0"
    for index in range(1, len(layout.trunk) + 1):
        weight, bias = arrays[f"policy.{index}.weight"], arrays[f"policy.{index}.bias"]
        value = graph.layer(f"{head}/dense_{index}", value, weight.T.copy(), bias)
        if index < len(layout.trunk):
            value = graph.arithmetic(f"{head}/Relu_{index}", "Relu", value)
    graph.arithmetic(f"{head}/policy", "Identity" if layout.continuous else "Softmax", value)
    return graph.to_bytes()


def _embedded(
    graph: CoachGraph, prefix: str, value: str, tower: TowerLayout, arrays: dict[str, Array], offset: float
) -> str:
    divisor = tower.sees.divisor if isinstance(tower.sees, Picture) else 1.0
    value = graph.divided(f"{prefix}/truediv", value, divisor)
    shift = graph.constant(f"{prefix}/sub/y", np.array(offset, np.float32))
    value = graph.arithmetic(f"{prefix}/sub", "Sub", value, shift)
    for index, (_, size, stride) in enumerate(tower.convolutions):
        weight, bias = (arrays[f"policy.{tower.name}.{index}.{kind}"] for kind in ("weight", "bias"))
        kernel = weight.transpose(2, 3, 1, 0).copy()
        if size == 1:
            value = graph.per_place(f"{prefix}/Dense_{2 * index}", value, kernel[0, 0], bias)
        else:
            value = graph.layer(f"{prefix}/Conv2d_{2 * index}", value, kernel, bias, stride)
        value = graph.arithmetic(f"{prefix}/activation_{2 * index + 1}", "Relu", value)
    value = graph.reshaped(f"{prefix}/Flatten/flatten", value) if tower.convolutions else value
    grid = tower.picture() if tower.convolutions else tower.sees.grid
    for index in range(len(tower.convolutions), len(tower.convolutions) + len(tower.dense)):
        weight, bias = (arrays[f"policy.{tower.name}.{index}.{kind}"] for kind in ("weight", "bias"))
        value = graph.layer(f"{prefix}/Dense_{2 * index}", value, kernel_of(weight, [grid]), bias)
        value = graph.arithmetic(f"{prefix}/activation_{2 * index + 1}", "Relu", value)
        grid = (1, 1, len(bias))
    return value if tower.convolutions else graph.reshaped(f"{prefix}/Flatten/flatten", value)


def _rescaled(graph: CoachGraph, network: str, value: str) -> str:
    share = graph.variable(f"{network}/gradients_from_head_0-0_rescalers", np.array(1.0, np.float32))
    whole_one = graph.constant(f"{network}/sub/x", np.array(1.0, np.float32))
    rest = graph.arithmetic(f"{network}/sub", "Sub", whole_one, share)
    stopped = graph.arithmetic(f"{network}/StopGradient", "StopGradient", value)
    left = graph.arithmetic(f"{network}/mul", "Mul", rest, stopped)
    right = graph.arithmetic(f"{network}/mul_1", "Mul", share, value)
    return graph.arithmetic(f"{network}/add", "AddV2", left, right)


def _in_order(weight: Array, layout: NetworkLayout, order: list[int]) -> Array:
    ends = np.cumsum([tower.outputs() for tower in layout.towers])
    parts = np.split(weight, ends[:-1], axis=1)
    return np.concatenate([parts[index] for index in order], axis=1)
