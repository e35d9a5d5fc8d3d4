"""Options that say what the world looks like to a camera, and how far it differs from what it is said to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sim.looks import LOOKS, USUAL_LOOK
from sim.randomisation import RANDOMISATIONS, USUAL_RANDOMISATION


def scene_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --look and --randomisation."""
    options = (
        click.option(
            "--look",
            type=click.Choice(list(LOOKS)),
            default=USUAL_LOOK,
            show_default=True,
            help="What the world looks like to a camera.",
        ),
        click.option(
            "--randomisation",
            type=click.Choice(list(RANDOMISATIONS)),
            default=USUAL_RANDOMISATION,
            show_default=True,
            help="Draw anew for each episode: light, camera, grip, delays.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
