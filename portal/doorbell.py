"""Waking a worker: jobs are put on the queue by name and id only. The portal never imports the code that runs them."""

from __future__ import annotations

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

from portal.tables import JobKind

ENTRANCES = {JobKind.TRAINING: "jobs.training.run", JobKind.EVALUATION: "jobs.evaluation.run"}
QUEUES = {JobKind.TRAINING: "training", JobKind.EVALUATION: "evaluation"}
FAILURE_KEPT_S = 7 * 24 * 3600

log = structlog.get_logger(__name__)


def ring(redis: Redis, kind: JobKind, job_id: int, attempt: int) -> bool:
    """Puts one attempt of a job on its queue, once. False where the queue server is away: the dispatcher rings again.

    Time limits and retries are the database's: the queue's own are off.
    """
    name = f"{kind}-{job_id}-{attempt}"
    try:
        Queue(QUEUES[kind], connection=redis, serializer=JSONSerializer).enqueue(
            ENTRANCES[kind],
            args=(job_id,),
            job_id=name,
            job_timeout=-1,
            result_ttl=0,
            failure_ttl=FAILURE_KEPT_S,
            unique=True,
        )
    except DuplicateJobError:
        return True  # already on the queue: that is what was wanted
    except RedisError as error:
        log.warning("the queue server is away; the job stays in the outbox", job=name, error=str(error))
        return False
    return True
