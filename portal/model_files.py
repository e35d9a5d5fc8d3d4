"""The forms in which a model leaves Paddock: for the physical car, as ONNX, as Paddock's archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flask import Response

from portal import model_archive
from portal.rules.broken import Code, RuleBroken
from portal.tables import TrainingRun
from sim.archive_writer import safe_name
from sim.car import Car
from sim.car_archive import car_archive, check_car
from sim.hyperparameters import Hyperparameters
from sim.model_folder import ModelFolder
from sim.onnx_file import onnx_file
from sim.weights import ModelError

PER_MINUTE = "20 per minute"
MAKERS = {
    "car": (car_archive, "-car.tar.gz", "application/gzip"),
    "onnx": (onnx_file, ".onnx", "application/octet-stream"),
}
"""What makes a form, the end of its file's name, and its kind."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """What a model's page offers. `car_refusal` says why there is nothing for the physical car, if so."""

    car_refusal: str


def offered(weights: TrainingRun | None) -> ModelFiles | None:
    """None for a model without weights."""
    if weights is None or weights.artefact is None:
        return None
    asked = weights.configuration
    try:
        stack_size = Hyperparameters.from_dict(asked["hyperparameters"]).stack_size
        check_car(Car.from_metadata(asked["car"]), stack_size)
    except ValueError as error:  # a car or hyperparameters of another version, or what the physical car cannot feed
        return ModelFiles(str(error))
    return ModelFiles("")


def response(runs: Path, artefact: str, name: str, form: str) -> Response:
    """The best policy in a form of MAKERS, as a download. RuleBroken (conflict) where it cannot have that form."""
    make, ending, kind = MAKERS[form]
    try:
        content = make(ModelFolder.read(model_archive.folder_of(runs, artefact)))
    except ModelError as error:
        raise RuleBroken(Code.CONFLICT, str(error)) from None
    return model_archive.named(Response(content, mimetype=kind), safe_name(name) + ending)
