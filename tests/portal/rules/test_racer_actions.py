"""Actions on several racers: to each by one rule, idempotent, audited each, and undone for exactly those changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from portal.rules import ledger, limits, model_deletion, quotas, racer_actions, racer_consequences, sponsorship, undoing
from portal.rules.broken import Code, RuleBroken
from portal.rules.outcome import Outcome
from portal.rules.quotas import Quotas
from portal.rules.racer_actions import Action
from portal.tables import (
    HOUR_MS,
    AuditEvent,
    EntryKind,
    JobKind,
    LedgerEntry,
    Model,
    Racer,
    Role,
    Sponsorship,
    TrainingRun,
)
from tests.cast import NOON, make_racer
from tests.jobs.paddock_yard import check_ledger, make_model, make_sponsored
from tests.portal.garage_cast import make_training

ACTIVE, PAUSED, ENDED = Sponsorship.ACTIVE, Sponsorship.PAUSED, Sponsorship.ENDED
LATER = NOON + timedelta(minutes=5)


@pytest.fixture
def ada(session: Session) -> Racer:
    return make_sponsored(session, "ada", role=Role.ADMIN)


@pytest.fixture
def people(session: Session) -> list[Racer]:
    """alice is sponsored, bob is paused, carol's sponsorship has ended."""
    return [
        make_sponsored(session, alias, quota_ms=5 * HOUR_MS, sponsorship=state)
        for alias, state in (("alice", ACTIVE), ("bob", PAUSED), ("carol", ENDED))
    ]


def do(session: Session, action: Action, people: list[Racer], by: Racer, **values: object) -> Outcome:
    values.setdefault("batch", "b" * 16)
    return racer_actions.do(session, action, people, by=by, now=NOON, reason="because", **values)  # type: ignore[arg-type]


def undo(session: Session, by: Racer, batch: str = "b" * 16) -> Outcome:
    return undoing.undo(session, batch, by=by, now=LATER)


def names(people: list[Racer]) -> list[str | None]:
    return [racer.alias for racer in people]


def states(session: Session, people: list[Racer]) -> list[str]:
    return [session.get_one(Racer, racer.id, populate_existing=True).sponsorship for racer in people]


def events(session: Session, action: str) -> list[AuditEvent]:
    return list(session.exec(select(AuditEvent).where(AuditEvent.action == action).order_by(col(AuditEvent.id))))


@pytest.mark.parametrize(
    ("action", "changed", "same", "refused", "after"),
    [
        (Action.PAUSE, ["alice"], ["bob"], ["carol"], [PAUSED, PAUSED, ENDED]),
        (Action.RESUME, ["bob"], ["alice"], ["carol"], [ACTIVE, ACTIVE, ENDED]),
        (Action.END, ["alice", "bob"], ["carol"], [], [ENDED, ENDED, ENDED]),
        (Action.SPONSOR, ["carol"], ["alice", "bob"], [], [ACTIVE, PAUSED, ACTIVE]),
    ],
)
def test_a_sponsorship_is_changed_once_for_each_and_undone_exactly(
    session: Session,
    ada: Racer,
    people: list[Racer],
    action: Action,
    changed: list[str],
    same: list[str],
    refused: list[str],
    after: list[Sponsorship],
) -> None:
    before = states(session, people)
    outcome = do(session, action, people, ada)
    assert (names(outcome.changed), names(outcome.same)) == (changed, same)
    assert names([racer for racer, _ in outcome.refused]) == refused
    assert states(session, people) == after
    written = events(session, f"sponsorship.{action.value}")
    assert [event.subject for event in written] == [f"racer:{racer.public_id}" for racer in outcome.changed]
    assert {(event.by_racer_id, event.at, event.reason) for event in written} == {(ada.id, NOON, "because")}
    assert all(event.before != event.after for event in written)

    assert do(session, action, people, ada, batch="c" * 16).changed == [], "idempotent"
    assert undoing.offer(session, "c" * 16, by=ada, now=LATER) is None, "nothing was done, nothing is offered"

    assert names(undo(session, ada).changed) == changed
    assert states(session, people) == before
    with pytest.raises(RuleBroken, match="undone already"):
        undo(session, ada)
    assert states(session, people) == before


def test_quotas_are_set_together_and_an_empty_one_keeps_what_is(
    session: Session, ada: Racer, people: list[Racer]
) -> None:
    alice = ledger.account_of(session, people[0])
    alice.maximum_models = 7
    session.flush()
    wanted = Quotas(quota_ms=7 * HOUR_MS, maximum_models=7)
    outcome = do(session, Action.QUOTA, people, ada, wanted=wanted)
    assert names(outcome.changed) == ["alice", "bob", "carol"]
    for racer in people:
        account = ledger.account_of(session, racer)
        assert (account.quota_ms, account.maximum_models, account.models_at_once) == (7 * HOUR_MS, 7, 2)
    first = events(session, "quota.set")[-3]
    assert (first.before, first.after) == ({"quota_ms": 5 * HOUR_MS}, {"quota_ms": 7 * HOUR_MS}), "only what changed"
    line = ledger.statement(session, people[0])[0]
    assert (line.kind, line.quota_ms, line.by_racer_id, line.note) == (EntryKind.ADJUST, 2 * HOUR_MS, ada.id, "")
    check_ledger(session)

    again = do(session, Action.QUOTA, people, ada, wanted=wanted, batch="c" * 16)
    assert names(again.same) == ["alice", "bob", "carol"]

    assert names(undo(session, ada).changed) == ["alice", "bob", "carol"]
    limits_after = [
        (ledger.account_of(session, r).quota_ms, ledger.account_of(session, r).maximum_models) for r in people
    ]
    assert limits_after == [(5 * HOUR_MS, 7), (5 * HOUR_MS, 50), (5 * HOUR_MS, 50)]
    check_ledger(session)


def test_without_any_new_quota_it_asks_for_one(session: Session, ada: Racer, people: list[Racer]) -> None:
    with pytest.raises(RuleBroken, match="at least one") as empty:
        do(session, Action.QUOTA, people, ada)
    assert empty.value.code == Code.INVALID
    with pytest.raises(RuleBroken) as negative:
        do(session, Action.QUOTA, people, ada, wanted=Quotas(models_at_once=-1))
    assert negative.value.field == "models_at_once"


def test_a_quota_under_what_is_used_blocks_new_work_and_kills_nothing(session: Session, ada: Racer) -> None:
    racer = make_sponsored(session, "dora")
    run = make_training(session, make_model(session, racer), racer)
    do(session, Action.QUOTA, [racer], ada, wanted=Quotas(quota_ms=0, maximum_models=0))
    assert session.get_one(TrainingRun, run.id).state == "queued"
    assert session.exec(select(Model).where(Model.racer_id == racer.id, col(Model.deleted_at).is_(None))).all()
    with pytest.raises(RuleBroken, match="Nothing is left"):
        ledger.reserve(session, ledger.account_of(session, racer), JobKind.TRAINING, 999, 1, now=NOON)
    assert racer_consequences.used_up(session, [racer]) == 1
    check_ledger(session)


def test_deleting_models_takes_all_but_those_at_work_and_undo_brings_the_same_back(
    session: Session, ada: Racer, people: list[Racer]
) -> None:
    alice, bob, _carol = people
    run = make_training(session, make_model(session, alice), alice)
    busy = session.get_one(Model, run.model_id)
    idle, older = make_model(session, alice, "idle"), make_model(session, alice, "older")
    older.deleted_at = NOON - timedelta(days=1)
    bobs = make_model(session, bob, "swift")
    session.flush()
    outcome = do(session, Action.DELETE_MODELS, people, ada)
    assert (names(outcome.changed), names(outcome.same)) == (["alice", "bob"], ["carol"])
    ((who, why),) = outcome.refused
    assert (who.alias, busy.name in why, "at work" in why) == ("alice", True, True)
    session.expire_all()
    assert (busy.deleted_at, idle.deleted_at, bobs.deleted_at) == (None, NOON, NOON)
    assert {event.subject for event in events(session, "model.delete")} == {
        f"model:{idle.public_id}",
        f"model:{bobs.public_id}",
    }
    of_racer = events(session, "garage.clear")[0]
    assert (of_racer.subject, of_racer.before, of_racer.reason) == (
        f"racer:{alice.public_id}",
        {"models": ["idle"]},
        "because",
    )
    assert do(session, Action.DELETE_MODELS, [bob], ada, batch="c" * 16).changed == []

    make_model(session, bob, "SWIFT")  # a new one under the old name
    assert names(undo(session, ada).changed) == ["alice", "bob"]
    session.expire_all()
    assert (idle.deleted_at, bobs.deleted_at, older.deleted_at) == (None, None, NOON - timedelta(days=1))
    assert bobs.name == "swift 2"


def test_an_undo_leaves_alone_and_names_what_was_changed_again(
    session: Session, ada: Racer, people: list[Racer]
) -> None:
    dora = make_sponsored(session, "dora")
    alice = people[0]
    do(session, Action.PAUSE, [alice, dora], ada)
    sponsorship.resume(session, dora, by=ada, now=NOON)
    sponsorship.pause(session, dora, by=ada, now=NOON)  # paused again, by another hand: no longer this batch's doing
    outcome = undo(session, ada)
    assert names(outcome.changed) == ["alice"]
    assert [(racer.alias, "changed again" in why) for racer, why in outcome.refused] == [("dora", True)]
    assert states(session, [alice, dora]) == [ACTIVE, PAUSED]


def test_an_undo_of_a_quota_leaves_alone_who_got_another_since(
    session: Session, ada: Racer, people: list[Racer]
) -> None:
    alice, bob, _carol = people
    do(session, Action.QUOTA, [alice, bob], ada, wanted=Quotas(quota_ms=HOUR_MS))
    ledger.set_quota(session, bob, 9 * HOUR_MS, by=ada, now=NOON)
    outcome = undo(session, ada)
    assert names(outcome.changed) == ["alice"]
    assert names([racer for racer, _ in outcome.refused]) == ["bob"]
    assert ledger.balance(session, bob).quota_ms == 9 * HOUR_MS
    check_ledger(session)


def test_a_model_that_went_for_good_stays_gone_and_is_named(session: Session, ada: Racer, people: list[Racer]) -> None:
    alice = people[0]
    kept, gone = make_model(session, alice, "kept"), make_model(session, alice, "gone")
    do(session, Action.DELETE_MODELS, [alice], ada)
    session.expire_all()
    model_deletion.for_good(session, gone, by=ada, now=NOON)
    outcome = undo(session, ada)
    session.expire_all()
    assert (kept.deleted_at, gone.deleted_at is None) == (None, False)
    assert "gone" in outcome.refused[0][1]


def test_an_undo_is_for_who_did_it_and_for_an_hour(session: Session, ada: Racer, people: list[Racer]) -> None:
    other = make_racer(session, "olivia", role=Role.ADMIN)
    do(session, Action.PAUSE, people, ada)
    assert undoing.offer(session, "b" * 16, by=other, now=LATER) is None
    for batch, by in (("b" * 16, other), ("", ada), ("c" * 16, ada)):
        with pytest.raises(RuleBroken) as missing:
            undo(session, by, batch)
        assert missing.value.code == Code.MISSING
    late = NOON + undoing.GOOD_FOR + timedelta(seconds=1)
    assert undoing.offer(session, "b" * 16, by=ada, now=late) is None
    with pytest.raises(RuleBroken, match="more than an hour ago"):
        undoing.undo(session, "b" * 16, by=ada, now=late)
    assert states(session, people) == [PAUSED, PAUSED, ENDED]


def test_an_offer_names_the_first_and_counts_all(session: Session, ada: Racer) -> None:
    people = [make_racer(session, f"r{number:02}") for number in range(8)]
    do(session, Action.PAUSE, people, ada)
    offer = undoing.offer(session, "b" * 16, by=ada, now=LATER)
    assert offer is not None
    assert (offer.action, offer.count, names(offer.first)) == ("sponsorship.pause", 8, [f"r{n:02}" for n in range(5)])


def test_nothing_is_done_while_multi_user_mode_is_off(session: Session, ada: Racer, people: list[Racer]) -> None:
    limits.change(session, by=ada, now=NOON, multi_user_enabled=False)
    for action in Action:
        with pytest.raises(RuleBroken, match="switched off"):
            do(session, action, people, ada, wanted=Quotas(quota_ms=1))
    assert states(session, people) == [ACTIVE, PAUSED, ENDED]


def test_many_are_changed_in_a_few_statements(session: Session, ada: Racer) -> None:
    people = [make_racer(session, f"r{number:04}") for number in range(1200)]
    outcome = do(session, Action.PAUSE, people, ada)
    assert len(outcome.changed) == len(events(session, "sponsorship.pause")) == 1200
    assert len(undo(session, ada).changed) == 1200


def test_what_follows_is_said_before(session: Session, ada: Racer, people: list[Racer]) -> None:
    alice, bob, _carol = people
    make_training(session, make_model(session, alice), alice)
    make_model(session, bob, "other").stored_bytes = 2048
    session.flush()
    pause = racer_consequences.of(session, Action.PAUSE, people)
    assert (pause.reached, pause.same, pause.refused, pause.running, pause.queued) == (1, 1, 1, 0, 1)
    delete = racer_consequences.of(session, Action.DELETE_MODELS, people)
    assert (delete.models, delete.stored_bytes, delete.submissions) == (2, 2048, 0)
    now = racer_consequences.quotas_now(session, people)
    assert (now["quota_ms"].lowest, now["quota_ms"].highest) == (5 * HOUR_MS, 5 * HOUR_MS)
    assert quotas.accounts_of(session, [ada]).keys() == {ada.id}


def test_the_ledger_has_a_line_for_each_quota_and_none_for_a_sponsorship(
    session: Session, ada: Racer, people: list[Racer]
) -> None:
    lines = len(session.exec(select(LedgerEntry)).all())
    do(session, Action.PAUSE, people, ada)
    assert len(session.exec(select(LedgerEntry)).all()) == lines
