"""What the provider's requests work with."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app
from joserfc.jwk import RSAKey
from sqlalchemy import Engine

from portal.provider.registration import Registration
from portal.settings import Settings


@dataclass(frozen=True)
class Provider:
    """Configuration, database, signing key and the one client."""

    settings: Settings
    engine: Engine
    key: RSAKey
    client: Registration


def provider() -> Provider:
    """The provider whose request is being answered."""
    value: Provider = current_app.extensions["paddock_provider"]
    return value
