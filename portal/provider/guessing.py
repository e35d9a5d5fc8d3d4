"""How often somebody may guess a password: only failures count."""

from __future__ import annotations

from flask import Flask, request
from flask_limiter import Limiter
from werkzeug.wrappers import Response

from portal.settings import Settings

PER_ACCOUNT_AND_ADDRESS = "8 per 10 minutes"
PER_ADDRESS = "100 per 10 minutes"
"""A classroom behind one address may mistype; a list of stolen passwords may not be tried."""
FAILED = 422

limiter = Limiter(lambda: f"address:{request.remote_addr}", in_memory_fallback_enabled=True, key_prefix="idp")
"""Counts live in the queue server, else in memory."""


def _account_and_address() -> str:
    return f"account:{request.form.get('username', '').strip().lower()[:64]}:{request.remote_addr}"


def _failed(response: Response) -> bool:
    return response.status_code == FAILED


per_account = limiter.limit(
    PER_ACCOUNT_AND_ADDRESS, key_func=_account_and_address, methods=["POST"], deduct_when=_failed
)
per_address = limiter.limit(PER_ADDRESS, methods=["POST"], deduct_when=_failed)


def init_app(app: Flask, settings: Settings) -> None:
    address = settings.redis_address.replace("unix://", "redis+unix://", 1)
    app.config.update(RATELIMIT_STORAGE_URI=address, RATELIMIT_STRATEGY="fixed-window")
    limiter.init_app(app)
