"""Reaching only what is public: for addresses that anybody may set, so that no racer looks into the house by them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests

from jobs.trusted_servers import Trusting

Resolver = Callable[[str, int], list[str]]


class NotPublic(Exception):
    """The address leads to this machine or into a private network."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host. OSError where it has none."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_public(address: str) -> bool:
    """Whether an address is one of the whole internet: neither this machine, nor a private or a special network."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not found.is_multicast


class _Pinned(Trusting):
    """Connects to an address while certificate and SNI are those of the host."""

    def __init__(self, host: str) -> None:
        self._host = host
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, server_hostname=self._host, **options)


def session_for(url: str, resolver: Resolver = resolve) -> tuple[requests.Session, str, dict[str, str]]:
    """(a session, the URL with the host's address in it, the header that names the host).

    The address is looked up once and then connected to: another answer a moment later changes nothing. Proxies of the
    environment are left aside, since they would look it up themselves. Raises NotPublic where any address of the host
    is not a public one, OSError where it has none.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    found = resolver(host, port)
    if not found or not all(is_public(address) for address in found):
        raise NotPublic(host)
    shown = f"[{found[0]}]" if ":" in found[0] else found[0]
    session = requests.Session()
    session.trust_env = False
    if secure:
        session.mount("https://", _Pinned(host))
    return session, parts._replace(netloc=f"{shown}:{port}").geturl(), {"Host": parts.netloc}
