"""What the world looks like to a camera: the greys of everything, the paint on the road, the walls around the field.

Any look goes with any track. Greys are 0 (black) to 255 (white), as the real camera's picture has them after its
colours are turned to luma (Y = 0.299 R + 0.587 G + 0.114 B).
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Look:
    """Greys and sizes (metres). ValueError names what is out of range.

    `haze_m` is the distance at which the ground has taken on 63 % of the horizon's grey; 0 is clear air. Walls stand in
    a rectangle, `wall_distance_m` from the outermost points of the borders; 0 for their height is none.
    """

    title: str
    field: float = 130.0
    road: float = 61.0
    line: float = 231.0
    dash: float = 172.0
    sky_top: float = 178.0
    sky_horizon: float = 178.0
    wall: float = 110.0
    box: float = 150.0
    bot: float = 90.0
    haze_m: float = 0.0
    line_width_m: float = 0.05
    dash_width_m: float = 0.05
    dash_length_m: float = 0.1
    dash_gap_m: float = 0.1
    wall_distance_m: float = 0.6
    wall_height_m: float = 0.0

    def __post_init__(self) -> None:
        for name in ("field", "road", "line", "dash", "sky_top", "sky_horizon", "wall", "box", "bot"):
            if not 0.0 <= getattr(self, name) <= 255.0:
                raise ValueError(f"{name} is {getattr(self, name)}; a grey is 0 to 255")
        for name in ("haze_m", "wall_distance_m", "wall_height_m"):
            if not 0.0 <= getattr(self, name) < 1000.0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more and less than 1000")
        for name in ("line_width_m", "dash_width_m", "dash_length_m", "dash_gap_m"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 to 1")
        if 0.0 < self.dash_length_m + self.dash_gap_m < 0.02:
            raise ValueError("a dash and its gap must be at least 0.02 m long together")

    def palette(self) -> list[float]:
        """The greys in the order of the native core."""
        greys = (self.field, self.road, self.line, self.dash, self.sky_top, self.sky_horizon)
        return [float(v) for v in (*greys, self.wall, self.box, self.bot, self.haze_m)]

    def marking(self) -> list[float]:
        """The sizes in the order of the native core."""
        dashes = (self.dash_width_m, self.dash_length_m, self.dash_gap_m)
        return [float(v) for v in (self.line_width_m, *dashes, self.wall_distance_m, self.wall_height_m)]


REINVENT = Look("re:Invent")
"""The real tracks' colours as the service's guide for building one names them: road PMS 432C, borders CMYK 0-0-2-9,
dashes PMS 137C, field PMS 3395C; the sky is Gazebo's plain background. Widths and lengths of paint are set by eye."""

LOOKS: dict[str, Look] = {
    "reinvent": REINVENT,
    "arena": replace(REINVENT, title="Arena", wall=92.0, wall_height_m=0.76, sky_top=60.0, sky_horizon=110.0),
    "concrete": Look(
        "Concrete", field=168.0, road=128.0, line=236.0, dash=205.0, sky_top=215.0, sky_horizon=198.0, haze_m=25.0
    ),
    "night": Look(
        "Night",
        field=34.0,
        road=18.0,
        line=150.0,
        dash=104.0,
        sky_top=4.0,
        sky_horizon=14.0,
        wall=26.0,
        box=72.0,
        bot=52.0,
        haze_m=4.0,
    ),
    "bright": Look(
        "Bright",
        field=196.0,
        road=98.0,
        line=255.0,
        dash=228.0,
        sky_top=255.0,
        sky_horizon=240.0,
        box=214.0,
        haze_m=15.0,
    ),
}
"""`arena` has the barriers that this guide recommends, 0.76 m high and 0.6 m away; `concrete` is the floor of a hall
with little contrast, `night` is lit by the car alone, `bright` is a room full of windows."""


USUAL_LOOK = "reinvent"
"""That of races, and of trainings unless they ask for another."""


def look_named(name: str) -> Look:
    """The look of that name; ValueError names the known ones."""
    try:
        return LOOKS[name]
    except KeyError:
        raise ValueError(f"there is no look {name!r}; known are {', '.join(LOOKS)}") from None
