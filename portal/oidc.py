"""The OpenID Connect client: code flow with PKCE against any provider, with every check written out.

What Authlib leaves to its user, and is done here: the issuer of the discovery document, the `iss` response parameter,
the claims that an ID token must have, the allowed algorithms, time limits, and refusals that say the mend.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import requests
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import MismatchingStateError
from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App
from flask import Flask, current_app, request, session
from joserfc.errors import JoseError

from portal.oidc_claims import complete, identity_of
from portal.oidc_connection import Connection, connection_of
from portal.own_provider import OwnProvider
from portal.provider import create_provider
from portal.rules.racers import Identity
from portal.settings import Settings

NAME = "paddock"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures by the provider's own key. `none` and those with a shared secret are not among them."""
TIMEOUT_S = 10
CLOCKS_DIFFER_S = 60
METADATA_LIFE_S = 6 * 3600
PENDING_SIGN_INS = 3
"""Sign-ins that one browser may have begun at once; the cookie that holds them is small."""

log = structlog.get_logger(__name__)


class SignInFailed(Exception):
    """A sign-in that came to nothing: what happened and what to do, for the person and with an HTTP status."""

    next = ""
    """Where the sign-in was to lead, where that is known: the next try goes there too."""

    def __init__(self, status: int, title: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.title = title
        self.message = message


@dataclass(frozen=True)
class Verified:
    """Somebody whom the provider vouched for: the identity, the token as a hint for the sign-out, where to go next."""

    identity: Identity
    id_token: str
    next: str


class Client(FlaskOAuth2App):  # type: ignore[misc]
    """Authlib's client whose own requests end in time, follow no redirects, and reach the local provider directly."""

    def __init__(self, connection: Connection, own: OwnProvider | None) -> None:
        super().__init__(
            FlaskIntegration(NAME),
            name=NAME,
            client_id=connection.client_id,
            client_secret=connection.client_secret,
            server_metadata_url=f"{connection.issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": connection.scope,
                "code_challenge_method": "S256",
                "default_timeout": TIMEOUT_S,
                "leeway": 0,  # Authlib would refuse to use an access token that is good for a minute
            },
            user_agent="Paddock",
        )
        self.connection = connection
        self.own = own

    def _get_session(self) -> Any:
        return self._prepared(super()._get_session())

    def _get_oauth_client(self, **metadata: Any) -> Any:
        return self._prepared(super()._get_oauth_client(**metadata))

    def _prepared(self, http: requests.Session) -> requests.Session:
        http.max_redirects = 0
        if self.own is not None:
            http.mount(f"{self.connection.issuer}/", self.own)
        return http


def init_app(app: Flask, settings: Settings) -> None:
    own = None
    if settings.uses_local_provider:
        own = OwnProvider(lambda: create_provider(settings, app.extensions["paddock_engine"]), settings.issuer)
    app.extensions["paddock_oidc"] = Client(connection_of(settings), own)


def client() -> Client:
    value: Client = current_app.extensions["paddock_oidc"]
    return value


def metadata() -> dict[str, Any]:
    """The provider's description of itself, checked. Raises SignInFailed where it is not who it should be."""
    this = client()
    if time.time() - this.server_metadata.get("_loaded_at", 0) > METADATA_LIFE_S:
        this.server_metadata.clear()
    found: dict[str, Any] = this.load_server_metadata()
    if found.get("issuer") not in (this.connection.issuer, f"{this.connection.issuer}/"):
        this.server_metadata.clear()
        log.error("the provider names another issuer", configured=this.connection.issuer, named=found.get("issuer"))
        raise _misconfigured(
            f"The provider calls itself {found.get('issuer')!r}; PADDOCK_OIDC_ISSUER has to say exactly that."
        )
    offered = found.get("id_token_signing_alg_values_supported") or ["RS256"]
    found["id_token_signing_alg_values_supported"] = [name for name in offered if name in ALGORITHMS]
    return found


def begin(callback: str, next_path: str) -> str:
    """The provider's address to send the browser to. State, nonce and verifier wait in the visitor's own cookie."""
    with _refusals() as refusals:
        refusals.next = next_path
        metadata()
        _forget_oldest()
        request_data = client().create_authorization_url(callback)
        client().save_authorize_data(redirect_uri=callback, next=next_path, **request_data)
        address: str = request_data["url"]
        return address


def finish() -> Verified:
    """Answers the provider's callback. Raises SignInFailed for everything that is not a good sign-in."""
    with _refusals() as refusals:
        state = request.args.get("state", "")
        pending = client().framework.get_state_data(session, state)
        refusals.next = (pending or {}).get("next", "")
        found = metadata()
        if pending is None:
            raise MismatchingStateError()
        _require_issuer_parameter(found)
        try:
            token = client().authorize_access_token(
                claims_options=_claims_options(found["issuer"], pending["nonce"]), leeway=CLOCKS_DIFFER_S
            )
        finally:
            client().framework.clear_state_data(session, state)
        if not token.get("userinfo"):
            raise _untrusted("it sent no ID token")
        claims = complete(client(), token, found)
        return Verified(identity_of(client().connection, found["issuer"], claims), token["id_token"], pending["next"])


def sign_out_address(id_token: str, back: str) -> str | None:
    """Where the provider signs people out; None where it has no such address or does not answer."""
    try:
        if not id_token or not metadata().get("end_session_endpoint"):
            return None
        asked = client().create_logout_url(
            post_logout_redirect_uri=back, id_token_hint=id_token, client_id=client().client_id
        )
    except (SignInFailed, requests.RequestException, ValueError) as error:
        log.warning("the provider could not be asked to sign out", error=str(error))
        return None
    client().framework.set_state_data(session, asked["state"], {"signed_out": True})
    address: str = asked["url"]
    return address


def _claims_options(issuer: str, nonce: str) -> dict[str, dict[str, Any]]:
    return {
        "iss": {"essential": True, "value": issuer},
        "sub": {"essential": True},
        "aud": {"essential": True, "value": client().client_id},
        "exp": {"essential": True},
        "nonce": {"essential": True, "value": nonce},
    }


def _require_issuer_parameter(found: dict[str, Any]) -> None:
    """RFC 9207: an answer that names another issuer, or none though the provider always does, is an attack."""
    named = request.args.get("iss")
    expected = found.get("authorization_response_iss_parameter_supported", False)
    if (named is None and expected) or (named is not None and named != found["issuer"]):
        raise _untrusted(f"its answer names the issuer {named!r}")


def _forget_oldest() -> None:
    pending = sorted(
        (key for key in session if key.startswith(f"_state_{NAME}_")), key=lambda key: session[key].get("exp", 0)
    )
    for key in pending[: -(PENDING_SIGN_INS - 1)]:
        session.pop(key)


class _refusals:
    """Turns what can go wrong between here and the provider into SignInFailed, and writes the reason to the log."""

    next = ""

    def __enter__(self) -> _refusals:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        refusal = error if isinstance(error, SignInFailed) else _refusal_of(error) if error is not None else None
        if refusal is not None:
            refusal.next = self.next
        if refusal is not None and refusal is not error:
            log.warning("sign-in failed", reason=f"{type(error).__name__}: {error}"[:500])
            raise refusal from error


def _refusal_of(error: BaseException) -> SignInFailed | None:
    if isinstance(error, MismatchingStateError):
        return SignInFailed(
            400,
            "This sign-in is over",
            "It was used already, waited too long or began in another browser. Begin again.",
        )
    if isinstance(error, requests.RequestException) and not isinstance(error, ValueError):
        return SignInFailed(
            503,
            "The sign-in service is away",
            "Your organisation's sign-in service does not answer. Try again in a moment; your work is safe.",
        )
    if isinstance(error, AuthlibBaseError):
        return _refused_by_provider(error)
    if isinstance(error, JoseError):
        return _untrusted(str(error))
    if isinstance(error, (ValueError, KeyError, TypeError, RuntimeError)):
        return _misconfigured("What the provider answers cannot be read.")
    return None


def _refused_by_provider(error: AuthlibBaseError) -> SignInFailed:
    if error.error == "access_denied":
        return SignInFailed(
            403,
            "You are not let in",
            "Your organisation's sign-in service did not let you in. Ask its administrator for access to Paddock.",
        )
    if error.error in ("invalid_client", "unauthorized_client", "invalid_scope"):
        return _misconfigured(f"The provider says {error.error}; client id, secret or scopes are not what it knows.")
    return SignInFailed(400, "The sign-in did not work", "The sign-in service refused it. Begin again.")


def _misconfigured(message: str) -> SignInFailed:
    return SignInFailed(502, "The sign-in is not set up well", f"{message} Tell your administrator.")


def _untrusted(reason: str) -> SignInFailed:
    log.error("an answer of the provider was not trusted", reason=reason)
    return SignInFailed(
        400,
        "That answer cannot be trusted",
        "What came back from the sign-in service did not pass the checks. Begin again; if it stays, tell your "
        "administrator.",
    )
