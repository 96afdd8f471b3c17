"""Exploring data: counts, durations, duplicates, leaks and balancing as they are; printed, drawn and as JSON."""

import json

import cv2
import explore
import numpy as np
import pytest
import soundfile
from workbench import exploration

RNG = np.random.default_rng(4)


def picture(path, content=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = RNG.integers(0, 256, (48, 48), dtype=np.uint8) if content is None else content
    assert cv2.imwrite(str(path), content)
    return content


@pytest.fixture
def faces(tmp_path):
    """CK+ pictures in class folders, one picture in both parts, one twice with two labels, S003 in both parts."""
    root = tmp_path / "faces"
    for part, label, subjects in [("train", "anger", (1, 2, 3)), ("train", "happy", (1, 2)), ("test", "anger", (3, 4))]:
        for subject in subjects:
            picture(root / part / label / f"S{subject:03}_001_00000009.png")
    shared = picture(root / "train/happy/S005_002_00000001.png")
    picture(root / "test/happy/S006_002_00000001.png", shared)
    twice = picture(root / "train/anger/S007_001_00000001.png")
    picture(root / "train/fear/S007_001_00000002.png", twice)
    picture(root / "train/contempt/S008_001_00000002.png")
    return root


@pytest.fixture
def clips(tmp_path):
    """EMO-DB names: three speakers, a boredom, and one recording under two names."""
    root = tmp_path / "wav"
    root.mkdir()
    names = ["03a01Fa", "03a01Wa", "08a01Fa", "08a02La", "10a01Ta", "10b01Tb"]
    for i, name in enumerate(names):
        seconds = 0.2 + 0.1 * i
        tone = 0.3 * np.sin(2 * np.pi * (200 + 40 * i) * np.arange(round(16000 * seconds)) / 16000)
        soundfile.write(root / f"{name}.wav", tone, 16000)
    (root / "10a02Ta.wav").write_bytes((root / "10a01Ta.wav").read_bytes())
    return root


def report(capsys, *arguments):
    assert explore.main([*map(str, arguments), "--json"]) == 0
    out = capsys.readouterr().out.splitlines()
    return out[:-1], json.loads(out[-1])


def test_faces_are_counted_and_leaks_found(faces, capsys):
    text, found = report(capsys, faces)
    assert found["modality"] == "face"
    assert found["rows"] == 11
    assert found["parts"] == {
        "test": {"angry": 2, "fear": 0, "happy": 1},
        "train": {"angry": 4, "fear": 1, "happy": 3},
    }
    assert found["people"]["ck+/S001"] == {"angry": 1, "fear": 0, "happy": 1}
    assert found["left_out"] == {"contempt": 1}
    assert found["duplicates"] == {"rows": 2, "groups": 2, "groups_with_two_labels": 1}
    assert found["leaks"]["equal_rows"] == {"test and train": {"groups": 1, "test": 1, "train": 1}}
    assert found["leaks"]["people"] == {"ck+/S003": ["test", "train"]}
    assert found["balance"]["none"] == 8
    assert (found["balance"]["under"], found["balance"]["over"]) == (3, 12)
    assert found["balance"]["weights"] == {"angry": 0.667, "fear": 2.667, "happy": 0.889}
    assert any(line.split() == ["train", "4", "1", "3", "8"] for line in text)
    assert "leak: ck+/S003 stands in test and train" in text


def test_clips_are_counted_and_measured(clips, capsys):
    text, found = report(capsys, clips)
    assert found["modality"] == "speech"
    assert found["people"] == {
        "emodb/03": {"angry": 1, "happy": 1, "sad": 0},
        "emodb/08": {"angry": 0, "happy": 1, "sad": 0},
        "emodb/10": {"angry": 0, "happy": 0, "sad": 3},
    }
    assert found["left_out"] == {"boredom": 1}
    assert found["durations"]["happy"] == {"shortest": 0.2, "median": 0.3, "longest": 0.4, "sum": 0.6}
    assert found["durations"]["all"]["sum"] == pytest.approx(0.2 + 0.3 + 0.4 + 0.6 + 0.7 + 0.6)
    assert found["duplicates"] == {"rows": 1, "groups": 1, "groups_with_two_labels": 0}
    assert found["leaks"] == {"equal_rows": {}, "people": {}}, "whole speakers are drawn"
    assert "leaks: none" in text
    assert sum(sum(own.values()) for own in found["parts"].values()) == found["rows"] == 6


def test_a_speaker_in_two_named_parts_is_a_leak(clips, capsys):
    for part, names in {"train": ["03a01Fa", "08a01Fa"], "test": ["03a01Wa"]}.items():
        (clips / part).mkdir()
        for name in names:
            (clips / f"{name}.wav").rename(clips / part / f"{name}.wav")
    for path in clips.glob("*.wav"):
        path.unlink()
    _, found = report(capsys, clips)
    assert found["leaks"]["people"] == {"emodb/03": ["test", "train"]}


@pytest.mark.parametrize(("kind", "files"), [("faces", 3), ("clips", 3)])
def test_pictures_are_drawn_and_seeded(kind, files, tmp_path, request, capsys):
    data = request.getfixturevalue(kind)
    for name, seed in [("one", 0), ("again", 0)]:
        report(capsys, data, "--output", tmp_path / name, "--seed", seed)
    drawn = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert drawn == ["classes.png", "people.png", "samples.png"]
    assert len(drawn) == files
    for name in drawn:
        image = cv2.imread(str(tmp_path / "one" / name))
        assert min(image.shape[:2]) > 60
        assert image.std() > 5, "not an empty sheet"
    first, again = (cv2.imread(str(tmp_path / name / "samples.png")) for name in ("one", "again"))
    assert np.array_equal(first, again)


def test_samples_are_of_the_class_they_stand_under(faces):
    contents = exploration.of_faces(faces)
    assert {name: len(own) for name, own in contents.samples.items()} == {"angry": 6, "fear": 1, "happy": 4}
    train = cv2.imread(str(faces / "train/fear/S007_001_00000002.png"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(contents.samples["fear"][0], train)


def test_joined_sets_are_explored_together(faces, clips, tmp_path, capsys):
    picture(tmp_path / "more/surprise/KA.SU1.36.tiff")
    _, found = report(capsys, faces, tmp_path / "more")
    assert found["rows"] == 12
    assert "jaffe/KA" in found["people"]
    assert explore.main([str(faces), str(clips)]) == 65
    assert "cannot be joined" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "message"), [("nothing", "no such file"), ("empty", "no known layout"), ("a.txt", "neither a folder")])
def test_what_cannot_be_explored_says_why(tmp_path, name, message, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("text")
    assert explore.main([str(tmp_path / name)]) == 65
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
