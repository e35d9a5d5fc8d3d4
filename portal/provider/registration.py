"""The one client that the local provider knows: the portal itself."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin

from portal import keys
from portal.settings import Settings

CLIENT_ID = "paddock"
SCOPES = ("openid", "profile", "email", "groups")
ALGORITHM = "RS256"


@dataclass(frozen=True)
class Registration(ClientMixin):  # type: ignore[misc]
    """The portal as a confidential client: what Authlib asks of a client, in Authlib's words."""

    client_secret: str
    redirect_uri: str
    post_logout_redirect_uri: str
    client_id: str = CLIENT_ID
    id_token_signed_response_alg: str = ALGORITHM

    @property
    def client_metadata(self) -> dict[str, Any]:
        return {
            "post_logout_redirect_uris": [self.post_logout_redirect_uri],
            "id_token_signed_response_alg": self.id_token_signed_response_alg,
        }

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: every request names its redirect address."""

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(name for name in (scope or "").split() if name in SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(self.client_secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


def registration(settings: Settings) -> Registration:
    """The portal's registration. Both sides derive the secret from the instance's key; it is stored nowhere."""
    return Registration(
        client_secret=keys.derived(settings, "local provider's client secret"),
        redirect_uri=f"{settings.address}/sign-in/callback",
        post_logout_redirect_uri=f"{settings.address}/signed-out",
    )
