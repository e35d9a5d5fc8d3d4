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
        corners=(
            Corner(0.0, 0.0, 1.4),
            Corner(5.2, 0.0, 1.4),
            Corner(5.2, 2.8, 1.4),
            Corner(0.0, 2.8, 1.4),
        ),
    ),
    CircuitPlan(
        name="kidney",
        title="Kidney",
        description="A bean with one bend to the right, so that always turning left is no longer enough.",
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
    CircuitPlan(
        name="speed-ring",
        title="Speed Ring",
        description="A wide egg without a tight bend: whoever dares to stay at full speed wins.",
        difficulty="easy",
        width_m=1.2,
        corners=(
            Corner(0.0, 0.0, 3.0),
            Corner(11.0, 0.0, 3.0),
            Corner(12.0, 6.2, 3.0),
            Corner(5.5, 8.0, 6.0),
            Corner(-1.0, 6.2, 3.0),
        ),
    ),
    CircuitPlan(
        name="paperclip",
        title="Paperclip",
        description="Long straights and three hairpins: brake late, turn tightly, go.",
        difficulty="medium",
        width_m=0.8,
        corners=(
            Corner(0.0, 0.0, 1.1),
            Corner(9.2, 0.0, 1.1),
            Corner(9.2, 2.2, 1.1),
            Corner(3.4, 2.2, 1.0),
            Corner(3.4, 4.2, 1.0),
            Corner(9.2, 4.2, 1.1),
            Corner(9.2, 6.4, 1.1),
            Corner(0.0, 6.4, 1.3),
        ),
    ),
    CircuitPlan(
        name="harbour",
        title="Harbour",
        description="Round the quays and the basin, where the road is narrower than it looks.",
        difficulty="medium",
        width_m=0.9,
        corners=(
            Corner(0.0, 0.0, 1.2, 1.05),
            Corner(8.0, 0.0, 1.0, 1.05),
            Corner(8.0, 2.6, 1.0),
            Corner(10.6, 2.6, 1.0),
            Corner(10.6, 6.4, 1.1),
            Corner(7.4, 8.2, 1.2, 0.8),
            Corner(6.2, 5.0, 1.0, 0.75),
            Corner(3.6, 5.0, 1.0, 0.75),
            Corner(2.6, 7.6, 1.1, 0.8),
            Corner(-0.6, 6.4, 1.2),
        ),
    ),
    CircuitPlan(
        name="serpent",
        title="Serpent",
        description="One straight to breathe, then bend after bend, left and right in turn.",
        difficulty="hard",
        width_m=0.72,
        corners=(
            Corner(0.0, 0.0, 1.1, 1.0),
            Corner(14.0, 0.0, 1.1, 1.0),
            Corner(14.0, 3.2, 1.1),
            Corner(11.4, 3.2, 0.95),
            Corner(9.9, 6.0, 0.95),
            Corner(7.9, 3.0, 0.95),
            Corner(5.9, 6.0, 0.95),
            Corner(3.9, 3.0, 0.95),
            Corner(1.9, 6.0, 0.95),
            Corner(-0.6, 5.2, 1.1),
        ),
    ),
    CircuitPlan(
        name="hairpin-hill",
        title="Hairpin Hill",
        description="Five hairpins up the hill and one long descent, on a road that forgives little.",
        difficulty="hard",
        width_m=0.75,
        corners=(
            Corner(0.0, 0.0, 1.3),
            Corner(8.0, 0.0, 1.0),
            Corner(8.3, 2.1, 1.0),
            Corner(3.0, 2.6, 0.95),
            Corner(3.0, 4.7, 0.95),
            Corner(8.3, 4.3, 0.95),
            Corner(8.5, 6.4, 0.95),
            Corner(3.2, 6.8, 0.95),
            Corner(3.2, 8.9, 0.95),
            Corner(8.6, 8.6, 1.0),
            Corner(8.8, 10.8, 1.0),
            Corner(0.6, 11.2, 1.4),
        ),
    ),
    CircuitPlan(
        name="cloverleaf",
        title="Cloverleaf",
        description="Four equal leaves: learn one of them well and the lap is yours.",
        difficulty="medium",
        width_m=0.85,
        corners=(
            Corner(0.0, 0.0, 1.2),
            Corner(3.7, -0.2, 1.0),
            Corner(5.0, 2.4, 0.95),
            Corner(6.3, -0.2, 1.0),
            Corner(10.0, 0.0, 1.2),
            Corner(10.2, 3.7, 1.0),
            Corner(7.6, 5.0, 0.95),
            Corner(10.2, 6.3, 1.0),
            Corner(10.0, 10.0, 1.2),
            Corner(6.3, 10.2, 1.0),
            Corner(5.0, 7.6, 0.95),
            Corner(3.7, 10.2, 1.0),
            Corner(0.0, 10.0, 1.2),
            Corner(-0.2, 6.3, 1.0),
            Corner(2.4, 5.0, 0.95),
            Corner(-0.2, 3.7, 1.0),
        ),
    ),
    CircuitPlan(
        name="long-shore",
        title="Long Shore",
        description="Fast and flowing along the coast, with bends that can be taken faster than they seem.",
        difficulty="medium",
        width_m=1.1,
        corners=(
            Corner(0.0, 0.0, 2.0),
            Corner(18.0, 0.0, 2.0),
            Corner(18.5, 4.2, 1.8),
            Corner(13.5, 5.2, 2.2),
            Corner(11.5, 8.4, 1.8),
            Corner(7.5, 6.8, 1.8),
            Corner(5.0, 9.0, 1.8),
            Corner(-0.5, 7.6, 2.2),
        ),
    ),
    CircuitPlan(
        name="grand-prix",
        title="Grand Prix",
        description="Sixty metres with everything: a fast straight, a hairpin, an uphill sweep and a narrow chicane.",
        difficulty="hard",
        width_m=0.95,
        corners=(
            Corner(0.0, 0.0, 1.6, 1.2),
            Corner(14.0, 0.0, 1.3, 1.2),
            Corner(14.4, 3.2, 1.2),
            Corner(11.4, 4.0, 1.1),
            Corner(11.8, 6.2, 1.2),
            Corner(15.2, 7.0, 1.1),
            Corner(14.6, 10.4, 1.3),
            Corner(9.8, 11.0, 1.8),
            Corner(8.0, 8.2, 1.2),
            Corner(8.4, 3.9, 1.05, 0.8),
            Corner(6.0, 2.9, 1.05, 0.8),
            Corner(4.9, 6.8, 1.4),
            Corner(2.4, 9.3, 1.5),
            Corner(-1.2, 8.5, 1.5),
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
