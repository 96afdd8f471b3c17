"""`tools/evaluate.py` on face packs: the figures are those of the model file, as the daemon runs it."""

import json

import evaluate
import numpy as np
import pytest
from workbench.data import faces

from emoedge.emotions import CANONICAL, INDEX
from emoedge.inference.model import load_model
from emoedge.vision.crop import FaceFrontEnd

COUNT = 60


@pytest.fixture
def pictures():
    generator = np.random.default_rng(2)
    coarse = generator.integers(0, 256, (COUNT, 6, 6), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


@pytest.fixture
def answers(tiny, pictures):
    """What the model says, one picture at a time, as the daemon's classifier does it."""
    loaded = load_model(tiny)
    front_end = FaceFrontEnd(loaded.info.front_end)
    return np.array([INDEX[loaded.classify(front_end.prepare(picture)).label] for picture in pictures])


def pack(folder, pictures, labels, **more):
    path = folder / "pack.npz"
    split = np.ones(len(pictures), np.uint8)
    np.savez(path, images=pictures, labels=labels.astype(np.uint8), split=split, **more)
    return path


def last_line(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_figures_are_those_of_the_model(tmp_path, tiny, pictures, answers, capsys):
    assert len(set(answers)) >= 3, "the network must tell pictures apart for this test to say anything"
    labels = answers.copy()
    labels[:15] = (labels[:15] + 1) % 7
    path = pack(tmp_path, pictures, labels)
    assert evaluate.main([str(tiny), "--data", str(path), "--json"]) == 0
    said = last_line(capsys)
    assert set(answers) <= set(labels), "else the arg-max would leave out what the model says"
    assert said["classes"] == [CANONICAL[i] for i in np.unique(labels)]
    assert said["accuracy"] == pytest.approx(45 / COUNT, abs=1e-5)
    assert said["n"] == COUNT
    assert np.sum(said["confusion"]) == COUNT
    assert said["uar"] == pytest.approx(np.mean(said["recall"]), abs=1e-4)
    assert said["target"] == "original"


def test_ferplus_counts_rows_with_a_majority_only(tmp_path, tiny, pictures, answers, capsys):
    votes = np.zeros((COUNT, 10), np.uint8)
    columns = [faces.VOTE_COLUMNS.index(CANONICAL[a]) for a in answers]
    votes[np.arange(COUNT), columns] = 6
    votes[:10] = 0
    votes[:10, faces.VOTE_COLUMNS.index("unknown")] = 10
    path = pack(tmp_path, pictures, (answers + 3) % 7, ferplus_votes=votes)
    arguments = [str(tiny), "--data", str(path), "--json"]
    assert evaluate.main([*arguments, "--target", "ferplus"]) == 0
    said = last_line(capsys)
    assert (said["accuracy"], said["n"], said["dropped"]["unnamed"]) == (1.0, 50, 10)
    assert evaluate.main(arguments) == 0
    assert last_line(capsys)["accuracy"] < 0.5, "votes are read only with --target ferplus"


def test_only_the_split_asked_for_is_measured(tmp_path, tiny, pictures, answers, capsys):
    path = tmp_path / "pack.npz"
    split = (np.arange(COUNT) < 20).astype(np.uint8)
    labels = np.where(split == 1, answers, (answers + 1) % 7).astype(np.uint8)
    np.savez(path, images=pictures, labels=labels, split=split)
    assert evaluate.main([str(tiny), "--data", str(path), "--split", "1", "--json"]) == 0
    assert last_line(capsys)["accuracy"] == 1.0
    assert evaluate.main([str(tiny), "--data", str(path), "--split", "0", "--json"]) == 0
    assert last_line(capsys)["n"] == 40


def test_twins_are_left_out_of_the_second_figure(tmp_path, tiny, pictures, answers, capsys):
    path = tmp_path / "pack.npz"
    images = np.concatenate([pictures[:5], pictures])
    split = np.array([0] * 5 + [1] * COUNT, np.uint8)
    labels = np.concatenate([answers[:5], answers])
    np.savez(path, images=images, labels=labels.astype(np.uint8), split=split)
    assert evaluate.main([str(tiny), "--data", str(path), "--json"]) == 0
    assert last_line(capsys)["without_twins"]["n"] == COUNT - 5


def test_the_table_and_the_picture_come_before_the_json(tmp_path, tiny, pictures, answers, capsys):
    path, png = pack(tmp_path, pictures, answers), tmp_path / "confusion.png"
    assert evaluate.main([str(tiny), "--data", str(path), "--confusion", str(png), "--json"]) == 0
    out = capsys.readouterr().out
    assert "precision" in out
    assert "confusion (row: truth" in out
    assert png.read_bytes().startswith(b"\x89PNG")
    nowhere = str(tmp_path / "none" / "confusion.png")
    assert evaluate.main([str(tiny), "--data", str(path), "--confusion", nowhere]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert evaluate.main([str(tiny), "--data", str(path)]) == 0
    assert "{" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "message"),
    [(["--split", "7"], "no rows in split 7"), (["--target", "ferplus"], "no ferplus_votes")],
)
def test_a_pack_without_such_rows_is_one_clear_line(tmp_path, tiny, pictures, answers, capsys, more, message):
    path = pack(tmp_path, pictures, answers)
    assert evaluate.main([str(tiny), "--data", str(path), *more]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_missing_data_and_broken_models_are_one_clear_line(tmp_path, tiny, capsys):
    assert evaluate.main([str(tiny), "--data", str(tmp_path / "none.npz")]) == 2
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"no model")
    assert evaluate.main([str(broken), "--data", str(tmp_path)]) == 78
    junk = tmp_path / "junk.npz"
    junk.write_bytes(b"no pack")
    assert evaluate.main([str(tiny), "--data", str(junk)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 3


@pytest.mark.parametrize(
    ("more", "told"),
    [(["--speakers", "Actor_17", "--noise-db", "5"], "--speakers, --noise-db: tiny.tflite is a face model"),
     (["--dataset", "ravdess"], "--dataset: "), (["--noise", "hum"], "--noise: ")],
)  # fmt: skip
def test_what_is_asked_of_voices_is_not_ignored_with_faces(tmp_path, tiny, pictures, answers, capsys, more, told):
    assert evaluate.main([str(tiny), "--data", str(pack(tmp_path, pictures, answers)), *more]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_a_shipped_model_is_found_by_its_name(tmp_path, pictures, answers, capsys):
    assert evaluate.main(["face", "--data", str(pack(tmp_path, pictures, answers)), "--json"]) == 0
    assert "\nface.tflite on pack.npz: accuracy" in capsys.readouterr().out
    assert evaluate.main(["visage", "--data", str(tmp_path)]) == 78
    assert "visage: no such model file; give its path, the name of a shipped one (face" in capsys.readouterr().err


def test_speech_is_no_data_for_a_face_model(tmp_path, tiny, capsys):
    (tmp_path / "labels.csv").write_text("dataset,file,speaker,emotion\n")
    assert evaluate.main([str(tiny), "--data", str(tmp_path)]) == 65
    assert capsys.readouterr().err == f"{tmp_path}: speech data, but tiny.tflite is for face\n"


def test_a_part_that_is_none_is_told_with_those_that_are(capsys):
    with pytest.raises(SystemExit, match="2"):
        evaluate.main(["face", "--data", "x", "--split", "abc"])
    assert "argument --split: 'abc': expected 0, 1, 2 or all" in capsys.readouterr().err
