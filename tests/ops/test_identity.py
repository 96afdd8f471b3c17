"""The default device id: a slug, stable on one machine, different on another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.ops import identity
from emoedge.outputs.topics import DEVICE_ID, Topics


@given(st.text(max_size=300))
def test_any_host_name_gives_a_valid_topic_level(name):
    Topics("emoedge", f"{identity.slug(name)}-0a1b")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Küche_Pi 4", "k-che-pi-4"), ("raspberrypi", "raspberrypi"), ("___", "emoedge"), ("A" * 99, "a" * 40)],
)
def test_slug(name, expected):
    assert identity.slug(name) == expected


def test_the_suffix_follows_the_machine_id_without_showing_it(monkeypatch, tmp_path):
    path = tmp_path / "machine-id"
    monkeypatch.setattr(identity, "MACHINE_ID", path)
    seen = set()
    for text in ("b08dfa6083e7567a1921a715000001fb\n", "b08dfa6083e7567a1921a715000001fc\n"):
        path.write_text(text)
        suffix = identity.machine_suffix()
        assert suffix == identity.machine_suffix()
        assert suffix not in text
        seen.add(suffix)
    assert len(seen) == 2
    path.unlink()
    assert len(identity.machine_suffix()) == 4
    assert DEVICE_ID.fullmatch(identity.default_device_id())


@pytest.mark.parametrize("bad", ["", "-a", "a-", "A", "a/b", "a+", "ä", "a" * 65])
def test_a_bad_device_id_is_refused(bad):
    with pytest.raises(ValueError):
        Topics("emoedge", bad)
