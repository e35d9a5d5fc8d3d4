"""Configuration: environment variables, read once into a frozen object.

`VARIABLES` is the whole list; `docs/configuration.md` says the same, and a test holds the two equal.
An unknown `PADDOCK_` variable or a malformed value raises `SettingsError`, which names the variable.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class SettingsError(ValueError):
    """A variable is unknown or malformed; the message names it and says the mend."""


class Variable(NamedTuple):
    """One environment variable: its name without the prefix, its default as written, how it is read, what it means."""

    name: str
    default: str
    read: Callable[[str], Any]
    meaning: str


def _text(value: str) -> str:
    return value


def _whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not re.fullmatch(r"\d{1,9}", value) or not minimum <= int(value) <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(value)

    return read


def _switch(value: str) -> bool:
    if value not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return value == "1"


def _names(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise ValueError("must be an address that begins with http:// or https://")
    return value.rstrip("/")


def _redis_address(value: str) -> str:
    if value and urlsplit(value).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    return value


def _database_address(value: str) -> str:
    if value and not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
    return value


def _mail_server(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("smtp", "smtp+starttls", "smtps") or not parts.hostname):
        raise ValueError("must begin with smtp://, smtp+starttls:// or smtps:// and name a host")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("must have a port from 1 to 65535, or none") from None
    return value


def _secret(value: str) -> str:
    if value and len(value) < 32:
        raise ValueError("must be at least 32 characters long")
    return value


def _device(value: str) -> str:
    if value not in ("auto", "cpu"):
        raise ValueError("must be auto or cpu")
    return value


def _log_level(value: str) -> str:
    if value not in ("debug", "info", "warning", "error"):
        raise ValueError("must be debug, info, warning or error")
    return value


VARIABLES: tuple[Variable, ...] = (
    Variable("DATA", "data", _text, "The one directory that holds everything Paddock stores."),
    Variable("HOST", "127.0.0.1", _text, "The address that the portal listens on."),
    Variable("PORT", "8000", _whole_number(0, 65535), "The port that the portal listens on."),
    Variable("PUBLIC_URL", "", _web_address, "Where browsers reach the portal; empty means HOST and PORT."),
    Variable("ORGANISATION", "Paddock", _text, "The name of the host, shown on pages."),
    Variable("DATABASE_URL", "", _database_address, "SQLAlchemy address of the database; empty means SQLite in DATA."),
    Variable("REDIS_URL", "", _redis_address, "A Redis-compatible server; empty means an embedded Valkey in DATA."),
    Variable("SECRET_KEY", "", _secret, "Key that signs cookies and stream tokens; empty means one made once in DATA."),
    Variable("WORKERS", "2", _whole_number(1, 64), "Workers that `paddock up` starts for trainings and evaluations."),
    Variable("OIDC_ISSUER", "", _web_address, "The OpenID provider; empty means the local provider at /idp."),
    Variable("OIDC_CLIENT_ID", "", _text, "Paddock's client id at the provider."),
    Variable("OIDC_CLIENT_SECRET", "", _text, "Paddock's client secret at the provider."),
    Variable("OIDC_SCOPE", "openid profile email groups", _text, "Scopes that are asked for at sign-in."),
    Variable("OIDC_GROUPS_CLAIM", "groups", _text, "The claim that lists a person's groups."),
    Variable("OIDC_ADMIN_GROUPS", "paddock-admins", _names, "Groups whose members administer, by commas."),
    Variable("SMTP_URL", "", _mail_server, "Mail server: smtp, smtp+starttls or smtps://user:password@host:port."),
    Variable("MAIL_FROM", "", _text, "The sender of mails, as Paddock <paddock@example.org>."),
    Variable(
        "SESSION_IDLE_S",
        "43200",
        _whole_number(60, 2592000),
        "A session ends after so long without a request.",
    ),
    Variable(
        "SESSION_LIFE_S",
        "604800",
        _whole_number(60, 7776000),
        "A session ends so long after the sign-in.",
    ),
    Variable(
        "TRUSTED_PROXIES",
        "0",
        _whole_number(0, 8),
        "How many reverse proxies in front are believed.",
    ),
    Variable(
        "ACCEPT_WEAKER_SANDBOX",
        "0",
        _switch,
        "1 lets workers run without a mandatory sandbox layer.",
    ),
    Variable(
        "DEVICE", "auto", _device, "auto lets large networks learn on a GPU where a worker has one; cpu never does."
    ),
    Variable("LOG_LEVEL", "info", _log_level, "debug, info, warning or error."),
)

PREFIX = "PADDOCK_"
LONGEST_SOCKET_NAME = 107
"""Bytes; the kernel's limit."""

OF_THE_CORE = {f"{PREFIX}WITHOUT_AVX2"}
"""What the simulator's native core reads by itself: no setting, but nothing unknown either."""


@dataclass(frozen=True)
class Settings:
    """Everything that the environment decides. Field names are the variables' names in lower case."""

    data: str
    host: str
    port: int
    public_url: str
    organisation: str
    database_url: str
    redis_url: str
    secret_key: str
    workers: int
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str
    oidc_scope: str
    oidc_groups_claim: str
    oidc_admin_groups: tuple[str, ...]
    smtp_url: str
    mail_from: str
    session_idle_s: int
    session_life_s: int
    trusted_proxies: int
    accept_weaker_sandbox: bool
    device: str
    log_level: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Settings from environment variables. Raises SettingsError for an unknown name or a malformed value."""
        known = {PREFIX + variable.name for variable in VARIABLES} | OF_THE_CORE
        for name in sorted(environment):
            if name.startswith(PREFIX) and name not in known:
                raise SettingsError(f"{name} is not a setting of Paddock; see docs/configuration.md for the list")
        values = {}
        for variable in VARIABLES:
            try:
                values[variable.name.lower()] = variable.read(environment.get(PREFIX + variable.name, variable.default))
            except ValueError as error:
                raise SettingsError(f"{PREFIX}{variable.name} {error}") from None
        settings = cls(**values)
        if settings.oidc_issuer and not (settings.oidc_client_id and settings.oidc_client_secret):
            raise SettingsError("PADDOCK_OIDC_ISSUER needs PADDOCK_OIDC_CLIENT_ID and PADDOCK_OIDC_CLIENT_SECRET")
        if settings.smtp_url and "@" not in settings.mail_from:
            raise SettingsError("PADDOCK_SMTP_URL needs PADDOCK_MAIL_FROM, the sender's address")
        return settings

    @property
    def data_path(self) -> Path:
        return Path(self.data).resolve()

    @property
    def tracks_path(self) -> Path:
        """Where imported tracks live."""
        return self.data_path / "tracks"

    @property
    def runs_path(self) -> Path:
        """Where the artefacts of trainings and evaluations live."""
        return self.data_path / "runs"

    @property
    def database_address(self) -> str:
        return self.database_url or f"sqlite:///{self.data_path / 'paddock.db'}"

    @property
    def redis_address(self) -> str:
        return self.redis_url or f"unix://{self.valkey_socket}"

    @property
    def valkey_path(self) -> Path:
        """Where the embedded queue server keeps its file."""
        return self.data_path / "valkey"

    @property
    def valkey_socket(self) -> Path:
        """The embedded queue server's socket: in the data directory, or in a short place if that name is long."""
        socket = self.valkey_path / "valkey.sock"
        if len(os.fsencode(socket)) <= LONGEST_SOCKET_NAME:
            return socket
        digest = hashlib.sha256(os.fsencode(self.data_path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"paddock-{os.getuid()}-{digest}" / "valkey.sock"

    @property
    def address(self) -> str:
        """The portal's address as a browser knows it, without a slash at the end."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def uses_local_provider(self) -> bool:
        return not self.oidc_issuer

    @property
    def issuer(self) -> str:
        return self.oidc_issuer or f"{self.address}/idp"

    @property
    def sends_mail(self) -> bool:
        return bool(self.smtp_url)

    @property
    def is_loopback(self) -> bool:
        """True where only this machine can reach the portal."""
        return self.host in ("127.0.0.1", "localhost", "::1")
