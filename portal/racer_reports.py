"""What came of an action on several racers, in words: a few names, never all, since a message lives in a cookie."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import flash
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.rules.outcome import Outcome
from portal.tables import Racer

SHOWN = 5
MOST_REASONS = 4
"""Reasons that are told one by one; a cookie holds four kilobytes."""


def names_of(people: Sequence[Racer], count: int | None = None) -> str:
    """The first few by name and how many more: `alice, bob and 3 more`. `count` is how many there are in all."""
    names = [racer.alias or racer.name or racer.subject for racer in people[:SHOWN]]
    more = (len(people) if count is None else count) - len(names)
    listed = ", ".join(names)
    return _("%(names)s and %(count)s more", names=listed, count=more) if more > 0 else listed


def tell(outcome: Outcome, *, used_up: int = 0) -> None:
    """For whom it was so already, and who could not be changed and why. Who was changed is told with its Undo.

    `used_up` is how many of those whose quota was set have nothing left of it.
    """
    if used_up:
        said = ngettext(
            "%(num)s of them has nothing left and starts nothing new; what runs, runs to its end.",
            "%(num)s of them have nothing left and start nothing new; what runs, runs to its end.",
            used_up,
        )
        flash(said, "info")
    if outcome.same:
        flash(_("It was so already for %(names)s.", names=names_of(outcome.same)), "info")
    reasons = list(outcome.reasons().items())
    for message, people in reasons[:MOST_REASONS]:
        flash(_("%(names)s: %(message)s", names=names_of(people), message=message[:300]), "error")
    if len(reasons) > MOST_REASONS:
        rest = [racer for _message, people in reasons[MOST_REASONS:] for racer in people]
        flash(_("Not all of it was done for %(names)s either.", names=names_of(rest)), "error")
    if not outcome.changed:
        flash(_("Nothing was changed."), "info")


def tell_undone(outcome: Outcome) -> None:
    """For how many it was undone, and who was left alone and why."""
    if outcome.changed:
        count = len(outcome.changed)
        flash(ngettext("Undone for %(num)s racer.", "Undone for %(num)s racers.", count), "success")
    tell(outcome)


def with_done(address: str, batch: str) -> str:
    """The address with the batch whose Undo it offers; without any for an empty one."""
    parts = urlsplit(address)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "done"]
    if batch:
        query.append(("done", batch))
    return parts.path + (f"?{urlencode(query)}" if query else "")
