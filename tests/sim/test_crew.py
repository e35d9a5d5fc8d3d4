"""A crew does its jobs side by side and gives what they gave, in their order."""

from __future__ import annotations

import threading

import pytest
import torch

from sim.learning.crew import Crew, threads_here


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_jobs_give_comes_in_their_order(threads: int) -> None:
    with Crew(threads) as crew:
        assert crew.share([lambda number=number: number * number for number in range(7)]) == [
            number * number for number in range(7)
        ]
        assert crew.share([]) == []


def test_two_jobs_run_at_the_same_time_each_with_one_thread_of_torch() -> None:
    meeting = threading.Barrier(2, timeout=20)

    def job() -> int:
        meeting.wait()  # fails unless the other one gets here too
        return torch.get_num_threads()

    with Crew(2) as crew:
        torch.set_num_threads(1)
        assert crew.share([job, job]) == [1, 1]


@pytest.mark.parametrize("failing", [0, 1])
def test_what_a_job_raises_is_raised_once_all_have_ended(failing: int) -> None:
    ended: list[int] = []

    def job(number: int) -> None:
        if number == failing:
            raise ValueError(f"job {number}")
        ended.append(number)

    with Crew(2) as crew:
        with pytest.raises(ValueError, match=f"job {failing}"):
            crew.share([lambda: job(0), lambda: job(1)])
        assert ended == [1 - failing]
        assert crew.share([lambda: 1, lambda: 2]) == [1, 2], "and it goes on"


def test_there_are_no_more_threads_than_processors_or_parts() -> None:
    assert threads_here() in (1, 2)
