"""Whose certificates are believed where events are posted to, and what is wrong with the others in plain words."""

from __future__ import annotations

import ssl
from typing import Any

import requests
from requests.adapters import HTTPAdapter

UNKNOWN = ("self-signed certificate", "unable to get")
"""How OpenSSL begins where nobody that is trusted vouches for a certificate."""


class Trusting(HTTPAdapter):
    """Believes whom this machine believes, an authority of one's own in SSL_CERT_FILE or SSL_CERT_DIR included, and the
    public authorities that come with `requests`.
    """

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=ssl.create_default_context(), **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=ssl.create_default_context(), **options)


def refusal(error: requests.exceptions.SSLError) -> str:
    """Why the connection was not made secure, in a sentence or two."""
    cause = _cause(error)
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLCertVerificationError):
        return f"It speaks no TLS that can be understood: {cause.reason or cause}."
    why = str(getattr(cause, "verify_message", cause)).rstrip(".")
    mend = " For an authority of your own set SSL_CERT_FILE where Paddock runs." if why.startswith(UNKNOWN) else ""
    return f"Its certificate is not trusted: {why}.{mend}"


def _cause(error: BaseException) -> BaseException:
    """What TLS said: it comes wrapped in errors about pools and retries."""
    wrapped = getattr(error, "reason", None) or next(iter(error.args), None)
    return _cause(wrapped) if isinstance(wrapped, BaseException) else error
