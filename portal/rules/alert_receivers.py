"""Where alerts go besides the page: mail addresses, and one web hook with its secret."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from sqlmodel import Session

from portal.rules import audit, deliveries
from portal.rules.broken import Code, RuleBroken
from portal.tables import AlertSettings, Mail, Racer, WebhookDelivery

MOST_ADDRESSES = 20
ADDRESS = re.compile(r"[^\s@<>,;\"]{1,64}@[^\s@<>,;\"]{1,189}")
LONGEST_URL = 2000
TEST_EVENT = "webhook.test"


def current(session: Session) -> AlertSettings:
    """The one row."""
    return session.get_one(AlertSettings, 1)


def set_addresses(session: Session, addresses: Sequence[str], *, by: Racer | None, now: datetime) -> bool:
    """Sets who gets mails, each address once. False: it was so already.

    Raises RuleBroken (invalid) that names an address which is none, or for too many.
    """
    wanted = list(dict.fromkeys(address.strip() for address in addresses if address.strip()))
    for address in wanted:
        if not ADDRESS.fullmatch(address):
            raise RuleBroken(Code.INVALID, f"“{address[:80]}” is no mail address.", "emails")
    if len(wanted) > MOST_ADDRESSES:
        raise RuleBroken(Code.INVALID, f"At most {MOST_ADDRESSES} addresses; these are {len(wanted)}.", "emails")
    stored = _held(session)
    if stored.emails == wanted:
        return False
    before, stored.emails = stored.emails, wanted
    _note(session, "alerts.addresses", by=by, now=now, before={"emails": before}, after={"emails": wanted})
    return True


def set_web_hook(session: Session, url: str, *, by: Racer | None, now: datetime) -> bool:
    """Sets the address that events are posted to, or none. False: it was so already.

    A new address gets a new secret: who had the old one cannot sign for it. Raises RuleBroken (invalid) for what is no
    http or https address, or holds a password, which the audit and the log would show.
    """
    url = url.strip()
    check_url(url)
    stored = _held(session)
    if stored.webhook_url == url:
        return False
    before, stored.webhook_url = stored.webhook_url, url
    stored.webhook_secret = _new_secret() if url else ""
    _note(session, "alerts.web-hook", by=by, now=now, before={"url": before}, after={"url": url})
    return True


def check_url(url: str) -> None:
    """Refuses (invalid) what no event can be posted to; empty is fine."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if url and (not usable or len(url) > LONGEST_URL or not re.fullmatch(r"[!-~]+", url)):
        raise RuleBroken(Code.INVALID, "Give a whole address that begins with https:// or http://.", "webhook_url")
    if parts.username is not None:
        raise RuleBroken(Code.INVALID, "Leave user and password out; check the signature instead.", "webhook_url")


def renew_secret(session: Session, *, by: Racer | None, now: datetime) -> str:
    """Makes a new secret; the old one signs nothing any more. Raises RuleBroken (conflict) without an address."""
    stored = _held(session)
    if not stored.webhook_url:
        raise RuleBroken(Code.CONFLICT, "There is no web hook. Set its address first.")
    stored.webhook_secret = _new_secret()
    _note(session, "alerts.web-hook-secret", by=by, now=now)
    return stored.webhook_secret


def test_mails(session: Session, organisation: str, *, by: Racer, now: datetime) -> list[Mail]:
    """Writes a test mail to each address. Raises RuleBroken (conflict) where there is none."""
    addresses = current(session).emails
    if not addresses:
        raise RuleBroken(Code.CONFLICT, "There is no address yet. Save one first.", "emails")
    subject = f"{organisation}: a test mail from Paddock"
    text = f"{by.alias or by.name} sent this to see whether mails about spending arrive. They do.\n"
    _note(session, "alerts.test-mail", by=by, now=now, after={"emails": addresses})
    return [deliveries.mail(session, address, subject, text, now=now) for address in addresses]


def test_web_hook(session: Session, organisation: str, *, by: Racer, now: datetime) -> WebhookDelivery:
    """Writes a test event to the web hook's address. Raises RuleBroken (conflict) where there is none."""
    url = current(session).webhook_url
    if not url:
        raise RuleBroken(Code.CONFLICT, "There is no web hook yet. Save its address first.", "webhook_url")
    _note(session, "alerts.test-web-hook", by=by, now=now, after={"url": url})
    body = {"organisation": organisation, "message": "A test from Paddock."}
    return deliveries.webhook(session, url, TEST_EVENT, body, now=now)


def _held(session: Session) -> AlertSettings:
    return session.get_one(AlertSettings, 1, populate_existing=True, with_for_update=True)


def _new_secret() -> str:
    return secrets.token_hex(24)


def _note(
    session: Session,
    action: str,
    *,
    by: Racer | None,
    now: datetime,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    audit.record(session, action, "alerts:1", by=by, now=now, before=before, after=after)
