"""The page on performance says what the figures say, and a clip's account what was found."""

import json
from pathlib import Path

import pytest
from workbench.bench.account import Account
from workbench.bench.loops import Found
from workbench.bench.page import page
from workbench.clips import CLIPS, astronaut, clip

from emoedge.messages import Box

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_written_from_the_figures():
    told = json.loads((ROOT / "docs/performance/figures.json").read_text())
    assert (ROOT / "docs/performance.md").read_text() == page(told)


def at(x):
    return Box(x, 100, 100, 100)


@pytest.mark.parametrize(
    ("films", "counts"),
    [
        ([([at(0)], [at(5)])], {"faces": 1, "hits": 1, "false": 0, "switches": 0}),
        ([([at(0)], [])], {"faces": 1, "hits": 0, "false": 0, "switches": 0}),
        ([([], [at(0)])], {"faces": 0, "hits": 0, "false": 1, "switches": 0}),
        ([([None, at(300)], [at(300)])], {"faces": 1, "hits": 1, "false": 0, "switches": 0}),
        ([([at(0)], [Box(0, 100, 190, 190)])], {"faces": 1, "hits": 0, "false": 1, "switches": 0}),
    ],
)
def test_what_counts_as_found(films, counts):
    account = Account()
    for truths, found in films:
        account.add([Found(box, 1) for box in found], truths)
    assert account.as_dict() == counts


def test_another_name_for_the_same_person_is_a_switch_and_for_another_one_is_none():
    account = Account()
    account.add([Found(at(0), 1)], [at(0), None])
    account.add([Found(at(300), 2)], [None, at(300)])
    assert account.switches == 0
    account.add([Found(at(0), 3)], [at(0), None])
    assert account.switches == 1


@pytest.mark.parametrize("name", [each.name for each in CLIPS])
def test_a_clip_is_the_same_every_time_and_another_take_is_not(name):
    first, again = next(clip(name).frames()), next(clip(name).frames((astronaut(),)))
    assert (first[1] == again[1]).all()
    assert first[2] == again[2]
    other = next(clip(name).frames(take=1))
    assert other[1].shape == first[1].shape
    assert (other[1] != first[1]).any()
    assert all(box is None or (box.x > -box.width / 2 and box.width > 0) for box in other[2])
