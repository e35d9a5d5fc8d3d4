"""E-mail addresses: what is written to, and what must not get into a header."""

from __future__ import annotations

import pytest

from portal.rules import email_addresses
from portal.rules.broken import RuleBroken


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ada@example.org", "ada@example.org"),
        (" Ada.Lovelace+race@Example.ORG ", "ada.lovelace+race@example.org"),
        ("o'neil@mail-1.example", "o'neil@mail-1.example"),
        ("jo@localhost", "jo@localhost"),
        ("zoë@bücher.example", "zoë@bücher.example"),
    ],
)
def test_an_address_is_taken_in_lower_case(text: str, address: str) -> None:
    assert email_addresses.checked(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@@example.org",
        "a b@example.org",
        "ada@exa mple.org",
        "ada@example.org\nBcc: all@example.org",
        "ada@example.org\r\nX: y",
        "ada\0@example.org",
        "ada@example.org,eve@example.org",
        "Ada <ada@example.org>",
        '"ada lovelace"@example.org',
        ".ada@example.org",
        "ada..b@example.org",
        "ada@-example.org",
        "ada@example..org",
        "ada\u202e@example.org",
        "a" * 65 + "@example.org",
        "ada@" + ".".join(["x" * 60] * 5),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(RuleBroken):
        email_addresses.checked(text)
