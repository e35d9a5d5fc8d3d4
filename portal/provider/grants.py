"""The code flow on Authlib's server side, made stricter than it is by default."""

from __future__ import annotations

import time
from typing import Any

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import OpenIDCode
from authlib.oidc.rpinitiated import EndSessionEndpoint
from flask import Flask
from joserfc.jwk import KeySet, RSAKey

from portal.provider import claims, stored, visit
from portal.provider.context import provider
from portal.provider.registration import ALGORITHM, SCOPES, Registration
from portal.tables import ProviderAccount

ID_TOKEN_LIFE_S = 600
"""It is read once, at the sign-in; as a hint for the sign-out its end does not matter."""
ACCESS_TOKEN_LIFE_S = 600


class _Request(FlaskOAuth2Request):  # type: ignore[misc]
    """A request as Authlib reads it, without its refusal of plain HTTP.

    Whether browsers come over TLS is said by PADDOCK_PUBLIC_URL; behind a proxy this process does not see it.
    """

    def __init__(self, request: flask.Request) -> None:
        address = request.url.replace("http://", "https://", 1)
        OAuth2Request.__init__(self, method=request.method, uri=address, headers=request.headers)
        self._request = request
        self.payload = FlaskOAuth2Payload(request)


class Server(AuthorizationServer):  # type: ignore[misc]
    def create_oauth2_request(self, request: Any) -> OAuth2Request:
        return _Request(flask.request)


class CodeFlow(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """Codes that are stored as hashes and spent by the query that finds them."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        stored.save_code(code, request)

    def query_authorization_code(self, code: str, client: Registration) -> stored.Grant | None:
        return stored.spend_code(code, client)

    def delete_authorization_code(self, authorization_code: stored.Grant) -> None:
        """Nothing: it was deleted when it was found, so that of two requests with one code only one finds it."""

    def authenticate_user(self, authorization_code: stored.Grant) -> ProviderAccount | None:
        return stored.active_account(authorization_code.account_id)


class RequiredChallenge(CodeChallenge):  # type: ignore[misc]
    """PKCE with S256 for every client. Authlib alone requires it of public clients only and accepts `plain`."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        sent = grant.request.payload.data
        if not sent.get("code_challenge") or sent.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: send 'code_challenge' with 'code_challenge_method=S256'.")
        super().validate_code_challenge(grant, redirect_uri)


class OpenIdOnly:
    """Refuses a request without the scope `openid`: Authlib's own check of the nonce would be skipped then."""

    def __call__(self, grant: Any) -> None:
        grant.register_hook("after_validate_authorization_request_payload", self._validate)

    def _validate(self, grant: Any, redirect_uri: str) -> None:
        if "openid" not in (grant.request.payload.scope or "").split():
            raise InvalidRequestError("The scope 'openid' is required.")


class IdToken(OpenIDCode):  # type: ignore[misc]
    """The ID token: who signed in, for the portal."""

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        return False  # codes are spent once, and the client compares the nonce with its own session

    def resolve_client_private_key(self, client: Registration) -> RSAKey:
        return provider().key

    def get_client_algorithm(self, client: Registration) -> str:
        return ALGORITHM

    def get_encode_header(self, client: Registration) -> dict[str, str]:
        return {"alg": ALGORITHM, "kid": str(provider().key.kid)}

    def get_client_claims(self, client: Registration) -> dict[str, object]:
        expires_at = int(time.time()) + ID_TOKEN_LIFE_S
        return {"iss": provider().settings.issuer, "aud": client.client_id, "exp": expires_at}

    def generate_user_info(self, user: ProviderAccount, scope: str) -> dict[str, object]:
        return claims.of(user, scope)


class Issuer(IssuerParameter):  # type: ignore[misc]
    """Names the issuer in every answer to the client (RFC 9207)."""

    def get_issuer(self) -> str:
        return provider().settings.issuer


class EndSession(EndSessionEndpoint):  # type: ignore[misc]
    """Signing out at the provider when the portal asks for it."""

    def get_server_jwks(self) -> KeySet:
        return KeySet([provider().key])

    def get_algorithms(self) -> list[str]:
        return [ALGORITHM]

    def resolve_client_from_id_token_claims(self, id_token_claims: dict[str, Any]) -> Registration | None:
        audience = id_token_claims.get("aud")
        names = [audience] if isinstance(audience, str) else audience or []
        client = provider().client
        return client if client.client_id in names else None

    def end_session(self, end_session_request: Any) -> None:
        """Signs out whom the token names; somebody else's token ends nobody's session."""
        account = visit.account()
        if account is not None and end_session_request.id_token_claims.get("sub") == account.subject:
            visit.end()


def authorization_server(app: Flask, client: Registration) -> Server:
    """Authlib's server with the code flow, PKCE, ID tokens, the issuer parameter and the sign-out."""
    app.config["OAUTH2_SCOPES_SUPPORTED"] = list(SCOPES)
    app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"authorization_code": ACCESS_TOKEN_LIFE_S}
    server = Server(
        app,
        query_client=lambda client_id: client if client_id == client.client_id else None,
        save_token=stored.save_token,
    )
    server.register_grant(CodeFlow, [OpenIdOnly(), IdToken(require_nonce=True), RequiredChallenge(required=True)])
    server.register_extension(Issuer())
    server.register_endpoint(EndSession)
    return server
