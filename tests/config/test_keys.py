"""Every key of the tree declares itself fully, and its default obeys its own range."""

import dataclasses

import pytest

from emoedge.config.key import section
from emoedge.config.setting import setting
from emoedge.config.tree import Config
from emoedge.config.value import WrongValueError, check

KEYS = list(section(Config).walk())


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_key_is_explained_and_its_default_is_legal(key):
    assert len(key.help) > 10
    assert "\n" not in key.help
    if not key.required:
        assert check(key, key.default) == key.default


@pytest.mark.parametrize("key", [k for k in KEYS if k.minimum is not None], ids=lambda key: key.name)
def test_range_ends_are_allowed_and_what_lies_beyond_is_not(key):
    assert check(key, key.kind(key.minimum)) == key.minimum
    with pytest.raises(WrongValueError, match="expected"):
        check(key, key.kind(key.minimum) - 1)
    if key.maximum is not None:
        assert check(key, key.kind(key.maximum)) == key.maximum
        with pytest.raises(WrongValueError, match="expected"):
            check(key, key.kind(key.maximum) + 1)


def test_only_the_context_has_no_default():
    assert [key.name for key in KEYS if key.required] == ["deployment.context"]


@pytest.mark.parametrize("hint", ["dict[str, int]", "int | str | None", "bytes", "tuple[int, int]"])
def test_types_that_cannot_be_read_are_refused(hint):
    cls = dataclasses.make_dataclass("Odd", [("x", eval(hint), setting(0, help="odd"))])
    with pytest.raises(TypeError, match="x: "):
        section(cls)


def test_optional_and_allow_none_must_agree():
    cls = dataclasses.make_dataclass("Odd", [("x", int | None, setting(0, help="odd"))])
    with pytest.raises(TypeError, match="allow_none"):
        section(cls)


def test_lists_are_tuples_whose_elements_are_checked():
    cls = dataclasses.make_dataclass("Many", [("x", tuple[int, ...], setting((1,), help="odd", minimum=0))])
    (key,) = section(cls).walk()
    assert check(key, [3, 4]) == (3, 4)
    assert key.expected == "a list of: a whole number, at least 0"
    for wrong in ([3, -1], 3, ["a"]):
        with pytest.raises(WrongValueError):
            check(key, wrong)
