"""How often one visitor may ask for what is costly or can be guessed at."""

from __future__ import annotations

from flask import Flask, request
from flask_limiter import Limiter
from flask_login import current_user

from portal.settings import Settings


def _visitor() -> str:
    if current_user and current_user.is_authenticated:
        return f"racer:{current_user.racer.id}"
    return f"address:{request.remote_addr}"


limiter = Limiter(_visitor, in_memory_fallback_enabled=True, headers_enabled=True)
"""Views put `@limiter.limit("10 per minute")` under their route. Counts live in the queue server, else in memory."""


def init_app(app: Flask, settings: Settings) -> None:
    address = settings.redis_address.replace("unix://", "redis+unix://", 1)
    app.config.update(RATELIMIT_STORAGE_URI=address, RATELIMIT_STRATEGY="fixed-window")
    limiter.init_app(app)
