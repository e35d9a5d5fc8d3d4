"""How the car moves: the numbers of the native model, in named presets.

The model is in `sim/native/dynamics.hpp`: four wheels turned at one speed by stiff controllers, friction softly limited
along and across each of them, both front wheels at one hinge angle. Where a number comes from is said beside it;
*fitted* means by `paddock bench fit`: open-loop replay of recorded actions, one value for a slow and a fast log.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace

UNLOADED_HINGE_LAG_S = 0.5
"""Time constant of a hinge that nothing resists: gains p 1.0 and d 0.5 of its controller, as logged."""


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
    speed_gain: float = 1.026
    """Speed of the treads over the commanded speed. Fitted."""
    wheel_lag_s: float = 0.0
    """Time constant of the treads' speed. Fits put it at zero: the wheels take their speed at once, the car later."""
    steering_gain: float = 0.74
    """Steady hinge angle over commanded angle. Fitted: as if the wheels resisted being turned with a stiffness k of
    0.35 N m/rad, against which the controller's p of 1.0 gets to p / (p + k)."""
    steering_lag_s: float = 0.37
    """Time constant of the hinge, d / (p + k): `UNLOADED_HINGE_LAG_S` times the gain."""
    steering_pull_rad: float = 0.0141
    """How far left of the command the hinge comes to stand. Fitted."""
    command_delay_s: float = 0.0477
    """From a row's command to its effect. Fitted; the real simulator does not stop while the policy thinks."""
    front_grip_mps2: float = 3.0
    """Friction of the front wheels, as the deceleration of a car with four such wheels. Fitted."""
    rear_grip_mps2: float = 3.21
    """The same of the rear wheels. Fitted."""
    slip_mps: float = 0.032
    """Sliding at which friction has 71 % of its strength. Fitted."""
    rear_slip_across_mps: float = 0.02
    """The same across the rear wheels. In both logs they hold their line to some 0.01 m/s up to 2 m/s."""
    hunting_mps: float = 0.446
    """Swing of the rear treads' speed about its mean. Their controllers' gain of 1.0 is too high for a wheel of
    4.12e-4 kg m2 and a step of 1 ms (1.0 * 0.001 / 4.12e-4 is more than 2): they swing between the limits of their
    effort, by 10 N m * 1 ms / 4.12e-4 kg m2 / 2 = 12.1 rad/s, on wheels of 36.8 mm. The front wheels' 0.5 is not."""
    gyration_m: float = 0.109
    """Square root of yaw inertia over mass, of the URDF's chassis (5 kg, 0.0587 kg m2) and four wheels (0.341 kg)."""

    def to_list(self) -> list[float]:
        """The numbers in the order of the native core."""
        return [float(value) for value in astuple(self)]


DEEPRACER = CarDynamics()
PRESETS: dict[str, CarDynamics] = {
    "deepracer": DEEPRACER,
    "ideal": replace(
        DEEPRACER,
        speed_gain=1.0,
        steering_gain=1.0,
        steering_lag_s=0.0,
        steering_pull_rad=0.0,
        command_delay_s=0.0,
        front_grip_mps2=20.0,
        rear_grip_mps2=20.0,
        slip_mps=0.05,
        rear_slip_across_mps=0.05,
        hunting_mps=0.0,
    ),
    "low-grip": replace(
        DEEPRACER,
        front_grip_mps2=0.5 * DEEPRACER.front_grip_mps2,
        rear_grip_mps2=0.5 * DEEPRACER.rear_grip_mps2,
    ),
}

"""`deepracer` is fitted to the real simulator; `ideal` is nobody's car, answers at once and holds the road; `low-grip`
has half the grip of `deepracer`, to see whether a policy lives on grip that it will not have."""


def named(name: str) -> CarDynamics:
    """The preset of that name; ValueError names the known ones."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f"there is no car preset {name!r}; known are {', '.join(PRESETS)}") from None
