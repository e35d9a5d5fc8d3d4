"""Which racers a form means: those that are ticked, or all that match a search."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from sqlmodel import Session
from werkzeug.datastructures import MultiDict

from portal import hx
from portal.rules import racer_list
from portal.rules.broken import Code, RuleBroken
from portal.rules.racer_list import Filter, State
from portal.tables import Racer


@dataclass(frozen=True, slots=True)
class Selection:
    """What was ticked, and where to go back to."""

    ids: tuple[str, ...]
    everybody: bool
    """True for all that match `filter`, on whatever page they are."""
    filter: Filter
    seen: str
    """The fingerprint of those whom the confirmation named; empty before it."""
    back: str

    def people(self, session: Session) -> list[Racer]:
        """The racers who are meant. Raises RuleBroken (invalid, missing) as `racer_list` does."""
        if self.everybody:
            return racer_list.matching(session, self.filter)
        return racer_list.chosen(session, self.ids)

    def check(self, people: list[Racer]) -> None:
        """Raises RuleBroken (conflict) where others match than those whom the confirmation named."""
        if self.everybody and self.seen != racer_list.fingerprint(people):
            raise RuleBroken(Code.CONFLICT, "Since you opened this, others match the search. Look again, then confirm.")


def filter_of(values: MultiDict[str, str]) -> Filter:
    """The search and the state of an address or a form; an unknown state is all."""
    state = values.get("state", "")
    return Filter(values.get("q", "").strip()[:200], State(state) if state in list(State) else State.ALL)


def read(values: MultiDict[str, str]) -> Selection:
    """The selection of an address or a form."""
    return Selection(
        ids=tuple(values.getlist("racer")),
        everybody=values.get("all") == "1",
        filter=filter_of(values),
        seen=values.get("seen", ""),
        back=_back(values.get("back", "")),
    )


def _back(wanted: str) -> str:
    index = url_for("admin_racers.index")
    return wanted if wanted.startswith(index) and hx.is_local_path(wanted) else index
