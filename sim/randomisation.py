"""How far the world may differ from what it is said to be, so that a policy learns to drive a car that nobody measured.

Everything is off by default. What is set is drawn anew for every episode of every car, from a stream of (seed, car,
episode) that nothing else uses: the same seed gives the same episodes, a car does not notice its neighbours, and starts
and LIDAR stay the same with and without it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import radians

from sim.episode import STEP_S

_MOST = {
    "light": 255.0,
    "contrast": 0.9,
    "colour": 255.0,
    "noise": 64.0,
    "camera_forward_m": 0.1,
    "camera_side_m": 0.1,
    "camera_height_m": 0.1,
    "camera_pitch_deg": 15.0,
    "camera_yaw_deg": 30.0,
    "field_of_view_rad": 0.6,
    "picture_age_s": 2 * STEP_S,
    "action_delay_s": 2 * STEP_S,
    "grip": 0.9,
}


@dataclass(frozen=True)
class Randomisation:
    """Half widths of what is drawn evenly from -value to +value once per episode. ValueError says what is too wide."""

    light: float = 0.0
    """Greys added to the picture."""
    contrast: float = 0.0
    """Share by which greys lie farther from the middle grey, or nearer to it."""
    colour: float = 0.0
    """Greys added to each of the look's greys, one number for each."""
    noise: float = 0.0
    """Standard deviation of every pixel of every picture, in greys; not drawn, always this."""
    camera_forward_m: float = 0.0
    camera_side_m: float = 0.0
    camera_height_m: float = 0.0
    camera_pitch_deg: float = 0.0
    camera_yaw_deg: float = 0.0
    field_of_view_rad: float = 0.0
    picture_age_s: float = 0.0
    """How old the picture is when the policy sees it: drawn from 0 to this, at most two steps. The car's own place is
    the older one; other cars are where they are now."""
    action_delay_s: float = 0.0
    """What is added to the time from a command to its effect: drawn from 0 to this. With the preset's own delay it is
    at most two steps."""
    grip: float = 0.0
    """Share by which the grip of all wheels is more or less than the preset's."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value, most = getattr(self, field.name), _MOST[field.name]
            if not 0.0 <= value <= most + 1e-9:
                raise ValueError(f"{field.name} is {value}; it must be 0 to {most:.4g}")

    def camera_spread(self) -> list[float]:
        """What concerns the camera, in the order of the native core."""
        greys = (self.light, self.contrast, self.colour, self.noise)
        place = (self.camera_forward_m, self.camera_side_m, self.camera_height_m)
        turned = (radians(self.camera_pitch_deg), radians(self.camera_yaw_deg), self.field_of_view_rad)
        return [float(v) for v in (*greys, *place, *turned, min(2.0, self.picture_age_s / STEP_S))]


PLAIN = Randomisation()
SIM_TO_REAL = Randomisation(
    light=25.0,
    contrast=0.25,
    colour=15.0,
    noise=4.0,
    camera_forward_m=0.01,
    camera_side_m=0.005,
    camera_height_m=0.01,
    camera_pitch_deg=2.0,
    camera_yaw_deg=1.0,
    field_of_view_rad=0.05,
    picture_age_s=STEP_S,
    action_delay_s=0.04,
    grip=0.2,
)
"""A start for training what shall drive on a floor: set by judgement, not measured on a real car."""

RANDOMISATIONS: dict[str, Randomisation] = {"off": PLAIN, "sim-to-real": SIM_TO_REAL}
"""By the names that trainings and environments take."""
USUAL_RANDOMISATION = "off"
"""That of races, and of trainings unless they ask for another."""


def randomisation_named(name: str) -> Randomisation:
    """The randomisation of that name; ValueError names the known ones."""
    try:
        return RANDOMISATIONS[name]
    except KeyError:
        raise ValueError(f"there is no randomisation {name!r}; known are {', '.join(RANDOMISATIONS)}") from None


def randomisation_of(choice: str | Randomisation) -> Randomisation:
    """What a name or a Randomisation means. ValueError for an unknown name, TypeError for anything else."""
    if isinstance(choice, str):
        return randomisation_named(choice)
    if not isinstance(choice, Randomisation):
        raise TypeError(f"randomisation is {choice!r}; it must be {' or '.join(RANDOMISATIONS)}, or a Randomisation")
    return choice
