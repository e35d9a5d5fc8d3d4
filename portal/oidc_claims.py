"""From verified claims to an identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authlib.integrations.base_client import OAuthError

from portal.oidc_connection import Connection
from portal.rules.racers import LOCAL_ISSUER, Identity

LONGEST_SUBJECT = 255
LONGEST_NAME = 200
LONGEST_EMAIL = 254


def complete(client: Any, token: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The ID token's claims; where it is short of name, e-mail or groups, userinfo adds to it and changes nothing.

    Raises OAuthError where userinfo speaks of somebody else.
    """
    claims = dict(token["userinfo"])
    wanted = ("name", "email", client.connection.groups_claim.split(".")[0])
    if all(name in claims for name in wanted) or not metadata.get("userinfo_endpoint"):
        return claims
    more = client.userinfo(token=token)
    if more.get("sub") != claims["sub"]:
        raise OAuthError("invalid_userinfo", "userinfo speaks of somebody else")
    return {**more, **claims}


def identity_of(connection: Connection, issuer: str, claims: Mapping[str, Any]) -> Identity:
    """Who this is. The subject identifies; name and e-mail are labels, cut to what fits and without control signs.

    Raises ValueError for a subject that is none.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise ValueError("the subject is not a text of 1 to 255 characters")
    name = claims.get("name") or claims.get("preferred_username") or claims.get("email")
    return Identity(
        issuer=LOCAL_ISSUER if connection.is_local else issuer,
        subject=subject,
        name=_label(name, LONGEST_NAME),
        email=_label(claims.get("email"), LONGEST_EMAIL),
        email_verified=claims.get("email_verified") is True,
        groups=groups_of(claims, connection.groups_claim),
    )


def groups_of(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The groups: a list, or one as a text. A name with dots that is no claim itself leads into nested ones."""
    value: Any = claims.get(name)
    if value is None and "." in name:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return (value,)
    return tuple(group for group in value if isinstance(group, str)) if isinstance(value, (list, tuple)) else ()


def _label(value: object, longest: int) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(character for character in text if character.isprintable()).strip()[:longest]
