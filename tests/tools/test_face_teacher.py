"""A teacher of the face model: its package, the network made of it, its opinions, and who learns from them."""

import base64
import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
from workbench import face_package

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("EMOEDGE_TRAIN_PYTHON", str(ROOT / ".venv-train/bin/python"))
ENVIRONMENT = {
    **os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT / "tools"),
}  # fmt: skip

GRAPH = {
    "weightsManifest": [
        {"weights": [
            {"name": "half", "shape": [2, 3], "dtype": "float32", "quantization": {"dtype": "float16"}},
            {"name": "order", "shape": [2], "dtype": "int32"},
        ]},
        {"weights": [{"name": "ceiling", "shape": [], "dtype": "float32"}]},
    ]
}  # fmt: skip
RAW = np.arange(6, dtype=np.float16).tobytes() + np.arange(2, dtype=np.int32).tobytes() + np.float32(6).tobytes()


def packed(graph, raw):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for kind, content in (("json", json.dumps(graph).encode()), ("bin", raw)):
            entry = tarfile.TarInfo(f"{face_package.STEM}.{kind}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def test_weights_are_read_by_name_in_single_precision(monkeypatch):
    archive = packed(GRAPH, RAW)
    monkeypatch.setattr(face_package, "SHA512", base64.b64encode(hashlib.sha512(archive).digest()).decode())
    found = face_package.unpacked(archive, "here")
    assert sorted(found) == ["ceiling", "half"]
    assert found["half"].dtype == np.float32
    assert found["half"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["ceiling"].tolist() == 6


def test_another_archive_than_the_one_that_is_meant_is_refused(tmp_path):
    name = face_package.ADDRESS.rpartition("/")[2]
    (tmp_path / name).write_bytes(packed(GRAPH, RAW))
    with pytest.raises(ValueError, match=f"{name} is not the package that is meant"):
        face_package.weights(tmp_path)


def test_what_was_fetched_is_kept_only_if_it_is_what_was_meant(tmp_path, monkeypatch):
    archive = packed(GRAPH, RAW)
    monkeypatch.setattr(face_package, "_fetched", lambda: archive)
    with pytest.raises(ValueError, match="SHA-512"):
        face_package.weights(tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(face_package, "SHA512", base64.b64encode(hashlib.sha512(archive).digest()).decode())
    first = face_package.weights(tmp_path)
    monkeypatch.setattr(face_package, "_fetched", lambda: pytest.fail("it is there"))
    assert first["half"].tolist() == face_package.weights(tmp_path)["half"].tolist()


def test_a_graph_that_does_not_fit_its_weights_is_refused():
    with pytest.raises(ValueError, match="24 bytes of weights, its file has 28"):
        face_package.graph_weights(GRAPH, RAW + bytes(4))


def test_no_network_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(face_package, "ADDRESS", "http://127.0.0.1:9/human.tgz")
    with pytest.raises(ValueError, match="cannot be fetched"):
        face_package.weights(tmp_path)
    assert not list(tmp_path.iterdir())


INVENTED = """
import numpy as np
from workbench import face_package
from workbench.face_teacher import STRIDES, WIDTHS

def invented(directory):
    generator = np.random.default_rng(4)
    def some(*shape):
        return generator.normal(0, (2 / np.prod(shape[:-1])) ** 0.5, shape).astype(np.float32)
    found = {"conv1/convolution/merged_input": some(3, 3, 3, 32) / 128, "conv1_bn/batchnorm_1/sub": some(32)}
    narrow = 32
    for number, wide in enumerate(WIDTHS, start=1):
        deep, point = f"conv_dw_{number}", f"conv_pw_{number}"
        found[f"{deep}/depthwise_kernel"] = some(3, 3, narrow, 1)
        found[f"{deep}_bn/batchnorm_1/mul"] = np.exp(some(narrow))
        found[f"{deep}_bn/batchnorm_1/sub"] = some(narrow)
        found[f"{point}/convolution/merged_input"] = some(1, 1, narrow, wide)
        found[f"{point}_bn/batchnorm_1/sub"] = some(wide)
        narrow = wide
    return found
"""

NORMALISED = (
    INVENTED
    + """
import torch
from workbench.face_teacher import Teacher

pictures = torch.rand(48, 1, 48, 48, generator=torch.Generator().manual_seed(1))
net = Teacher(invented(None), (7, 8), dropout=0.0).eval()
for layer in net.layers:
    layer.norm.running_var.fill_(1 - layer.norm.eps)
with torch.no_grad():
    before = net(pictures)
    net.normalise(pictures)
    after = net(pictures)
    other = net.train()(pictures)
for a, b, c in zip(before, after, other):
    assert a.std() > 0.001
    torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(b, c, rtol=0.05, atol=0.05)
print("same")
"""
)

TAUGHT = (
    INVENTED
    + """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from workbench import face_teacher as network, face_torch
face_package.weights, network.SIDE = invented, 32
from workbench.data import faces
from workbench.face_learning import Goal
from workbench.recipes import TrainOptions, face, face_plans, face_teacher

here, data = Path(sys.argv[1]), Path(sys.argv[2])
asked = TrainOptions(system="emoedge", modality="face-teacher", data=(data,), output=here / "teacher", epochs=1, threads=2)
face_teacher.train(asked)
told = np.load(here / "teacher" / face.OPINIONS)
pack = faces.load((data,))
for head, classes in (("original", 7), ("votes", 8)):
    assert told[head].shape == (len(told["rows"]), classes)
    np.testing.assert_allclose(told[head].sum(1), 1, rtol=1e-4)

face_teacher.train(replace(asked, epochs=2, resume=True))
assert len((here / "teacher" / "history.csv").read_text().splitlines()) == 3

learn = replace(asked, modality="face", variant="small", output=here / "student", epochs=None, teachers=(here / "teacher",))
plain = face.Run(pack, face_plans.PLANS["small"], replace(learn, teachers=()))
run = face.Run(pack, face_plans.PLANS["small"], learn)
told = np.load(here / "teacher" / face.OPINIONS)
share, rows = face_plans.PLANS["small"].taught, told["rows"]
np.testing.assert_allclose(run.original[rows], (1 - share) * plain.original[rows] + share * told["original"], rtol=1e-4)
np.testing.assert_allclose(run.votes[rows], (1 - share) * plain.votes[rows] + share * told["votes"], rtol=1e-4)
assert np.array_equal(run.original[run.held], plain.original[run.held])

one_look = replace(face_plans.PLANS["small"], asks=True, glance=46, field=48)
asking = face.Run(pack, one_look, learn)
assert np.array_equal(asking.original, plain.original), "it is asked about views, not for its opinions of pictures"
batch = (pack.images[rows[:64], ..., None].astype(np.float32) / 255, asking.original[rows[:64]], asking.votes[rows[:64]])
def learned(*goal, **more):
    one = face_torch.trunk_learner(asking.begin, Goal(*goal, **more), seed=0, threads=1)
    one.step(batch, 0.05)
    return np.concatenate([np.ravel(each) for each in one.averaged()])

alone = learned(0.0)
np.testing.assert_allclose(learned(0.0), alone, atol=1e-6)
assert np.abs(learned(0.0, share=0.8, strangers=(here / "teacher",)) - alone).max() > 1e-4, "it is heard"
with torch.no_grad():
    stranger, shown = face_torch.stranger(here / "teacher").eval(), torch.from_numpy(pack.images[rows[:64], None] / np.float32(255))
    said = sum(stranger(way)[1].softmax(1).numpy() for way in (shown, shown.flip(3))) / 2
np.testing.assert_allclose(said, told["votes"][:64], atol=0.05)

matching = replace(face_plans.PLANS["small"], cycles=(face_plans.Cycle(2, 0.0, 0.25),), asks=True, field=48, taught=0.9, lessons=2)
matched = face.Run(pack, matching, replace(learn, output=here / "matched"))
lesson = matched.lessons.lesson(0)
assert lesson.views.shape == (len(matched.rows), 48, 48)
with torch.no_grad():
    said = stranger(torch.from_numpy(lesson.views[:64, None] / np.float32(255)))[1].softmax(1).numpy()
np.testing.assert_allclose(lesson.votes[:64], said, atol=0.05)
order = np.random.default_rng(6).permutation(len(matched.rows))[:128]
shown, original, votes = next(matched._told(0, np.random.default_rng(6)))
views = lesson.views[order].astype(np.float32)[..., None] / 255
mirrored = np.array([not np.array_equal(a, b) for a, b in zip(shown, views)])
assert 40 < mirrored.sum() < 88
np.testing.assert_array_equal(np.where(mirrored[:, None, None, None], shown[:, :, ::-1], shown), views)
labels = face.smooth(plain.original[matched.rows[order]])
np.testing.assert_allclose(original, 0.1 * labels + 0.9 * lesson.original[order], atol=1e-6)
np.testing.assert_allclose(votes, 0.1 * plain.votes[matched.rows[order]] + 0.9 * lesson.votes[order], atol=1e-6)
matched.train()
files = sorted((here / "matched" / "lessons").iterdir())
made = [file.stat().st_mtime_ns for file in files]
face.Run(pack, matching, replace(learn, output=here / "matched", resume=True)).train()
assert len(made) == 2 and [file.stat().st_mtime_ns for file in files] == made, "lessons are made once"
try:
    face.Run(pack, matching, replace(learn, output=here / "alone", teachers=()))
except ValueError as error:
    print(error)

for name, wrong in (("fewer", {"rows": rows[:-1]}), ("mixed", {})):
    (here / name).mkdir()
    np.savez(here / name / face.OPINIONS, **{**told, **wrong})
(here / "net").mkdir()
for teachers in ((here / "fewer",), (here / "mixed", here / "net")):
    try:
        face.Run(pack, face_plans.PLANS["small"], replace(learn, teachers=teachers))
    except ValueError as error:
        print(error)
    else:
        raise AssertionError(teachers)
"""
)


def ran(script, *arguments):
    done = subprocess.run(
        [PYTHON, "-c", script, *map(str, arguments)], env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.torch
def test_normalising_changes_nothing_that_the_network_says():
    assert "same" in ran(NORMALISED)


@pytest.mark.torch
@pytest.mark.slow
def test_a_teacher_trains_goes_on_and_is_heard(tmp_path):
    generator = np.random.default_rng(3)
    labels = np.arange(280) % 7
    votes = np.zeros((280, 10), np.uint8)
    votes[np.arange(280), [4, 5, 6, 1, 3, 2, 0] * 40] = 10
    np.savez(
        tmp_path / "faces.npz", images=generator.integers(0, 255, (280, 48, 48), dtype=np.uint8),
        labels=labels.astype(np.uint8), split=np.zeros(280, np.uint8), ferplus_votes=votes,
    )  # fmt: skip
    told = ran(TAUGHT, tmp_path, tmp_path / "faces.npz")
    assert "tells of other pictures" in told
    assert "do not go together" in told
    assert "name their runs with --teacher" in told
