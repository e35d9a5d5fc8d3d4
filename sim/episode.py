"""When an episode ends, and what happens then: training ends it, a race puts the car back and goes on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from numbers import Integral
from typing import Literal

STEP_S = 1 / 15
"""Seconds of one step."""


class EpisodeStatus(StrEnum):
    """What a row says about its episode; the real simulator's names, and `error` for an action that is no number."""

    PREPARE = "prepare"
    IN_PROGRESS = "in_progress"
    PAUSE = "pause"
    LAP_COMPLETE = "lap_complete"
    OFF_TRACK = "off_track"
    CRASHED = "crashed"
    IMMOBILIZED = "immobilized"
    REVERSED = "reversed"
    TIME_UP = "time_up"
    PARK = "park"
    ERROR = "error"

    @property
    def label(self) -> str:
        """As the real simulator writes it in its metrics, e.g. "Lap complete"."""
        return "Time Up" if self is EpisodeStatus.TIME_UP else self.value.replace("_", " ").capitalize()


STATUSES: tuple[EpisodeStatus, ...] = tuple(EpisodeStatus)
"""`World.status` holds indices into this."""

STATUS_CODE: dict[EpisodeStatus, int] = {status: code for code, status in enumerate(STATUSES)}


@dataclass(frozen=True)
class EpisodeRules:
    """Rules of an episode, after SimApp's reset rules.

    Training (the default): one lap, the episode ends at the first ending. Racing: `continuous`, with `laps` and
    `maximum_resets`: a car that leaves the track, crashes, stands or turns back is put on the nearer lane centre and
    waits there for the penalty, inside its lap time. The penalty after a crash is `collision_penalty_s`, after leaving
    the track or turning back `off_track_penalty_s`; a car that stood waits for one row. Where a box is within a metre
    of the place, the car is put a metre before it in the other lane; after a crash into a bot or another car it waits
    where it is.

    `reset_at`: where a car is put back that left the track, stood or turned back. "current": at its progress in that
    row, as all real console races measured did; "previous": at that of the row before, as a run of the latest SimApp
    did. A crash is always put right at the current progress. `mercy_after`: so many resets in a row at the same box put
    the car beyond it instead of before it (the real simulator's mercy reset, 3 there where it is on); 0 is never.

    `start`: "fixed" at `start_offset` (fraction of the lap); "advance" 5 % of the lap further on each episode, car i
    beginning i * 5 % in; "random" anywhere, from the seed. An open track always starts at `start_offset`.
    `auto_reset`: the step after an ending ignores its action and is the `prepare` row of the next episode;
    without it the car stays where it is and its rows say `park`.
    """

    laps: int = 1
    continuous: bool = False
    maximum_resets: int = 0
    off_track_penalty_s: float = 0.0
    collision_penalty_s: float = 0.0
    reset_at: Literal["current", "previous"] = "current"
    mercy_after: int = 0
    maximum_steps: int = 100_000
    start: Literal["fixed", "advance", "random"] = "fixed"
    start_offset: float = 0.0
    auto_reset: bool = True

    def __post_init__(self) -> None:
        for name in ("laps", "maximum_resets", "maximum_steps", "mercy_after"):
            if not isinstance(getattr(self, name), Integral):
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be a whole number")
        if not 1 <= self.laps <= 10_000:
            raise ValueError(f"laps is {self.laps}; it must be 1 to 10000")
        if not 0 <= self.maximum_resets <= 1_000_000:
            raise ValueError(f"maximum_resets is {self.maximum_resets}; it must be 0 to 1000000")
        if not 2 <= self.maximum_steps <= 100_000_000:
            raise ValueError(f"maximum_steps is {self.maximum_steps}; it must be 2 to 100000000")
        for name in ("off_track_penalty_s", "collision_penalty_s"):
            if not 0.0 <= getattr(self, name) <= 3600.0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 to 3600")
        if self.start not in ("fixed", "advance", "random"):
            raise ValueError(f"start is {self.start!r}; it must be fixed, advance or random")
        if self.reset_at not in ("current", "previous"):
            raise ValueError(f"reset_at is {self.reset_at!r}; it must be current or previous")
        if not 0 <= self.mercy_after <= 1000:
            raise ValueError(f"mercy_after is {self.mercy_after}; it must be 0 to 1000")
        if not 0.0 <= self.start_offset < 1.0:
            raise ValueError(f"start_offset is {self.start_offset}; it must be 0 or more and less than 1")

    @property
    def pause_steps(self) -> int:
        """Rows of `pause` after leaving the track or turning back: at least one, as SimApp leaves its pause one row
        late. After standing it is that one."""
        return _rows(self.off_track_penalty_s)

    @property
    def crash_steps(self) -> int:
        """Rows of `pause` after a crash: at least one."""
        return _rows(self.collision_penalty_s)

    def penalty_s(self, status: EpisodeStatus) -> float:
        """What a car waits that was put back for this; nothing after standing."""
        if status is EpisodeStatus.CRASHED:
            return self.collision_penalty_s
        return self.off_track_penalty_s if status in (EpisodeStatus.OFF_TRACK, EpisodeStatus.REVERSED) else 0.0

    @classmethod
    def racing(
        cls,
        *,
        laps: int = 3,
        continuous: bool = True,
        off_track_penalty_s: float = 3.0,
        collision_penalty_s: float = 5.0,
        maximum_resets: int = 10_000,
        maximum_steps: int = 20 * 60 * 15,
        reset_at: Literal["current", "previous"] = "current",
        mercy_after: int = 0,
    ) -> EpisodeRules:
        """Rules of a race: one flying run over all laps with resets, 20 minutes at most, nothing after the end.

        Without `continuous` the episode is one lap from standing, and each lap a new episode.
        """
        return cls(
            laps=laps,
            continuous=continuous,
            maximum_resets=maximum_resets,
            off_track_penalty_s=off_track_penalty_s,
            collision_penalty_s=collision_penalty_s,
            maximum_steps=maximum_steps,
            reset_at=reset_at,
            mercy_after=mercy_after,
            auto_reset=False,
        )


_PUT_BACK = (EpisodeStatus.OFF_TRACK, EpisodeStatus.CRASHED, EpisodeStatus.IMMOBILIZED, EpisodeStatus.REVERSED)


def pauses_s(status: Sequence[int], rules: EpisodeRules) -> list[float]:
    """How long the car still waits behind each row of an episode, as the log's `pause_duration` says it.

    In the row in which it is put back that is the whole penalty, in those of the pause what is left of it, else nothing
    (SimApp's `rollout_agent_ctrl.py`). `status` are the codes of all rows; behind the last one nobody waits.
    """
    found: list[float] = []
    left = 0.0
    for row, code in enumerate(status):
        now = STATUSES[code]
        if now in (EpisodeStatus.PAUSE, EpisodeStatus.TIME_UP):
            left = max(0.0, left - STEP_S)
        elif now in _PUT_BACK and row < len(status) - 1:
            left = rules.penalty_s(now)
        else:
            left = 0.0
        found.append(left)
    return found


def _rows(seconds: float) -> int:
    return max(1, math.ceil(seconds / STEP_S - 1e-9))
