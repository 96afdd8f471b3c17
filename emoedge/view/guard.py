"""Who may look: host names, tokens and origins of requests. Pure."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from urllib.parse import urlsplit

LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain"})

OWN_ORIGINS = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site that a page of another site cannot bring about for what it embeds."""


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches that address."""
    return ipaddress.ip_address(address).is_loopback


def host_allowed(header: str | None, listen: str) -> bool:
    """Whether a Host header names us: else a name that a stranger's DNS points here would be served.

    On loopback only loopback addresses and `localhost` are us; beyond it any address is, and our own host name.
    """
    if not header or any(c in header for c in "@/\\ "):
        return False
    try:
        name = urlsplit(f"//{header}").hostname
    except ValueError:
        return False
    if not name:
        return False
    name = name.rstrip(".")
    if name in LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        own = socket.gethostname().lower()
        return not is_loopback(listen) and name in {own, f"{own.partition('.')[0]}.local"}
    return address.is_loopback or not is_loopback(listen)


def token_right(given: str | None, token: str | None) -> bool:
    """Whether the token fits, compared in constant time; `token` None asks for none."""
    if token is None:
        return True
    return given is not None and hmac.compare_digest(given.encode(), token.encode())


def origin_allowed(fetch_site: str | None) -> bool:
    """Whether a request for pictures or states comes from our own page, by its Sec-Fetch-Site header.

    Programs and old browsers send none.
    """
    return fetch_site is None or fetch_site in OWN_ORIGINS
