"""The five classic systems: their networks, front ends and divisions, and that each runs in full int8."""

import inspect
import json
import os
import shlex
import subprocess
import wave
from pathlib import Path
from types import SimpleNamespace

import classic
import numpy as np
import pytest
import train
from workbench import classic_table
from workbench.classic_data import AUTHOR, HONEST, divide
from workbench.classic_nets import NETWORKS
from workbench.classic_systems import MODELS, ClassicModel
from workbench.classic_table import page
from workbench.conversion import command
from workbench.conversion.command import main as convert

from emoedge.audio.front_end import build
from emoedge.emotions import CANONICAL
from emoedge.inference.model import load_model
from emoedge.inference.spec import FrontEndSpec
from emoedge.vision.crop import FaceFrontEnd

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"
PYTHON = os.environ.get("EMOEDGE_TRAIN_PYTHON", str(ROOT / ".venv-train/bin/python"))

BUILD = """
import json, sys
from workbench.classic_nets import NETWORKS
from workbench.classic_systems import MODELS
out = {}
for key, model in MODELS.items():
    shape = json.loads(sys.argv[1])["-".join(key)]
    given = shape if key[1] == "speech" else shape[:1] if key == ("A", "face", "") else ()
    network = NETWORKS[key](len(model.labels), *given)
    out["-".join(key)] = [network.count_params(), network.input_shape[1:], network.output_shape[1:]]
    network.save(f"{sys.argv[2]}/{'-'.join(key)}.keras")
print(json.dumps(out))
"""


def shape_of(key, model):
    return FaceFrontEnd(model.front_end).shape if key[1] == "face" else build(model.front_end).shape


BRIEF = {("A", "face", ""): {"size": 96}, ("B", "speech", "gru"): {"seconds": 0.3}}
"""What keeps conversions short: a smaller picture for MobileNet, and little of the GRU, which unrolls every frame."""


def brief(key):
    """The model's front end, with less to look at or to hear where that takes long."""
    front_end = MODELS[key].front_end
    return FrontEndSpec(front_end.name, {**front_end.parameters, **BRIEF.get(key, {})})


def brief_shape(key):
    front_end = brief(key)
    return FaceFrontEnd(front_end).shape if key[1] == "face" else build(front_end).shape


@pytest.mark.parametrize("key", MODELS, ids="-".join)
def test_labels_are_canonical_ones_in_the_end(key):
    model = MODELS[key]
    assert len(model.label_map) == len(model.labels)
    assert set(model.label_map) <= set(CANONICAL)
    shape_of(key, model)  # refuses parameters that the front end does not take


def test_mobilenet_takes_what_its_front_end_gives():
    side = inspect.signature(NETWORKS["A", "face", ""]).parameters["side"].default
    assert (side, side, 3) == shape_of(("A", "face", ""), MODELS["A", "face", ""])  # conversions are tried on less


def test_fourteen_classes_name_two_speakers():
    model = MODELS["D", "speech", ""]
    assert len(model.labels) == 14
    assert sorted(model.label_map) == sorted(CANONICAL * 2)
    assert shape_of(("D", "speech", ""), model) == (2400,)


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classic")
    shapes = {"-".join(key): brief_shape(key) for key in MODELS}
    done = subprocess.run(
        [PYTHON, "-c", BUILD, json.dumps(shapes), str(folder)],
        cwd=TOOLS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return folder, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.train
@pytest.mark.slow
def test_networks_fit_front_ends_and_labels(networks):
    _, found = networks
    assert found["D-speech-"][0] == 481_518
    for key, model in MODELS.items():
        _, taken, given = found["-".join(key)]
        assert [n for n in taken if n != 1] == [n for n in brief_shape(key) if n != 1]
        assert given == [len(model.labels)]


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("key", MODELS, ids="-".join)
def test_each_runs_in_full_int8(networks, key, tmp_path, monkeypatch, capfd):
    folder, _ = networks
    monkeypatch.setattr("workbench.conversion.golden.SECONDS", 0.5)  # ten seconds of search each are for who ships them
    model = MODELS[key]
    shape = brief_shape(key)
    random = np.random.default_rng(0)
    low, high = FaceFrontEnd(brief(key)).span if key[1] == "face" else (0, 1)
    rows = 40 if np.prod(shape) > 10_000 else 200
    labels = np.array([model.labels[i % len(model.labels)] for i in range(rows)])
    np.savez(tmp_path / "rows.npz", inputs=low + (high - low) * random.random((rows, *shape), dtype=np.float32), labels=labels)
    target = tmp_path / "int8.tflite"
    code = convert([
        "convert", str(folder / f"{'-'.join(key)}.keras"), "--modality", key[1], "--labels", ",".join(model.labels),
        "--label-map", ",".join(f"{a}={b}" for a, b in zip(model.labels, model.label_map, strict=True)),
        "--front-end", str(brief(key)), "--calibrate", str(tmp_path / "rows.npz"), "--dtype", "int8",
        "--samples", "20", "--output", str(target),
        "--allow", "agreement", "--allow", "macro_f1", "--allow", "float_ops",
    ])  # fmt: skip
    assert code == 0, capfd.readouterr().err[-2000:]
    loaded = load_model(target, key[1])
    assert loaded.info.dtype == "int8"
    scores = loaded.classify(random.random(shape, dtype=np.float32))
    assert scores.values.sum() == pytest.approx(1.0)
    assert {CANONICAL[i] for i in np.flatnonzero(scores.known)} == set(model.label_map)


def write(path, seconds, seed):
    samples = (np.random.default_rng(seed).standard_normal(round(16000 * seconds)) * 3000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(samples.tobytes())


@pytest.fixture
def tess(tmp_path):
    """Two speakers, seven emotions, three words each."""
    rows = ["dataset,file,speaker,emotion"]
    (tmp_path / "tess").mkdir()
    for s, speaker in enumerate(("OAF", "YAF")):
        for e, emotion in enumerate(CANONICAL):
            for word in range(4):
                name = f"tess/{speaker}_{word}_{emotion}.wav"
                write(tmp_path / name, 0.4, 100 * s + 10 * e + word)
                rows.append(f"tess,{name},{speaker},{emotion}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_author_division_mixes_speakers_and_the_honest_one_does_not(tess):
    model = MODELS["D", "speech", ""]
    author = divide(model, "speech", tess, AUTHOR, 0)
    assert len(author.report) == 14
    assert (author.report.labels >= 0).all()
    assert len({model.labels[i].split("_")[0] for i in author.learn.labels}) == 2
    honest = divide(model, "speech", tess, HONEST, 0)
    learned = {model.labels[i].split("_")[0] for i in (*honest.learn.labels, *honest.choose.labels)}
    asked = {model.labels[i].split("_")[0] for i in honest.report.labels}
    assert (learned, asked) == ({"OAF"}, {"YAF"})
    assert len(honest.report) == 28


def test_standardisation_is_learned_and_told_to_the_front_end(tess):
    base = MODELS["E", "speech", ""]
    model = ClassicModel(
        front_end=base.front_end, labels=base.labels, corpora=base.corpora, epochs=1, batch=8, reported="",
        protocol="", open="", standardise="feature",
    )  # fmt: skip
    division = divide(model, "speech", tess, HONEST, 0)
    assert division.learn.inputs.mean(axis=0) == pytest.approx(np.zeros(40), abs=1e-3)
    plain = divide(base, "speech", tess, HONEST, 0)
    front_end = build(division.front_end)
    assert len(division.front_end.parameters["mean"]) == front_end.shape[0]
    again = (plain.report.inputs - division.front_end.parameters["mean"]) / division.front_end.parameters["std"]
    assert division.report.inputs == pytest.approx(again, abs=1e-3)


def test_faces_of_the_honest_report_have_no_twin_in_training(tmp_path):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (210, 48, 48), dtype=np.uint8)
    images[200] = images[3]
    split = np.r_[np.zeros(196), np.ones(14)].astype(np.uint8)
    np.savez(tmp_path / "faces.npz", images=images, labels=(np.arange(210) % 7).astype(np.uint8), split=split)
    model = MODELS["B", "face", ""]
    author = divide(model, "face", tmp_path / "faces.npz", AUTHOR, 0)
    honest = divide(model, "face", tmp_path / "faces.npz", HONEST, 0)
    assert (len(author.learn), len(author.report), len(honest.report)) == (196, 14, 13)
    assert len(honest.learn) + len(honest.choose) == 195
    assert author.learn.inputs.max() > 1  # grey levels as they are: the network rescales them itself


def test_page_shows_every_stored_result():
    figures = {"accuracy": 0.5, "uar": 0.4}
    part = {"figures": figures, "parameters": 481518, "epochs": 40, "training_accuracy": 0.99, "own_labels_accuracy": 0.98}
    made = {
        "accuracy": 0.49, "uar": 0.39, "parity": {"passed": False}, "size": {"float32": 2e6, "converted": 5e5},
        "latency_ms": 0.05,
    }  # fmt: skip
    text = page({"D-speech": {"author": part, "honest": part, "converted": made}})
    row = next(line for line in text.splitlines() if line.startswith("| D-speech"))
    for words in ("481,518", "2,000 / 500 kB", "98.0%", "50.0% (40.0%)", "49.0% (39.0%) (gate failed)", "two women"):
        assert words in row
    assert "--system D --modality speech" in text
    assert "Its author's division: random clips of the same two speakers." in text


def test_the_page_is_what_its_results_make_of_it():
    results = json.loads((ROOT / "docs/classic-systems/results.json").read_text())
    assert page(results) == (ROOT / "docs/classic-systems.md").read_text()


@pytest.mark.parametrize("key", MODELS, ids="-".join)
def test_the_commands_on_the_page_can_be_pasted(key, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(train, "recipe", lambda *_: SimpleNamespace(SPLITS=True, train=asked.append))
    monkeypatch.setenv("EMOEDGE_DATA", str(tmp_path))
    (tmp_path / "speech").mkdir()
    for name in ("fer2013.npz", "speech/labels.csv"):
        (tmp_path / name).touch()
    _, script, *words = shlex.split(os.path.expandvars(classic_table.command(key, 3)))
    assert (script, train.main(words)) == ("tools/train.py", 0)
    folder = asked[0].output
    assert (asked[0].split, asked[0].epochs) == ("honest", 3)
    line = classic_table.conversion(key)
    if MODELS[key].standardise:
        assert f'"$(cat {folder}/front_end.txt)"' in line
        line = line.replace(f"$(cat {folder}/front_end.txt)", str(MODELS[key].front_end))
    assert not set("$|&;<>") & set(line)
    _, script, *words = shlex.split(line)
    request = command._request(command._parser().parse_args(words))
    assert (script, request.model, request.calibrate) == ("tools/convert.py", folder / "model.keras", folder / "calibration.npz")
    assert (request.labels, request.label_map) == (MODELS[key].labels, MODELS[key].label_map)
    assert str(request.front_end) == str(MODELS[key].front_end)
    assert request.output_kind in (None, MODELS[key].output)


def test_a_folder_without_the_data_is_told_before_anything_is_trained(tmp_path):
    done = subprocess.run(
        [PYTHON, str(TOOLS / "classic.py"), "run", "--data", str(tmp_path), "--output", str(tmp_path / "out")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "lacks fer2013.npz, speech" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_system_that_is_not_there_is_told_with_those_that_are(tmp_path, capsys):
    assert classic.main(["run", "--data", str(tmp_path), "--only", "E-face", "d-speech"]) == 2
    assert capsys.readouterr().err.startswith("no system d-speech; there are A-face, A-speech, B-face")


def test_page_says_what_is_missing():
    assert "Not measured yet: A-face, A-speech, B-face" in page({})


@pytest.mark.parametrize(("epochs", "uar", "said"), [(1, 1 / 6, "one label for all after 1 of"), (1, 0.3, "no gap")])
def test_the_page_says_where_too_few_epochs_left_nothing_learned(epochs, uar, said):
    row = {"epochs": epochs, "figures": {"accuracy": 0.19, "uar": uar}}
    assert said in classic_table._why(("A", "face", ""), row, row)


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_an_output_that_cannot_be_a_folder_is_refused_in_one_line(tmp_path, capsys, place):
    (tmp_path / "file").touch()
    (tmp_path / "fer2013.npz").touch()
    command = ["--system", "B", "--modality", "face", "--data", str(tmp_path / "fer2013.npz")]
    assert train.main([*command, "--output", str(tmp_path / place)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("cannot train: ")
    assert str(tmp_path / place) in told
    assert told.count("\n") == 1
