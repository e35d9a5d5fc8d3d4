"""The four-wheel friction model, slow and obvious: one wheel after the other, by the standard library's mathematics.

The native core (`sim/native/dynamics.cpp`) is held equal to this by tests, up to rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from sim.dynamics import CarDynamics
from sim.episode import STEP_S

SUBSTEPS = 4


@dataclass
class Motion:
    """Where the base is and how it moves; velocities in the car's frame, left positive."""

    x: float
    y: float
    yaw: float
    forward_mps: float = 0.0
    sideways_mps: float = 0.0
    yaw_rate: float = 0.0
    hinge_rad: float = 0.0
    tread_mps: float = 0.0
    before: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0), (0.0, 0.0)])


def drive(car: CarDynamics, steering_deg: float, speed_mps: float, motion: Motion, step_s: float = STEP_S) -> None:
    """Move `motion` on by one step under a command."""
    command = (math.radians(steering_deg), speed_mps)
    h = step_s / SUBSTEPS
    for i in range(SUBSTEPS):
        steering, speed = _command_in_force(car, command, motion, i, h)
        hinge = car.steering_gain * steering + car.steering_pull_rad
        motion.hinge_rad += (hinge - motion.hinge_rad) * h / (h + car.steering_lag_s)
        motion.tread_mps += (car.speed_gain * speed - motion.tread_mps) * h / (h + car.wheel_lag_s)
        _slide(car, motion, h)
        _travel(motion, h)
    motion.yaw = math.atan2(math.sin(motion.yaw), math.cos(motion.yaw))
    motion.before = [command, motion.before[0]]


def _command_in_force(
    car: CarDynamics, command: tuple[float, float], motion: Motion, i: int, h: float
) -> tuple[float, float]:
    """The mean of the delayed command over substep i, of commands that change at steps."""
    late = car.command_delay_s / h - i
    first = min(1.0, max(0.0, late))
    second = min(1.0, max(0.0, late - SUBSTEPS))
    newer = [a + first * (b - a) for a, b in zip(command, motion.before[0], strict=True)]
    steering, speed = (a + second * (b - a) for a, b in zip(newer, motion.before[1], strict=True))
    return steering, speed


def _slide(car: CarDynamics, motion: Motion, h: float) -> None:
    """Friction: solve M v' = M v + h * sum of forces for v', with each wheel's friction per sliding speed held."""
    front, rear = 0.25 * car.front_grip_mps2, 0.25 * car.rear_grip_mps2
    contacts = []  # place, angle, grip, slip speed across, speed of the tread
    for py in (car.front_half_track_m, -car.front_half_track_m):
        contacts.append((car.front_axle_m, py, motion.hinge_rad, front, car.slip_mps, motion.tread_mps))
    for py in (car.rear_half_track_m, -car.rear_half_track_m):
        for swing in (car.hunting_mps, -car.hunting_mps):
            contacts.append((-car.rear_axle_m, py, 0.0, 0.5 * rear, car.rear_slip_across_mps, motion.tread_mps + swing))
    velocity = np.array([motion.forward_mps, motion.sideways_mps, motion.yaw_rate])
    matrix = np.diag([1.0, 1.0, car.gyration_m**2])
    right = matrix @ velocity
    for px, py, angle, grip, slip_across, tread in contacts:
        of_wheel = np.array([[1.0, 0.0, -py], [0.0, 1.0, px]])  # from the base's velocity to the wheel's
        ahead = np.array([math.cos(angle), math.sin(angle)]) @ of_wheel
        aside = np.array([-math.sin(angle), math.cos(angle)]) @ of_wheel
        along = grip / math.hypot(ahead @ velocity - tread, car.slip_mps)
        across = grip / math.hypot(aside @ velocity, slip_across)
        matrix += h * (along * np.outer(ahead, ahead) + across * np.outer(aside, aside))
        right += h * along * tread * ahead
    motion.forward_mps, motion.sideways_mps, motion.yaw_rate = (float(v) for v in np.linalg.solve(matrix, right))


def _travel(motion: Motion, h: float) -> None:
    """Move along the direction of the middle of the substep; the velocity keeps its direction over the floor."""
    turned = motion.yaw_rate * h
    middle = motion.yaw + 0.5 * turned
    motion.x += h * (motion.forward_mps * math.cos(middle) - motion.sideways_mps * math.sin(middle))
    motion.y += h * (motion.forward_mps * math.sin(middle) + motion.sideways_mps * math.cos(middle))
    forward, sideways = motion.forward_mps, motion.sideways_mps
    motion.forward_mps = forward * math.cos(turned) + sideways * math.sin(turned)
    motion.sideways_mps = sideways * math.cos(turned) - forward * math.sin(turned)
    motion.yaw += turned
