"""Sending mails by SMTP: what a mail looks like on its way, and one connection for a whole batch."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from types import TracebackType
from urllib.parse import unquote, urlsplit

from jobs.outcome import ARRIVED, Outcome
from portal.settings import Settings
from portal.tables import Mail

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
"""The ports where the address names none."""
TIMEOUT_S = 10.0
"""For the connection, and for each answer of the server."""


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """A mail as it is sent: text, and HTML beside it where there is some.

    Its Message-ID is the same at every try, so that a mail that is sent twice can be told from two mails. Raises
    ValueError for addresses that no header can carry.
    """
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<{mail.public_id}@{_domain(sender)}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    return message


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "paddock.invalid"


def connect(address: str, timeout_s: float = TIMEOUT_S) -> smtplib.SMTP:
    """A connection that is encrypted and signed in as the address says. Raises OSError or smtplib.SMTPException."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(host, port, timeout=timeout_s)
    try:
        if parts.scheme == "smtp+starttls":
            server.starttls(context=ssl.create_default_context())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        server.close()
        raise
    return server


def unreachable(settings: Settings, timeout_s: float = TIMEOUT_S) -> str:
    """Why the configured mail server cannot be used now; empty where it can."""
    try:
        connect(settings.smtp_url, timeout_s).quit()
    except (OSError, smtplib.SMTPException) as error:
        return _why(error)
    return ""


class MailServer:
    """The mail server during one batch: connected at the first mail, given up for the batch when it is away."""

    def __init__(self, settings: Settings) -> None:
        self._address = settings.smtp_url
        self._sender = settings.mail_from
        self._connection: smtplib.SMTP | None = None
        self._away = ""

    def __enter__(self) -> MailServer:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()

    def send(self, mail: Mail) -> Outcome:
        """Sends one mail and says what became of it."""
        try:
            message = message_of(mail, self._sender)
        except (ValueError, IndexError) as error:
            return Outcome(f"This cannot be made into a mail: {error}", for_good=True)
        connection = self._connected()
        if connection is None:
            return Outcome(self._away)
        try:
            connection.send_message(message, parseaddr(self._sender)[1], [mail.recipient])
        except (OSError, smtplib.SMTPException, ValueError) as error:
            return self._refused(error)
        return ARRIVED

    def _connected(self) -> smtplib.SMTP | None:
        if self._connection is None and not self._away:
            try:
                self._connection = connect(self._address)
            except (OSError, smtplib.SMTPException) as error:
                self._away = f"The mail server cannot be used: {_why(error)}"
        return self._connection

    def _refused(self, error: Exception) -> Outcome:
        """What an error means for this mail, and for the connection of those after it."""
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            code, reply = next(iter(error.recipients.values()))
            outcome = Outcome(f"The address was refused: {_reply(code, reply)}", for_good=500 <= code < 600)
        elif isinstance(error, smtplib.SMTPDataError):
            outcome = Outcome(f"The mail was refused: {_why(error)}", for_good=500 <= error.smtp_code < 600)
        elif isinstance(error, smtplib.SMTPNotSupportedError | ValueError):
            outcome = Outcome(f"The mail server cannot send this: {error}", for_good=True)
        elif isinstance(error, smtplib.SMTPException) and not isinstance(error.__context__, TimeoutError):
            outcome = Outcome(f"The mail server refused: {_why(error)}")
        else:  # it does not answer any more: to wait for it once for each mail would take minutes
            self._away = f"The mail server stopped answering: {_why(error)}"
            outcome = Outcome(self._away)
        if self._connection is not None and (self._away or self._connection.sock is None):
            self._connection.close()
            self._connection = None
        return outcome


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _reply(error.smtp_code, error.smtp_error)
    return str(error) or type(error).__name__


def _reply(code: int, text: bytes | str) -> str:
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return " ".join(f"{code} {words}".split())
