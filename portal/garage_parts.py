"""What several pages of the garage show: models with their state, cars with their actions, the model form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from portal import drawing, reward_help, scope
from portal.drawing import Fan, TrackPicture
from portal.forms import model as model_form
from portal.rules import cars, ledger, models, reward_functions, sponsorship, trainings
from portal.rules.broken import Code, RuleBroken
from portal.tables import Car as CarRow
from portal.tables import Model, TrainingRun
from sim.action_space import ContinuousActionSpace
from sim.best_choice import BEST_BY
from sim.car import Car, CarError
from sim.hyperparameters import HYPERPARAMETERS, Hyperparameters
from sim.looks import LOOKS
from sim.sensors import NETWORKS
from sim.starts import STARTS
from sim.track import Direction, Track, TrackError
from sim.training_scene import scene_of


@dataclass(frozen=True, slots=True)
class CarFacts:
    """A car in words and as a picture of its actions."""

    sensors: str
    network: str
    actions: str
    fan: Fan
    algorithm: str
    """As model_metadata.json has it: clipped_ppo or sac."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model on the garage's first page."""

    model: Model
    state: models.StateOfModel
    track_title: str
    picture: TrackPicture | None
    best_lap_ms: int | None


def car_facts(metadata: dict[str, Any]) -> CarFacts | None:
    """What a stored car is; None for one that this version cannot read."""
    try:
        car = Car.from_metadata(metadata)
    except CarError:
        return None
    space = car.action_space
    if isinstance(space, ContinuousActionSpace):
        angles = f"{space.steering_low_deg:g} … {space.steering_high_deg:g}°"
        actions = f"{angles}, {space.speed_low_mps:g} … {space.speed_high_mps:g} m/s"
    else:
        slowest, fastest = (limit(action.speed_mps for action in space.actions) for limit in (min, max))
        actions = f"{space.size} actions, {slowest:g} … {fastest:g} m/s"
    if car.training_algorithm == "sac":
        actions += ", SAC"
    sensors = " + ".join(sensor.title for sensor in car.sensors)
    network = NETWORKS[car.neural_network].title
    return CarFacts(sensors, network, actions, drawing.fan(space), car.training_algorithm)


@dataclass(frozen=True, slots=True)
class Made:
    """The exact configuration behind a model's weights, or the one that its first training will have."""

    run: TrainingRun | None
    """The training whose weights the model drives with; None before there are any."""
    configuration: dict[str, Any]
    facts: CarFacts | None
    track_title: str
    version: int
    """Of the reward function."""


def made_with(model: Model) -> Made:
    """What made the model's weights; for a model without any, what it is set to."""
    session = scope.reading()
    run = trainings.weights_of(session, model)
    current = reward_functions.current(session, model)
    version = reward_functions.of_run(session, run.reward_function_id) if run else current
    asked: dict[str, Any] = run.configuration if run else trainings.configuration_of(model)
    return Made(run, asked, car_facts(asked["car"]), track_title(asked["track"]), version.version)


def track_of(name: str) -> Track | None:
    """The track, or None where it is not here any more."""
    try:
        return scope.tracks().get(name)
    except TrackError:
        return None


def picture_of(name: str, direction: str) -> TrackPicture | None:
    """A track as it is driven; None where it is not here any more."""
    track = track_of(name)
    return drawing.track_picture(track, Direction(direction)) if track else None


def tracks_by_length() -> list[Track]:
    """All tracks, the shortest first."""
    library = scope.tracks()
    return sorted((library.get(name) for name in library.names()), key=lambda track: track.length_m)


def track_title(name: str) -> str:
    track = track_of(name)
    return track.title if track else name


def track_titles(names: set[str]) -> dict[str, str]:
    """Titles by name, each track read once; the name itself for one that is not here any more."""
    library = scope.tracks()
    known = names & set(library.names())
    return {name: library.get(name).title if name in known else name for name in names}


def tracks_titled(part: str) -> set[str]:
    """The names of the tracks whose titles have this in them, in any case of letters."""
    titles = track_titles(set(scope.tracks().names()))
    return {name for name, title in titles.items() if part.casefold() in title.casefold()}


def card_of(model: Model) -> ModelCard:
    session = scope.reading()
    return ModelCard(
        model=model,
        state=models.state_of(session, model),
        track_title=track_title(model.track),
        picture=picture_of(model.track, model.direction),
        best_lap_ms=models.best_lap_ms(session, model),
    )


def chosen_car(public_id: str) -> CarRow | None:
    """The car that a model form names, or None for the default car. RuleBroken (invalid) for one that is not there."""
    if public_id == model_form.STARTER_CAR:
        return None
    try:
        return cars.get_own(scope.reading(), scope.me(), public_id)
    except RuleBroken:
        raise RuleBroken(Code.INVALID, "This car is not in your garage any more. Choose another.", "car") from None


def default_values(track: str) -> MultiDict[str, str]:
    """A new model's form as it opens: the shortest way to a first model is to give it a name."""
    names = [found.name for found in tracks_by_length()]
    first = "paddock-oval" if "paddock-oval" in names else names[0]
    return MultiDict(
        model_form.values_of(Hyperparameters())
        | scene_of({})
        | {
            "track": track if track in names else first,
            "direction": Direction.COUNTERCLOCKWISE.value,
            "car": model_form.STARTER_CAR,
            "code": reward_help.DEFAULT_CODE,
            "minutes": model_form.DEFAULT_MINUTES,
        }
    )


def values_of(model: Model, code: str) -> MultiDict[str, str]:
    """A model as the form shows it for a clone."""
    return MultiDict(
        model_form.values_of(Hyperparameters.from_dict(model.hyperparameters))
        | scene_of(model.scene)
        | {
            "track": model.track,
            "direction": model.direction,
            "car": model_form.STARTER_CAR,
            "code": code,
            "minutes": model_form.plain(model.training_limit_ms / model_form.MINUTE_MS),
            "description": model.description,
        }
    )


def model_form_context(reset_code: str) -> dict[str, Any]:
    """What the form of a model shows besides what was typed."""
    session, racer = scope.reading(), scope.me()
    tracks = tracks_by_length()
    own = cars.of_racer(session, racer)
    return {
        "tracks": tracks,
        "pictures": {track.name: drawing.track_picture(track) for track in tracks},
        "cars": own,
        "facts": {car.public_id: car_facts(car.metadata_json) for car in own},
        "starter": car_facts(Car.default().to_metadata()),
        "hyperparameters": HYPERPARAMETERS,
        "looks": LOOKS,
        "starts": STARTS,
        "best_by": BEST_BY,
        "balance": ledger.balance(session, racer),
        "refusal": sponsorship.refusal(session, racer),
        "racer_id": racer.public_id,
    } | reward_help.editor_context(reset_code)
