"""The administrator's list of models: what it finds, in which order, and with how many queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session

from portal.rules import model_deletion, model_list, models, sponsorship
from portal.rules.broken import Code, RuleBroken
from portal.rules.model_list import Filter, ListedState
from portal.settings import Settings
from portal.tables import JobState, Model, Racer
from tests.cast import NOON, make_racer
from tests.portal.garage_cast import end, make_evaluation, make_model, make_training, ready_model


@pytest.fixture
def alice(session: Session) -> Racer:
    return make_racer(session, "alice")


def names(session: Session, wanted: Filter = Filter(), sort: str = "name") -> list[str]:  # noqa: B008  frozen
    return [row.model.name for row in model_list.listed(session, wanted, now=NOON, sort=sort).rows]


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


def test_it_lists_everybodys_models_of_paused_and_ended_racers_too(session: Session, alice: Racer) -> None:
    bob, carol = make_racer(session, "bob"), make_racer(session, "carol")
    for racer, name in ((alice, "A"), (bob, "B"), (carol, "C")):
        make_model(session, racer, name)
    sponsorship.pause(session, bob, by=None, now=NOON)
    sponsorship.end(session, carol, by=None, now=NOON)
    assert names(session) == ["A", "B", "C"]


def test_search_finds_a_part_of_model_owner_or_track_and_takes_signs_literally(session: Session, alice: Racer) -> None:
    make_model(session, alice, "Swift 100%")
    make_model(session, make_racer(session, "bob"), "Slow")
    assert names(session, Filter(search="SWI")) == ["Swift 100%"]
    assert names(session, Filter(search="bob@")) == ["Slow"]
    assert names(session, Filter(search="paddock-ov")) == ["Slow", "Swift 100%"]
    assert names(session, Filter(search="%")) == ["Swift 100%"]
    assert names(session, Filter(search="_")) == []


def test_one_owners_models_alone(session: Session, alice: Racer) -> None:
    make_model(session, alice, "Hers")
    make_model(session, make_racer(session, "bob"), "His")
    assert names(session, Filter(owner=alice.public_id)) == ["Hers"]
    assert names(session, Filter(owner="nobody")) == []


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["a", "B", "c"]),
        ("-name", ["c", "B", "a"]),
        ("owner", ["c", "B", "a"]),
        ("size", ["B", "a", "c"]),
        ("-size", ["c", "a", "B"]),
        ("-hours", ["B", "c", "a"]),
        ("-used", ["a", "c", "B"]),
        ("used", ["c", "a", "B"]),
        ("track", ["c", "B", "a"]),
        ("-made", ["B", "a", "c"]),
        ("nonsense; drop table model", ["a", "c", "B"]),
    ],
)
def test_it_is_sorted_by_every_column_with_the_empty_ones_last(
    session: Session, sort: str, expected: list[str]
) -> None:
    facts = {"a": ("zoe", 5, 1, 9, "x", 2), "B": ("max", 1, 3, None, "m", 3), "c": ("ann", 9, 2, 8, "b", 1)}
    for name, (alias, size, hours, used, track, made) in facts.items():
        model = make_model(session, make_racer(session, alias), name)
        model.stored_bytes, model.used_ms, model.track = size, hours, track
        model.last_used_at = NOON + timedelta(hours=used) if used else None
        model.created_at = NOON + timedelta(hours=made)
    session.flush()
    assert names(session, sort=sort) == expected


def test_large_and_unused_ones(session: Session, alice: Racer) -> None:
    large, old, young, used = (make_model(session, alice, name) for name in ("Large", "Old", "Young", "Used"))
    large.stored_bytes = model_list.LARGE_BYTES
    old.created_at = NOON - model_list.UNUSED_FOR - timedelta(seconds=1)
    used.created_at, used.last_used_at = old.created_at, NOON
    young.created_at = NOON
    session.flush()
    assert names(session, Filter(use="large")) == ["Large"]
    assert names(session, Filter(use="unused")) == ["Old"]


def test_deleted_models_are_listed_where_they_are_asked_for(session: Session, alice: Racer) -> None:
    there, deleted, gone = (make_model(session, alice, name) for name in ("There", "Deleted", "Gone"))
    for model in (deleted, gone):
        model_deletion.delete(session, model, by=alice, now=NOON)
    model_deletion.for_good(session, gone, by=None, now=NOON)
    assert names(session) == [there.name]
    assert names(session, Filter(state="deleted")) == ["Deleted"]
    assert names(session, Filter(state="gone")) == ["Gone"]
    assert [model.name for model in model_list.brought_back(session, [deleted.public_id, gone.public_id])] == [
        "Deleted"
    ]


Step = Callable[[Session, Settings, Model, Racer], object]


def running(session: Session, _settings: Settings, model: Model, racer: Racer) -> None:
    make_training(session, model, racer).state = JobState.RUNNING


def stopping(session: Session, _settings: Settings, model: Model, racer: Racer) -> None:
    run = make_training(session, model, racer)
    run.state, run.stop_requested_at = JobState.RUNNING, NOON


def ended(state: JobState, artefact: str | None = None) -> Step:
    def step(session: Session, _settings: Settings, model: Model, racer: Racer) -> None:
        run = make_training(session, model, racer)
        run.artefact = artefact
        end(session, run, state)

    return step


def evaluating(session: Session, settings: Settings, model: Model, racer: Racer) -> None:
    ended(JobState.COMPLETED, "training-x/1-a")(session, settings, model, racer)
    make_evaluation(session, model, racer)


def again(first: Step, second: Step) -> Step:
    def step(session: Session, settings: Settings, model: Model, racer: Racer) -> None:
        first(session, settings, model, racer)
        second(session, settings, model, racer)

    return step


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (lambda *_arguments: None, ListedState.NEW),
        (lambda session, _settings, model, racer: make_training(session, model, racer), ListedState.QUEUED),
        (running, ListedState.TRAINING),
        (stopping, ListedState.STOPPING),
        (evaluating, ListedState.EVALUATING),
        (ended(JobState.COMPLETED, "training-x/1-a"), ListedState.READY),
        (ended(JobState.STOPPED), ListedState.NEW),
        (again(ended(JobState.COMPLETED, "training-x/1-a"), ended(JobState.STOPPED)), ListedState.READY),
        (ended(JobState.FAILED), ListedState.FAILED),
        (ended(JobState.REFUSED), ListedState.REFUSED),
        (again(evaluating, ended(JobState.FAILED)), ListedState.EVALUATING),
    ],
)
def test_a_state_is_the_one_that_the_racer_sees_and_can_be_filtered_and_sorted_by(
    session: Session, settings: Settings, alice: Racer, step: Step, expected: ListedState
) -> None:
    model = make_model(session, alice)
    step(session, settings, model, alice)
    session.flush()
    other = make_model(session, make_racer(session, "bob"), "Other")
    other.deleted_at = NOON
    session.flush()
    (row,) = model_list.listed(session, Filter(), now=NOON, sort="-state").rows
    assert row.state == expected == models.state_of(session, model).state.value
    assert names(session, Filter(state=expected.value)) == ["First"]
    for wrong in set(ListedState) - {expected, ListedState.DELETED}:
        assert names(session, Filter(state=wrong.value)) == [], wrong


def test_pages_hold_fifty_and_count_and_sum_all(session: Session, alice: Racer) -> None:
    for number in range(model_list.PAGE_SIZE + 3):
        session.add(copied(make_model(session, alice, "First") if not number else None, alice, number))
    session.flush()
    page = model_list.listed(session, Filter(), now=NOON, sort="name", page=99)
    assert (page.page, page.pages, page.total, len(page.rows)) == (2, 2, 54, 4)
    assert page.stored_bytes == sum(range(model_list.PAGE_SIZE + 3))


def copied(_first: Model | None, racer: Racer, number: int) -> Model:
    return Model(
        racer_id=racer.id or 0,
        name=f"Model {number:03}",
        car_name="car",
        car_metadata={},
        track="kidney",
        direction="clockwise",
        hyperparameters={},
        training_limit_ms=60_000,
        stored_bytes=number,
        created_at=NOON,
    )


@pytest.mark.parametrize("sort", ["name", "state"])
def test_however_many_there_are_a_page_takes_the_same_queries(engine: Engine, session: Session, sort: str) -> None:
    racers = [make_racer(session, f"r{number}") for number in range(3)]
    numbers = []
    for size in (1, 150):
        session.add_all(copied(None, racers[number % 3], number) for number in range(size))
        session.flush()
        with counted(engine) as said:
            model_list.listed(session, Filter(search="model"), now=NOON, sort=sort)
        numbers.append(len(said))
    assert numbers == [3, 3]


def test_what_is_chosen_must_be_there(session: Session, alice: Racer) -> None:
    model = make_model(session, alice)
    assert [row.model for row in model_list.chosen(session, [model.public_id, model.public_id])] == [model]
    for ids, code in (([], Code.INVALID), ([model.public_id, "nothing"], Code.MISSING), (["x"] * 9, Code.MISSING)):
        with pytest.raises(RuleBroken) as refused:
            model_list.chosen(session, ids)
        assert refused.value.code is code
    with pytest.raises(RuleBroken, match="At most"):
        model_list.chosen(session, [str(number) for number in range(model_list.MOST_CHOSEN + 1)])


def test_the_export_has_all_in_the_same_order(session: Session, settings: Settings, alice: Racer) -> None:
    ready_model(session, settings, alice, "Ready")
    session.add_all(copied(None, alice, number) for number in range(60))
    session.flush()
    found = [(row.model.name, row.state) for row in model_list.everything(session, Filter(), now=NOON, sort="-name")]
    assert len(found) == 61
    assert found[0] == ("Ready", ListedState.READY)
    assert found[-1] == ("Model 000", ListedState.NEW)
