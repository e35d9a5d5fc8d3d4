"""How the car moves: the numbers of the native model, in named presets.

The model is in `sim/native/dynamics.hpp`: four wheels turned at one speed by stiff controllers, friction softly limited
along and across each of them, both front wheels at one hinge angle. Where a number comes from is said beside it;
*fitted* means by open-loop replay of recorded actions (docs/simulator.md), one value for a slow and a fast log.
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
    speed_gain: float = 0.962
    """Speed of the treads over the commanded speed. Fitted; steady speeds in real logs are 1.03 to 1.07 times it."""
    wheel_lag_s: float = 0.0
    """Time constant of the treads' speed. Fits put it at zero: the wheels take their speed at once, the car later."""
    steering_gain: float = 1.0
    """Steady hinge angle over commanded angle. Fits left to themselves find 1.00."""
    steering_lag_s: float = 0.5
    """Time constant of the hinge: gains p 1.0 and d 0.5 of its controller, as logged. Fits alone find 0.54."""
    command_delay_s: float = 0.044
    """From a row's command to its effect. Fitted; the real simulator does not stop while the policy thinks."""
    grip_mps2: float = 3.29
    """Deceleration of a car sliding on all wheels. Fitted; the launch of 3.3 m/s2 measured in logs says the same."""
    slip_along_mps: float = 0.149
    """Sliding along a wheel at which friction has 71 % of its strength. Fitted; the speed controllers give way too."""
    slip_across_mps: float = 0.049
    """The same across a wheel. Fitted."""
    gyration_m: float = 0.19
    """Square root of yaw inertia over mass. Fitted, as all that turns slowly; the URDF's bodies alone give 0.10."""

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
