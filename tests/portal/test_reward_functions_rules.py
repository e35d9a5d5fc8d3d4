"""Versions of reward functions: kept, compared, never changed."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from portal.rules import reward_functions
from portal.rules.broken import Code, RuleBroken
from tests.cast import NOON, make_racer
from tests.portal.garage_cast import make_model, make_training

pytestmark = pytest.mark.both_databases

ONE = "def reward_function(params):\n    return 1.0\n"
TWO = "def reward_function(params):\n    return 2.0\n"


def test_saving_makes_a_new_version_and_keeps_the_old_ones(session: Session) -> None:
    alice = make_racer(session)
    model = make_model(session, alice, code=ONE)
    reward_functions.save(session, model, code=TWO, by=alice, now=NOON)
    assert [(row.version, row.code) for row in reward_functions.versions(session, model)] == [(2, TWO), (1, ONE)]
    assert reward_functions.current(session, model).code == TWO
    assert reward_functions.get(session, model, 1).code == ONE


def test_saving_what_is_there_already_makes_no_version(session: Session) -> None:
    alice = make_racer(session)
    model = make_model(session, alice, code=ONE)
    assert reward_functions.save(session, model, code=ONE.replace("\n", "\r\n"), by=alice, now=NOON).version == 1


def test_a_training_goes_on_with_the_version_that_it_began_with(session: Session) -> None:
    alice = make_racer(session)
    model = make_model(session, alice, code=ONE)
    run = make_training(session, model, alice)
    reward_functions.save(session, model, code=TWO, by=alice, now=NOON)
    assert reward_functions.of_run(session, run.reward_function_id).code == ONE


@pytest.mark.parametrize("code", ["", " \n ", "x = 1\0", "#" * (64 * 1024 + 1)], ids=["empty", "blank", "nul", "long"])
def test_code_that_can_be_no_function_is_refused(session: Session, code: str) -> None:
    alice = make_racer(session)
    model = make_model(session, alice)
    with pytest.raises(RuleBroken) as refused:
        reward_functions.save(session, model, code=code, by=alice, now=NOON)
    assert (refused.value.code, refused.value.field) == (Code.INVALID, "code")


def test_a_version_that_is_not_there_is_missing(session: Session) -> None:
    model = make_model(session, make_racer(session))
    with pytest.raises(RuleBroken) as refused:
        reward_functions.get(session, model, 2)
    assert refused.value.code is Code.MISSING


def test_a_comparison_numbers_lines_of_both_versions() -> None:
    before = "\n".join(f"line {number}" for number in range(1, 13))
    after = before.replace("line 6\n", "line six\nand a half\n")
    lines = [(line.kind, line.older, line.newer) for line in reward_functions.compare(before, after)]
    assert lines == [
        ("gap", None, None),
        ("same", 3, 3),
        ("same", 4, 4),
        ("same", 5, 5),
        ("removed", 6, None),
        ("added", None, 6),
        ("added", None, 7),
        ("same", 7, 8),
        ("same", 8, 9),
        ("same", 9, 10),
    ]
    assert reward_functions.compare(before, before) == []


def test_a_change_in_the_middle_of_many_equal_lines_is_found() -> None:
    many = ["x"] * 10_000
    older = [*many, "a", "b", "c", "old", "d", "e", "f", *many]
    newer = [*many, "a", "b", "c", "new", "d", "e", "f", *many]
    compared = reward_functions.compare("\n".join(older), "\n".join(newer))
    assert [(line.kind, line.older, line.newer, line.text) for line in compared] == [
        ("gap", None, None, ""),
        *(("same", 10_001 + at, 10_001 + at, text) for at, text in enumerate("abc")),
        ("removed", 10_004, None, "old"),
        ("added", None, 10_004, "new"),
        *(("same", 10_005 + at, 10_005 + at, text) for at, text in enumerate("def")),
    ]


def test_texts_that_differ_too_much_to_be_searched_are_all_change() -> None:
    older, newer = ["top", *["x", "y"] * 10_000, "end"], ["top", *["y", "x"] * 10_000, "end"]
    compared = reward_functions.compare("\n".join(older), "\n".join(newer))
    kinds = [line.kind for line in compared]
    assert (kinds.count("removed"), kinds.count("added")) == (20_000, 20_000)
    assert (compared[0], compared[-1]) == (
        reward_functions.DiffLine("same", 1, 1, "top"),
        reward_functions.DiffLine("same", 20_002, 20_002, "end"),
    )
