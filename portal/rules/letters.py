"""Letters with placeholders: checked when they are saved, filled for a person, written as text and as HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from portal.rules.broken import Code, RuleBroken

PLACEHOLDERS = ("link", "organisation", "name", "inviter", "expires")
REQUIRED = "link"
LONGEST_SUBJECT = 200
LONGEST_BODY = 10_000
IN_BRACES = re.compile(r"\{([^{}\n]*)\}")
ADDRESS = re.compile(r"https?://[^\s<>\"]+")
AFTER_AN_ADDRESS = ".,;:!?)]}'*_"
"""Signs that belong to the sentence and not to an address that they follow."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A letter with its placeholders."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to one person: the subject is one line, `html` is a piece without head and body."""

    subject: str
    text: str
    html: str

    @property
    def document(self) -> str:
        """The letter as a whole HTML document, for a mail."""
        head = f'<meta charset="utf-8"><title>{escape(self.subject)}</title>'
        return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{self.html}\n</body></html>\n'


def checked(subject: str, body: str) -> Wording:
    """The wording with its edges cleaned. Raises RuleBroken (invalid, with the field) that says what to change."""
    subject, body = " ".join(subject.split()), _lines(body)
    for field, text, longest in (("subject", subject, LONGEST_SUBJECT), ("body", body, LONGEST_BODY)):
        if not text:
            raise RuleBroken(Code.INVALID, "Please fill this in.", field)
        if len(text) > longest:
            raise RuleBroken(Code.INVALID, f"At most {longest} characters; this has {len(text)}.", field)
        if any(not (character.isprintable() or character in "\n\t") for character in text):
            raise RuleBroken(Code.INVALID, "There are control characters in it. Type it anew.", field)
        _require_known(field, text)
    if f"{{{REQUIRED}}}" in subject:
        raise RuleBroken(Code.INVALID, "The link belongs into the text, not into the subject.", "subject")
    if f"{{{REQUIRED}}}" not in body:
        raise RuleBroken(Code.INVALID, "Write {link} where the link is to be; without it nobody can come in.", "body")
    return Wording(subject, body)


def _require_known(field: str, text: str) -> None:
    for name in IN_BRACES.findall(text):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            raise RuleBroken(Code.INVALID, f"There is no placeholder {{{name}}}. Use {known}.", field)


def fill(wording: Wording, values: Mapping[str, str]) -> Letter:
    """The letter for one person. A line with a placeholder that has no value here is left out.

    What is filled in is not looked at again: a name that holds braces stays a name.
    """
    lines = [line for line in wording.body.split("\n") if all(values.get(name) for name in IN_BRACES.findall(line))]
    text = _filled("\n".join(lines), values)
    return Letter(" ".join(_filled(wording.subject, values).split()), text, _html(text))


def _filled(text: str, values: Mapping[str, str]) -> str:
    return IN_BRACES.sub(lambda found: " ".join(values.get(found.group(1), "").split()), text)


def _html(text: str) -> str:
    """Paragraphs and line breaks; everything is escaped, and only addresses with http or https become links."""
    paragraphs = [part for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]
    return "\n".join(f"<p>{'<br>'.join(_linked(line) for line in part.split(chr(10)))}</p>" for part in paragraphs)


def _linked(line: str) -> str:
    pieces, end = [], 0
    for found in ADDRESS.finditer(line):
        address = found.group().rstrip(AFTER_AN_ADDRESS)
        pieces += [escape(line[end : found.start()]), f'<a href="{escape(address)}">{escape(address)}</a>']
        end = found.start() + len(address)
    return "".join([*pieces, escape(line[end:])])


def _lines(text: str) -> str:
    """Line ends as \\n alone, without spaces before them."""
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")).strip()
