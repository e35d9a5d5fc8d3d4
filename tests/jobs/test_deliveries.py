"""Mails and web hooks on their way: to real servers that are there, away, slow, or say no."""

from __future__ import annotations

import json
import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from sqlmodel import select

from jobs import deliveries as couriers
from jobs import mails, maintenance, web_hooks
from jobs.outcome import Outcome
from jobs.workplace import Workplace
from portal import clock
from portal.database import read_session, write_session
from portal.rules import deliveries
from portal.settings import Settings
from portal.tables import AlertSettings, DeliveryState, Mail, WebhookDelivery
from tests.cast import NOON
from tests.jobs.paddock_yard import after
from tests.jobs.receivers import (
    USER,
    Postbox,
    Receiver,
    mail_server,
    self_signed,
    web_hook_receiver,
)
from tests.ports import free_port

SENDER = "Paddock <paddock@portal.example>"


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def sending(workplace: Workplace, postbox: Postbox) -> Iterator[Workplace]:
    """A workplace whose mail server is there."""
    with mail_server(postbox) as port:
        yield with_server(workplace, f"smtp://127.0.0.1:{port}")


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with web_hook_receiver() as receiver:
        yield receiver


def with_server(workplace: Workplace, address: str) -> Workplace:
    return replace(workplace, settings=replace(workplace.settings, smtp_url=address, mail_from=SENDER))


def write_mails(workplace: Workplace, *recipients: str, html: str = "") -> None:
    with write_session(workplace.engine) as session:
        for recipient in recipients:
            deliveries.mail(session, recipient, "Grüße aus der Box", f"Hallo {recipient}\n", html, now=NOON)


def write_event(workplace: Workplace, url: str) -> None:
    with write_session(workplace.engine) as session:
        receiver = session.get_one(AlertSettings, 1)
        receiver.webhook_url, receiver.webhook_secret = url, "s3cret"
        deliveries.webhook(session, url, "spending.alert", {"percent": 80, "name": "Zoë"}, now=NOON)


def stored(workplace: Workplace) -> list[Mail]:
    with read_session(workplace.engine) as session:
        return list(session.exec(select(Mail).order_by(Mail.id)))  # type: ignore[arg-type]


def event(workplace: Workplace) -> WebhookDelivery:
    with read_session(workplace.engine) as session:
        return session.exec(select(WebhookDelivery)).one()


# Mails


def test_a_batch_goes_over_one_connection_as_text_and_html(sending: Workplace, postbox: Postbox) -> None:
    write_mails(sending, "a@example.org", "b@example.org", html="<p>Hallo</p>")
    assert couriers.deliver_mails(sending, after(1)) == 2
    assert postbox.connections == 1
    first, second = postbox.mails
    assert (first["To"], second["To"]) == ("a@example.org", "b@example.org")
    assert (first["From"], first["Subject"]) == (SENDER, "Grüße aus der Box")
    assert first["Message-ID"] == f"<{stored(sending)[0].public_id}@portal.example>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first.get_content_type() == "multipart/alternative"
    assert first.get_body(("plain",)).get_content().strip() == "Hallo a@example.org"  # type: ignore[union-attr]
    assert first.get_body(("html",)).get_content().strip() == "<p>Hallo</p>"  # type: ignore[union-attr]
    assert [mail.state for mail in stored(sending)] == ["sent", "sent"]
    assert couriers.deliver_mails(sending, after(2)) == 0
    assert len(postbox.mails) == 2


def test_a_mail_without_html_is_plain(sending: Workplace, postbox: Postbox) -> None:
    write_mails(sending, "a@example.org")
    couriers.deliver_mails(sending, after(1))
    assert postbox.mails[0].get_content_type() == "text/plain"


def test_starttls_and_a_sign_in_with_the_passwords_signs_written_out(
    workplace: Workplace, postbox: Postbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path / "mail.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mail_server(postbox, certificate=certificate) as port:
        place = with_server(workplace, f"smtp+starttls://{USER}:p%3Ass%40w%2Frd@127.0.0.1:{port}")
        write_mails(place, "a@example.org")
        couriers.deliver_mails(place, after(1))
        assert (len(postbox.mails), postbox.users) == (1, [USER.encode()])
        assert mails.unreachable(place.settings) == ""
        wrong = replace(place.settings, smtp_url=f"smtp+starttls://{USER}:wrong@127.0.0.1:{port}")
        assert mails.unreachable(wrong).startswith("535 ")


def test_tls_from_the_start(
    workplace: Workplace, postbox: Postbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path / "mail.pem")
    with mail_server(postbox, certificate=certificate, implicit=True) as port:
        place = with_server(workplace, f"smtps://127.0.0.1:{port}")
        write_mails(place, "a@example.org")
        couriers.deliver_mails(place, after(1))
        assert "CERTIFICATE_VERIFY_FAILED" in stored(place)[0].error  # nobody vouches for it: the password stays here
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        couriers.deliver_mails(place, after(60))
    assert len(postbox.mails) == 1


def test_a_server_that_is_away_is_tried_again_and_asked_once_for_a_batch(
    workplace: Workplace, postbox: Postbox
) -> None:
    port = free_port()
    place = with_server(workplace, f"smtp://127.0.0.1:{port}")
    write_mails(place, "a@example.org", "b@example.org")
    couriers.deliver_mails(place, after(1))
    for mail in stored(place):
        assert (mail.state, mail.attempts, mail.next_at) == ("waiting", 1, after(31))
        assert mail.error.startswith("The mail server cannot be used: ")
    with mail_server(postbox) as port:
        place = with_server(workplace, f"smtp://127.0.0.1:{port}")
        assert couriers.deliver_mails(place, after(20)) == 0
        assert couriers.deliver_mails(place, after(31)) == 2
    assert [mail["To"] for mail in postbox.mails] == ["a@example.org", "b@example.org"]


def test_an_address_refused_for_good_is_given_up_one_refused_for_now_is_tried_again(
    sending: Workplace, postbox: Postbox
) -> None:
    postbox.answers = {"gone@example.org": "550 5.1.1 No such user", "full@example.org": "452 4.2.2 Mailbox full"}
    write_mails(sending, "gone@example.org", "full@example.org", "fine@example.org")
    couriers.deliver_mails(sending, after(1))
    gone, full, fine = stored(sending)
    assert (gone.state, gone.attempts) == ("failed", 1)
    assert gone.error == "The address was refused: 550 5.1.1 No such user"
    assert (full.state, full.next_at) == ("waiting", after(31))
    assert fine.state == "sent"
    postbox.answers = {}
    couriers.deliver_mails(sending, after(31))
    assert [mail["To"] for mail in postbox.mails] == ["fine@example.org", "full@example.org"]


@pytest.mark.parametrize(("answer", "state"), [("554 Spam", "failed"), ("451 Later", "waiting")])
def test_a_mail_whose_content_is_refused(sending: Workplace, postbox: Postbox, answer: str, state: str) -> None:
    postbox.refuses_data = answer
    write_mails(sending, "a@example.org")
    couriers.deliver_mails(sending, after(1))
    (mail,) = stored(sending)
    assert (mail.state, mail.error) == (state, f"The mail was refused: {answer}")


@pytest.mark.parametrize("recipient", ["nobody", "zoë@example.org", "a@example.org\nBcc: b@x.org"])
def test_an_address_that_no_server_takes_holds_up_nobody_else(
    sending: Workplace, postbox: Postbox, recipient: str
) -> None:
    postbox.answers = {"nobody": "501 Syntax"}
    write_mails(sending, recipient, "fine@example.org")
    couriers.deliver_mails(sending, after(1))
    assert [mail.state for mail in stored(sending)] == ["failed", "sent"]
    assert [mail["To"] for mail in postbox.mails] == ["fine@example.org"]


def test_a_server_that_says_nothing_is_waited_for_once_and_not_for_each_mail(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mails, "TIMEOUT_S", 0.2)
    monkeypatch.setattr(mails, "connect", lambda address: mails_connect(address, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = with_server(workplace, f"smtp://127.0.0.1:{silent.getsockname()[1]}")
        write_mails(place, *(f"{number}@example.org" for number in range(20)))
        began = time.monotonic()
        couriers.deliver_mails(place, after(1))
        assert time.monotonic() - began < 3
    assert {(mail.state, mail.attempts) for mail in stored(place)} == {("waiting", 1)}
    assert all("timed out" in mail.error for mail in stored(place))


mails_connect = mails.connect


def test_a_server_that_stops_answering_in_the_middle_is_not_asked_again_in_this_batch(workplace: Workplace) -> None:
    asked = []

    class Hanging:
        sock = None

        def send_message(self, *_message: object) -> None:
            asked.append(1)
            try:
                raise TimeoutError("timed out")
            except TimeoutError as error:
                raise smtplib.SMTPServerDisconnected(f"Connection unexpectedly closed: {error}")  # noqa: B904

        def close(self) -> None:
            """Nothing is open."""

    server = mails.MailServer(with_server(workplace, "smtp://127.0.0.1:1").settings)
    server._connection = Hanging()  # type: ignore[assignment]
    mail = Mail(recipient="a@example.org", subject="s", text="t", created_at=NOON, next_at=NOON)
    first, second = server.send(mail), server.send(mail)
    assert len(asked) == 1
    assert first == second == Outcome("The mail server stopped answering: Connection unexpectedly closed: timed out")


def test_without_a_mail_server_a_mail_is_given_up_and_says_what_to_set(workplace: Workplace) -> None:
    write_mails(workplace, "a@example.org")
    couriers.deliver_mails(workplace, after(1))
    (mail,) = stored(workplace)
    assert (mail.state, mail.error) == ("failed", couriers.NO_SERVER)


def test_a_crash_between_claim_and_sending_sends_it_after_the_lease(sending: Workplace, postbox: Postbox) -> None:
    write_mails(sending, "a@example.org")
    with write_session(sending.engine) as session:
        deliveries.claim(session, Mail, now=after(1), limit=1)
    assert couriers.deliver_mails(sending, after(60)) == 0
    assert couriers.deliver_mails(sending, after(1) + deliveries.LEASE) == 1
    assert len(postbox.mails) == 1


def test_a_crash_between_sending_and_noting_sends_it_twice_with_one_message_id(
    sending: Workplace, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mails(sending, "a@example.org")

    def crash(*_words: object, **_values: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(deliveries, "sent", crash)
        with pytest.raises(KeyboardInterrupt):
            couriers.deliver_mails(sending, after(1))
    couriers.deliver_mails(sending, after(1) + deliveries.LEASE)
    assert len({mail["Message-ID"] for mail in postbox.mails}) == 1
    assert len(postbox.mails) == 2
    assert stored(sending)[0].state == "sent"


def test_several_processes_at_once_send_each_mail_once(sending: Workplace, postbox: Postbox) -> None:
    recipients = [f"{number}@example.org" for number in range(30)]
    write_mails(sending, *recipients)
    barrier = threading.Barrier(3)

    def deliver() -> None:
        barrier.wait()
        while couriers.deliver_mails(sending, after(1)):
            pass

    threads = [threading.Thread(target=deliver) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(mail["To"] for mail in postbox.mails) == sorted(recipients)


def test_a_process_that_is_stopped_gives_back_what_it_has_not_tried(sending: Workplace, postbox: Postbox) -> None:
    write_mails(sending, "a@example.org")
    sending.stopping.set()
    couriers.deliver_mails(sending, after(1))
    assert postbox.mails == []
    (mail,) = stored(sending)
    assert (mail.state, mail.attempts, mail.next_at) == ("waiting", 0, after(1))


# Web hooks


def test_an_event_is_posted_as_json_with_a_signature_that_the_receiver_can_check(
    workplace: Workplace, receiver: Receiver
) -> None:
    write_event(workplace, receiver.url)
    assert couriers.deliver_web_hooks(workplace, after(1)) == 1
    ((headers, body),) = receiver.got
    hook = event(workplace)
    assert (hook.state, hook.status, hook.attempts) == ("sent", 204, 1)
    assert json.loads(body) == {
        "id": hook.public_id,
        "event": "spending.alert",
        "created_at": "2026-06-01T12:00:00+00:00",
        "data": {"percent": 80, "name": "Zoë"},
    }
    assert headers["Content-Type"] == "application/json"
    assert (headers["Paddock-Event"], headers["Paddock-Delivery"]) == ("spending.alert", hook.public_id)
    assert abs(int(headers["Paddock-Timestamp"]) - clock.now().timestamp()) < 60
    assert documented_check("s3cret", headers, body)
    assert not documented_check("another", headers, body)
    assert not documented_check("s3cret", headers, body + b" ")
    assert not documented_check("s3cret", headers | {"Paddock-Timestamp": "1"}, body)


def documented_check(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """What docs/deliveries.md tells receivers to do, run as it stands there."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "deliveries.md").read_text()
    code = text.split("```python", 1)[1].split("```", 1)[0]
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102  our own documentation
    check = names["is_from_paddock"]
    assert callable(check)
    return bool(check(secret, headers, body))


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_receiver_in_trouble_is_tried_again_with_the_same_delivery(
    workplace: Workplace, receiver: Receiver, status: int
) -> None:
    write_event(workplace, receiver.url)
    receiver.answer = status
    couriers.deliver_web_hooks(workplace, after(1))
    hook = event(workplace)
    assert (hook.state, hook.status, hook.next_at) == ("waiting", status, after(31))
    assert hook.error.startswith(f"It answered {status}")
    receiver.answer = 200
    couriers.deliver_web_hooks(workplace, after(31))
    first, second = (headers["Paddock-Delivery"] for headers, _ in receiver.got)
    assert first == second
    assert event(workplace).state == "sent"


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_receiver_that_refuses_is_not_tried_again(workplace: Workplace, receiver: Receiver, status: int) -> None:
    write_event(workplace, receiver.url)
    receiver.answer = status
    couriers.deliver_web_hooks(workplace, after(1))
    assert (event(workplace).state, event(workplace).status) == ("failed", status)


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_not_followed(workplace: Workplace, receiver: Receiver, status: int) -> None:
    write_event(workplace, receiver.url)
    receiver.answer = status
    couriers.deliver_web_hooks(workplace, after(1))
    assert len(receiver.got) == 1
    assert event(workplace).state == "failed"
    assert "redirect" in event(workplace).error


def test_nobody_at_the_address_is_tried_again_and_says_why_in_short(workplace: Workplace) -> None:
    write_event(workplace, f"http://127.0.0.1:{free_port()}/hook")
    couriers.deliver_web_hooks(workplace, after(1))
    hook = event(workplace)
    assert hook.state == "waiting"
    assert hook.error == "The address cannot be reached: Connection refused"


def test_an_address_that_is_none_is_given_up(workplace: Workplace) -> None:
    write_event(workplace, "http://[::bad/hook")
    couriers.deliver_web_hooks(workplace, after(1))
    assert event(workplace).state == "failed"


def test_a_receiver_that_answers_late_is_tried_again(
    workplace: Workplace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_hooks, "TIMEOUT_S", 0.2)
    write_event(workplace, receiver.url)
    receiver.answer = lambda _handler: time.sleep(0.5)
    couriers.deliver_web_hooks(workplace, after(1))
    assert event(workplace).state == "waiting"
    assert "No answer came" in event(workplace).error


def test_an_answer_that_drips_in_is_not_waited_for(
    workplace: Workplace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_hooks, "WHOLE_S", 0.3)
    done = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(100):
            if done.wait(0.05):
                return
            handler.wfile.write(f"X-{number}: 1\r\n".encode())

    write_event(workplace, receiver.url)
    receiver.answer = drip
    began = time.monotonic()
    couriers.deliver_web_hooks(workplace, after(1))
    took = time.monotonic() - began
    done.set()
    assert took < 2
    assert event(workplace).state == "waiting"


def test_an_answers_body_is_not_read_however_long_it_is(workplace: Workplace, receiver: Receiver) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            """The sender has hung up, as it should."""

    write_event(workplace, receiver.url)
    receiver.answer = endless
    couriers.deliver_web_hooks(workplace, after(1))
    assert event(workplace).state == "sent"


def test_an_address_that_was_changed_gets_nothing_any_more(workplace: Workplace, receiver: Receiver) -> None:
    write_event(workplace, receiver.url)
    with write_session(workplace.engine) as session:
        session.get_one(AlertSettings, 1).webhook_url = "https://elsewhere.example/hook"
    couriers.deliver_web_hooks(workplace, after(1))
    assert receiver.got == []
    assert (event(workplace).state, event(workplace).error) == ("failed", couriers.NO_ADDRESS)


# The process


def test_a_mail_server_that_hangs_holds_up_neither_web_hooks_nor_rounds(
    workplace: Workplace, receiver: Receiver
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = with_server(workplace, f"smtp://127.0.0.1:{silent.getsockname()[1]}")
        write_mails(place, "a@example.org")
        write_event(place, receiver.url)
        started = couriers.start(place)
        began = time.monotonic()
        while event(place).state != DeliveryState.SENT and time.monotonic() - began < 8:
            time.sleep(0.02)
        assert event(place).state == DeliveryState.SENT
        assert stored(place)[0].state == "waiting"
        maintenance.Rounds(place).go(clock.now())
        assert time.monotonic() - began < 8
        place.stopping.set()
    for courier in started:
        courier.join(15)
        assert not courier.is_alive()


def test_a_courier_goes_on_after_anything_that_goes_wrong(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "TICK_S", 0.01)
    rounds = []

    def deliver(_place: Workplace, now: datetime) -> int:
        rounds.append(now)
        if len(rounds) == 3:
            workplace.stopping.set()
        raise RuntimeError("something new")

    courier = couriers.Courier("mails", workplace, deliver)
    courier.start()
    courier.join(5)
    assert len(rounds) == 3


def test_maintenance_forgets_old_deliveries(sending: Workplace) -> None:
    write_mails(sending, "a@example.org")
    couriers.deliver_mails(sending, after(1))
    maintenance.Rounds(sending).go(after(1) + deliveries.KEPT + timedelta(seconds=1))
    assert stored(sending) == []


@pytest.mark.parametrize("address", ["smtp://mail:99999", "smtp://mail:x", "http://mail", "smtp://"])
def test_a_malformed_mail_server_stops_the_start(address: str) -> None:
    with pytest.raises(ValueError, match="PADDOCK_SMTP_URL must"):
        Settings.read({"PADDOCK_SMTP_URL": address, "PADDOCK_MAIL_FROM": SENDER})
