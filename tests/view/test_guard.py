"""Who may look."""

import socket

import pytest

from emoedge.view.guard import host_allowed, origin_allowed, token_right
from emoedge.view.server import token_for

OWN = socket.gethostname()


@pytest.mark.parametrize(
    ("header", "listen", "allowed"),
    [
        ("127.0.0.1:8000", "127.0.0.1", True),
        ("localhost:8000", "127.0.0.1", True),
        ("LOCALHOST", "127.0.0.1", True),
        ("[::1]:8000", "::1", True),
        ("127.0.0.2:8000", "127.0.0.1", True),
        ("192.168.1.9:8000", "127.0.0.1", False),
        ("evil.example:8000", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("evil.example", "0.0.0.0", False),
        ("192.168.1.9:8000", "0.0.0.0", True),
        ("192.168.1.9", "192.168.1.9", True),
        (f"{OWN}:8000", "0.0.0.0", True),
        (f"{OWN}.local", "0.0.0.0", True),
        (f"{OWN}:8000", "127.0.0.1", False),
        (None, "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("me@127.0.0.1", "127.0.0.1", False),
        ("[broken", "127.0.0.1", False),
        ("127.0.0.1 evil", "127.0.0.1", False),
    ],
)
def test_host(header, listen, allowed):
    assert host_allowed(header, listen) is allowed


def test_token():
    assert token_right(None, None)
    assert token_right("abc", "abc")
    for wrong in (None, "", "ab", "abcd", "ABC", "äöü"):
        assert not token_right(wrong, "abc")


@pytest.mark.parametrize(("listen", "asks"), [("127.0.0.1", False), ("::1", False), ("0.0.0.0", True), ("10.0.0.1", True)])
def test_a_token_is_asked_for_beyond_loopback(listen, asks):
    assert (token_for(listen) is not None) is asks
    assert not asks or token_for(listen) != token_for(listen)


@pytest.mark.parametrize(("site", "allowed"), [(None, True), ("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False)])
def test_origin(site, allowed):
    assert origin_allowed(site) is allowed
