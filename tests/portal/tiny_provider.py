"""A provider that says whatever a test tells it to, over real HTTP: for answers that a good provider never gives."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, Response, jsonify
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

from tests.ports import free_port

KEY = RSAKey.generate_key(2048, auto_kid=True)
CLIENT_ID = "paddock-at-tiny"
CLIENT_SECRET = "a-secret-of-the-client-32-bytes-long"


class TinyProvider:
    """Change its fields, then let somebody sign in."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.key = KEY
        self.metadata: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }
        self.userinfo: dict[str, Any] = {"sub": "tina"}
        self.token_status = 200
        self.token: dict[str, Any] | None = {}
        self.discovery_body: str | None = None

    def claims(self, of_request: str, /, **changes: Any) -> dict[str, Any]:
        """What a good ID token says, with changes; None leaves a claim out."""
        now = int(time.time())
        good = {
            "iss": self.metadata.get("issuer"),
            "sub": "tina",
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "nonce": of_request,
            "name": "Tina Tiny",
            "email": "tina@example.org",
            "groups": ["drivers"],
            **changes,
        }
        return {name: value for name, value in good.items() if value is not None}

    def answer_with(self, id_token: str | None) -> None:
        self.token = {"access_token": "an-access-token", "token_type": "Bearer", "expires_in": 60}
        if id_token is not None:
            self.token["id_token"] = id_token

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def application(self) -> Flask:
        app = Flask("tiny")

        @app.get("/.well-known/openid-configuration")
        def discovery() -> Response:
            return jsonify(self.metadata) if self.discovery_body is None else Response(self.discovery_body)

        @app.get("/jwks")
        def keys() -> Response:
            return jsonify(KeySet([KEY]).as_dict(private=False))

        @app.post("/token")
        def token() -> tuple[Response, int]:
            return jsonify(self.token), self.token_status

        @app.get("/userinfo")
        def userinfo() -> Response:
            return jsonify(self.userinfo)

        return app


@contextmanager
def tiny_provider() -> Iterator[TinyProvider]:
    port = free_port()
    tiny = TinyProvider(port)
    server = make_server("127.0.0.1", port, tiny.application(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield tiny
    finally:
        server.shutdown()
        thread.join()
