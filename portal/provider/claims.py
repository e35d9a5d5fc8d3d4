"""What the provider says about an account."""

from __future__ import annotations

from portal.tables import ProviderAccount


def of(account: ProviderAccount, scope: str) -> dict[str, object]:
    """The claims of an account that the granted scopes cover; `sub` always."""
    granted = scope.split()
    claims: dict[str, object] = {"sub": account.subject}
    if "profile" in granted:
        claims |= {"name": account.name, "preferred_username": account.username}
    if "email" in granted and account.email:
        claims |= {"email": account.email, "email_verified": False}
    if "groups" in granted:
        claims["groups"] = list(account.groups)
    return claims
