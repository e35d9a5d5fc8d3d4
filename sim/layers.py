"""A policy's network as arrays: what sees a picture or numbers, layer by layer, in the order that torch keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ACTIVATIONS: tuple[str, ...] = ("linear", "relu", "tanh")

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Numbers:
    """An input of `size` float32 numbers a row."""

    size: int

    @property
    def grid(self) -> tuple[int, int, int]:
        """As a picture of one place."""
        return 1, 1, self.size


@dataclass(frozen=True)
class Picture:
    """An input of uint8 pictures, (height, width, channels) a row; the network sees each byte divided by `divisor`."""

    height: int
    width: int
    channels: int = 1
    divisor: float = 255.0

    @property
    def grid(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, self.channels


@dataclass(frozen=True)
class Dense:
    """weight (out, in), bias (out,). Behind a picture the inputs go by channel, row and column (torch's Flatten)."""

    weight: Array
    bias: Array
    activation: str = "linear"


@dataclass(frozen=True)
class Convolution:
    """weight (filters, channels, height, width), bias (filters,).

    `padding` is "valid" (no place leaves the picture) or "same" (zeros around it, the odd one below and to the right,
    so that it gets smaller by the stride alone), as TensorFlow has them.
    """

    weight: Array
    bias: Array
    stride: int = 1
    padding: Literal["valid", "same"] = "valid"
    activation: str = "linear"


@dataclass(frozen=True)
class Pooling:
    """The greatest or the mean of each window of `size` x `size`, `stride` apart, within the picture."""

    kind: Literal["maximum", "average"]
    size: int
    stride: int


Layer = Dense | Convolution | Pooling


@dataclass(frozen=True)
class Tower:
    """One input of a network and the layers that only it goes through: over pictures first, then dense ones."""

    sees: Numbers | Picture
    layers: Sequence[Layer] = ()


Shape = tuple[int, int, int]


def shape_behind(layer: Convolution | Pooling, shape: Shape) -> Shape:
    """Height, width and channels behind a layer over a picture. ValueError where the picture is too small for it."""
    if isinstance(layer, Pooling):
        return picture_behind(shape, (layer.size, layer.size), layer.stride, shape[2])
    filters, _, height, width = layer.weight.shape
    return picture_behind(shape, (height, width), layer.stride, filters, same=layer.padding == "same")


def picture_behind(shape: Shape, kernel: tuple[int, int], stride: int, filters: int, *, same: bool = False) -> Shape:
    """Height, width and channels behind so many filters. ValueError where the picture is too small for them."""
    height, width = (_places(size, side, stride, same=same) for size, side in zip(shape, kernel, strict=False))
    return height, width, filters


def _places(size: int, kernel: int, stride: int, *, same: bool) -> int:
    if stride < 1 or kernel < 1:
        raise ValueError(f"a kernel of {kernel} with stride {stride} sees nothing; both are at least 1")
    if same:
        return -(-size // stride)
    if kernel > size:
        raise ValueError(f"a kernel of {kernel} does not fit into a picture of {size}")
    return (size - kernel) // stride + 1


def kernel_of(weight: Array, grids: Sequence[Shape]) -> Array:
    """A dense layer's weight (out, in) as (in, out), with each picture's inputs by row, column and channel.

    `grids` are the shapes that stand side by side before the layer, as `Dense` has their inputs. ValueError where it
    takes another number of them.
    """
    ends = np.cumsum([height * width * channels for height, width, channels in grids])
    if weight.shape[1] != ends[-1]:
        raise ValueError(
            f"a layer takes {weight.shape[1]} inputs, but {ends[-1]} come; they must be the inputs of the next layer"
        )
    parts = [
        part.reshape(-1, channels, height, width).transpose(2, 3, 1, 0).reshape(height * width * channels, -1)
        for part, (height, width, channels) in zip(np.split(weight, ends[:-1], axis=1), grids, strict=True)
    ]
    return np.ascontiguousarray(np.concatenate(parts))


def weight_of(kernel: Array, grids: Sequence[Shape]) -> Array:
    """The other way: a kernel (in, out) of TensorFlow as a weight (out, in)."""
    ends = np.cumsum([height * width * channels for height, width, channels in grids])
    parts = [
        part.reshape(height, width, channels, -1).transpose(3, 2, 0, 1).reshape(-1, height * width * channels)
        for part, (height, width, channels) in zip(np.split(kernel, ends[:-1]), grids, strict=True)
    ]
    return np.ascontiguousarray(np.concatenate(parts, axis=1))
