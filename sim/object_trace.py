"""Where the objects of a drive were, row by row, and the bytes in which a replay gets them."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.reward_state import OBJECT_COLUMN, OBJECT_KINDS

MAGIC = b"OBJ1"
HEADER = struct.Struct("<4sII")
PLACED = struct.Struct("<I4h")
MAXIMUM_OBJECTS = 127
HEADING_DEG = 0.01
BOX = OBJECT_KINDS.index("box")


class ObjectTraceError(ValueError):
    """Bytes that are no objects of a drive; the message says why."""


@dataclass(frozen=True, eq=False)
class ObjectTrace:
    """`kinds` (k,) uint8, indices into OBJECT_KINDS; `poses` (n, k, 3) float32 x, y in metres and heading in degrees.

    The bytes, little-endian, follow those of the drive's own rows and share its origin and metres per count:

        0   4 x char    "OBJ1"
        4   uint32      k, objects
        8   uint32      m, placements of boxes
        12  uint8[k]    kind of each, and a zero where k is odd
            for each object that is no box, in order: int16[n] x   int16[n] y   int16[n] heading (0.01 deg)
            for each placement: uint32 the row from which on it holds, int16 the object, int16 x, int16 y, int16 heading

    Boxes stand still within an episode, so a drive of a few laps has a placement for each and no rows.
    """

    kinds: NDArray[np.uint8]
    poses: NDArray[np.float32]

    @classmethod
    def of(cls, objects: NDArray[np.float64]) -> ObjectTrace | None:
        """From rows of `World.objects` (n, k, columns); None where there are none."""
        if objects.shape[1] == 0 or len(objects) == 0:
            return None
        columns = [OBJECT_COLUMN[name] for name in ("x", "y", "yaw")]
        poses = objects[:, :, columns].copy()
        poses[:, :, 2] = np.degrees(poses[:, :, 2])
        kinds = objects[0, :, OBJECT_COLUMN["kind"]].astype(np.uint8)
        return cls(kinds, poses.astype(np.float32))

    def to_bytes(self, origin: NDArray[np.float64], metres: float) -> bytes:
        """12 bytes and a few for the boxes; 6 a row for each bot."""
        counts = self.poses.astype(np.float64)
        counts[:, :, :2] = (counts[:, :, :2] - origin) / metres
        counts[:, :, 2] = counts[:, :, 2] / HEADING_DEG
        whole = np.clip(np.round(counts), -32_768, 32_767).astype("<i2")
        moving = [whole[:, index].T.tobytes() for index in np.flatnonzero(self.kinds != BOX)]
        placed = [
            PLACED.pack(row, index, *whole[row, index].tolist())
            for index in np.flatnonzero(self.kinds == BOX).tolist()
            for row in _changes(whole[:, index])
        ]
        kinds = self.kinds.tobytes() + b"\0" * (len(self.kinds) % 2)
        return HEADER.pack(MAGIC, len(self.kinds), len(placed)) + kinds + b"".join(moving) + b"".join(placed)

    @classmethod
    def from_bytes(cls, data: bytes, rows: int, origin: NDArray[np.float64], metres: float) -> ObjectTrace:
        """Read what `to_bytes` wrote of so many rows. Raises ObjectTraceError."""
        if len(data) < HEADER.size or data[:4] != MAGIC:
            raise ObjectTraceError("what follows a drive's rows does not begin with OBJ1")
        _, count, placements = HEADER.unpack_from(data)
        kinds = np.frombuffer(data[HEADER.size : HEADER.size + count], np.uint8)
        at = HEADER.size + count + count % 2
        moving = np.flatnonzero(kinds != BOX)
        if not 1 <= count <= MAXIMUM_OBJECTS or len(data) != at + 6 * rows * len(moving) + PLACED.size * placements:
            raise ObjectTraceError(f"objects of {rows} rows do not have {len(data)} bytes; fetch the drive again")
        if len(kinds) != count or kinds.max(initial=0) >= len(OBJECT_KINDS):
            raise ObjectTraceError("a drive's objects are of no known kind; fetch it again")
        whole = np.zeros((rows, count, 3))
        for index in moving:
            whole[:, index] = np.frombuffer(data, "<i2", 3 * rows, at).reshape(3, rows).T
            at += 6 * rows
        for _ in range(placements):
            row, index, x, y, heading = PLACED.unpack_from(data, at)
            if not (0 <= index < count and row < rows):
                raise ObjectTraceError("a box of a drive stands in no row of it; fetch it again")
            whole[row:, index] = x, y, heading
            at += PLACED.size
        whole[:, :, :2] = origin + whole[:, :, :2] * metres
        whole[:, :, 2] *= HEADING_DEG
        return cls(kinds.copy(), whole.astype(np.float32))


def _changes(rows: NDArray[np.int16]) -> list[int]:
    """The first row, and those that differ from the one before."""
    return [0, *(np.flatnonzero((rows[1:] != rows[:-1]).any(1)) + 1).tolist()]
