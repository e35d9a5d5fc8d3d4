"""Co-organizers, teams and announcements as forms say them; the rules say what may be in them."""

from __future__ import annotations

from portal.forms.parsing import SubmittedForm


class OrganizerForm(SubmittedForm):
    """Whom to name, by alias."""

    alias: str = ""


class AnnouncementForm(SubmittedForm):
    """What to tell everybody."""

    text: str = ""


class TeamForm(SubmittedForm):
    """A new team's name."""

    name: str = ""


class TeamCodeForm(SubmittedForm):
    """The code of a team."""

    code: str = ""


class RaceHookForm(SubmittedForm):
    """Where a race's events are posted to."""

    webhook_url: str = ""
