"""Whatever stands in a config file, the answer is a configuration or a list of lines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.config import Config, load
from emoedge.config.key import section
from emoedge.config.loader import loads
from emoedge.errors import ConfigError

NAMES = [key.name for key in section(Config).walk()]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from(["none", "null", "~", "0x10", "1e3", "1_000", ".inf", "0o7", "1:2:3", "2026-01-01", "!!binary x", "<<"]),
)  # fmt: skip


def answer(text):
    try:
        config = loads(text, "c.yaml")
    except ConfigError as error:
        problems = error.problems
    else:
        assert isinstance(config, Config)
        return
    assert problems
    assert all(line and "\n" not in line and line.isprintable() for line in problems), problems


@given(st.text())
def test_any_text(text):
    answer(text)


@given(st.text(alphabet="abc: -[]{}#&*!|>'\"%@`,?\n\t\\01", max_size=200))
@settings(max_examples=500)
def test_text_that_looks_like_yaml(text):
    answer(text)


@given(st.dictionaries(st.sampled_from(NAMES), SCALARS, max_size=8))
@settings(max_examples=300)
def test_any_value_for_a_known_key(values):
    groups = {}
    for name, value in values.items():
        head, _, leaf = name.rpartition(".")
        groups.setdefault(head, []).append(f"  {leaf}: {value}")
    answer("".join(f"{head}:\n" + "\n".join(lines) + "\n" for head, lines in groups.items()))


@given(content=st.binary(max_size=300))
def test_any_bytes(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):  # no random bytes name a deployment context
        load(path)
