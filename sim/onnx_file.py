"""A model as ONNX: one input for each of its sensors, and one output, for whatever else drives a car.

Pictures go in as the camera gives them, float32 (n, height, width, channels) with raw 0 to 255; numbers as (n, size).
Out come the chances of the actions, or the means of steering and speed within [-1, 1]. model_metadata.json is among the
file's properties. Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sim import SIMULATOR_VERSION
from sim.car import Car
from sim.layers import Picture
from sim.model_folder import ModelFolder
from sim.network_layout import NetworkLayout, TowerLayout
from sim.sensors import NETWORKS
from sim.wire import part, whole, wholes

Arrays = Mapping[str, NDArray[np.float32]]

IR_VERSION, OPERATORS = 8, 13
"""Versions of 2020, which every runtime of today reads."""
FLOAT = 1
ONE, SEVERAL = 2, 7
"""Kinds of attributes: a whole number, and a list of them."""
ALL_SENSORS = "OBSERVATION"
"""The input of a network without convolutions, which sees all numbers side by side, `observed_columns` of the car."""


def onnx_file(model: ModelFolder) -> bytes:
    """The model's best policy."""
    return onnx_graph(model.car, model.layout, model.arrays)


def onnx_graph(car: Car, layout: NetworkLayout, arrays: Arrays) -> bytes:
    """A policy's network. ValueError for arrays that are not those of the layout."""
    layout.network(arrays)  # raises for arrays that do not belong to it
    graph = _Graph(arrays)
    seen = [
        graph.tower(name, tower, layout.activation.capitalize())
        for name, tower in zip(input_names(car), layout.towers, strict=True)
    ]
    value = seen[0] if len(seen) == 1 else graph.node("Concat", seen, "seen", axis=1)
    for index in range(len(layout.trunk)):
        value = graph.dense(value, f"policy.{index}", layout.activation.capitalize())
    value = graph.dense(value, f"policy.{len(layout.trunk)}")
    if not layout.continuous:
        graph.node("Softmax", [value], "policy", axis=1)
    else:
        graph.node({"tanh": "Tanh", "linear": "Identity"}[layout.means], [value], "policy")
    return graph.to_bytes(layout.outputs, car)


def input_names(car: Car) -> list[str]:
    """The names of a model's inputs, in the order of its towers."""
    if NETWORKS[car.neural_network].convolutions:
        return [sensor.name for sensor in car.sensors]
    return [ALL_SENSORS if len(car.sensors) > 1 else car.sensors[0].name]


class _Graph:
    """Nodes, inputs and arrays, as they come."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.nodes: list[bytes] = []
        self.inputs: list[bytes] = []
        self.kept: dict[str, NDArray[np.float32]] = {}

    def tower(self, name: str, tower: TowerLayout, activation: str) -> str:
        """An input and the layers that only it goes through."""
        prefix = f"policy.{tower.name}"
        if not isinstance(tower.sees, Picture):
            self.inputs.append(part(11, _declared(name, [tower.sees.size])))
            value = name
        else:
            self.inputs.append(part(11, _declared(name, tower.sees.grid)))
            value = self.node("Transpose", [name], f"{name}/rows", perm=(0, 3, 1, 2))
            divisor = self._keep(f"{name}/divisor", np.array(tower.sees.divisor, np.float32))
            value = self.node("Div", [value, divisor], f"{name}/scaled")
        for index, (_, kernel, stride) in enumerate(tower.convolutions):
            layer = f"{prefix}.{index}"
            weights = [self._keep(f"{layer}.{kind}", self.arrays[f"{layer}.{kind}"]) for kind in ("weight", "bias")]
            sides = {"kernel_shape": (kernel, kernel), "strides": (stride, stride)}
            value = self.node("Conv", [value, *weights], f"{layer}.sum", **sides)
            value = self.node(activation, [value], layer)
        if isinstance(tower.sees, Picture):
            value = self.node("Flatten", [value], f"{name}/flat", axis=1)
        for index in range(len(tower.convolutions), len(tower.convolutions) + len(tower.dense)):
            value = self.dense(value, f"{prefix}.{index}", activation)
        return value

    def dense(self, value: str, layer: str, activation: str = "") -> str:
        """A dense layer, and what stands behind it, if anything."""
        weights = [self._keep(f"{layer}.{kind}", self.arrays[f"{layer}.{kind}"]) for kind in ("weight", "bias")]
        value = self.node("Gemm", [value, *weights], f"{layer}.sum" if activation else layer, transB=1)
        return self.node(activation, [value], layer) if activation else value

    def node(self, operation: str, inputs: Sequence[str], output: str, **attributes: int | tuple[int, ...]) -> str:
        """One operation; gives the name of its output."""
        content = b"".join(part(1, name) for name in inputs) + part(2, output)
        content += part(3, f"{output}:{operation}") + part(4, operation)
        content += b"".join(part(5, _attribute(name, value)) for name, value in attributes.items())
        self.nodes.append(part(1, content))
        return output

    def to_bytes(self, outputs: int, car: Car) -> bytes:
        """The whole file."""
        arrays = (part(5, _array(name, array)) for name, array in self.kept.items())
        output = part(12, _declared("policy", [outputs]))
        graph = b"".join([*self.nodes, part(2, "policy"), *arrays, *self.inputs, output])
        properties = {"model_metadata.json": json.dumps(car.to_metadata())}
        return b"".join(
            [
                whole(1, IR_VERSION),
                part(2, "Paddock"),
                part(3, SIMULATOR_VERSION),
                part(7, graph),
                part(8, whole(2, OPERATORS)),
                *(part(14, part(1, key) + part(2, value)) for key, value in properties.items()),
            ]
        )

    def _keep(self, name: str, array: NDArray[np.float32]) -> str:
        self.kept[name] = array
        return name


def _declared(name: str, sizes: Iterable[int]) -> bytes:
    """An input or output: any number of rows, each of these sizes."""
    rows = part(1, part(2, "n"))
    shape = rows + b"".join(part(1, whole(1, size)) for size in sizes)
    return part(1, name) + part(2, part(1, whole(1, FLOAT) + part(2, shape)))


def _array(name: str, array: NDArray[np.float32]) -> bytes:
    content = np.ascontiguousarray(array).astype("<f4").tobytes()
    return wholes(1, array.shape) + whole(2, FLOAT) + part(8, name) + part(9, content)


def _attribute(name: str, value: int | tuple[int, ...]) -> bytes:
    if isinstance(value, tuple):
        return part(1, name) + wholes(8, value) + whole(20, SEVERAL)
    return part(1, name) + whole(3, value) + whole(20, ONE)
