"""What strangers may send: every accepted form, and nothing else."""

import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emoedge.outputs.commands import (
    COMMANDS,
    CONTROLS,
    LARGEST,
    LOG_LEVELS,
    RefusedError,
    read_control,
    read_request,
)


@pytest.mark.parametrize(
    ("key", "body", "value"),
    [
        ("paused", b"true", True), ("paused", b"ON", True), ("paused", b'{"value": true}', True),
        ("paused", b" off\n", False), ("paused", b'"false"', False), ("paused", b"0", False), ("raw", b"1", True),
        ("log_level", b"debug", "debug"), ("log_level", b'"WARNING"', "warning"),
        ("log_level", b'{"value": "error", "transaction": 1}', "error"),
    ],
)  # fmt: skip
def test_accepted_forms(key, body, value):
    assert read_control(key, body) is value or read_control(key, body) == value


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"2", b"[]", b"{}", b"NaN", b"yes please", b"\xff\xfe", b"t" * (LARGEST + 1), b"[" * 4000,
     b'{"value": {"value": true}}', b"1e999", b"9" * 4000],
)  # fmt: skip
@pytest.mark.parametrize("key", CONTROLS)
def test_refused_forms(key, body):
    with pytest.raises(RefusedError):
        read_control(key, body)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
bodies = st.binary(max_size=5000) | json_like.map(lambda value: json.dumps(value).encode()) | st.builds(
    lambda value: json.dumps({"value": value, "transaction": value}).encode(), json_like
)  # fmt: skip


@given(st.sampled_from(sorted(CONTROLS)), bodies)
@example("paused", b"[" * LARGEST)
def test_any_bytes_are_a_known_value_or_refused(key, body):
    value = allowed = LOG_LEVELS[0] if key == "log_level" else True
    with suppress(RefusedError):
        value = read_control(key, body)
    assert type(value) is type(allowed)
    assert value in CONTROLS[key]


@given(st.sampled_from(COMMANDS), bodies)
@example("restart", b"[" * LARGEST)
def test_any_bytes_are_a_request_or_refused(command, body):
    with suppress(RefusedError):
        request = read_request(command, body)
        assert isinstance(request.transaction, (str, int, type(None)))
        assert len(str(request.transaction)) <= 64


@pytest.mark.parametrize(
    ("body", "transaction", "value"),
    [(b"", None, None), (b"{}", None, None), (b'{"transaction": "a1", "value": 3}', "a1", 3), (b'{"transaction": 7}', 7, None)],
)
def test_requests(body, transaction, value):
    request = read_request("options", body)
    assert (request.transaction, request.value) == (transaction, value)


@pytest.mark.parametrize("body", [b"[]", b"1", b'{"transaction": true}', b'{"transaction": []}', b'{"transaction": "' + b"x" * 65 + b'"}'])
def test_requests_of_the_wrong_shape(body):
    with pytest.raises(RefusedError):
        read_request("restart", body)
