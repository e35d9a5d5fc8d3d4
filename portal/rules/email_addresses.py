"""E-mail addresses that something is to be sent to."""

from __future__ import annotations

import re
import unicodedata

from portal.rules.broken import Code, RuleBroken

LONGEST_ADDRESS = 254
LONGEST_LOCAL_PART = 64
LOCAL_PART = re.compile(r"[^\s@<>()\[\],;:\"\\.]+(\.[^\s@<>()\[\],;:\"\\.]+)*")
DOMAIN = re.compile(r"[^\W_]([\w-]{0,61}[^\W_])?(\.[^\W_]([\w-]{0,61}[^\W_])?)*")


def checked(text: str) -> str:
    """The address in lower case. Raises RuleBroken (invalid, field `email`) for a text that is none.

    Quoted local parts and comments are refused though RFC 5322 knows them: nobody is written to that way, and what is
    taken here goes into a mail's header.
    """
    address = unicodedata.normalize("NFC", text.strip()).lower()
    local, _, domain = address.rpartition("@")
    if not address:
        raise RuleBroken(Code.INVALID, "There is no e-mail address.", "email")
    fits = LOCAL_PART.fullmatch(local) and DOMAIN.fullmatch(domain) and address.isprintable()
    if not fits or len(address) > LONGEST_ADDRESS or len(local) > LONGEST_LOCAL_PART:
        raise RuleBroken(Code.INVALID, "This is no e-mail address; one looks like name@example.org.", "email")
    return address
