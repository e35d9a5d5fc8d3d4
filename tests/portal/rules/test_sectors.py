"""The marks of sectors, and that they come to the rows of the standings."""

from __future__ import annotations

from sqlmodel import Session, select

from portal.rules import sectors, standings
from portal.rules.lap_marks import LapMark
from portal.rules.ranking import LapTime
from portal.tables import Lap, Race, Racer
from tests.cast import NOON, make_racer
from tests.portal.races_cast import make_race, make_result


def lap(*times_ms: int | None) -> LapTime:
    return LapTime(sum(time_ms or 0 for time_ms in times_ms), complete=None not in times_ms, sectors_ms=times_ms)


def test_the_best_of_each_sector_may_come_from_different_laps_even_from_one_that_was_not_completed() -> None:
    assert sectors.bests([lap(2000, 2100, 2300), lap(1900, 2200, None), lap(2050, 2000, 2400)]) == (1900, 2000, 2300)


def test_laps_of_before_sectors_were_timed_have_none() -> None:
    old = LapTime(9000)
    assert sectors.bests([old]) == (None, None, None)
    assert sectors.marked(old, (None,) * 3, (None,) * 3) == ()
    assert sectors.marked(None, (None,) * 3, (None,) * 3) == ()


def test_each_sector_is_marked_beside_the_racers_best_and_the_races_best() -> None:
    shown = sectors.marked(lap(1900, 2100, None), (1900, 2000, 2300), (1900, 1950, 2300))
    assert [(one.number, one.time_ms, one.mark) for one in shown] == [
        (1, 1900, LapMark.BEST),
        (2, 2100, LapMark.SLOWER),
        (3, None, LapMark.INVALID),
    ]
    assert sectors.marked(lap(1900, 2000, 2300), (1900, 2000, 2300), (1800, 1950, 2300))[1].mark is LapMark.PERSONAL


def test_a_row_shows_the_sectors_of_the_last_lap(session: Session) -> None:
    alice, bob = make_racer(session), make_racer(session, "bob")
    race = make_race(session, alice, now=NOON, laps=1, minimum_laps=1)
    time_sectors(session, race, alice, (3000, 3000, 3000))
    time_sectors(session, race, bob, (2900, 3100, 3200))
    rows = {row.racer.alias: row.last_sectors for row in standings.for_race(session, race).rows}
    assert [one.mark for one in rows["alice"]] == [LapMark.PERSONAL, LapMark.BEST, LapMark.BEST]
    assert [one.mark for one in rows["bob"]] == [LapMark.BEST, LapMark.PERSONAL, LapMark.PERSONAL]
    assert [one.time_ms for one in rows["bob"]] == [2900, 3100, 3200]


def time_sectors(session: Session, race: Race, racer: Racer, times_ms: tuple[int, int, int]) -> None:
    entered = make_result(session, race, racer, sum(times_ms))
    driven = session.exec(select(Lap).where(Lap.evaluation_id == entered.evaluation_id)).one()
    driven.sector_1_ms, driven.sector_2_ms, driven.sector_3_ms = times_ms
    session.add(driven)
    session.flush()
