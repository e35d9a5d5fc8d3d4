"""A policy's network, slow and obvious: one product after the other, in the order that the native core promises.

In float32 the native forward pass is held equal to this to the bit; in float64 both are held close to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sim.layers import Convolution, Dense, Layer, Numbers, Picture, Pooling, Tower, shape_behind

Array = NDArray[Any]


def forward(
    towers: Sequence[Tower], trunk: Sequence[Dense], observations: Sequence[Array], kind: DTypeLike = np.float32
) -> Array:
    """Outputs (n, out) of one array of observations for each tower, computed in `kind`."""
    rows = []
    for row in range(len(observations[0])):
        values = [_climb(tower, array[row], kind) for tower, array in zip(towers, observations, strict=True)]
        for layer in trunk:
            values = [_dense(layer, values, kind)]
        rows.append(np.concatenate([value.ravel() for value in values]))
    return np.array(rows, kind)


def _climb(tower: Tower, row: Array, kind: DTypeLike) -> Array:
    """(height, width, channels) behind a tower."""
    sees: Numbers | Picture = tower.sees
    values = row.reshape(sees.grid).astype(kind)
    if isinstance(sees, Picture):
        values = values / np.asarray(sees.divisor, kind)
    for layer in tower.layers:
        values = _through(layer, values, kind)
    return values


def _through(layer: Layer, values: Array, kind: DTypeLike) -> Array:
    if isinstance(layer, Dense):
        return _dense(layer, [values], kind).reshape(1, 1, -1)
    out = np.empty(shape_behind(layer, (values.shape[0], values.shape[1], values.shape[2])), kind)
    if isinstance(layer, Convolution) and layer.padding == "same":
        values = _padded(values, layer, out.shape[:2])
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            top, left = y * layer.stride, x * layer.stride
            if isinstance(layer, Pooling):
                out[y, x] = _pool(layer, values[top : top + layer.size, left : left + layer.size])
            else:
                out[y, x] = _kernel(layer, values, top, left, kind)
    return out


def _dense(layer: Dense, parts: Sequence[Array], kind: DTypeLike) -> Array:
    """Each part's inputs by row, column and channel; the weight's columns are by part, channel, row and column."""
    total = layer.bias.astype(kind)
    begin = 0
    for part in parts:
        shape = part.shape if part.ndim == 3 else (1, 1, part.size)
        height, width, channels = shape
        for y, x, channel in np.ndindex(height, width, channels):
            column = begin + (channel * height + y) * width + x
            total = total + part.reshape(shape)[y, x, channel] * layer.weight[:, column].astype(kind)
        begin += part.size
    return activate(layer.activation, total)


def _kernel(layer: Convolution, values: Array, top: int, left: int, kind: DTypeLike) -> Array:
    total = layer.bias.astype(kind)
    _, channels, height, width = layer.weight.shape
    for y, x, channel in np.ndindex(height, width, channels):
        total = total + values[top + y, left + x, channel] * layer.weight[:, channel, y, x].astype(kind)
    return activate(layer.activation, total)


def _pool(layer: Pooling, window: Array) -> Array:
    rows = window.reshape(-1, window.shape[2])
    total: Array = rows[0]
    for row in rows[1:]:
        total = np.where(row > total, row, total) if layer.kind == "maximum" else total + row
    return total if layer.kind == "maximum" else total / np.asarray(len(rows), window.dtype)


def _padded(values: Array, layer: Convolution, places: tuple[int, ...]) -> Array:
    widths = []
    for size, kernel, out in zip(values.shape[:2], layer.weight.shape[2:], places, strict=True):
        more = max(0, (out - 1) * layer.stride + kernel - size)
        widths.append((more // 2, more - more // 2))
    padded: Array = np.pad(values, [*widths, (0, 0)])
    return padded


def activate(name: str, values: Array) -> Array:
    """linear, relu or tanh of each value; float32 by the core's own series, float64 by NumPy."""
    if name == "relu":
        return np.where(values > 0, values, np.zeros_like(values))
    if name == "tanh":
        return _tanh32(values) if values.dtype == np.float32 else np.tanh(values)
    return values


def _tanh32(x: Array) -> Array:
    """1 - 2 / (e^2x + 1), with e^x from its series around the nearest multiple of log 2 (sim/native/maths.hpp)."""
    one, two = np.float32(1), np.float32(2)
    return one - two / (_exponential32(two * np.clip(x, np.float32(-9), np.float32(9))) + one)


def _exponential32(x: Array) -> Array:
    shift = np.float32(12582912.0)
    k = (x * np.float32(1.44269504) + shift) - shift
    r = x - k * np.float32(0.693359375)
    r = r - k * np.float32(-2.12194440e-4)
    p = np.full_like(x, np.float32(1) / np.float32(5040))
    for divisor in (720, 120, 24, 6):
        p = p * r + np.float32(1) / np.float32(divisor)
    p = p * r + np.float32(0.5)
    p = p * r + np.float32(1)
    p = p * r + np.float32(1)
    power: Array = np.ldexp(p, k.astype(np.int32))
    return power
