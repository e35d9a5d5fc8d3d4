"""From what is wrong with a form to the messages on it and the status of the answer."""

from __future__ import annotations

from portal.errors import STATUS, told
from portal.forms.parsing import FormErrors
from portal.rules.broken import Code, RuleBroken

Problem = FormErrors | RuleBroken


def errors_of(problem: Problem | None) -> tuple[dict[str, str], int]:
    """Messages by field (the empty name is for the whole form) and the HTTP status.

    An object that is missing is no problem of the form: that one is raised on.
    """
    if problem is None:
        return {}, 200
    if isinstance(problem, FormErrors):
        return problem.by_field, 422
    if problem.code is Code.MISSING:
        raise problem
    return {problem.field or "": told(problem)}, STATUS[problem.code]
