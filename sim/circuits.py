"""The plans of Paddock's own circuits, and the command that draws them: `python -m sim.circuits [FOLDER]`."""

from __future__ import annotations

import sys
from pathlib import Path

from sim.track_design import CircuitPlan, Corner, draw
from sim.track_files import write_json
from sim.track_library import SHIPPED

CIRCUITS: tuple[CircuitPlan, ...] = (
    CircuitPlan(
        name="paddock-oval",
        title="Paddock Oval",
        description="Two straights and two wide bends: the place for a first lap.",
        difficulty="easy",
        width_m=1.0,
        corners=(Corner(0.0, 0.0, 1.4), Corner(5.2, 0.0, 1.4), Corner(5.2, 2.8, 1.4), Corner(0.0, 2.8, 1.4)),
    ),
    CircuitPlan(
        name="kidney",
        title="Kidney",
        description="A bean with one bend to the right, so that turning left is no longer enough.",
        difficulty="easy",
        width_m=0.95,
        corners=(
            Corner(0.0, 0.0, 1.4),
            Corner(6.4, 0.0, 1.4),
            Corner(6.4, 3.6, 1.2),
            Corner(3.2, 2.3, 1.8),
            Corner(0.0, 3.6, 1.2),
        ),
    ),
)


def main(arguments: list[str]) -> int:
    """Draw every plan into a folder, sim/tracks where none is named."""
    folder = Path(arguments[0]) if arguments else SHIPPED
    for plan in CIRCUITS:
        track = draw(plan)
        write_json(track, folder / f"{plan.name}.json")
        sys.stdout.write(f"{plan.name}: {track.length_m:.1f} m long, {track.width_m:.2f} m wide\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
