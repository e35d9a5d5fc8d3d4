"""The key that signs ID tokens: made once, kept in the data directory, readable by its owner only."""

from __future__ import annotations

import json

from joserfc.jwk import RSAKey

from portal import keys
from portal.settings import Settings

BITS = 2048


def signing_key(settings: Settings) -> RSAKey:
    """The instance's RSA key from `idp.jwk`, with a key id that is its thumbprint."""
    return RSAKey.import_key(json.loads(keys.made_once(settings.data_path / "idp.jwk", _new_key)))


def _new_key() -> str:
    key = RSAKey.generate_key(BITS, {"use": "sig", "alg": "RS256"}, auto_kid=True)
    return json.dumps(key.as_dict(private=True))
