"""How the car moves: the numbers of the native model, in named presets.

The model is in `sim/native/dynamics.hpp`: four wheels turned at one speed by stiff controllers, Coulomb friction at
each contact, both front wheels at one hinge angle. Where a number comes from is said beside it; *fitted* means by
open-loop replay of recorded actions (see docs/simulator.md), one value for a slow and a fast log together.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace


@dataclass(frozen=True)
class CarDynamics:
    """Parameters of the four-wheel friction model, in the order in which the native core takes them.

    The places of the wheels are those of SimApp's `deepracer_single_cam.urdf`: rear wheel joints at x = -0.081663,
    y = +-0.08105, steering hinges at x = 0.082311, y = +-0.079601, all from the base.
    """

    front_axle_m: float = 0.082311
    rear_axle_m: float = 0.081663
    front_half_track_m: float = 0.079601
    rear_half_track_m: float = 0.08105
    speed_gain: float = 1.05
    """Speed of the treads over the commanded speed: steady speed in real logs, by least squares."""
    wheel_lag_s: float = 0.0
    """Time constant of the treads' speed. Fits put it at zero: at launch the wheels spin and friction does the rest."""
    steering_gain: float = 1.0
    """Steady hinge angle over commanded angle. Fits left to themselves find 1.00 to 1.02."""
    steering_lag_s: float = 0.143
    """Time constant of the hinge. Fitted."""
    command_delay_s: float = 0.051
    """From a row's command to its effect. Fitted; the real simulator does not stop while the policy thinks."""
    grip_mps2: float = 3.42
    """Deceleration of a car sliding on all wheels. Fitted; the launch of 3.3 m/s2 measured in logs says the same."""
    slip_mps: float = 0.40
    """Sliding at which friction has 71 % of its strength. Fitted."""
    gyration_m: float = 0.103
    """Square root of yaw inertia over mass, computed from the bodies of the URDF: 0.08 kg m2, 7.5 kg."""

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
