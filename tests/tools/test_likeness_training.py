"""The likeness net: trained on a handful of drawn pictures it tells their kinds apart, and keeps its threshold."""

import json

import numpy as np
import pytest
import train_likeness
from workbench import likeness_training, no_faces

from emoedge.vision.likeness import FEATURES, features, read_net


def stand_ins(count, seed):
    """Upright pictures that are no cartoons: a bright top with two dark eyes, a dark bottom."""
    generator = np.random.default_rng(seed)
    pictures = generator.normal(120, 6, (count, 48, 48))
    pictures[:, :30] += 60
    pictures[:, 14:20, 10:18] -= 110
    pictures[:, 14:20, 30:38] -= 110
    pictures[:, 34:38, 16:32] -= 60
    return np.clip(pictures, 0, 255).astype(np.uint8)


def test_features_are_what_the_net_takes():
    made = features(stand_ins(1, 0)[0])
    assert made.shape == (FEATURES,)
    assert made.dtype == np.float32
    assert np.isfinite(features(np.zeros((48, 48), np.uint8))).all()


def test_the_tool_trains_measures_and_writes(tmp_path, capsys):
    pack, output = tmp_path / "pack.npz", tmp_path / "net.npz"
    images = stand_ins(500, 1)
    split = np.zeros(500, np.uint8)
    split[440:] = 1
    np.savez(pack, images=images, labels=np.arange(500, dtype=np.uint8) % 7, split=split)
    words = ["--data", str(pack), "--output", str(output), "--drawn", "30", "--epochs", "12"]
    assert train_likeness.main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["faces held out"] >= 1 - 2 * likeness_training.REFUSED - 1 / 6
    assert told["faces reported on"] > 0.8
    assert told["upside down"] < 0.2
    assert told["cartoon"] < 0.2
    net = read_net(output)
    assert net(images[0]) > 0.5 > net(no_faces.upside_down(images[0]))


@pytest.mark.parametrize("name", ["missing.npz", "empty.npz"])
def test_no_data_is_one_line(tmp_path, capsys, name):
    path = tmp_path / name
    if name.startswith("empty"):
        np.savez(path, images=np.zeros((0, 48, 48), np.uint8), labels=np.zeros(0, np.uint8), split=np.zeros(0, np.uint8))
    assert train_likeness.main(["--data", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
