"""The administrator's table of racers: who is in it, searched, filtered, sorted, paged, with what they use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from portal.rules import limits, racer_list
from portal.rules.broken import Code, RuleBroken
from portal.rules.racer_list import Filter, State
from portal.tables import HOUR_MS, Account, Racer, Sponsorship
from tests.cast import NOON, make_racer
from tests.jobs.paddock_yard import make_model


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    """The statements that are sent while it is open."""
    sent: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", listen)
    yield sent
    event.remove(engine, "before_cursor_execute", listen)


def aliases(session: Session, search: str = "", state: State = State.ALL, sort: str = "alias") -> list[str | None]:
    return [row.racer.alias for row in racer_list.listed(session, Filter(search, state), sort=sort).rows]


def test_only_who_made_a_profile_is_listed(session: Session) -> None:
    make_racer(session, "alice")
    make_racer(session, None)
    assert aliases(session) == ["alice"]
    assert [row.racer.alias for row in racer_list.exported(session, Filter())] == ["alice"]


def test_search_finds_a_part_of_alias_name_or_email_and_takes_signs_literally(session: Session) -> None:
    for alias in ("alice", "alina", "bob"):
        make_racer(session, alias)
    zoe = make_racer(session, "zoe")
    zoe.name, zoe.email = "Zoë 100%", "zed@example.net"
    session.flush()
    assert aliases(session, "ALI") == ["alice", "alina"]
    assert aliases(session, "bob@") == ["bob"]
    assert aliases(session, "zed@") == ["zoe"]
    assert aliases(session, "100%") == ["zoe"]
    assert aliases(session, "%") == ["zoe"]
    assert aliases(session, "_") == []


def test_a_state_filters_and_every_state_is_counted_within_the_search(session: Session) -> None:
    for alias, state in (("ann", Sponsorship.ACTIVE), ("abe", Sponsorship.PAUSED), ("bob", Sponsorship.PAUSED)):
        make_racer(session, alias, sponsorship=state)
    make_racer(session, "carol", sponsorship=Sponsorship.ENDED)
    assert aliases(session, state=State.PAUSED) == ["abe", "bob"]
    assert aliases(session, "car", State.ENDED) == ["carol"]
    page = racer_list.listed(session, Filter("b", State.PAUSED))
    assert (page.total, page.counts) == (2, {"all": 2, "active": 0, "paused": 2, "ended": 0})


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("alias", "abc"),
        ("-alias", "cba"),
        ("-name", "cba"),
        ("email", "abc"),
        ("sponsorship", "bac"),
        ("used", "cba"),
        ("-held", "bac"),
        ("-quota", "cab"),
        ("models", "cab"),
        ("-storage", "bac"),
        ("-spent", "abc"),
        ("-seen", "bac"),
        ("nonsense", "abc"),
        ("-name; drop table racer", "cba"),
    ],
)
def test_the_table_is_sorted_by_every_column(session: Session, sort: str, expected: str) -> None:
    rows = (("b", 2, 5, 9, 3, 2), ("a", 3, 6, 8, 2, 1), ("c", 0, 7, 7, 1, 0))
    for alias, used, quota, seen, held, models in rows:
        racer = make_racer(session, alias, quota_ms=quota * HOUR_MS)
        racer.last_seen_at = NOON + timedelta(hours=seen)
        account = session.exec(select(Account).where(Account.racer_id == racer.id)).one()
        account.used_ms, account.reserved_ms, account.spent_microusd = used, held, used * 10
        for number in range(models):
            make_model(session, racer, f"m{number}").stored_bytes = 100
    session.flush()
    assert "".join(str(alias) for alias in aliases(session, sort=sort)) == expected


def test_a_row_tells_hours_models_and_storage_without_what_was_deleted(session: Session) -> None:
    alice = make_racer(session, "alice")
    for name, size, deleted in (("one", 100, None), ("two", 20, None), ("gone", 3, NOON)):
        model = make_model(session, alice, name)
        model.stored_bytes, model.deleted_at = size, deleted
    session.flush()
    (row,) = racer_list.listed(session).rows
    assert (row.models, row.maximum_models, row.models_at_once, row.stored_bytes) == (2, 50, 2, 120)
    assert row.balance.quota_ms == 5 * HOUR_MS


def test_pages_hold_fifty_and_a_page_too_far_is_the_last(session: Session) -> None:
    for number in range(racer_list.PAGE_SIZE + 3):
        make_racer(session, f"r{number:03}")
    far = racer_list.listed(session, page=99)
    assert (far.page, far.pages, far.total, len(far.rows)) == (2, 2, 53, 3)
    assert racer_list.listed(session, page=-5).page == 1


@pytest.mark.parametrize("sort", ["alias", "-storage"])
def test_as_many_queries_for_many_racers_as_for_one(session: Session, sort: str) -> None:
    numbers = []
    for count in (1, 40):
        for number in range(count):
            make_model(session, make_racer(session, f"r{count}-{number}"))
        session.expire_all()
        with counted(session) as sent:
            racer_list.listed(session, sort=sort)
        numbers.append(len(sent))
    assert numbers[0] == numbers[1] <= 4


def test_counts_and_sizes_of_models_are_read_from_their_index_alone(session: Session) -> None:
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("the plan of a small table says nothing elsewhere")
    compiled = racer_list.MODELS.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    assert "COVERING INDEX ix_model_in_garage" in str(plan)


def test_while_multi_user_mode_is_off_nobody_is_listed_and_it_says_so(session: Session) -> None:
    make_racer(session, "alice")
    limits.change(session, by=None, now=NOON, multi_user_enabled=False)
    page = racer_list.listed(session)
    assert (page.rows, page.total, page.is_off) == ([], 0, True)
    assert list(racer_list.exported(session, Filter())) == []
    limits.change(session, by=None, now=NOON, multi_user_enabled=True)
    assert aliases(session) == ["alice"]


def test_who_is_chosen_must_be_there_with_a_profile(session: Session) -> None:
    bob, alice, invited = (make_racer(session, alias) for alias in ("bob", "alice", None))
    found = racer_list.chosen(session, [bob.public_id, alice.public_id, bob.public_id])
    assert [racer.alias for racer in found] == ["alice", "bob"]
    for ids in ([alice.public_id, "0000000000000000"], [invited.public_id]):
        with pytest.raises(RuleBroken) as missing:
            racer_list.chosen(session, ids)
        assert missing.value.code == Code.MISSING
    with pytest.raises(RuleBroken, match="Nobody is selected"):
        racer_list.chosen(session, [])


def test_all_that_match_are_the_same_people_as_in_the_list(session: Session) -> None:
    for number in range(racer_list.PAGE_SIZE + 5):
        make_racer(session, f"r{number:03}", sponsorship=Sponsorship.PAUSED if number % 2 else Sponsorship.ACTIVE)
    found = racer_list.matching(session, Filter("r", State.PAUSED))
    assert len(found) == racer_list.listed(session, Filter("r", State.PAUSED)).total == 27
    with pytest.raises(RuleBroken, match="Nobody matches"):
        racer_list.matching(session, Filter("zzz"))


def test_a_fingerprint_is_of_the_people_not_of_their_order(session: Session) -> None:
    people: list[Racer] = [make_racer(session, alias) for alias in ("a", "b", "c")]
    assert racer_list.fingerprint(people) == racer_list.fingerprint(people[::-1])
    assert racer_list.fingerprint(people) != racer_list.fingerprint(people[:2])
