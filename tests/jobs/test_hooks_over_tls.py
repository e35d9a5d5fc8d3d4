"""Web hooks over real TLS: an authority of one's own is trusted by SSL_CERT_FILE, all else refused plainly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from requests import adapters
from sqlmodel import select

from jobs import deliveries as couriers
from jobs import maintenance, public_addresses, web_hooks
from jobs.workplace import Workplace
from portal.database import read_session, write_session
from portal.rules import deliveries
from portal.tables import AlertSettings, WebhookDelivery
from tests.cast import NOON
from tests.jobs.receivers import DAY, TODAY, Authority, Receiver, self_signed, web_hook_receiver
from tests.jobs.test_race_hooks import hooked

SECRET = "s3cret"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Of one's own, and trusted as an operator says it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # of the machine that tests
        monkeypatch.delenv(name, raising=False)
    authority = Authority(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    return authority


@contextmanager
def receiving(certificate: Path, host: str = "localhost") -> Iterator[Receiver]:
    """An HTTPS receiver that is called by this name."""
    with web_hook_receiver(certificate) as receiver:
        receiver.url = receiver.url.replace("127.0.0.1", host)
        yield receiver


def by_the_administrators(place: Workplace, url: str) -> WebhookDelivery:
    with write_session(place.engine) as session:
        alerts = session.get_one(AlertSettings, 1)
        alerts.webhook_url, alerts.webhook_secret = url, SECRET
        deliveries.webhook(session, url, "spending.alert", {"percent": 80}, now=NOON)
    return delivered(place)


def by_a_race(place: Workplace, url: str) -> WebhookDelivery:
    hooked(place, url)
    maintenance.tell_of_races(place, NOON)
    return delivered(place)


def delivered(place: Workplace) -> WebhookDelivery:
    couriers.deliver_web_hooks(place, NOON)
    with read_session(place.engine) as session:
        return session.exec(select(WebhookDelivery)).one()


@pytest.fixture
def local_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own server stands for one of the internet."""
    monkeypatch.setattr(public_addresses, "is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(public_addresses, "resolve", lambda _host, _port: ["127.0.0.1"])


def test_an_authority_of_ones_own_is_trusted_by_configuration(
    workplace: Workplace, authority: Authority, tmp_path: Path
) -> None:
    with receiving(authority.issue(tmp_path / "hook.pem", "localhost")) as receiver:
        told = by_the_administrators(workplace, receiver.url)
    assert (told.state, told.error) == ("sent", "")
    ((headers, body),) = receiver.got
    assert headers["Paddock-Signature"] == web_hooks.signature(SECRET, int(headers["Paddock-Timestamp"]), body)


@pytest.mark.usefixtures("local_is_public")
def test_a_races_address_is_checked_by_its_name_although_its_number_is_called(
    workplace: Workplace, authority: Authority, tmp_path: Path
) -> None:
    with receiving(authority.issue(tmp_path / "hook.pem", "localhost")) as receiver:
        told = by_a_race(workplace, receiver.url)
    assert (told.state, told.error) == ("sent", "")
    ((headers, _),) = receiver.got
    assert headers["Host"] == receiver.url.split("/")[2]


@pytest.mark.usefixtures("local_is_public")
@pytest.mark.parametrize("posted", [by_the_administrators, by_a_race])
@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("self-signed", "Its certificate is not trusted: self-signed certificate. For an authority of your own set"),
        ("of a stranger", "not trusted: unable to get local issuer certificate. For an authority of your own set"),
        ("expired", "Its certificate is not trusted: certificate has expired."),
        ("of another host", "not trusted: Hostname mismatch, certificate is not valid for 'localhost'."),
        ("no TLS", "It speaks no TLS that can be understood"),
    ],
)
def test_what_is_not_trusted_is_refused_and_the_log_says_why(
    workplace: Workplace, authority: Authority, tmp_path: Path, posted: object, made: str, said: str
) -> None:
    assert callable(posted)
    stranger = Authority(tmp_path / "stranger.pem")
    path = tmp_path / "hook.pem"
    certificate = {
        "self-signed": lambda: self_signed(path, "localhost"),
        "of a stranger": lambda: stranger.issue(path, "localhost"),
        "expired": lambda: authority.issue(path, "localhost", ends=TODAY - DAY),
        "of another host": lambda: authority.issue(path, "hook.example"),
        "no TLS": lambda: None,
    }[made]()
    with web_hook_receiver(certificate) as receiver:
        url = receiver.url.replace("http:", "https:").replace("127.0.0.1", "localhost")
        told = posted(workplace, url)
    assert receiver.got == [], "not a byte of the event has left"
    assert said in told.error
    for technical in ("HTTPSConnectionPool", "_ssl.c", "Max retries"):
        assert technical not in told.error
    assert told.state == "waiting", "a certificate can be mended: it is tried again"


@pytest.mark.parametrize("posted", [by_the_administrators, by_a_race])
@pytest.mark.usefixtures("local_is_public", "authority")
def test_the_public_authorities_stay_trusted_beside_ones_own(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, posted: object
) -> None:
    """An operator who adds an authority loses no public receiver."""
    assert callable(posted)
    public = Authority(tmp_path / "public.pem")
    monkeypatch.setattr(adapters, "DEFAULT_CA_BUNDLE_PATH", str(public.path))
    with receiving(public.issue(tmp_path / "hook.pem", "localhost")) as receiver:
        told = posted(workplace, receiver.url)
    assert (told.state, told.error, len(receiver.got)) == ("sent", "", 1)
