"""Trying a reward function from the portal: asked on the queue, answered by a worker in its sandbox."""

from __future__ import annotations

import threading
import time

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import Engine

from jobs import reward_checks
from jobs import workplace as furniture
from jobs.sandbox.self_test import sandbox_layers
from portal import reward_check
from portal.settings import Settings
from tests.jobs.fake_training import CountingTrainer
from tests.jobs.paddock_yard import GOOD_REWARD
from tests.jobs.workers import worker


@pytest.fixture(autouse=True)
def _sandbox() -> None:
    if not sandbox_layers().get("seccomp"):
        pytest.skip("this machine has no reward sandbox")


@pytest.mark.parametrize(
    ("code", "ok", "line"), [(GOOD_REWARD, True, None), ("def reward_function(params):\n    return 1 / 0\n", False, 2)]
)
def test_a_worker_answers_with_the_line(
    settings: Settings, engine: Engine, redis: Redis, code: str, ok: bool, line: int | None
) -> None:
    with worker(settings, engine, CountingTrainer(), queues=("reward-checks",)):
        answer = reward_check.ask(redis, code, "paddock-oval", "counterclockwise", timeout_s=30)
    assert answer is not None
    assert answer["ok"] is ok
    assert [problem["line"] for problem in answer["problems"]] == ([] if ok else [line])


@pytest.mark.parametrize(("race_type", "objects"), [("time-trial", 0), ("object-avoidance", 3), ("head-to-bot", 2)])
def test_it_is_tried_among_what_the_race_has_on_the_road(settings: Settings, race_type: str, objects: int) -> None:
    furniture.furnish(settings, "test")
    code = "def reward_function(params):\n    return 1.0 + len(params['objects_location'])\n"
    for track in furniture.current().tracks.names():
        answer = reward_checks.run(code, track, "counterclockwise", race_type)
        assert answer["ok"], (track, answer["problems"])
        assert answer["rewards"] == (1.0 + objects,) * 3


def test_an_unknown_track_is_a_problem_and_not_a_crash(settings: Settings) -> None:
    furniture.furnish(settings, "test")
    answer = reward_checks.run(GOOD_REWARD, "nowhere", "counterclockwise")
    assert not answer["ok"]
    assert "nowhere" in answer["problems"][0]["message"]


def test_it_gives_up_where_no_worker_answers_and_leaves_nothing_on_the_queue(redis: Redis) -> None:
    assert reward_check.ask(redis, GOOD_REWARD, "paddock-oval", "counterclockwise", timeout_s=1) is None
    assert Queue("reward-checks", connection=redis, serializer=JSONSerializer).get_job_ids() == []


def test_it_gives_up_where_the_queue_server_is_away() -> None:
    away = Redis.from_url("unix:///nowhere/valkey.sock", retry=None)
    assert reward_check.ask(away, GOOD_REWARD, "paddock-oval", "counterclockwise", timeout_s=1) is None


def test_code_above_the_limit_is_not_sent(redis: Redis) -> None:
    answer = reward_check.ask(redis, "#" * 70_000, "paddock-oval", "counterclockwise")
    assert answer is not None
    assert "64 KB" in answer["problems"][0]["message"]


def test_one_more_than_may_wait_is_told_so_at_once(redis: Redis) -> None:
    queue = Queue("reward-checks", connection=redis, serializer=JSONSerializer)

    def wait_s(seconds: float) -> None:
        assert reward_check.ask(redis, GOOD_REWARD, "paddock-oval", "counterclockwise", timeout_s=seconds) is None

    waiting = [threading.Thread(target=wait_s, args=(4,)) for _ in range(reward_check.MOST_WAITING)]
    for thread in waiting:
        thread.start()
    while queue.count < reward_check.MOST_WAITING:
        time.sleep(0.01)
    wait_s(60)
    assert queue.count == reward_check.MOST_WAITING  # it did not outlast those who were there before it
    for thread in waiting:
        thread.join()
    assert queue.count == 0
