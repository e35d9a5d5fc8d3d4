"""What `paddock doctor` says about the mail server."""

from __future__ import annotations

from dataclasses import replace

from paddock.doctor import _mail_server
from portal.settings import Settings
from tests.jobs.receivers import Postbox, mail_server
from tests.ports import free_port


def test_it_says_whether_a_mail_server_is_set_and_answers(settings: Settings) -> None:
    (unset,) = _mail_server(settings)
    assert unset.ok
    assert "PADDOCK_SMTP_URL" in unset.detail
    with mail_server(Postbox()) as port:
        (there,) = _mail_server(replace(settings, smtp_url=f"smtp://127.0.0.1:{port}"))
    assert (there.ok, there.detail) == (True, "takes mails")
    (away,) = _mail_server(replace(settings, smtp_url=f"smtp://127.0.0.1:{free_port()}"))
    assert not away.ok
    assert "Connection refused" in away.detail
