"""A model for the physical car: `agent/model.pb`, a frozen TensorFlow graph, and `model_metadata.json`, as a .tar.gz.

Nodes are named as in the console's files, which the car's software looks for: one placeholder for each sensor, raw
bytes of a picture in (the scaling is part of the graph), and one last node, the chances of the actions or the means of
steering and speed within [-1, 1].
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.car import Car
from sim.graph_writer import GraphWriter
from sim.layers import Picture, Shape, kernel_of
from sim.learning.shape import OWN_MOTION, observed_columns
from sim.model_folder import ModelFolder
from sim.network_layout import NetworkLayout, TowerLayout
from sim.sensors import (
    FRONT_FACING_CAMERA,
    NETWORKS,
    PADDOCK_CAMERA_40X30,
    Sensor,
    SensorKind,
)
from sim.weights import ModelError

Arrays = Mapping[str, NDArray[np.float32]]

GRAPH, METADATA = "agent/model.pb", "model_metadata.json"
POOLED = 4
"""The small camera's picture is the real one's means over 4 x 4 pixels: the graph takes them itself."""
FAST_PACKING = 1
"""Weights hardly shrink; more effort would only take longer."""


def check_car(car: Car, stack_size: int) -> None:
    """ModelError where the physical car could not feed this model, with the reason and what to train instead."""
    mend = "Train one with the camera, alone or with a LIDAR"
    if any(sensor.kind is SensorKind.VECTOR for sensor in car.sensors):
        raise ModelError(f"No real car has the track vector that this model sees. {mend}.")
    if not any(sensor.kind is SensorKind.CAMERA for sensor in car.sensors):
        seen = ", ".join(name.replace("_", " ") for name in OWN_MOTION if name in observed_columns(car))
        raise ModelError(
            f"Beside its LIDAR this model sees the car's own motion ({seen}), which the physical car does not tell its "
            f"network. {mend}."
        )
    if stack_size != 1:
        raise ModelError(
            f"The physical car shows its network one picture at a time; this model sees {stack_size}. "
            "Train one with stack_size 1."
        )


def sensor_of_car(sensor: Sensor) -> Sensor:
    """The sensor of the physical car that feeds it."""
    return FRONT_FACING_CAMERA if sensor is PADDOCK_CAMERA_40X30 else sensor


def metadata_of(car: Car) -> dict[str, Any]:
    """model_metadata.json with the names that the physical car knows."""
    metadata = car.to_metadata()
    metadata["sensor"] = [sensor_of_car(sensor).name for sensor in car.sensors]
    metadata["neural_network"] = NETWORKS[car.neural_network].real_name
    return metadata


def frozen_graph(car: Car, layout: NetworkLayout, arrays: Arrays) -> bytes:
    """The policy's model.pb. ModelError like `check_car`, of a car without a stack; ValueError for other arrays."""
    check_car(car, 1)
    layout.network(arrays)  # raises for arrays that do not belong to it
    graph, names = GraphWriter(), _Names(car)
    seen = [
        _tower(graph, names, sensor, tower, arrays, layout.activation.capitalize())
        for sensor, tower in zip(car.sensors, layout.towers, strict=True)
    ]
    value = seen[0] if len(seen) == 1 else graph.side_by_side(f"{names.network}/merger", seen)
    grids = [grid_behind(tower) for tower in layout.towers]
    for index in range(len(layout.trunk)):
        name = f"{names.network}/middleware_fc_embedder/Dense_{2 * index}"
        value = _dense(graph, name, value, f"policy.{index}", grids, arrays)
        value = graph.applied(f"{name}_activation", layout.activation.capitalize(), value)
        grids = [(1, 1, layout.trunk[index])]
    last = "policy_mean" if layout.continuous else "policy_fc"
    value = _dense(graph, f"{names.head}/{last}", value, f"policy.{len(layout.trunk)}", grids, arrays)
    means = {"tanh": "Tanh", "linear": "Identity"}[layout.means]
    graph.applied(f"{names.head}/policy", means if layout.continuous else "Softmax", value)
    return graph.to_bytes()


def car_archive(model: ModelFolder) -> bytes:
    """The .tar.gz that goes into the physical car. ModelError says why a model cannot."""
    check_car(model.car, model.hyperparameters.stack_size)
    files = {
        GRAPH: frozen_graph(model.car, model.layout, model.arrays),
        METADATA: (json.dumps(metadata_of(model.car), indent=2) + "\n").encode(),
    }
    return packed(files)


def packed(files: Mapping[str, bytes]) -> bytes:
    """A .tar.gz of these files: the same bytes for the same files, whenever it is made."""
    sink = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=FAST_PACKING, mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    return sink.getvalue()


def grid_behind(tower: TowerLayout) -> Shape:
    """Height, width and channels of what a tower gives; numbers are a picture of one place."""
    return (1, 1, tower.dense[-1]) if tower.dense else tower.picture()


class _Names:
    """Where the console's graphs have their nodes; Coach calls the network of SAC `policy`, that of PPO `main`."""

    def __init__(self, car: Car) -> None:
        if car.training_algorithm == "sac":
            self.inputs = self.network = "main_level/agent/policy/online/network_0"
            self.head = f"{self.network}/sac_policy_head_0"
        else:
            self.inputs = "main_level/agent/main/online/network_0"
            self.network = "main_level/agent/main/online/network_1"
            self.head = f"{self.network}/ppo_head_0"


def _tower(
    graph: GraphWriter, names: _Names, sensor: Sensor, tower: TowerLayout, arrays: Arrays, activation: str
) -> str:
    """A sensor's placeholder and its layers; gives the node with its rows of numbers."""
    real = sensor_of_car(sensor)
    place, prefix = f"{names.inputs}/{real.name}/{real.name}", f"{names.network}/{real.name}"
    grid = tower.sees.grid
    if isinstance(tower.sees, Picture):
        value = graph.placeholder(place, (-1, *real.shape))
        if real is not sensor:
            value = graph.pooled(f"{prefix}/pooled", value, POOLED)
        value = graph.divided(f"{prefix}/truediv", value, tower.sees.divisor)
    else:
        value = graph.placeholder(place, (-1, grid[2]))
    for index, (_, _, stride) in enumerate(tower.convolutions):
        weight, bias = (arrays[f"policy.{tower.name}.{index}.{part}"] for part in ("weight", "bias"))
        name = f"{prefix}/Conv2d_{2 * index}"
        value = graph.convolution(name, value, weight.transpose(2, 3, 1, 0), bias, stride)
        value = graph.applied(f"{prefix}/BatchnormActivationDropout_{2 * index + 1}_activation", activation, value)
    if isinstance(tower.sees, Picture):
        grid = tower.picture()
        value = graph.flattened(f"{prefix}/Flatten/flatten/Reshape", value, int(np.prod(grid)))
    for index in range(len(tower.convolutions), len(tower.convolutions) + len(tower.dense)):
        value = _dense(graph, f"{prefix}/Dense_{2 * index}", value, f"policy.{tower.name}.{index}", [grid], arrays)
        value = graph.applied(f"{prefix}/BatchnormActivationDropout_{2 * index + 1}_activation", activation, value)
        grid = (1, 1, tower.dense[index - len(tower.convolutions)])
    return value


def _dense(graph: GraphWriter, name: str, value: str, layer: str, grids: list[Shape], arrays: Arrays) -> str:
    return graph.dense(name, value, kernel_of(arrays[f"{layer}.weight"], grids), arrays[f"{layer}.bias"])
