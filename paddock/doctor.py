"""`paddock doctor`: is everything here that Paddock needs?"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from paddock import valkey
from portal.settings import Settings

LEAST_FREE_BYTES = 1 << 30
MAIL_SERVER_S = 5.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is well, and what to know or do."""

    name: str
    ok: bool
    detail: str


def examine(settings: Settings) -> list[Finding]:
    """Looks at the data directory, simulator, learner, queue server, database, mail server and sandbox."""
    checks: list[Callable[[Settings], list[Finding]]] = [
        _data,
        _simulator,
        _learner,
        _queue_server,
        _database,
        _mail_server,
        _sandbox,
    ]
    return [finding for check in checks for finding in check(settings)]


def _data(settings: Settings) -> list[Finding]:
    path = settings.data_path
    place = next(parent for parent in (path, *path.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    writable = os.access(place, os.W_OK)
    return [
        Finding(
            "data directory", writable, str(path) if writable else f"{place} cannot be written to; choose PADDOCK_DATA"
        ),
        Finding("disk", free >= LEAST_FREE_BYTES, f"{free / 1e9:.1f} GB free"),
    ]


def _simulator(_settings: Settings) -> list[Finding]:
    try:
        from sim.native import _core  # noqa: F401
    except ImportError as error:
        return [Finding("simulator", False, f"the C++ core is not built ({error}); ./run builds it")]
    return [Finding("simulator", True, "the C++ core is built")]


def _learner(_settings: Settings) -> list[Finding]:
    try:
        import torch
    except ImportError:
        return [Finding("learner", False, "torch is not installed; install the extra `train`")]
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    where = (
        f"large networks learn on {gpu}" if gpu else "learns on the processor: torch sees no GPU, and none is needed"
    )
    return [Finding("learner", True, f"torch {torch.__version__}; {where}")]


def _queue_server(settings: Settings) -> list[Finding]:
    if _answers(settings.redis_address):
        return [Finding("queue server", True, "answers")]
    if settings.redis_url:
        return [Finding("queue server", False, "PADDOCK_REDIS_URL does not answer")]
    try:
        return [Finding("queue server", True, f"not running now; `paddock up` starts {valkey.binary()}")]
    except valkey.ValkeyError as error:
        return [Finding("queue server", False, str(error))]


def _answers(address: str) -> bool:
    connection = Redis.from_url(address, socket_timeout=2)
    try:
        return bool(connection.ping())
    except RedisError:
        return False
    finally:
        connection.close()


def _database(settings: Settings) -> list[Finding]:
    from migrations.upgrade import is_current

    if not settings.database_url and not (settings.data_path / "paddock.db").exists():
        return [Finding("database", True, "not made yet; `paddock up` or `paddock migrate` makes it")]
    try:
        current = is_current(settings.database_address)
    except SQLAlchemyError as error:
        return [Finding("database", False, f"cannot be opened: {type(error).__name__}; see PADDOCK_DATABASE_URL")]
    return [Finding("database", current, "current" if current else "needs `paddock migrate`")]


def _mail_server(settings: Settings) -> list[Finding]:
    from jobs import mails

    if not settings.smtp_url:
        return [Finding("mail server", True, "not set: no mails are sent; see PADDOCK_SMTP_URL")]
    error = mails.unreachable(settings, MAIL_SERVER_S)
    return [Finding("mail server", not error, f"{error}; see PADDOCK_SMTP_URL" if error else "takes mails")]


def _sandbox(_settings: Settings) -> list[Finding]:
    from jobs.sandbox import sandbox_layers
    from jobs.sandbox.lockdown import OPTIONAL

    return [_layer(name, works, optional=name in OPTIONAL) for name, works in sandbox_layers().items()]


def _layer(name: str, works: bool, *, optional: bool) -> Finding:
    """An optional layer needs a newer kernel and may be missing; the others are what makes strangers' code safe."""
    if works:
        return Finding(f"sandbox: {name}", True, "on")
    if optional:
        return Finding(f"sandbox: {name}", True, "not on this kernel; the other layers hold without it")
    return Finding(f"sandbox: {name}", False, "missing: reward functions of others are not safe here")


def show(findings: list[Finding], *, as_json: bool) -> str:
    """The findings as text, or as JSON."""
    if as_json:
        return json.dumps([asdict(finding) for finding in findings], indent=2)
    return "\n".join(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name:<24} {finding.detail}" for finding in findings)
