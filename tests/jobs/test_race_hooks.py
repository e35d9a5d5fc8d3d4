"""Web hooks of races: told once, signed with their own secret, and never into a private network."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import col, select

from jobs import deliveries as couriers
from jobs import maintenance, public_addresses, web_hooks
from jobs.workplace import Workplace
from portal.database import read_session, write_session
from portal.rules import race_hooks, races
from portal.tables import Race, RaceHook, WebhookDelivery
from tests.cast import NOON, make_racer
from tests.jobs.receivers import web_hook_receiver
from tests.portal.races_cast import make_race


def hooked(workplace: Workplace, url: str) -> tuple[Race, RaceHook]:
    """A race that opens at noon, and an address that was added an hour before."""
    with write_session(workplace.engine) as session:
        owner = make_racer(session, "olivia")
        race = make_race(session, owner, now=NOON - timedelta(hours=1), opens_at=NOON)
        return race, race_hooks.add(session, race, url, by=owner, now=NOON - timedelta(hours=1))


def logged(workplace: Workplace) -> list[WebhookDelivery]:
    with read_session(workplace.engine) as session:
        return list(session.exec(select(WebhookDelivery).order_by(col(WebhookDelivery.id))))


def test_opening_is_told_once_and_arrives_signed_with_the_races_secret(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_addresses, "is_public", lambda address: address == "127.0.0.1")
    with web_hook_receiver() as receiver:
        _, hook = hooked(workplace, receiver.url)
        assert maintenance.tell_of_races(workplace, NOON) == 1
        assert maintenance.tell_of_races(workplace, NOON) == 0
        assert couriers.deliver_web_hooks(workplace, NOON) == 1
    ((headers, body),) = receiver.got
    assert headers["Host"] == receiver.url.split("/")[2]
    assert headers["Paddock-Event"] == "race.open"
    assert headers["Paddock-Signature"] == web_hooks.signature(hook.secret, int(headers["Paddock-Timestamp"]), body)
    assert logged(workplace)[0].state == "sent"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]"]
)
def test_nothing_is_ever_posted_into_a_private_network(workplace: Workplace, host: str) -> None:
    with web_hook_receiver() as receiver:
        hooked(workplace, receiver.url.replace("127.0.0.1", host))
        maintenance.tell_of_races(workplace, NOON)
        couriers.deliver_web_hooks(workplace, NOON)
    (told,) = logged(workplace)
    assert (told.state, receiver.got) == ("failed", [])
    assert "private network" in told.error


def test_one_private_address_among_several_is_enough_to_refuse() -> None:
    with pytest.raises(public_addresses.NotPublic):
        public_addresses.session_for("https://hook.example/x", lambda *_: ["93.184.216.34", "10.0.0.1"])


def test_the_connection_goes_to_the_address_that_was_checked_under_the_hosts_name() -> None:
    session, url, named = public_addresses.session_for("https://hook.example:8443/x?y=1", lambda *_: ["93.184.216.34"])
    assert (url, named) == ("https://93.184.216.34:8443/x?y=1", {"Host": "hook.example:8443"})
    options = session.get_adapter(url).poolmanager.connection_pool_kw
    assert options["server_hostname"] == "hook.example"
    assert not session.trust_env


def test_a_removed_address_gets_nothing_more(workplace: Workplace) -> None:
    race, hook = hooked(workplace, "https://hook.example/x")
    maintenance.tell_of_races(workplace, NOON)
    with write_session(workplace.engine) as session:
        fresh = session.get_one(Race, race.id)
        owner = races.owner_of(session, fresh)
        assert race_hooks.remove(session, fresh, hook.public_id, by=owner, now=NOON)
        assert not race_hooks.remove(session, fresh, hook.public_id, by=owner, now=NOON)
    couriers.deliver_web_hooks(workplace, NOON)
    (told,) = logged(workplace)
    assert (told.state, told.error) == ("failed", couriers.NO_ADDRESS)
