"""Messages and answers, as a hostile process might write them."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.sandbox.answers import failure_of_status, read_answer
from jobs.sandbox.protocol import Header, Layout, clean_text

PROBLEM = {"kind": "runtime", "message": "KeyError: 'x'", "line": 3, "row": 5, "count": 2}
GOOD: dict[str, Any] = {"failed": 2, "problems": [PROBLEM], "log": "hello\n"}


def test_a_header_is_sixteen_bytes_and_comes_back() -> None:
    header = Header(7, 4096, 123)
    assert len(header.packed()) == 16
    assert Header.unpacked(header.packed()) == header
    with pytest.raises(ValueError, match="not a message"):
        Header.unpacked(b"\0" * 16)


def test_the_parts_of_the_shared_memory_do_not_overlap() -> None:
    layout = Layout(100, 19)
    assert layout.states.stop == layout.rewards.start == 100 * 19 * 8
    assert layout.rewards.stop == layout.cars.start
    assert layout.cars.stop == layout.total_bytes


def test_a_sound_answer_is_read() -> None:
    answer = read_answer(GOOD, 10)
    assert (answer.failed, answer.log) == (2, "hello\n")
    assert answer.failures[0].message == "KeyError: 'x'"
    assert (answer.failures[0].line, answer.failures[0].row, answer.failures[0].count) == (3, 5, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"failed": -1},
        {"failed": 11},
        {"failed": True},
        {"failed": 0},
        {"problems": []},
        {"problems": None},
        {"problems": [PROBLEM] * 9},
        {"problems": ["x"]},
        {"problems": [PROBLEM | {"kind": "<b>"}]},
        {"problems": [PROBLEM | {"kind": ["runtime"]}]},
        {"problems": [PROBLEM | {"message": 3}]},
        {"log": 5},
        {"log": None},
    ],
)
def test_an_unsound_answer_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"answer|problem"):
        read_answer(GOOD | change, 10)


@pytest.mark.parametrize("field", ["line", "row", "count"])
@pytest.mark.parametrize("value", [-5, 2**70, "3", 1.5, None, True])
def test_numbers_out_of_bounds_are_dropped(field: str, value: object) -> None:
    failure = read_answer(GOOD | {"problems": [PROBLEM | {field: value}]}, 10).failures[0]
    assert getattr(failure, field) == (1 if field == "count" else None)


def test_text_is_stripped_of_control_characters_and_cut() -> None:
    assert clean_text("a\x1b[31mb\0\r\n\tc\u202e\ud800", 100) == "a[31mb\n\tc"
    assert clean_text("x" * 1000, 10) == "x" * 10


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (-11, "runtime", "SIGSEGV"),
        (-31, "runtime", "SIGSYS: it tried what is not allowed here"),
        (-9, "memory", "SIGKILL"),
        (-63, "runtime", "signal 63"),
        (0, "runtime", "exit code 0"),
        (86, "memory", "more memory"),
    ],
)
def test_the_end_of_the_process_is_explained(status: int, kind: str, text: str) -> None:
    failure = failure_of_status(status, None)
    assert failure.kind == kind
    assert text in failure.message
