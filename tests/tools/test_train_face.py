"""Face training end to end on synthetic faces: interrupted, resumed, and the files that it leaves."""

import csv
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("EMOEDGE_TRAIN_PYTHON", str(ROOT / ".venv-train/bin/python"))
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}

pytestmark = [pytest.mark.train, pytest.mark.slow]

EXPORT = """
import numpy as np, tensorflow as tf
from workbench import face_net
stages = ((8, 1), (8, 2))
both = face_net.build(stages, dropout=0.2)
pictures = np.random.default_rng(0).random((5, 48, 48, 1), dtype=np.float32)
both(pictures, training=True)
centre = pictures[:, 2:46, 2:46]
shown = [both(view, training=False) for whole in (pictures, centre) for view in (whole, whole[:, :, ::-1])]
logits = {head: sum(told[at] for told in shown) / 4 for at, head in enumerate(face_net.HEADS)}
shift = np.linspace(-1, 1, 7, dtype=np.float32)
for head in face_net.HEADS:
    one = face_net.single(both, stages, head=head, sides=(48, 44), mirror=True, shift=shift)
    expected = tf.nn.softmax(logits[head][:, :7] + shift).numpy()
    assert one.output_shape == (None, 7)
    np.testing.assert_allclose(one(pictures).numpy(), expected, atol=1e-5)
loaded = [tf.keras.models.load_model(path, compile=False) for path in PATHS]
assert all(model.input_shape == (None, 48, 48, 1) for model in loaded)
assert np.abs(loaded[0](pictures).numpy() - loaded[1](pictures).numpy()).max() > 1e-3
"""


GLANCE = """
import numpy as np, tensorflow as tf
for run, side, once in (("second", 48, False), ("glance", 46, True), ("even", 48, False)):
    model = tf.keras.models.load_model(f"{run}/face-ferplus.keras", compile=False)
    pictures = np.random.default_rng(0).random((5, side, side, 1), dtype=np.float32)
    says, mirrored = model(pictures).numpy(), model(pictures[:, :, ::-1]).numpy()
    np.testing.assert_allclose(says.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(says, mirrored, atol=1e-5) is not once, run
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """Faces of noise with a bright bar whose place gives the label away."""
    generator = np.random.default_rng(3)
    labels = np.arange(420) % 7
    images = generator.integers(0, 120, (420, 48, 48), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 + 6 * label : 8 + 6 * label] += 120
    votes = np.zeros((420, 10), np.uint8)
    votes[np.arange(420), [4, 5, 6, 1, 3, 2, 0] * 60] = 10
    path = tmp_path_factory.mktemp("pack") / "faces.npz"
    np.savez(path, images=images, labels=labels.astype(np.uint8), split=np.zeros(420, np.uint8), ferplus_votes=votes)
    return path


def command(pack, output, *more):
    script = str(ROOT / "tools/train.py")
    return [
        PYTHON, script, "--modality", "face", "--data", str(pack), "--output", str(output), "--variant", "small", *more
    ]  # fmt: skip


def history(output):
    with (output / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_an_interrupted_training_goes_on_where_it_stood(pack, tmp_path):
    output = tmp_path / "run"
    process = subprocess.Popen(
        command(pack, output, "--epochs", "200"), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 240
    while not (output / "curve.png").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "--resume" in errors
    before = history(output)

    again = subprocess.run(
        command(pack, output, "--epochs", "200"), env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert again.returncode == 2, "a run that is there is not overwritten"
    assert "--resume" in again.stderr

    epochs = str(len(before) + 2)
    done = subprocess.run(
        command(pack, output, "--epochs", epochs, "--resume"), env=ENVIRONMENT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    after = history(output)
    assert after[: len(before)] == before
    assert len(after) == len(before) + 2
    assert {"face-ferplus.keras", "face-fer2013.keras", "curve.png", "history.csv"} <= {path.name for path in output.iterdir()}

    paths = [str(output / "face-ferplus.keras"), str(output / "face-fer2013.keras")]
    export = subprocess.run(
        [PYTHON, "-c", f"PATHS = {paths}\n{EXPORT}"], env={**ENVIRONMENT, "PYTHONPATH": str(ROOT / "tools")},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert export.returncode == 0, export.stderr


def test_a_trained_network_settles_on_films_of_the_faces(pack, tmp_path):
    begun = [PYTHON, str(ROOT / "tools/train.py"), "--modality", "face", "--data", str(pack), "--epochs", "1"]
    told = []
    for more in (["--variant", "wide", "--output", "first"],
                 ["--variant", "settle", "--start", "first", "--output", "second", "--threads", "2"],
                 ["--variant", "glance", "--start", "second", "--teacher", "second", "--output", "glance"],
                 ["--variant", "even", "--output", "even"]):  # fmt: skip
        done = subprocess.run(
            [*begun, *more], env=ENVIRONMENT, capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stderr)
    assert "looks: block 1/1" in told[1]
    assert not any("looks: block" in each for each in told[2:]), "films are made once"
    assert len(list((tmp_path / "face-looks").iterdir())) == 1
    first, second = (np.load(tmp_path / run / "checkpoint.npz", allow_pickle=False) for run in ("first", "second"))
    assert any(not np.array_equal(first[key], second[key]) for key in first.files if key in second.files)
    written = np.load(tmp_path / "second" / "written.npz", allow_pickle=False)
    for index, key in enumerate(sorted(written.files)):
        mixed = 0.3 * first[f"average/{index:04d}"] + 0.7 * second[f"average/{index:04d}"]
        np.testing.assert_allclose(written[key], mixed, rtol=1e-4, atol=1e-6)
    looked = subprocess.run(
        [PYTHON, "-c", GLANCE], env={**ENVIRONMENT, "PYTHONPATH": str(ROOT / "tools")}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert looked.returncode == 0, looked.stderr
    wrong = subprocess.run(
        [*command(pack, tmp_path / "third"), "--start", str(tmp_path / "first")], env=ENVIRONMENT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert wrong.returncode == 2
    assert "stages" in wrong.stderr
    done = subprocess.run(
        [*begun, "--variant", "settle", "--output", "fourth"], env=ENVIRONMENT, capture_output=True, text=True,
        check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--start" in done.stderr


def test_what_cannot_be_trained_is_one_clear_line(pack, tmp_path):
    small = tmp_path / "small.npz"
    with np.load(pack) as archive:
        np.savez(small, **{key: archive[key][:50] for key in archive.files})
    for more, message in (
        (["--variant", "huge"], "no variant 'huge'"), (["--epochs", "0"], "at least 1"),
        (["--split", "honest"], "--split is for classic systems"),
    ):  # fmt: skip
        done = subprocess.run(
            [*command(pack, tmp_path / "x"), *more], env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert message in done.stderr
    done = subprocess.run(
        command(small, tmp_path / "y"), env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "a batch takes" in done.stderr
