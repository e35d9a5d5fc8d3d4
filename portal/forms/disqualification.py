"""Why a submission is disqualified, as a form says it; the rule says how long it may be."""

from __future__ import annotations

from portal.forms.parsing import SubmittedForm


class DisqualificationForm(SubmittedForm):
    """The reason, which everybody reads."""

    reason: str = ""
