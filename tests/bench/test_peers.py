"""Other simulators are measured apart, and one that cannot be installed or run is a row with the reason."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import peer_worlds, peers
from bench.peers import PEERS, Peer, PeerFailed, rows_of


def test_every_peer_has_a_world_and_every_world_a_peer() -> None:
    assert sorted(peer.world for peer in PEERS.values()) == sorted(peer_worlds.WORLDS)


def test_one_that_cannot_be_installed_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere-1.0-py3-none-any.whl"
    monkeypatch.setitem(PEERS, "nowhere", Peer("car_racing", (str(missing),)))
    (row,) = rows_of("nowhere", 0.1)
    assert row.value == 0.0
    assert row.beside.startswith("not measured: ")
    assert "nowhere" in row.beside


def test_one_that_does_not_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_installed", lambda peer, folder: Path(sys.executable))
    monkeypatch.setitem(PEERS, "odd", Peer("no_such_world", ()))
    (row,) = rows_of("odd", 0.1)
    assert "not measured: " in row.beside
    assert "no_such_world" in row.beside


def test_figures_of_one_that_runs_become_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "world.py"
    script.write_text("import sys\nprint('hello')\nprint('{\"a\": 12.5, \"b\": 3}')\n")
    monkeypatch.setattr(peers, "SCRIPT", script)
    monkeypatch.setattr(peers, "_installed", lambda peer, folder: Path(sys.executable))
    assert [(row.name, row.value) for row in rows_of("envpool", 0.1)] == [("a", 12.5), ("b", 3)]


def test_a_step_is_counted_by_processor_time() -> None:
    def step() -> int:
        sum(range(2000))
        return 4

    assert peer_worlds.best(step, 0.02) > 4.0


def test_what_takes_too_long_is_stopped() -> None:
    with pytest.raises(PeerFailed, match="took more than 1 s"):
        peers._run([sys.executable, "-c", "import time; time.sleep(30)"], 1)


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ("", ""),
        (
            "note\nerror: Distribution not found at: file:///nowhere\n",
            "error: Distribution not found at: file:///nowhere",
        ),
        ("error: Distribution not found at:\n  file:///nowhere\n", "error: Distribution not found at: file:///nowhere"),
        ("Traceback\nValueError: odd\n", "ValueError: odd"),
        ("it just ended\n", "it just ended"),
    ],
)
def test_the_reason_is_what_the_error_says_most_plainly(errors: str, reason: str) -> None:
    assert peers._reason(errors) == reason
