"""How the car moves: the numbers of the native model, in named presets."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace


@dataclass(frozen=True)
class CarDynamics:
    """Parameters of the four-wheel friction model, in the order in which the native core takes them.

    Lengths come from SimApp's `deepracer_single_cam.urdf`: rear wheel joints at x = -0.081663, y = +-0.08105, steering
    hinges at x = 0.082311, y = +-0.079601, all from the base.
    """

    front_axle_m: float = 0.082311
    rear_axle_m: float = 0.081663
    front_half_track_m: float = 0.079601
    rear_half_track_m: float = 0.08105
    speed_gain: float = 1.05
    """Steady speed over commanded speed; 1.05 by least squares over real logs."""
    wheel_lag_s: float = 0.1
    wheel_rate_mps2: float = 20.0
    steering_gain: float = 1.0
    steering_lag_s: float = 0.12
    command_delay_s: float = 0.02
    grip_mps2: float = 4.0
    """Friction coefficient times 9.81 m/s2."""
    slip_mps: float = 0.2
    gyration_m: float = 0.1

    def to_list(self) -> list[float]:
        """The numbers in the order of the native core."""
        return [float(value) for value in astuple(self)]


DEEPRACER = CarDynamics()
PRESETS: dict[str, CarDynamics] = {
    "deepracer": DEEPRACER,
    "ideal": replace(DEEPRACER, grip_mps2=20.0, wheel_lag_s=0.0, steering_lag_s=0.0, command_delay_s=0.0),
    "low-grip": replace(DEEPRACER, grip_mps2=0.5 * DEEPRACER.grip_mps2),
}


def named(name: str) -> CarDynamics:
    """The preset of that name; ValueError names the known ones."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f"there is no car preset {name!r}; known are {', '.join(PRESETS)}") from None
