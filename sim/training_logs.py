"""The logs of a training and of evaluations in the layout of the console's download, as its analysis tools read them.

    model/model_metadata.json, ip/hyperparameters.json, reward_function.py
    metrics/training/training-STAMP-ID.json
    sim-trace/training/training-simtrace/N-iteration.csv
    logs/training/training-STAMP-ID-robomaker.log
    sim-trace/evaluation/STAMP-ID/evaluation-simtrace/0-iteration.csv
    metrics/evaluation/evaluation-STAMP-ID.json
    logs/evaluation/evaluation-STAMP-ID-robomaker.log

The tools count: iterations from 0 without a gap, and as many episodes in each as the hyperparameters say. Here many
cars drive at once, one of them is logged, and a long training keeps every second, fourth, … iteration's file. So the
files that are there are numbered anew, and the car's episodes are the last ones of their iteration.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sim.car_archive import sensor_of_car
from sim.model_folder import METRICS, TRACES, read_about, read_car, read_hyperparameters
from sim.weights import ModelError, read_bytes

LARGEST_TRACE_BYTES = 8 * 1024**2
LARGEST_METRICS_BYTES = 32 * 1024**2


@dataclass(frozen=True)
class DrivenEvaluation:
    """An evaluation's folder, when it ended and what it is called."""

    folder: Path
    ended_at: datetime
    name: str


def log_files(
    folder: Path, ended_at: datetime, name: str, evaluations: Sequence[DrivenEvaluation] = ()
) -> Iterator[tuple[str, bytes]]:
    """(name, content) of each file, of a model's folder and of evaluations. ModelError for a folder that is none."""
    head = _head(folder)
    yield "model/model_metadata.json", read_bytes(folder / "model_metadata.json", LARGEST_TRACE_BYTES)
    yield "ip/hyperparameters.json", read_bytes(folder / "ip/hyperparameters.json", LARGEST_TRACE_BYTES)
    yield "reward_function.py", read_bytes(folder / "reward_function.py", LARGEST_TRACE_BYTES)
    called = f"training-{_stamp(ended_at)}-{name}"
    if (folder / METRICS).exists():
        yield f"metrics/training/{called}.json", read_bytes(folder / METRICS, LARGEST_METRICS_BYTES)
    traces = [_text(path) for path in _traces(folder)]
    lines: list[str] = []
    for index, text in enumerate(_renumbered(traces, read_hyperparameters(folder).num_episodes_between_training)):
        yield f"{TRACES}/{index}-iteration.csv", text.encode()
        lines += text.splitlines()[1:]
    yield f"logs/training/{called}-robomaker.log", _log(head, lines)
    for evaluation in evaluations:
        yield from _evaluation_files(evaluation, head)


def _evaluation_files(evaluation: DrivenEvaluation, head: list[str]) -> Iterator[tuple[str, bytes]]:
    called = f"{_stamp(evaluation.ended_at)}-{evaluation.name}"
    trace, metrics = evaluation.folder / "simtrace.csv", evaluation.folder / "metrics.json"
    if not trace.is_file():
        return
    text = _text(trace)
    yield f"sim-trace/evaluation/{called}/evaluation-simtrace/0-iteration.csv", text.encode()
    yield f"logs/evaluation/evaluation-{called}-robomaker.log", _log(head, text.splitlines()[1:])
    if metrics.is_file():
        yield f"metrics/evaluation/evaluation-{called}.json", read_bytes(metrics, LARGEST_METRICS_BYTES)


def _traces(folder: Path) -> list[Path]:
    """The training's files in the order of their iterations."""
    found = [path for path in (folder / TRACES).glob("*-iteration.csv") if path.name.split("-")[0].isdecimal()]
    return sorted(found, key=lambda path: int(path.name.split("-")[0]))


def _text(path: Path) -> str:
    try:
        return read_bytes(path, LARGEST_TRACE_BYTES).decode()
    except UnicodeDecodeError:
        raise ModelError(f"{path.name} is no text; its model's logs cannot be read") from None


def _renumbered(traces: list[str], episodes_each: int) -> Iterator[str]:
    """The traces with episodes numbered so that file i has the last ones of i * each to (i + 1) * each - 1."""
    whole = [_episodes(text) for text in traces]
    each = max([episodes_each, *(len(found) for found in whole)])
    for index, (text, found) in enumerate(zip(traces, whole, strict=True)):
        header, *rows = text.splitlines()
        first = (index + 1) * each - len(found)
        numbers = {episode: str(first + place) for place, episode in enumerate(found)}
        told = (row.partition(",") for row in rows)
        yield "\n".join([header, *(f"{numbers[episode]},{rest}" for episode, _, rest in told)]) + "\n"


def _episodes(text: str) -> list[str]:
    """The episodes of a trace in their order, each once."""
    return list(dict.fromkeys(row.partition(",")[0] for row in text.splitlines()[1:]))


def _head(folder: Path) -> list[str]:
    """What the simulator's log says of the training before the first step, in its words."""
    car, hyperparameters = read_car(folder), read_hyperparameters(folder)
    sensors = [sensor_of_car(sensor).name for sensor in car.sensors]
    return [
        f" * /WORLD_NAME: {read_about(folder)['track']['name']}",
        "Using the following hyper-parameters",
        *json.dumps(hyperparameters.to_dict(), indent=2).splitlines(),
        f"Loaded action space from file: {json.dumps(car.to_metadata()['action_space'])}",
        f"Sensor list {sensors!r}, network {car.neural_network}, simapp_version {car.version}",
    ]


def _log(head: list[str], rows: list[str]) -> bytes:
    """The simulator's log; steps are whole there, where the files beside it have 1.0."""
    rows = [
        f"{episode},{steps.removesuffix('.0')},{rest}" for episode, steps, rest in (row.split(",", 2) for row in rows)
    ]
    return "\n".join([*head, *(f"SIM_TRACE_LOG:{row}" for row in rows)]).encode() + b"\n"


def _stamp(moment: datetime) -> str:
    """Fourteen digits, as in the console's names."""
    return moment.strftime("%Y%m%d%H%M%S")
