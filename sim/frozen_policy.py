"""The weights of a policy, out of a frozen graph: as the console, DeepRacer for Cloud and Paddock itself write them.

The graph is not run. It is followed backwards from the policy's output, layer by layer, to the placeholders; what is
met must be the layers of a network that this Paddock has. Anything else is refused, so that no weights are ever used in
another network than theirs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sim.action_space import ContinuousActionSpace
from sim.car import Car, CarError
from sim.graph_reader import Graph, Node
from sim.layers import Picture, Shape, weight_of
from sim.network_layout import MEANS, NetworkLayout, TowerLayout, trained_layout
from sim.sensors import FRONT_FACING_CAMERA, NETWORKS, PADDOCK_CAMERA_40X30
from sim.weights import ModelError
from sim.wire import WireError

Array = NDArray[np.float32]

OUTPUTS = ("ppo_head_0/policy", "sac_policy_head_0/policy")
PASSED = frozenset({"Identity", "StopGradient", "Cast"})
"""Operations that leave what goes through them as it is."""
ADDED, SCALED = frozenset({"Add", "AddV2"}), frozenset({"RealDiv", "Div"})
ACTIVATIONS = {"Relu": "relu", "Tanh": "tanh"}
MOST_LAYERS, DEEPEST = 16, 24
SAME_NAMES = {"observation": FRONT_FACING_CAMERA.name, "LEFT_CAMERA": FRONT_FACING_CAMERA.name}
"""Names that earlier consoles gave to the one camera."""


@dataclass(frozen=True)
class FrozenPolicy:
    """What a graph holds: the car with the network and sensors that the graph has, its layout and its arrays."""

    car: Car
    layout: NetworkLayout
    arrays: dict[str, Array]


def read_policy(graph: Graph, car: Car) -> FrozenPolicy:
    """The policy of a graph whose metadata tells of this car. ModelError says what in it is not a car's network.

    Where the metadata names another network than the graph has, the graph is right.
    """
    try:
        return _read_policy(graph, car)
    except WireError as error:
        raise ModelError(f"Its model.pb is no frozen graph of TensorFlow ({error}).") from None


def _read_policy(graph: Graph, car: Car) -> FrozenPolicy:
    output = _output(graph)
    walk = _Walk(graph)
    trunk, seen, last = walk.dense_layers(output)
    towers = [walk.tower(name) for name in seen]
    car = _with_small_picture(car, towers)
    names = [tower.sensor for tower in towers]
    if sorted(names) != sorted(sensor.name for sensor in car.sensors):
        listed = " and ".join(sensor.name for sensor in car.sensors)
        raise ModelError(f"Its graph sees {' and '.join(names)}, but its model_metadata.json says {listed}.")
    ordered = [towers[names.index(sensor.name)] for sensor in car.sensors]
    clipped = isinstance(car.action_space, ContinuousActionSpace) and car.training_algorithm != "sac"
    means = "linear" if clipped and last == "linear" else MEANS
    for network in [car.neural_network, *NETWORKS]:
        candidate = replace(car, neural_network=network)
        try:
            layout = trained_layout(candidate, 1, means)
        except CarError:
            continue
        if _fits(layout, ordered, trunk):
            return FrozenPolicy(candidate, layout, _arrays(layout, ordered, names, towers, trunk))
    raise ModelError(f"Its network is none that this Paddock has: {_told(ordered, trunk)}.")


@dataclass
class _Layer:
    """A layer as the graph has it: kernels (height, width, in, out) and strides, or (in, out)."""

    kernel: Array
    bias: Array
    activation: str
    stride: int = 0


@dataclass
class _Tower:
    """What was met between a placeholder and where the sensors come together: layers in the order of the drive."""

    sensor: str
    shape: tuple[int, ...]
    scale: float
    offset: float
    pooled: int = 1
    convolutions: list[_Layer] = field(default_factory=list)
    dense: list[_Layer] = field(default_factory=list)


@dataclass(frozen=True)
class _Affine:
    """`scale` times a node's output (none: nothing) plus `offset`."""

    base: str | None
    scale: float
    offset: float


class _Walk:
    """Follows a graph backwards."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._known: dict[str, _Affine] = {}

    def dense_layers(self, name: str) -> tuple[list[_Layer], list[str], str]:
        """The trunk in the order of the drive, the nodes where the sensors' numbers come from, and what stands behind
        the last layer."""
        layers: list[_Layer] = []
        while True:
            layer = self._dense(name)
            if layer is None:
                break
            layers.insert(0, layer[0])
            name = layer[1]
            if len(layers) > MOST_LAYERS:
                raise ModelError("Its graph has more layers than any car's network.")
        if len(layers) < 2:
            raise ModelError("Its graph does not end with the layers of a policy.")
        node = self._plain(name)
        if node.operation == "ConcatV2":
            return layers, list(node.inputs[:-1]), layers[-1].activation
        return layers, [name], layers[-1].activation

    def tower(self, name: str) -> _Tower:
        """The layers of one sensor, down to its placeholder. Of a tower that stands alone, dense layers behind the
        flattened picture are the trunk's already."""
        dense: list[_Layer] = []
        convolutions: list[_Layer] = []
        for _ in range(4 * MOST_LAYERS):
            found = self._dense(name) if not convolutions else None
            if found is not None:
                dense.insert(0, found[0])
                name = found[1]
                continue
            node = self._plain(name, strict=False)
            if node.operation in ("Reshape", "Flatten") and node.inputs:
                name = node.inputs[0]
                continue
            convolution = self._convolution(node) or self._per_place(node)
            if convolution is None:
                return self._input(name, convolutions, dense)
            convolutions.insert(0, convolution[0])
            name = convolution[1]
        raise ModelError("Its graph has more layers than any car's network.")

    def _input(self, name: str, convolutions: list[_Layer], dense: list[_Layer]) -> _Tower:
        seen = self._affine(name)
        pooled = 1
        node = self.graph.node(seen.base or name)
        if node.operation == "AvgPool" and node.inputs:
            sides = node.numbers("ksize")
            if len(sides) != 4 or sides[1] != sides[2] or sides != node.numbers("strides"):
                raise ModelError("Its graph pools pictures in a way that no camera here does.")
            pooled, node = sides[1], self._plain(node.inputs[0])
        shape = node.shape()
        if node.operation != "Placeholder" or shape is None or len(shape) not in (2, 4):
            raise ModelError(f"Its graph has {node.operation[:40]} where a layer or a sensor should be.")
        sensor = node.name.rpartition("/")[2]
        sensor = SAME_NAMES.get(sensor, sensor)
        return _Tower(sensor, shape[1:], seen.scale, seen.offset, pooled, convolutions, dense)

    def _dense(self, name: str) -> tuple[_Layer, str] | None:
        """The dense layer whose output this is, and the name of what goes into it."""
        activation, node = self._activated(name)
        product, bias = self._biased(node)
        if product is None or bias is None or product.operation != "MatMul" or len(product.inputs) != 2:
            return None
        kernel = self.graph.array(product.inputs[1])
        if kernel is None or kernel.ndim != 2 or product.flag("transpose_a"):
            return None
        kernel = kernel.T if product.flag("transpose_b") else kernel
        if kernel.shape[1:] != bias.shape:
            raise ModelError(f"The layer {product.name[:80]!r} of its graph has a bias of another size.")
        return _Layer(np.ascontiguousarray(kernel), bias, activation), product.inputs[0]

    def _convolution(self, node: Node) -> tuple[_Layer, str] | None:
        activation, node = self._activated(node.name)
        product, bias = self._biased(node)
        if product is None or bias is None or product.operation != "Conv2D" or len(product.inputs) != 2:
            return None
        kernel, strides = self.graph.array(product.inputs[1]), product.numbers("strides")
        square = kernel is not None and kernel.ndim == 4 and len(strides) == 4 and strides[1] == strides[2]
        plain = product.text("padding") == "VALID" and product.text("data_format") in ("", "NHWC")
        if kernel is None or not square or not plain or set(product.numbers("dilations")) - {1}:
            raise ModelError(f"The convolution {product.name[:80]!r} of its graph is of a kind that no car here has.")
        if kernel.shape[3:] != bias.shape:
            raise ModelError(f"The layer {product.name[:80]!r} of its graph has a bias of another size.")
        return _Layer(kernel, bias, activation, strides[1]), product.inputs[0]

    def _per_place(self, node: Node) -> tuple[_Layer, str] | None:
        """A dense layer that looks at each place of a picture by itself, which is a convolution of one by one.
        TensorFlow writes the places below each other, multiplies, and puts them together again."""
        activation, node = self._activated(node.name)
        together, bias = self._biased(node)
        if together is None or bias is None or together.operation != "Reshape" or not together.inputs:
            return None
        product = self._plain(together.inputs[0], strict=False)
        if product.operation != "MatMul" or len(product.inputs) != 2:
            return None
        places, kernel = (self._as_it_lies(each) for each in product.inputs)
        weight = self.graph.array(kernel)
        if weight is None or weight.ndim != 2 or product.flag("transpose_a") or product.flag("transpose_b"):
            raise ModelError(f"The layer {product.name[:80]!r} of its graph is of a kind that no car here has.")
        if weight.shape[1:] != bias.shape:
            raise ModelError(f"The layer {product.name[:80]!r} of its graph has a bias of another size.")
        return _Layer(weight[np.newaxis, np.newaxis], bias, activation, 1), places

    def _as_it_lies(self, name: str) -> str:
        """Behind a transposition that changes no axis, and a new shape for the same numbers."""
        node = self._plain(name, strict=False)
        if node.operation == "Reshape" and node.inputs:
            node = self._plain(node.inputs[0], strict=False)
        if node.operation == "Transpose" and len(node.inputs) == 2:
            axes = self._axes(node.inputs[1])
            if axes != list(range(len(axes))):
                raise ModelError(f"Its graph turns {node.name[:80]!r} in a way that no network here does.")
            node = self._plain(node.inputs[0], strict=False)
        return node.name

    def _axes(self, name: str) -> list[int]:
        """Axes as constants, or some put behind others."""
        node = self.graph.node(name)
        parts = node.inputs[:-1] if node.operation == "ConcatV2" else (name,)
        arrays = [self.graph.array(part) for part in parts]
        if any(array is None or array.ndim != 1 for array in arrays):
            raise ModelError(f"Its graph turns {node.name[:80]!r} in a way that no network here does.")
        return [int(axis) for array in arrays if array is not None for axis in array]

    def _activated(self, name: str) -> tuple[str, Node]:
        node = self._plain(name, strict=False)
        if node.operation in ("Softmax", *ACTIVATIONS) and node.inputs:
            return ACTIVATIONS.get(node.operation, "linear"), self._plain(node.inputs[0], strict=False)
        return "linear", node

    def _biased(self, node: Node) -> tuple[Node | None, Array | None]:
        """The node before a bias was added, and the bias."""
        if node.operation not in ("BiasAdd", *ADDED) or len(node.inputs) != 2:
            return None, None
        bias = self.graph.array(node.inputs[1])
        if bias is None or bias.ndim != 1:
            return None, None
        return self._plain(node.inputs[0], strict=False), bias

    def _plain(self, name: str, *, strict: bool = True) -> Node:
        """The node itself, behind what changes nothing. ModelError, if `strict`, where something is done to it."""
        affine = self._affine(name)
        changed = abs(affine.scale - 1.0) > 1e-6 or abs(affine.offset) > 1e-6
        if affine.base is None or (changed and strict):
            raise ModelError(f"Its graph changes {name[:80]!r} in a way that no network here does.")
        return self.graph.node(name if changed else affine.base)

    def _affine(self, name: str, depth: int = 0) -> _Affine:
        """What a node gives, as a multiple of another one's output where it is one."""
        node = self.graph.node(name)
        if node.name not in self._known:
            if depth > DEEPEST:
                raise ModelError("Its graph scales and adds more often than any car's network.")
            self._known[node.name] = self._affine_of(node, depth)
        return self._known[node.name]

    def _affine_of(self, node: Node, depth: int) -> _Affine:
        itself = _Affine(node.name, 1.0, 0.0)
        if node.operation == "Const":
            number = self.graph.array(node.name)
            return _Affine(None, 0.0, float(number)) if number is not None and number.ndim == 0 else itself
        if node.operation in PASSED and node.inputs:
            return self._affine(node.inputs[0], depth + 1)
        if node.operation not in ADDED | SCALED | {"Sub", "Mul"} or len(node.inputs) != 2:
            return itself
        one, other = (self._affine(each, depth + 1) for each in node.inputs)
        return _combined(node.operation, one, other) or itself


def _combined(operation: str, one: _Affine, other: _Affine) -> _Affine | None:
    """The two as one, where that is a multiple of one node again."""
    if operation in ADDED or operation == "Sub":
        if one.base is not None and other.base not in (None, one.base):
            return None
        sign = -1.0 if operation == "Sub" else 1.0
        scale, offset = one.scale + sign * other.scale, one.offset + sign * other.offset
        return _Affine(one.base or other.base, scale, offset)
    if operation == "Mul" and one.base is None:
        one, other = other, one
    if other.base is not None or (operation in SCALED and other.offset == 0.0):
        return None
    factor = 1.0 / other.offset if operation in SCALED else other.offset
    return _Affine(one.base, one.scale * factor, one.offset * factor)


def _output(graph: Graph) -> str:
    named = [name for name in graph.nodes if name.endswith(OUTPUTS)]
    if len(named) != 1:
        raise ModelError("Its graph has no output of a policy (ppo_head_0/policy or sac_policy_head_0/policy).")
    return named[0]


def _with_small_picture(car: Car, towers: list[_Tower]) -> Car:
    """The car with Paddock's small camera where the graph pools the real one's picture for it."""
    for tower in towers:
        if tower.pooled == 1:
            continue
        sides = tuple(side // tower.pooled for side in tower.shape[:2])
        if tower.sensor != FRONT_FACING_CAMERA.name or sides != PADDOCK_CAMERA_40X30.shape[:2]:
            raise ModelError("Its graph pools pictures to a size that no camera here has.")
        tower.sensor, tower.shape = PADDOCK_CAMERA_40X30.name, PADDOCK_CAMERA_40X30.shape
        sensors = tuple(PADDOCK_CAMERA_40X30 if one is FRONT_FACING_CAMERA else one for one in car.sensors)
        car = replace(car, sensors=sensors)
    return car


def _fits(layout: NetworkLayout, towers: list[_Tower], trunk: list[_Layer]) -> bool:
    """True where the graph's layers are this network's. A lone tower's dense layers were met as part of the trunk."""
    alone = layout.towers[0].dense if len(layout.towers) == 1 and not towers[0].dense else ()
    sizes = [len(layer.bias) for layer in trunk]
    if sizes != [*alone, *layout.trunk, layout.outputs]:
        return False
    if any(layer.activation != layout.activation for layer in trunk[:-1]):
        return False
    return all(
        _is_tower(expected, tower, () if alone else expected.dense, layout.activation)
        for expected, tower in zip(layout.towers, towers, strict=True)
    )


def _is_tower(expected: TowerLayout, tower: _Tower, dense: tuple[int, ...], activation: str) -> bool:
    shape = expected.sees.grid if isinstance(expected.sees, Picture) else (expected.sees.size,)
    convolutions = tuple(
        (layer.kernel.shape[3], layer.kernel.shape[0], layer.stride)
        for layer in tower.convolutions
        if layer.kernel.shape[0] == layer.kernel.shape[1]
    )
    layers = [*tower.convolutions, *tower.dense]
    return (
        tower.shape == shape
        and convolutions == expected.convolutions
        and len(convolutions) == len(tower.convolutions)
        and tuple(len(layer.bias) for layer in tower.dense) == dense
        and all(layer.activation == activation for layer in layers)
    )


def _arrays(
    layout: NetworkLayout, ordered: list[_Tower], names: list[str], towers: list[_Tower], trunk: list[_Layer]
) -> dict[str, Array]:
    """The arrays as Paddock has them. ModelError where sizes do not follow from each other."""
    arrays: dict[str, Array] = {}
    alone = len(trunk) - 1 - len(layout.trunk)
    for expected, tower in zip(layout.towers, ordered, strict=True):
        layers, grid = [*tower.convolutions, *tower.dense, *trunk[:alone]], expected.sees.grid
        for index, layer in enumerate(layers):
            prefix = f"policy.{expected.name}.{index}"
            if index < len(tower.convolutions):
                weight = layer.kernel.transpose(3, 2, 0, 1)
                grid = expected.picture() if index == len(tower.convolutions) - 1 else grid
            else:
                weight = _weight(layer, [grid])
                grid = (1, 1, len(layer.bias))
            bias = layer.bias
            if index == 0:
                weight, bias = _scaled(weight, bias, tower, expected)
            arrays[f"{prefix}.weight"], arrays[f"{prefix}.bias"] = weight, bias
    grids = {tower.sensor: _behind(expected) for expected, tower in zip(layout.towers, ordered, strict=True)}
    first = _weight(trunk[alone], [grids[name] for name in names])
    if not all(tower.convolutions or tower.dense or alone for tower in towers):
        raise ModelError("Its graph has a sensor without layers of its own, which no network here has.")
    arrays["policy.0.weight"] = _reordered(first, names, [tower.sensor for tower in ordered], grids)
    arrays["policy.0.bias"] = trunk[alone].bias
    for index, layer in enumerate(trunk[alone + 1 :], start=1):
        arrays[f"policy.{index}.weight"] = _weight(layer, [(1, 1, len(layer.kernel))])
        arrays[f"policy.{index}.bias"] = layer.bias
    found = {name: array.shape for name, array in arrays.items()}
    if found != layout.arrays():
        raise ModelError("The layers of its graph do not fit onto each other.")
    return {name: np.ascontiguousarray(arrays[name], np.float32) for name in layout.arrays()}


def _weight(layer: _Layer, grids: list[Shape]) -> Array:
    if len(layer.kernel) != sum(math.prod(grid) for grid in grids):
        raise ModelError("The layers of its graph do not fit onto each other.")
    return weight_of(layer.kernel, grids)


def _behind(tower: TowerLayout) -> Shape:
    return (1, 1, tower.dense[-1]) if tower.dense else tower.picture()


def _scaled(weight: Array, bias: Array, tower: _Tower, expected: TowerLayout) -> tuple[Array, Array]:
    """A first layer that sees its input as Paddock shows it: what the graph does to the input goes into the layer."""
    divisor = expected.sees.divisor if isinstance(expected.sees, Picture) else 1.0
    factor = tower.scale * divisor
    if abs(factor - 1.0) < 1e-6 and tower.offset == 0.0:
        return weight, bias
    axes = tuple(range(1, weight.ndim))
    moved = bias + tower.offset * weight.sum(axis=axes, dtype=np.float64)
    return (weight * np.float32(factor)).astype(np.float32), moved.astype(np.float32)


def _reordered(weight: Array, names: list[str], wanted: list[str], grids: dict[str, Shape]) -> Array:
    """Columns of the layer where the sensors come together, in the order in which the metadata names them."""
    if names == wanted:
        return weight
    ends = np.cumsum([math.prod(grids[name]) for name in names])
    parts = dict(zip(names, np.split(weight, ends[:-1], axis=1), strict=True))
    return np.concatenate([parts[name] for name in wanted], axis=1)


def _told(towers: list[_Tower], trunk: list[_Layer]) -> str:
    """The layers in a few words, for a racer who knows the names of networks."""
    words = []
    for tower in towers:
        layers = [f"{layer.kernel.shape[3]}/{layer.kernel.shape[0]}/{layer.stride}" for layer in tower.convolutions]
        layers += [str(len(layer.bias)) for layer in tower.dense]
        words.append(f"{tower.sensor[:40]}: {', '.join(layers)}")
    return f"{'; '.join(words)}; then {', '.join(str(len(layer.bias)) for layer in trunk)}"
