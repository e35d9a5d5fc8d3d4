"""Which provider, and as which client: from the settings, or the local provider's own."""

from __future__ import annotations

from dataclasses import dataclass

from portal.provider import registration
from portal.rules.local_accounts import ADMIN_GROUP
from portal.settings import Settings


@dataclass(frozen=True)
class Connection:
    """One provider as the client needs to know it."""

    issuer: str
    client_id: str
    client_secret: str
    scope: str
    groups_claim: str
    admin_groups: tuple[str, ...]
    is_local: bool


def connection_of(settings: Settings) -> Connection:
    if settings.uses_local_provider:
        return _local(settings)
    scopes = settings.oidc_scope.split()
    return Connection(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        scope=" ".join(scopes if "openid" in scopes else ["openid", *scopes]),
        groups_claim=settings.oidc_groups_claim,
        admin_groups=settings.oidc_admin_groups,
        is_local=False,
    )


def _local(settings: Settings) -> Connection:
    """The local provider has its own scopes, claim and group, whatever is set for another provider."""
    known = registration.registration(settings)
    return Connection(
        issuer=settings.issuer,
        client_id=known.client_id,
        client_secret=known.client_secret,
        scope=" ".join(registration.SCOPES),
        groups_claim="groups",
        admin_groups=(ADMIN_GROUP, *settings.oidc_admin_groups),
        is_local=True,
    )
