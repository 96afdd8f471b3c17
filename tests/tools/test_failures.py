"""Known failures: drawn from the bundled clip, told as the models tell them."""

import cv2
import numpy as np
import pytest
import show_failures
from workbench import failures

from emoedge.emotions import CANONICAL, Reason, Scores
from emoedge.judging.judgement import Opinion


def opinion(confidence, reason=None):
    values = np.full(len(CANONICAL), (1 - confidence) / (len(CANONICAL) - 1))
    values[CANONICAL.index("sad")] = confidence
    return Opinion("sad" if reason is None else "unknown", Scores(values, np.ones(len(CANONICAL), bool)), 1.0, reason)


def test_every_case_differs_from_the_plain_one():
    crops = dict(failures.faces(failures.calm()))
    plain = crops.pop("as it is")
    assert plain.shape[0] == plain.shape[1] > 48
    for name, crop in crops.items():
        assert crop.dtype == np.uint8, name
        assert np.abs(cv2.resize(crop, plain.shape).astype(int) - plain).mean() > 1, name
    sounds = dict(failures.voices(failures.sentence()))
    sentence = sounds.pop("as it is")
    for name, sound in sounds.items():
        length = min(len(sound), len(sentence))
        assert sound.dtype == np.float32, name
        assert np.square(sound[:length] - sentence[:length]).mean() > 0.01 * np.square(sentence).mean(), name


def test_a_telephone_passes_its_band_alone():
    sound = dict(failures.voices(failures.sentence()))["through a telephone"]
    power = np.square(np.abs(np.fft.rfft(sound)))
    hertz = np.fft.rfftfreq(len(sound), 1 / failures.RATE)
    assert power[(hertz < 290) | (hertz > 3410)].sum() < 1e-3 * power.sum()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (opinion(0.83), "sad 0.83"),
        (opinion(0.52, Reason.LOW_MARGIN), "sad 0.52, not named"),
        (Opinion("unknown", None, 0.0, Reason.NO_VOICE), "not judged (no_voice)"),
    ],
)
def test_what_is_said_of_it(given, said):
    assert failures.said(given) == said


def test_both_pictures_are_drawn_and_the_table_has_every_case(tmp_path, capsys):
    assert show_failures.main(["--output", str(tmp_path / "new")]) == 0
    table = capsys.readouterr().out
    assert all(f"| {name} |" in table for name in ("as it is", "on its side", "through a telephone"))
    for name in ("face-failures.png", "speech-failures.png"):
        assert cv2.imread(str(tmp_path / "new" / name)) is not None


def test_a_model_that_is_not_there_is_one_line(tmp_path, capsys):
    assert show_failures.main(["--face", "nowhere.tflite", "--output", str(tmp_path)]) == 78
    assert "nowhere.tflite" in capsys.readouterr().err
