"""What delivers mails and web hooks: one thread for each, beside the rounds of maintenance.

They have threads of their own because what they wait for is not ours: a mail server that hangs must hold up neither the
jobs of the house nor the web hooks. Two such processes do no harm: a delivery is claimed before it is sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from jobs import mails, web_hooks
from jobs.outcome import Outcome
from jobs.workplace import Workplace
from portal import clock
from portal.database import read_session, write_session
from portal.rules import deliveries
from portal.rules.deliveries import Delivery
from portal.tables import AlertSettings, Mail, RaceHook, WebhookDelivery

TICK_S = 2.0
BATCH = 20
BUDGET_S = 90.0
"""After so long the rest of a batch is given back: well before its lease ends."""
PATIENCE_S = 8.0
"""How long the end of the process waits for a try that is under way; its supervisor kills it after ten."""
NO_SERVER = "No mail server is configured: set PADDOCK_SMTP_URL and PADDOCK_MAIL_FROM."
NO_ADDRESS = "This address is not set any more."

log = structlog.get_logger(__name__)


def deliver_mails(workplace: Workplace, now: datetime) -> int:
    """Sends the mails that are due, over one connection; returns how many it took."""
    batch = _claim(workplace.engine, Mail, now)
    if not workplace.settings.smtp_url:
        return _each(workplace, batch, lambda _mail: Outcome(NO_SERVER, for_good=True), now)
    with mails.MailServer(workplace.settings) as server:
        return _each(workplace, batch, server.send, now)


def deliver_web_hooks(workplace: Workplace, now: datetime) -> int:
    """Posts the events that are due; returns how many it took."""
    batch = _claim(workplace.engine, WebhookDelivery, now)
    if not batch:
        return 0
    with read_session(workplace.engine) as session:
        receiver = session.get_one(AlertSettings, 1)
        wanted = [hook.race_hook_id for hook in batch if hook.race_hook_id is not None]
        of_races = {hook.id: hook for hook in session.exec(select(RaceHook).where(col(RaceHook.id).in_(wanted)))}

    def send(hook: WebhookDelivery) -> Outcome:
        if hook.race_hook_id is not None:
            race_hook = of_races[hook.race_hook_id]
            if race_hook.removed_at is not None:
                return Outcome(NO_ADDRESS, for_good=True)
            return web_hooks.post(hook, race_hook.secret, now=clock.now(), public_only=True)
        if hook.url != receiver.webhook_url:  # there is no secret for it any more
            return Outcome(NO_ADDRESS, for_good=True)
        return web_hooks.post(hook, receiver.webhook_secret, now=clock.now())

    return _each(workplace, batch, send, now)


def forget(workplace: Workplace, now: datetime) -> int:
    """Removes old deliveries from the log, some at a time; returns how many."""
    with write_session(workplace.engine) as session:
        return deliveries.forget(session, now=now)


def _claim(engine: Engine, table: type[Delivery], now: datetime) -> list[Delivery]:
    """What is due, claimed and committed; looking first spares the database a writer every two seconds."""
    with read_session(engine) as session:
        if not deliveries.is_due(session, table, now=now):
            return []
    with write_session(engine) as session:
        return deliveries.claim(session, table, now=now, limit=BATCH)


def _each(workplace: Workplace, batch: list[Delivery], send: Callable[[Delivery], Outcome], now: datetime) -> int:
    """Tries each and writes down at once what became of it: a crash repeats one try, not a batch."""
    until = time.monotonic() + BUDGET_S
    for delivery in batch:
        if workplace.stopping.is_set() or time.monotonic() > until:
            with write_session(workplace.engine) as session:
                deliveries.give_back(session, delivery, now=now)
            continue
        outcome = send(delivery)
        with write_session(workplace.engine) as session:
            _note(session, delivery, outcome, now)
        if outcome.error:
            log.warning("a delivery did not arrive", delivery=delivery.public_id, error=outcome.error)
    return len(batch)


def _note(session: Session, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    if outcome.error:
        deliveries.failed(session, delivery, outcome.error, now=now, status=outcome.status, for_good=outcome.for_good)
    else:
        deliveries.sent(session, delivery, now=now, status=outcome.status)


class Courier(threading.Thread):
    """Delivers one kind of thing until the process is stopped. Whatever goes wrong is logged, and it goes on."""

    def __init__(self, name: str, workplace: Workplace, deliver: Callable[[Workplace, datetime], int]) -> None:
        super().__init__(name=name, daemon=True)
        self._workplace = workplace
        self._deliver = deliver

    def run(self) -> None:
        while not self._workplace.stopping.is_set():
            taken = 0
            try:
                taken = self._deliver(self._workplace, clock.now())
            except Exception as error:  # a thread that ends here would end silently, and deliver nothing ever after
                log.warning("a round of deliveries failed", courier=self.name, error=str(error), exc_info=True)
            if taken < BATCH:
                self._workplace.stopping.wait(TICK_S)


def start(workplace: Workplace) -> list[Courier]:
    """Starts the couriers of this process."""
    couriers = [Courier("mails", workplace, deliver_mails), Courier("web hooks", workplace, deliver_web_hooks)]
    for courier in couriers:
        courier.start()
    return couriers


def wait_for_end(couriers: list[Courier]) -> None:
    """Gives tries that are under way the time to be written down; what is killed is tried again after its lease."""
    until = time.monotonic() + PATIENCE_S
    for courier in couriers:
        courier.join(max(0.0, until - time.monotonic()))
