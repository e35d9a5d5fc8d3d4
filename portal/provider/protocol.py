"""The endpoints that the portal and browsers on their way call: OpenID Connect, no pages to read."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Error
from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request, url_for
from joserfc.jwk import KeySet
from werkzeug.wrappers import Response as AnyResponse

from portal.provider import claims, stored, visit
from portal.provider.context import provider
from portal.provider.grants import Issuer, Server
from portal.provider.registration import ALGORITHM, SCOPES

pages = Blueprint("protocol", __name__)

Answer = str | AnyResponse | tuple[str, int]


def _server() -> Server:
    server: Server = current_app.extensions["paddock_authorization"]
    return server


@pages.get("/.well-known/openid-configuration")
def discovery() -> Response:
    issuer = provider().settings.issuer
    return jsonify(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/authorize",
        token_endpoint=f"{issuer}/token",
        userinfo_endpoint=f"{issuer}/userinfo",
        jwks_uri=f"{issuer}/jwks.json",
        end_session_endpoint=f"{issuer}/logout",
        response_types_supported=["code"],
        response_modes_supported=["query"],
        grant_types_supported=["authorization_code"],
        subject_types_supported=["public"],
        id_token_signing_alg_values_supported=[ALGORITHM],
        scopes_supported=list(SCOPES),
        claims_supported=["sub", "name", "preferred_username", "email", "email_verified", "groups"],
        code_challenge_methods_supported=["S256"],
        token_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post"],
        authorization_response_iss_parameter_supported=True,
    )


@pages.get("/jwks.json")
def keys() -> Response:
    return jsonify(KeySet([provider().key]).as_dict(private=False))


@pages.get("/authorize")
def authorize() -> Answer:
    """Checks the request first, so that nobody types a password for one that leads nowhere."""
    account = visit.account()
    try:
        grant = _server().get_consent_grant(end_user=account)
    except OAuth2Error as error:
        return _refuse(error)
    if account is None or getattr(grant, "prompt", None) == "login":
        return _to("screens.sign_in")
    if account.must_change_password:
        return _to("screens.password")
    response: AnyResponse = _server().create_authorization_response(grant_user=account, grant=grant)
    return response


def _to(screen: str) -> AnyResponse:
    """To a page with a form; the request travels along in the address, so two windows do not mix theirs up."""
    return redirect(f"{url_for(screen)}?{request.query_string.decode()}", code=303)


def _refuse(error: Any) -> Answer:
    if not error.redirect_uri:
        reason = error.description or error.error
        return render_template("provider/message.html", message=reason, portal=provider().settings.address), 400
    response: AnyResponse = _server().handle_error_response(None, error)
    Issuer().add_issuer_parameter(_server(), response)
    return response


@pages.post("/token")
def token() -> AnyResponse:
    response: AnyResponse = _server().create_token_response()
    return response


@pages.route("/userinfo", methods=["GET", "POST"])
def userinfo() -> AnyResponse:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    found = stored.account_of_token(secret) if scheme.lower() == "bearer" else None
    if found is None:
        refused = jsonify(error="invalid_token")
        refused.status_code = 401
        refused.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        return refused
    return jsonify(claims.of(*found))


@pages.route("/logout", methods=["GET", "POST"])
def logout() -> Answer:
    """RP-initiated sign-out. Without a token that the portal was given, the visitor is asked first."""
    try:
        asked = _server().validate_endpoint_request("end_session")
    except OAuth2Error as error:
        return _refuse(error)
    if asked.needs_confirmation:
        return render_template("provider/sign_out.html")
    response: AnyResponse | None = _server().create_endpoint_response("end_session", asked)
    return response or redirect(provider().settings.address, code=303)
