"""Letters: placeholders that are checked, and HTML that nobody can write into."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules import letters
from portal.rules.broken import Code, RuleBroken
from portal.rules.letters import Wording

VALUES = {
    "link": "https://paddock.example/welcome/abc",
    "organisation": "Acme <Racing> & Co",
    "name": "Ada",
    "inviter": "carol",
    "expires": "1 June 2026",
}


def test_each_placeholder_is_filled_in_subject_and_text() -> None:
    wording = letters.checked("{inviter} of {organisation}", "Hello {name},\n{link}\nuntil {expires}")
    letter = letters.fill(wording, VALUES)
    assert letter.subject == "carol of Acme <Racing> & Co"
    assert letter.text == "Hello Ada,\nhttps://paddock.example/welcome/abc\nuntil 1 June 2026"


def test_a_line_whose_placeholder_has_no_value_is_left_out() -> None:
    letter = letters.fill(Wording("s", "Come:\n{link}\nIt is good until {expires}.\nBye"), {**VALUES, "expires": ""})
    assert letter.text == "Come:\nhttps://paddock.example/welcome/abc\nBye"


def test_what_is_filled_in_is_not_filled_again() -> None:
    letter = letters.fill(Wording("s", "{name} {link}"), {**VALUES, "name": "{link} {organisation}"})
    assert letter.text == "{link} {organisation} https://paddock.example/welcome/abc"


def test_html_has_paragraphs_line_breaks_and_links_and_nothing_else() -> None:
    body = "Hello <b>{name}</b>,\n\nat {organisation}: see {link}.\nOr javascript:alert(1)"
    letter = letters.fill(Wording("s", body), {**VALUES, "name": '"><img src=x onerror=alert(1)>'})
    assert letter.html == (
        "<p>Hello &lt;b&gt;&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&lt;/b&gt;,</p>\n"
        "<p>at Acme &lt;Racing&gt; &amp; Co: see "
        '<a href="https://paddock.example/welcome/abc">https://paddock.example/welcome/abc</a>.'
        "<br>Or javascript:alert(1)</p>"
    )
    assert "<title>s</title>" in letter.document


def test_a_link_cannot_leave_its_attribute() -> None:
    letter = letters.fill(Wording("s", "{link}"), {"link": "https://a.example/'onmouseover='x&y=\"z"})
    assert letter.html == (
        '<p><a href="https://a.example/&#x27;onmouseover=&#x27;x&amp;y=">'
        "https://a.example/&#x27;onmouseover=&#x27;x&amp;y=</a>&quot;z</p>"
    )


@given(st.text(max_size=200))
def test_no_text_becomes_markup(text: str) -> None:
    html = letters.fill(Wording("s", "{link} {name}"), {"link": "x", "name": text}).html
    for tag in ("<p>", "</p>", "<br>", "</a>"):
        html = html.replace(tag, "")
    assert html.count("<") == html.count('<a href="http')


@pytest.mark.parametrize(
    ("subject", "body", "field", "message"),
    [
        ("", "{link}", "subject", "fill this in"),
        ("s", "", "body", "fill this in"),
        ("s", "no way in", "body", "Write {link}"),
        ("s", "{link} {ling}", "body", "no placeholder {ling}"),
        ("s", "{link} {Name}", "body", "no placeholder {Name}"),
        ("s", "{link} {}", "body", "no placeholder {}"),
        ("Hi {nobody}", "{link}", "subject", "no placeholder {nobody}"),
        ("Hi {link}", "{link}", "subject", "into the text"),
        ("x" * 201, "{link}", "subject", "At most 200"),
        ("s", "{link}" + "x" * 10_000, "body", "At most 10000"),
        ("s", "{link}\0", "body", "control characters"),
        ("s\u202e", "{link}", "subject", "control characters"),
    ],
)
def test_a_wording_that_cannot_be_sent_is_refused(subject: str, body: str, field: str, message: str) -> None:
    with pytest.raises(RuleBroken) as refusal:
        letters.checked(subject, body)
    assert (refusal.value.code, refusal.value.field) == (Code.INVALID, field)
    assert message in refusal.value.message


def test_a_subject_is_one_line_whatever_is_typed_or_filled_in() -> None:
    wording = letters.checked("Hello\r\nBcc: all@example.org {name}", "{link}")
    assert wording.subject == "Hello Bcc: all@example.org {name}"
    assert letters.fill(wording, {**VALUES, "name": "a\r\nX-Evil: 1"}).subject.count("\n") == 0
