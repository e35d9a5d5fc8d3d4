"""The command line: help everywhere, one line for an error, exit codes that mean something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from paddock.cli import main, paddock

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`paddock ARGUMENTS` in a process of its own, with only these PADDOCK_ variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PADDOCK_")}
    return subprocess.run(
        [sys.executable, "-m", "paddock", *arguments],
        cwd=ROOT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command under a group, with the words that reach it."""
    context = click.Context(group)
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found.extend(commands(command, (*path, name)))
    return found


ALL = commands(paddock)


@pytest.mark.parametrize(("words", "command"), ALL, ids=[" ".join(words) for words, _ in ALL])
def test_every_command_and_option_says_what_it_is_for(words: tuple[str, ...], command: click.Command) -> None:
    assert command.help, words
    plain = {"track", "direction", "seed", "port", "laps", "minutes", "reward_file"}
    silent = [
        parameter.name
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help and parameter.name not in plain
    ]
    assert silent == []


@pytest.mark.parametrize(
    "name", ["up", "web", "worker", "migrate", "doctor", "tracks", "reward", "train", "evaluate", "bench", "admin"]
)
def test_the_promised_commands_are_there(name: str) -> None:
    assert name in paddock.commands


def test_an_unknown_setting_stops_the_start_and_names_itself(tmp_path: Path) -> None:
    answer = run("up", "--data", str(tmp_path), PADDOCK_PROT="1")
    assert answer.returncode == 3
    assert answer.stderr.startswith("paddock: PADDOCK_PROT is not a setting")
    assert answer.stderr.count("\n") == 1


def test_a_malformed_setting_stops_the_start_and_names_itself(tmp_path: Path) -> None:
    answer = run("up", "--data", str(tmp_path), PADDOCK_WORKERS="many")
    assert answer.returncode == 3
    assert "PADDOCK_WORKERS must be a whole number" in answer.stderr


def test_the_demo_is_refused_where_others_could_sign_in(tmp_path: Path) -> None:
    answer = run("up", "--demo", "--data", str(tmp_path), PADDOCK_HOST="0.0.0.0")  # noqa: S104
    assert answer.returncode == 2
    assert "127.0.0.1 only" in answer.stderr


def test_an_unknown_track_is_one_line_that_names_what_is_near() -> None:
    answer = run("tracks", "show", "padock-oval")
    assert answer.returncode == 2
    assert "paddock-oval" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_broken_track_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.npy"
    np.save(broken, np.full((20, 6), np.nan))
    answer = run("tracks", "import", str(broken), PADDOCK_DATA=str(tmp_path / "data"))
    assert answer.returncode == 2
    assert answer.stderr.startswith("paddock: ")
    assert "Traceback" not in answer.stderr


def test_an_imported_track_is_listed(tmp_path: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 60)
    ring = np.column_stack([f(angle) * r for r in (3.0, 2.6, 3.4) for f in (np.cos, np.sin)])
    ring[-1] = ring[0]
    np.save(tmp_path / "ring.npy", ring)
    imported = run("tracks", "import", str(tmp_path / "ring.npy"), "--json", PADDOCK_DATA=str(tmp_path / "data"))
    assert imported.returncode == 0, imported.stderr
    assert json.loads(imported.stdout)[0]["name"] == "ring"
    listed = run("tracks", "list", "--json", PADDOCK_DATA=str(tmp_path / "data"))
    assert "ring" in {row["name"] for row in json.loads(listed.stdout)}


def test_a_full_size_circuit_is_imported_at_the_size_of_the_car_or_at_another(tmp_path: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    lines = ["# x_m,y_m,w_tr_right_m,w_tr_left_m", *(f"{600 * np.cos(a)},{600 * np.sin(a)},5,6" for a in angle)]
    (tmp_path / "big.csv").write_text("\n".join(lines))
    sizes = {}
    for name, options in (("small", ()), ("smaller", ("--scale", "0.02"))):
        call = ("tracks", "import", str(tmp_path / "big.csv"), "--name", name, *options, "--json")
        answer = run(*call, PADDOCK_DATA=str(tmp_path / "data"))
        assert answer.returncode == 0, answer.stderr
        sizes[name] = json.loads(answer.stdout)[0]["width_m"]
    assert sizes == {"small": 0.61, "smaller": 0.22}
    refused = run("tracks", "import", str(tmp_path / "big.csv"), "--scale", "1", PADDOCK_DATA=str(tmp_path / "data"))
    assert refused.returncode == 2
    assert "--scale" in refused.stderr


def test_a_reward_function_that_fails_is_shown_with_its_line(tmp_path: Path) -> None:
    reward = tmp_path / "reward.py"
    reward.write_text("def reward_function(params):\n    return 1 / 0\n")
    answer = run("reward", "check", str(reward), "--track", "paddock-oval", "--json")
    assert answer.returncode == 1
    found = json.loads(answer.stdout)
    assert found["ok"] is False
    assert found["problems"][0]["line"] == 2


@pytest.mark.timeout(180)
def test_training_and_evaluating_need_neither_portal_nor_queue(tmp_path: Path) -> None:
    reward = tmp_path / "reward.py"
    reward.write_text("def reward_function(params):\n    return 1.0 if params['all_wheels_on_track'] else 0.001\n")
    model = str(tmp_path / "model")
    trained = run(
        "train", "--track", "paddock-oval", "--reward", str(reward), "--minutes", "0.08", "--out", model, "--json"
    )
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["iterations"] >= 1
    drives = [
        run("evaluate", model, "--track", "paddock-oval", "--laps", "1", "--seed", "3", "--json") for _ in range(2)
    ]
    assert drives[0].returncode == 0, drives[0].stderr
    assert drives[0].stdout == drives[1].stdout
    assert json.loads(drives[0].stdout)["fingerprint"]


def test_a_folder_that_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    answer = run("evaluate", str(tmp_path), "--track", "paddock-oval")
    assert answer.returncode == 2
    assert answer.stderr.startswith("paddock: ")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("train",),
        ("tracks", "import", "nowhere.npy"),
        ("evaluate", "nowhere", "--track", "paddock-oval"),
        ("tracks", "shwo"),
        ("train", "--track", "paddock-oval", "--reward", __file__, "--out", "/proc/model"),
        ("train", "--track", "paddock-oval", "--reward", __file__, "--out", "unused", "--minutes", "nan"),
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_one_line_that_says_what(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["paddock", *words])
    with pytest.raises(SystemExit) as ending:
        main()
    said = capsys.readouterr().err
    assert ending.value.code == 2
    assert said.startswith("paddock: ")
    assert said.count("\n") == 1
    assert "Errno" not in said
    assert "cannot convert" not in said


def test_training_does_not_write_over_a_model_unasked(tmp_path: Path) -> None:
    (tmp_path / "paddock.json").write_text("{}")
    answer = run("train", "--track", "paddock-oval", "--reward", __file__, "--out", str(tmp_path))
    assert answer.returncode == 2
    assert "--resume" in answer.stderr
    assert "--replace" in answer.stderr


def test_a_training_that_its_reward_function_fails_names_the_line(tmp_path: Path) -> None:
    reward = tmp_path / "reward.py"
    reward.write_text("def reward_function(params):\n    return 1 / 0\n")
    answer = run("train", "--track", "paddock-oval", "--reward", str(reward), "--out", str(tmp_path / "model"))
    assert answer.returncode == 2
    assert "paddock: line 2 of the reward function: ZeroDivisionError" in answer.stderr
