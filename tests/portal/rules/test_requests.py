"""Requests of racers and what administrators decide: once, race-free, audited, undone where nothing was used."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session, select

from portal.database import write_session
from portal.rules import ledger, limits, request_decisions, request_list, requests
from portal.rules.broken import Code, RuleBroken
from portal.tables import (
    HOUR_MS,
    Account,
    AuditEvent,
    JobKind,
    Racer,
    RacerRequest,
    RequestKind,
    RequestState,
    Role,
    Sponsorship,
)
from tests.cast import NOON, make_racer
from tests.overlap import Step, overlap
from tests.portal.garage_cast import make_model


@pytest.fixture
def alice(session: Session) -> Racer:
    return make_racer(session, "alice")


@pytest.fixture
def ada(session: Session) -> Racer:
    return make_racer(session, "ada", role=Role.ADMIN)


def ask(
    session: Session, racer: Racer, amount: int = 2 * HOUR_MS, kind: RequestKind = RequestKind.HOURS
) -> RacerRequest:
    return requests.ask(session, kind, amount, by=racer, reason="for the final", now=NOON).request


def account(session: Session, racer: Racer) -> Account:
    session.flush()
    return session.exec(
        select(Account).where(Account.racer_id == racer.id).execution_options(populate_existing=True)
    ).one()


def events(session: Session) -> list[str]:
    return list(session.exec(select(AuditEvent.action).order_by(AuditEvent.id)))  # type: ignore[arg-type]


def refused(code: Code, part: str) -> pytest.RaisesExc[RuleBroken]:
    return pytest.RaisesExc(RuleBroken, match=part, check=lambda error: error.code is code)


def test_a_racer_asks_and_it_is_written_down(session: Session, alice: Racer) -> None:
    made, is_new = requests.ask(session, RequestKind.HOURS, HOUR_MS, by=alice, reason="a longer track", now=NOON)
    assert (is_new, made.state, made.amount, made.reason) == (True, "open", HOUR_MS, "a longer track")
    line = session.exec(select(AuditEvent)).one()
    assert (line.action, line.subject, line.by_racer_id) == ("request.open", f"request:{made.public_id}", alice.id)
    assert line.after == {"kind": "hours", "asked_ms": HOUR_MS}


def test_asking_again_changes_the_open_request_of_that_kind(session: Session, alice: Racer) -> None:
    first = ask(session, alice)
    again = requests.ask(session, RequestKind.HOURS, HOUR_MS, by=alice, reason="less will do", now=NOON)
    other = ask(session, alice, 3, RequestKind.MODELS)
    assert (again.is_new, again.request.public_id, first.amount) == (False, first.public_id, HOUR_MS)
    assert other.public_id != first.public_id
    assert events(session) == ["request.open", "request.edit", "request.open"]
    ask(session, alice, 3, RequestKind.MODELS)
    assert events(session)[3:] == [], "the same words once more are no change"


@pytest.mark.parametrize(
    ("kind", "amount", "reason", "field"),
    [
        (RequestKind.HOURS, 0, "x", "amount"),
        (RequestKind.HOURS, 1001 * HOUR_MS, "x", "amount"),
        (RequestKind.MODELS, -1, "x", "amount"),
        (RequestKind.MODELS, 1, "  ", "reason"),
        (RequestKind.MODELS, 1, "x" * 1001, "reason"),
    ],
)
def test_a_request_without_sense_is_refused_at_its_field(
    session: Session, alice: Racer, kind: RequestKind, amount: int, reason: str, field: str
) -> None:
    with pytest.raises(RuleBroken) as refusal:
        requests.ask(session, kind, amount, by=alice, reason=reason, now=NOON)
    assert (refusal.value.code, refusal.value.field) == (Code.INVALID, field)


def test_a_paused_racer_may_ask_and_a_shut_out_one_may_not(session: Session, ada: Racer) -> None:
    bob = make_racer(session, "bob", sponsorship=Sponsorship.PAUSED)
    assert ask(session, bob).state == "open"
    limits.change(session, by=ada, now=NOON, multi_user_enabled=False)
    with refused(Code.FORBIDDEN, "switched off"):
        ask(session, bob, 2, RequestKind.MODELS)
    assert ask(session, ada).state == "open", "an administrator goes on alone"


def test_approving_hours_raises_the_quota_in_the_same_transaction(session: Session, alice: Racer, ada: Racer) -> None:
    asked = ask(session, alice)
    request_decisions.approve(session, asked, HOUR_MS, by=ada, now=NOON, answer="one will do")
    assert (asked.state, asked.granted, asked.answer, asked.decided_by_id) == (
        "approved",
        HOUR_MS,
        "one will do",
        ada.id,
    )
    assert account(session, alice).quota_ms == 6 * HOUR_MS
    line = ledger.statement(session, alice)[0]
    assert (line.kind, line.quota_ms, line.by_racer_id) == ("adjust", HOUR_MS, ada.id)
    assert events(session) == ["request.open", "request.approve", "quota.set"]


def test_approving_models_raises_how_many_a_racer_may_have(session: Session, alice: Racer, ada: Racer) -> None:
    before = account(session, alice).maximum_models
    asked = ask(session, alice, 5, RequestKind.MODELS)
    request_decisions.approve(session, asked, 7, by=ada, now=NOON)
    assert account(session, alice).maximum_models == before + 7
    line = session.exec(select(AuditEvent).where(AuditEvent.action == "quota.set")).one()
    assert (line.before, line.after) == ({"maximum_models": before}, {"maximum_models": before + 7})


def test_a_workshop_is_approved_without_touching_a_quota(session: Session, alice: Racer, ada: Racer) -> None:
    details = {"date": "2027-03-15", "where": "online", "people": "12", "contact": "alice"}
    asked = requests.ask(
        session, RequestKind.WORKSHOP, 0, by=alice, reason="a first hour", details=details, now=NOON
    ).request
    request_decisions.approve(session, asked, 0, by=ada, now=NOON, answer="gladly")
    assert (asked.state, asked.granted, asked.details) == ("approved", None, details)
    assert account(session, alice).quota_ms == 5 * HOUR_MS
    request_decisions.undo(session, asked, by=ada, now=NOON)
    assert (asked.state, asked.details) == ("open", details)


def test_of_two_administrators_one_decides_and_the_other_is_told_who(
    session: Session, alice: Racer, ada: Racer
) -> None:
    olga = make_racer(session, "olga", role=Role.ADMIN)
    asked = ask(session, alice)
    request_decisions.approve(session, asked, HOUR_MS, by=ada, now=NOON)
    for again in (
        lambda: request_decisions.approve(session, asked, HOUR_MS, by=olga, now=NOON),
        lambda: request_decisions.decline(session, asked, by=olga, now=NOON, answer="no"),
    ):
        with refused(Code.CONFLICT, "ada approved it already"):
            again()
    assert account(session, alice).quota_ms == 6 * HOUR_MS
    assert asked.answer == ""


def test_declining_needs_an_answer_and_changes_no_quota(session: Session, alice: Racer, ada: Racer) -> None:
    asked = ask(session, alice)
    with refused(Code.INVALID, "Say why"):
        request_decisions.decline(session, asked, by=ada, now=NOON, answer=" ")
    request_decisions.decline(session, asked, by=ada, now=NOON, answer="next month")
    assert (asked.state, asked.granted) == ("declined", None)
    assert account(session, alice).quota_ms == 5 * HOUR_MS


def test_several_are_decided_at_once_and_one_that_is_gone_holds_up_nobody(
    session: Session, alice: Racer, ada: Racer
) -> None:
    bob = make_racer(session, "bob")
    first, second = ask(session, alice), ask(session, bob)
    requests.withdraw(session, second.public_id, by=bob, now=NOON)
    amounts = {first.public_id: HOUR_MS, second.public_id: HOUR_MS}
    outcome = request_decisions.approve_all(session, amounts, by=ada, now=NOON)
    assert outcome.changed == [first]
    assert [(row.public_id, "withdrew" in message) for row, message in outcome.refused] == [(second.public_id, True)]
    assert account(session, bob).quota_ms == 5 * HOUR_MS


def test_a_wrong_amount_or_an_unknown_request_decides_nothing(session: Session, alice: Racer, ada: Racer) -> None:
    asked = ask(session, alice)
    with refused(Code.INVALID, "more than nothing and at most 10000 hours"):
        request_decisions.approve_all(session, {asked.public_id: 0}, by=ada, now=NOON)
    with refused(Code.MISSING, "not there"):
        request_decisions.approve_all(session, {asked.public_id: 1, "nowhere": 1}, by=ada, now=NOON)
    with refused(Code.INVALID, "Nothing is selected"):
        request_decisions.decline_all(session, [], by=ada, now=NOON, answer="no")
    assert asked.state == "open"


@pytest.mark.parametrize("kind", [RequestKind.HOURS, RequestKind.MODELS])
def test_an_unused_grant_is_undone_and_everything_is_as_before(
    session: Session, alice: Racer, ada: Racer, kind: RequestKind
) -> None:
    before = account(session, alice).model_dump()
    asked = ask(session, alice, 2, kind)
    request_decisions.approve(session, asked, 2, by=ada, now=NOON, answer="yes")
    request_decisions.undo(session, asked, by=ada, now=NOON)
    assert (asked.state, asked.granted, asked.decided_at, asked.answer) == ("open", None, None, "")
    assert account(session, alice).model_dump() == before
    assert ledger.recompute(session, account(session, alice)).quota_ms == 0, "what the ledger gave it took back"
    request_decisions.undo(session, asked, by=ada, now=NOON)
    assert events(session).count("request.undo") == 1
    request_decisions.approve(session, asked, 1, by=ada, now=NOON)
    assert asked.state == "approved"


def test_hours_that_are_held_or_used_already_cannot_be_taken_back(session: Session, alice: Racer, ada: Racer) -> None:
    asked = ask(session, alice)
    request_decisions.approve(session, asked, 2 * HOUR_MS, by=ada, now=NOON)
    ledger.reserve(session, account(session, alice), JobKind.TRAINING, 1, 5 * HOUR_MS + 1, now=NOON)
    with refused(Code.CONFLICT, "used or held"):
        request_decisions.undo(session, asked, by=ada, now=NOON)
    assert account(session, alice).quota_ms == 7 * HOUR_MS
    ledger.release(session, JobKind.TRAINING, 1, now=NOON)
    request_decisions.undo(session, asked, by=ada, now=NOON)
    assert account(session, alice).quota_ms == 5 * HOUR_MS


def test_models_that_were_made_already_cannot_be_taken_back(session: Session, alice: Racer, ada: Racer) -> None:
    account(session, alice).maximum_models = 1
    make_model(session, alice, "One")
    asked = ask(session, alice, 1, RequestKind.MODELS)
    request_decisions.approve(session, asked, 1, by=ada, now=NOON)
    make_model(session, alice, "Two")
    with refused(Code.CONFLICT, "used or held"):
        request_decisions.undo(session, asked, by=ada, now=NOON)


def test_after_another_change_or_another_request_undo_says_what_to_do_instead(
    session: Session, alice: Racer, ada: Racer
) -> None:
    asked = ask(session, alice)
    request_decisions.approve(session, asked, HOUR_MS, by=ada, now=NOON)
    ledger.set_quota(session, alice, 9 * HOUR_MS, by=ada, now=NOON)
    with refused(Code.CONFLICT, "changed since"):
        request_decisions.undo(session, asked, by=ada, now=NOON)
    more = ask(session, alice, 1, RequestKind.MODELS)
    request_decisions.decline(session, more, by=ada, now=NOON, answer="no")
    ask(session, alice, 2, RequestKind.MODELS)
    with refused(Code.CONFLICT, "asked again"):
        request_decisions.undo(session, more, by=ada, now=NOON)


def test_a_racer_withdraws_an_open_request_and_takes_that_back(session: Session, alice: Racer, ada: Racer) -> None:
    asked = ask(session, alice)
    for _ in range(2):
        assert requests.withdraw(session, asked.public_id, by=alice, now=NOON).state == "withdrawn"
        session.flush()
    with refused(Code.CONFLICT, "withdrew"):
        request_decisions.approve(session, asked, HOUR_MS, by=ada, now=NOON)
    assert requests.restore(session, asked.public_id, by=alice, now=NOON).state == "open"
    request_decisions.decline(session, asked, by=ada, now=NOON, answer="no")
    for change in (requests.withdraw, requests.restore):
        with refused(Code.CONFLICT, "decided"):
            change(session, asked.public_id, by=alice, now=NOON)
    assert events(session).count("request.withdraw") == 1


def test_a_withdrawn_request_stays_so_where_the_racer_has_asked_again(session: Session, alice: Racer) -> None:
    asked = ask(session, alice)
    requests.withdraw(session, asked.public_id, by=alice, now=NOON)
    ask(session, alice)
    with refused(Code.CONFLICT, "asked again"):
        requests.restore(session, asked.public_id, by=alice, now=NOON)


def test_another_racers_request_does_not_exist(session: Session, alice: Racer) -> None:
    asked = ask(session, alice)
    bob = make_racer(session, "bob")
    for change in (requests.withdraw, requests.restore, requests.put_away):
        with refused(Code.MISSING, "no such request"):
            change(session, asked.public_id, by=bob, now=NOON)
    assert asked.state == "open"


def test_a_decision_is_unread_until_it_is_put_away(session: Session, alice: Racer, ada: Racer) -> None:
    asked = ask(session, alice)
    assert requests.unread(session, alice) == []
    requests.put_away(session, asked.public_id, by=alice, now=NOON)
    request_decisions.approve(session, asked, HOUR_MS, by=ada, now=NOON)
    assert requests.unread(session, alice) == [asked]
    for hours in (1, 2):
        requests.put_away(session, asked.public_id, by=alice, now=NOON + timedelta(hours=hours))
    assert asked.seen_at == NOON + timedelta(hours=1)
    assert requests.unread(session, alice) == []


def test_the_open_ones_come_first_the_longest_waiting_on_top(session: Session, ada: Racer) -> None:
    people = [make_racer(session, name) for name in ("alice", "bob", "carol", "dan")]
    made = []
    for hours, racer in enumerate(people):
        asked = requests.ask(
            session, RequestKind.HOURS, HOUR_MS, by=racer, reason=f"reason {hours}", now=NOON + timedelta(hours=hours)
        )
        made.append(asked.request)
    request_decisions.decline(session, made[0], by=ada, now=NOON + timedelta(days=1), answer="no")
    request_decisions.approve(session, made[1], HOUR_MS, by=ada, now=NOON + timedelta(days=2))

    def found(**filters: object) -> list[str | None]:
        return [row.racer.alias for row in request_list.listed(session, **filters).rows]  # type: ignore[arg-type]

    assert found() == ["carol", "dan", "bob", "alice"]
    assert found(state=RequestState.OPEN) == ["carol", "dan"]
    assert found(kind=RequestKind.MODELS) == []
    assert found(search="REASON 3") == ["dan"]
    assert found(search="bob@") == ["bob"]
    assert found(search="%") == []
    assert request_list.count_open(session) == 2
    row = request_list.listed(session, search="bob").rows[0]
    assert (row.balance.quota_ms, row.models, row.no_undo, row.decided_by) == (6 * HOUR_MS, 0, "", ada)


def queries_of_a_page(session: Session) -> int:
    statements: list[object] = []

    def listen(_connection: object, _cursor: object, statement: object, *_rest: object) -> None:
        statements.append(statement)

    event.listen(session.get_bind(), "before_cursor_execute", listen)
    request_list.listed(session)
    event.remove(session.get_bind(), "before_cursor_execute", listen)
    return len(statements)


def test_a_page_takes_the_same_number_of_queries_however_many_requests(session: Session) -> None:
    counts = set()
    for size in (1, 30):
        for number in range(size):
            ask(session, make_racer(session, f"r{size}-{number}"))
        session.flush()
        counts.add(queries_of_a_page(session))
    assert len(counts) == 1


@pytest.mark.parametrize("other", ["approve", "decline", "withdraw", "undo and approve"])
def test_at_the_same_moment_exactly_one_wins(engine: Engine, other: str) -> None:
    with write_session(engine) as session:
        alice, ada, olga = (make_racer(session, name) for name in ("alice", "ada", "olga"))
        asked = ask(session, alice).public_id

    def first(session: Session) -> None:
        row = requests.get_own(session, alice, asked)
        request_decisions.approve(session, row, HOUR_MS, by=ada, now=NOON)
        if other.startswith("undo"):
            request_decisions.undo(session, row, by=ada, now=NOON)

    def second(session: Session) -> None:
        row = requests.get_own(session, alice, asked)
        if other == "decline":
            request_decisions.decline(session, row, by=olga, now=NOON, answer="no")
        elif other == "withdraw":
            requests.withdraw(session, asked, by=alice, now=NOON)
        else:
            request_decisions.approve(session, row, 2 * HOUR_MS, by=olga, now=NOON)

    _, told = overlap(engine, first, second)
    with write_session(engine) as session:
        row = requests.get_own(session, alice, asked)
        given = 2 * HOUR_MS if other.startswith("undo") else HOUR_MS
        assert (row.state, row.granted) == ("approved", given)
        assert account(session, alice).quota_ms == 5 * HOUR_MS + given
        assert ledger.recompute(session, account(session, alice)).quota_ms == given
    assert isinstance(told, RuleBroken) != other.startswith("undo")


def test_asking_twice_at_the_same_moment_leaves_one_open_request(engine: Engine) -> None:
    with write_session(engine) as session:
        alice = make_racer(session, "alice")

    def asks(amount: int) -> Step:
        return lambda session: (
            requests.ask(session, RequestKind.MODELS, amount, by=alice, reason="more", now=NOON).is_new
        )

    assert overlap(engine, asks(1), asks(2)) == (True, False)


def test_two_raises_of_one_quota_at_the_same_moment_both_count(engine: Engine) -> None:
    with write_session(engine) as session:
        alice = make_racer(session, "alice")

    def raise_it(session: Session) -> int:
        return ledger.raise_quota(session, alice, HOUR_MS, by=None, now=NOON, reason="")

    assert overlap(engine, raise_it, raise_it) == (5 * HOUR_MS, 6 * HOUR_MS)
    with write_session(engine) as session:
        assert account(session, alice).quota_ms == 7 * HOUR_MS
