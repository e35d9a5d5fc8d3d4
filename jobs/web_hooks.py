"""Posting events to the address that administrators set: signed, without following redirects, and never for long."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from datetime import datetime

import requests

from jobs.outcome import Outcome
from jobs.public_addresses import NotPublic, Resolver, resolve, session_for
from jobs.trusted_servers import Trusting, refusal
from portal.tables import WebhookDelivery

TIMEOUT_S = 5.0
"""For the connection, and for each piece of the answer."""
WHOLE_S = 10.0
"""For all of it: an answer that drips in is not waited for."""
TRIED_AGAIN = (408, 425, 429)
"""Refusals that another moment may change, besides all of 5xx."""


def body_of(hook: WebhookDelivery) -> bytes:
    """The JSON that is posted: the same bytes at every try."""
    event = {
        "id": hook.public_id,
        "event": hook.event,
        "created_at": hook.created_at.isoformat(timespec="seconds"),
        "data": hook.body,
    }
    return json.dumps(event, separators=(",", ":"), sort_keys=True).encode()


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """HMAC-SHA256 over `timestamp.body`: who has the secret knows that Paddock sent this body at that time."""
    signed = str(timestamp).encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def headers_of(hook: WebhookDelivery, secret: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of a post; the delivery's id stays the same at every try."""
    timestamp = int(now.timestamp())
    return {
        "Content-Type": "application/json",
        "User-Agent": "Paddock",
        "Paddock-Event": hook.event,
        "Paddock-Delivery": hook.public_id,
        "Paddock-Timestamp": str(timestamp),
        "Paddock-Signature": signature(secret, timestamp, body),
    }


def post(
    hook: WebhookDelivery, secret: str, *, now: datetime, public_only: bool = False, resolver: Resolver = resolve
) -> Outcome:
    """Posts an event once and says what became of it, within `WHOLE_S`; `public_only`: never into a private network.

    The status line of the answer is all that is read. `requests` limits each wait but not their sum, so a thread of
    its own does it, and is left alone where it takes too long: it ends when the receiver does.
    """
    box: list[Outcome] = []
    thread = threading.Thread(
        target=lambda: box.append(_post(hook, secret, now, resolver if public_only else None)), daemon=True
    )
    thread.start()
    thread.join(WHOLE_S)
    return box[0] if box else Outcome(f"No whole answer came within {WHOLE_S:.0f} seconds.")


def _post(hook: WebhookDelivery, secret: str, now: datetime, resolver: Resolver | None) -> Outcome:
    body = body_of(hook)
    try:
        session, url, named = session_for(hook.url, resolver) if resolver else (_session(), hook.url, {})
    except NotPublic:
        return Outcome("The address leads into a private network, where races may not post to.", for_good=True)
    except OSError as error:
        return Outcome(f"The address cannot be found: {error.strerror or error}")
    try:
        with session.post(
            url,
            data=body,
            headers=headers_of(hook, secret, body, now) | named,
            timeout=TIMEOUT_S,
            allow_redirects=False,
            stream=True,
        ) as answer:
            return _outcome(answer)
    except requests.Timeout:
        return Outcome(f"No answer came within {TIMEOUT_S:.0f} seconds.")
    except requests.exceptions.SSLError as error:
        return Outcome(refusal(error))
    except requests.ConnectionError as error:
        return Outcome(f"The address cannot be reached: {_reason(error)}")
    except (requests.RequestException, ValueError) as error:
        return Outcome(f"The address cannot be used: {error}", for_good=True)


def _session() -> requests.Session:
    session = requests.Session()
    session.mount("https://", Trusting())
    return session


def _outcome(answer: requests.Response) -> Outcome:
    status = answer.status_code
    if 200 <= status < 300:
        return Outcome(status=status)
    if 300 <= status < 400:
        return Outcome(f"It answered {status}, a redirect. Set the address that it leads to.", True, status)
    again = status >= 500 or status in TRIED_AGAIN
    return Outcome(f"It answered {status} {answer.reason or ''}".strip() + ".", not again, status)


def _reason(error: requests.ConnectionError) -> str:
    """The cause alone: it comes wrapped in sentences about pools and retries."""
    wrapped = error.args[0] if error.args else error
    return re.sub(r"^\[Errno -?\d+\] ", "", str(getattr(wrapped, "reason", wrapped)).rpartition(": ")[2])
