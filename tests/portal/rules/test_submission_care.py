"""Withdrawing what waits, disqualifying and putting back, driving again, and how long the queue takes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from portal.rules import (
    disqualifications,
    ledger,
    queue_estimates,
    queueing,
    reruns,
    sponsorship,
    standings,
    submissions,
    withdrawals,
)
from portal.rules.broken import Code, RuleBroken
from portal.tables import AuditEvent, Evaluation, JobKind, JobState, Lap, Race, Racer, Reservation, Submission
from tests.cast import NOON, make_racer
from tests.portal.races_cast import make_model, make_race, make_result


def board(session: Session, race: Race) -> list[str | None]:
    return [row.racer.alias for row in standings.for_race(session, race).rows]


def refusal(session: Session, race: Race, submission: Submission, by: Racer) -> RuleBroken:
    with pytest.raises(RuleBroken) as broken:
        withdrawals.withdraw(session, race, submission.public_id, by=by, now=NOON)
    return broken.value


def test_what_waits_is_withdrawn_costs_nothing_and_can_be_entered_again(session: Session) -> None:
    alice = make_racer(session)
    race = make_race(session, alice, now=NOON, maximum_submissions=1)
    model = make_model(session, alice)
    submission = submissions.enter(session, race, model, by=alice, now=NOON)
    assert submissions.left(session, race, alice) == 0
    withdrawals.withdraw(session, race, submission.public_id, by=alice, now=NOON)
    evaluation = session.get_one(Evaluation, submission.evaluation_id)
    assert (evaluation.state, evaluation.used_ms) == (JobState.STOPPED, 0)
    assert ledger.reservation_of(session, JobKind.EVALUATION, evaluation.id or 0).state == "released"  # type: ignore[union-attr]
    (mine,) = submissions.of_racer(session, race, alice)
    assert mine.outcome == "It was withdrawn while it waited: it does not count, and cost nothing."
    again = submissions.enter(session, race, model, by=alice, now=NOON)
    assert again.public_id != submission.public_id


def test_what_drives_or_is_over_cannot_be_withdrawn_nor_can_anothers(session: Session) -> None:
    alice, bob = make_racer(session), make_racer(session, "bob")
    race = make_race(session, alice, now=NOON)
    submission = submissions.enter(session, race, make_model(session, bob), by=bob, now=NOON)
    assert refusal(session, race, submission, alice).code is Code.MISSING
    assert queueing.claim(session, JobKind.EVALUATION, submission.evaluation_id, worker="w", now=NOON)
    assert refusal(session, race, submission, bob).code is Code.CONFLICT
    evaluation = session.get_one(Evaluation, submission.evaluation_id)
    assert (evaluation.state, evaluation.stop_requested_at) == (JobState.RUNNING, None)
    done = make_result(session, race, bob, 9_000)
    assert refusal(session, race, done, bob).code is Code.CONFLICT


def test_a_paused_racer_withdraws_too(session: Session) -> None:
    alice, bob = make_racer(session), make_racer(session, "bob")
    race = make_race(session, alice, now=NOON)
    submission = submissions.enter(session, race, make_model(session, bob), by=bob, now=NOON)
    sponsorship.pause(session, bob, by=None, now=NOON)
    assert withdrawals.withdraw(session, race, submission.public_id, by=bob, now=NOON).withdrawn_at == NOON


def test_a_disqualified_submission_leaves_the_standings_and_comes_back(session: Session) -> None:
    owner, alice, bob = make_racer(session, "olivia"), make_racer(session), make_racer(session, "bob")
    race = make_race(session, owner, now=NOON, minimum_laps=1)
    best = make_result(session, race, alice, 8_000, 8_000, 8_000)
    make_result(session, race, alice, 9_500, 9_500, 9_500)
    make_result(session, race, bob, 9_000, 9_000, 9_000)
    assert board(session, race) == ["alice", "bob"]
    version = race.version
    assert disqualifications.disqualify(session, race, best.public_id, reason="A  shortcut.", by=owner, now=NOON)
    assert board(session, race) == ["bob", "alice"]
    assert race.version == version + 1
    assert submissions.get(session, race, best.public_id).outcome == "Disqualified by the organizer: A shortcut."
    assert standings.best_laps(session, alice)[0].time_ms == 9_500
    assert not disqualifications.disqualify(session, race, best.public_id, reason="Again", by=owner, now=NOON)
    assert disqualifications.reinstate(session, race, best.public_id, by=owner, now=NOON)
    assert board(session, race) == ["alice", "bob"]
    assert not disqualifications.reinstate(session, race, best.public_id, by=owner, now=NOON)
    lines = session.exec(select(AuditEvent).where(col(AuditEvent.action).startswith("submission.")))
    assert [(line.action, line.reason) for line in lines] == [
        ("submission.disqualify", "A shortcut."),
        ("submission.reinstate", "A shortcut."),
    ]


def test_only_the_organizer_disqualifies_what_has_a_result_and_says_why(session: Session) -> None:
    owner, alice = make_racer(session, "olivia"), make_racer(session)
    race = make_race(session, owner, now=NOON)
    done = make_result(session, race, alice, 9_000)
    queued = submissions.enter(session, race, make_model(session, alice), by=alice, now=NOON)
    for submission, by, reason, code in (
        (done, alice, "why", Code.FORBIDDEN),
        (done, owner, "  ", Code.INVALID),
        (done, owner, "x" * 301, Code.INVALID),
        (queued, owner, "why", Code.CONFLICT),
    ):
        with pytest.raises(RuleBroken) as broken:
            disqualifications.disqualify(session, race, submission.public_id, reason=reason, by=by, now=NOON)
        assert broken.value.code is code
    with pytest.raises(RuleBroken) as missing:
        disqualifications.disqualify(session, race, "0" * 16, reason="why", by=owner, now=NOON)
    assert missing.value.code is Code.MISSING


def finish(session: Session, evaluation: Evaluation, *times_ms: int, fingerprint: str) -> None:
    evaluation.state, evaluation.ended_at, evaluation.fingerprint = JobState.COMPLETED, NOON, fingerprint
    for number, time_ms in enumerate(times_ms, start=1):
        session.add(Lap(evaluation_id=evaluation.id or 0, number=number, time_ms=time_ms, resets=0, complete=True))
    session.flush()


def test_driving_again_is_the_same_or_says_which_lap_differs_and_counts_for_nothing(session: Session) -> None:
    owner, alice = make_racer(session, "olivia"), make_racer(session)
    race = make_race(session, owner, now=NOON)
    submission = make_result(session, race, alice, 9_000, 9_100, 9_200)
    first = session.get_one(Evaluation, submission.evaluation_id)
    first.fingerprint, first.rules = "f" * 64, {"laps": 3}
    session.flush()
    assert reruns.of(session, submission) is None
    for by, laps, fingerprint, expected in (
        (alice, (9_000, 9_100, 9_200), "f" * 64, (True, None)),
        (owner, (9_000, 8_000, 9_200), "e" * 64, (False, 2)),
        (owner, (9_000, 9_100), "e" * 64, (False, 3)),
        (owner, (9_000, 9_100, 9_200), "e" * 64, (False, None)),
    ):
        again = reruns.request(session, race, submission.public_id, by=by, now=NOON)
        same = ("racer_id", "model_id", "training_run_id", "seed", "rules", "objects", "track", "direction", "race_id")
        assert all(getattr(again, name) == getattr(first, name) for name in same)
        with pytest.raises(RuleBroken, match="already"):
            reruns.request(session, race, submission.public_id, by=by, now=NOON)
        finish(session, again, *laps, fingerprint=fingerprint)
        found = reruns.of(session, submission)
        assert found is not None
        assert (found.is_same, found.first_difference) == expected
    assert len(standings.entries_of(session, race)) == 1
    reservation = session.exec(select(Reservation).order_by(col(Reservation.id).desc())).first()
    assert reservation is not None
    assert ledger.race_account(session, race).id == reservation.account_id


def test_a_rerun_neither_blocks_entering_nor_counts_as_on_its_way(session: Session) -> None:
    owner, alice = make_racer(session, "olivia"), make_racer(session)
    race, model = make_race(session, owner, now=NOON), make_model(session, alice)
    for _ in range(2):
        done = make_result(session, race, alice, 9_000, 9_000, 9_000, model=model)
        reruns.request(session, race, done.public_id, by=owner, now=NOON)
    assert standings.pending(session, race) == 0
    assert submissions.why_closed(session, race, alice, now=NOON) == ""


def test_strangers_have_nothing_driven_again_and_nobody_what_has_no_result(session: Session) -> None:
    owner, alice, bob = make_racer(session, "olivia"), make_racer(session), make_racer(session, "bob")
    race = make_race(session, owner, now=NOON)
    done = make_result(session, race, alice, 9_000)
    queued = submissions.enter(session, race, make_model(session, alice), by=alice, now=NOON)
    for submission, by, code in ((done, bob, Code.FORBIDDEN), (queued, alice, Code.CONFLICT)):
        with pytest.raises(RuleBroken) as broken:
            reruns.request(session, race, submission.public_id, by=by, now=NOON)
        assert broken.value.code is code


def test_the_wait_is_the_median_drive_for_each_round_of_the_workers(session: Session) -> None:
    alice = make_racer(session)
    race = make_race(session, alice, now=NOON, maximum_submissions=9)
    queued = [make_result(session, race, alice, state=JobState.QUEUED, at=NOON) for _ in range(3)]
    waiting = [session.get_one(Evaluation, one.evaluation_id) for one in queued]
    assert queue_estimates.wait_ms(session, waiting[0], now=NOON) is None
    for seconds, worker, at in ((4, "a", NOON), (6, "b", NOON), (20, "a", NOON), (900, "c", NOON - timedelta(hours=2))):
        done = session.get_one(Evaluation, make_result(session, race, alice, 9_000, at=at).evaluation_id)
        done.started_at, done.worker = at - timedelta(seconds=seconds), worker
    session.flush()
    assert [queue_estimates.wait_ms(session, one, now=NOON) for one in waiting] == [6_000, 6_000, 12_000]
    entered = submissions.of_racer(session, race, alice)
    assert set(submissions.waits(session, entered, now=NOON)) == {one.public_id for one in queued}
