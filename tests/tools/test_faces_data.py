"""Face packs: what is dropped, what is held out, and what the votes become."""

from dataclasses import replace

import numpy as np
import pytest
from workbench.data import faces
from workbench.face_views import FIELD, cut_mix, mix_up, views

from emoedge.emotions import CANONICAL, INDEX

COUNT = 40


def arrays(**changed):
    """A pack of random pictures: rows 0..29 to train on, 30..39 to report on."""
    generator = np.random.default_rng(5)
    plain = {
        "images": generator.integers(0, 256, (COUNT, 48, 48), dtype=np.uint8),
        "labels": np.arange(COUNT, dtype=np.uint8) % 7,
        "split": (np.arange(COUNT) >= 30).astype(np.uint8),
        "ferplus_votes": generator.multinomial(10, np.full(10, 0.1), COUNT).astype(np.uint8),
        "exact_pixels": np.ones(COUNT, dtype=bool),
        "label_ambiguous": np.zeros(COUNT, dtype=bool),
        "dup_of": np.arange(COUNT, dtype=np.int32),
    }
    return {key: value for key, value in (plain | changed).items() if value is not None}


def pack(tmp_path, **changed):
    path = tmp_path / "faces.npz"
    np.savez(path, **arrays(**changed))
    return faces.load(path)


def test_rows_that_must_not_be_learned_from_are_dropped(tmp_path):
    exact, ambiguous, first = np.ones(COUNT, bool), np.zeros(COUNT, bool), np.arange(COUNT)
    exact[3] = False
    ambiguous[4] = True
    first[35] = 5  # a reported row with the pixels of a training row
    rows = faces.training_rows(pack(tmp_path, exact_pixels=exact, label_ambiguous=ambiguous, dup_of=first))
    assert rows.tolist() == [i for i in range(30) if i not in (3, 4, 5)]


def test_twinless_rows_are_those_without_training_pixels(tmp_path):
    first = np.arange(COUNT)
    first[35] = 5
    read = pack(tmp_path, dup_of=first)
    assert 35 not in faces.twinless(read, np.arange(30, COUNT))
    assert len(faces.twinless(read, np.arange(30, COUNT))) == 9


def test_twins_are_found_where_the_pack_does_not_name_them(tmp_path):
    images = arrays()["images"]
    images[20] = images[2]
    assert pack(tmp_path, images=images, dup_of=None).first[20] == 2


@pytest.mark.parametrize("seed", range(5))
def test_held_out_twins_stay_on_one_side(tmp_path, seed):
    first = np.arange(COUNT)
    first[1:30:2] = np.arange(0, 29, 2)
    read = pack(tmp_path, dup_of=first)
    learned, held = faces.hold_out(read, faces.training_rows(read), share=0.4, seed=seed)
    assert len(held) == 12
    assert not set(read.first[learned]) & set(read.first[held])
    assert sorted([*learned, *held]) == list(range(30))


def test_holding_out_is_repeatable(tmp_path):
    read = pack(tmp_path)
    rows = faces.training_rows(read)
    first, again = (faces.hold_out(read, rows, share=0.2, seed=3)[1] for _ in range(2))
    other = faces.hold_out(read, rows, share=0.2, seed=4)[1]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("votes", "target", "weight"),
    [
        # neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, NF
        ([0, 10, 0, 0, 0, 0, 0, 0, 0, 0], {"happy": 1.0}, 1.0),
        ([4, 0, 0, 0, 4, 0, 0, 0, 2, 0], {"neutral": 0.5, "angry": 0.5}, 0.8),
        ([8, 0, 0, 0, 0, 1, 0, 0, 1, 0], {"neutral": 1.0}, 0.8),
        ([5, 0, 0, 0, 0, 0, 0, 5, 0, 0], {"neutral": 0.5, "contempt": 0.5}, 1.0),
        ([0, 0, 0, 0, 0, 0, 1, 0, 9, 0], {"fear": 1.0}, 0.1),
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], {}, 0.0),
    ],
)
def test_votes_become_soft_targets(votes, target, weight):
    targets, weights = faces.vote_targets(np.array([votes], dtype=np.float32))
    assert targets.shape == (1, 8)
    expected = [target.get(name, 0.0) for name in faces.VOTE_CLASSES]
    assert targets[0] == pytest.approx(expected)
    assert weights[0] == pytest.approx(weight)


@pytest.mark.parametrize(
    ("votes", "label"),
    [
        ([0, 0, 6, 0, 0, 0, 4, 0, 0, 0], "surprise"),
        ([5, 0, 0, 5, 0, 0, 0, 0, 0, 0], None),
        ([0, 0, 0, 3, 0, 0, 0, 7, 0, 0], "sad"),
        ([0, 0, 0, 0, 0, 0, 0, 0, 4, 6], None),
        ([0, 0, 0, 0, 0, 2, 1, 0, 7, 0], "disgust"),
    ],
)
def test_majority_among_the_seven(votes, label):
    found = faces.majority(np.array([votes], dtype=np.float32))[0]
    assert found == (-1 if label is None else INDEX[label])


def test_the_vote_order_is_the_canonical_one():
    assert faces.VOTE_CLASSES[:7] == CANONICAL


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": None}, "no labels"),
        ({"images": np.zeros((COUNT, 32, 32), np.uint8)}, "48 x 48"),
        ({"images": np.zeros((COUNT, 48, 48), np.float32)}, "float32"),
        ({"labels": np.full(COUNT, 7, np.uint8)}, "labels must be"),
        ({"split": np.zeros(COUNT - 1, np.uint8)}, "split has 39 rows"),
        ({"labels": np.zeros((COUNT, 1), np.uint8)}, r"labels must be numbers, 40, not uint8 \(40, 1\)"),
        ({"labels": np.array(["sad"] * COUNT)}, "labels must be numbers, 40, not <U3"),
        ({"split": np.array(0)}, r"split must be numbers, 40, not int64 \(\)"),
        ({"ferplus_votes": np.zeros((COUNT, 7), np.uint8)}, r"ferplus_votes must be numbers, 40 x 10"),
        ({"images": np.array(0, np.uint8)}, "48 x 48"),
    ],
)
def test_packs_that_do_not_fit_are_refused(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        pack(tmp_path, **changed)


@pytest.mark.parametrize("how", ["junk", "truncated", "empty", "one array"])
def test_files_that_are_no_pack_are_refused(tmp_path, how):
    whole = tmp_path / "whole.npz"
    np.savez(whole, **arrays())
    path = tmp_path / "faces.npz"
    contents = {"junk": b"no pack", "truncated": whole.read_bytes()[:3000], "empty": b""}
    if how == "one array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    else:
        path.write_bytes(contents[how])
    with pytest.raises(ValueError, match="pack"):
        faces.load(path)


def test_a_pack_without_votes_is_read(tmp_path):
    assert pack(tmp_path, ferplus_votes=None).votes is None


def test_contradicting_rows_do_not_leave_the_reported_split(tmp_path):
    read = pack(tmp_path, exact_pixels=np.zeros(COUNT, bool))
    assert not len(faces.training_rows(read))
    assert len(replace(read, split=np.ones(COUNT, np.int64))) == COUNT


@pytest.mark.parametrize("size", [FIELD, 36])
def test_views_keep_range_shape_and_seed(tmp_path, size):
    images = pack(tmp_path).images
    first, again, other = (views(images, size=size, generator=np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.shape == (COUNT, size, size, 1)
    assert first.dtype == np.float32
    assert 0 <= first.min() <= first.max() <= 1
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_views_show_the_centre_of_the_picture():
    """A bright disc in the middle stays there on average, whatever the jitter."""
    down, across = np.mgrid[:48, :48]
    disc = np.where((down - 23.5) ** 2 + (across - 23.5) ** 2 < 64, 230, 20).astype(np.uint8)
    mean = views(np.repeat(disc[None], 300, axis=0), size=FIELD, generator=np.random.default_rng(0)).mean(axis=0)
    weights = mean[..., 0] - mean.min()
    weights[weights < weights.max() / 2] = 0
    centre = [(weights * np.mgrid[:FIELD, :FIELD][axis]).sum() / weights.sum() for axis in (0, 1)]
    assert centre == pytest.approx([(FIELD - 1) / 2] * 2, abs=0.7)


def test_what_a_detector_has_cut_is_moved_less():
    down, across = np.mgrid[:48, :48]
    disc = np.where((down - 23.5) ** 2 + (across - 23.5) ** 2 < 30, 230, 20).astype(np.uint8)
    moved = np.arange(400) % 2 == 0
    seen = views(
        np.repeat(disc[None], 400, axis=0), size=48, generator=np.random.default_rng(0), field=48, moved=moved
    )[..., 0]  # fmt: skip
    weights = np.maximum(seen - seen.mean(axis=(1, 2), keepdims=True) - 0.3, 0) + 1e-9
    x = (weights * across).sum(axis=(1, 2)) / weights.sum(axis=(1, 2))
    spread = [np.subtract(*np.quantile(x[rows], [0.75, 0.25])) for rows in (moved, ~moved)]
    assert 0 < spread[0] < 0.6 * spread[1]


@pytest.mark.parametrize("mix", [cut_mix, mix_up])
def test_mixing_blends_targets_as_it_blends_pictures(mix):
    pictures = np.stack([np.full((36, 36, 1), i % 2, np.float32) for i in range(64)])
    targets = np.eye(2, dtype=np.float32)[np.arange(64) % 2]
    for seed in range(20):
        mixed, (blended,) = mix(pictures, (targets,), generator=np.random.default_rng(seed))
        assert blended.sum(axis=1) == pytest.approx(np.ones(64), abs=1e-5)
        assert mixed.mean(axis=(1, 2, 3)) == pytest.approx(blended[:, 1], abs=1e-5)
    assert pictures.mean() == 0.5, "the batch itself stays as it was"
