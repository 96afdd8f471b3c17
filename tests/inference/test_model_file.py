"""The file contract: what is written is read back, and nothing that does not fit is accepted."""

import errno
import hashlib
import io
import json
import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from emoedge.emotions import CANONICAL
from emoedge.errors import ModelError
from emoedge.inference.metadata import decode, encode
from emoedge.inference.model import load_model
from emoedge.inference.model_file import FRONT_END, GOLDEN, INFO, LABELS, ModelFile
from emoedge.inference.runtime import Interpreter
from emoedge.inference.spec import FrontEndSpec
from emoedge.messages import Modality


def rebuilt(path, **members):
    """The file anew with some members replaced (bytes) or dropped (None)."""
    file = ModelFile.read(path)
    with zipfile.ZipFile(path) as archive:
        content = {m: archive.read(m) for m in archive.namelist()}
    content.update(members)
    whole = io.BytesIO(file.tflite)
    whole.seek(0, io.SEEK_END)
    with zipfile.ZipFile(whole, "a") as archive:
        for name, data in content.items():
            if data is not None:
                archive.writestr(name, data)
    path.write_bytes(whole.getvalue())


def edited(path, **fields):
    """The file anew with fields of its emoedge.json replaced."""
    with zipfile.ZipFile(path) as archive:
        document = json.loads(archive.read(INFO))
    document.update(fields)
    labels = document["labels"]
    text = "".join(f"{label}\n" for label in labels) if isinstance(labels, list) else ""
    rebuilt(path, **{INFO: json.dumps(document).encode(), LABELS: text.encode()})


def test_round_trip(tmp_path, model_file):
    file = model_file(
        temperature=1.5, prior=tuple([1 / 7] * 7), parity={"passed": True, "agreement": 0.99},
        accuracy={"float": 0.6}, front_end=FrontEndSpec("face_gray", {"size": 12, "mean": [0.5], "std": 0.2}),
    )  # fmt: skip
    digest = file.write(tmp_path / "m.tflite")
    back = ModelFile.read(tmp_path / "m.tflite")
    assert back.info == file.info
    assert back.tflite == file.tflite
    np.testing.assert_array_equal(back.golden_inputs, file.golden_inputs)
    np.testing.assert_array_equal(back.golden_outputs, file.golden_outputs)
    assert back.golden_inputs.dtype == np.int8
    assert digest == back.sha256 == hashlib.sha256((tmp_path / "m.tflite").read_bytes()).hexdigest()


def test_same_model_same_bytes(model_file):
    assert model_file().content() == model_file().content()


def test_every_field_survives_json(model_file):
    info = model_file().info
    assert decode(json.loads(encode(info))) == info


@pytest.mark.parametrize("keep", [0, 3, 8, 100, 3000, 4000, -1, -30])
def test_truncated_is_refused(tiny, keep):
    content = tiny.read_bytes()
    tiny.write_bytes(content[:keep])
    with pytest.raises(ModelError, match=r"tiny\.tflite: .*(truncated|not a TFLite model).*; "):
        load_model(tiny)


def test_plain_tflite_is_refused(tmp_path, model_file):
    path = tmp_path / "plain.tflite"
    path.write_bytes(model_file().tflite)
    with pytest.raises(ModelError, match=r"plain \.tflite without emoedge's metadata"):
        load_model(path)


def test_changed_network_is_refused(tiny):
    content = bytearray(tiny.read_bytes())
    content[1500] ^= 0xFF
    tiny.write_bytes(bytes(content))
    with pytest.raises(ModelError, match="not the ones its metadata were written for"):
        load_model(tiny)


def test_weights_of_a_front_end_go_with_the_file(tmp_path, model_file):
    front_end = FrontEndSpec("mfcc_functionals", {"embedding": 4}, b"of a net")
    file = model_file(modality=Modality.SPEECH, front_end=front_end)
    file.write(tmp_path / "m.tflite")
    assert ModelFile.read(tmp_path / "m.tflite").info == file.info
    with zipfile.ZipFile(tmp_path / "m.tflite") as archive:
        assert archive.read(FRONT_END) == b"of a net"
        assert "weights" not in json.loads(archive.read(INFO))["front_end"]


def test_weights_that_no_front_end_takes_are_refused(tiny):
    rebuilt(tiny, **{FRONT_END: b"of a net"})
    with pytest.raises(ModelError, match="front end face_gray takes no weights, but the file has some"):
        load_model(tiny)


CASES = {
    "format version 2": {"format_version": 2},
    "format version None": {"format_version": None},
    "name is 3": {"name": 3},
    "neither face nor speech": {"modality": "smell"},
    "does not serve": {"modality": "speech"},
    "unknown to this emoedge": {"front_end": {"name": "face_thermal", "parameters": {}}},
    "has no name": {"front_end": "face_gray"},
    "makes shape": {"front_end": {"name": "face_gray", "parameters": {"size": 48}}},
    "unknown parameter zoom": {"front_end": {"name": "face_gray", "parameters": {"size": 12, "zoom": 1}}},
    "6 labels": {"labels": list(CANONICAL[:6]), "label_map": list(CANONICAL[:6])},
    "named twice": {"labels": ["angry"] * 7},
    "list of texts": {"labels": "angry"},
    "7 labels but 6": {"label_map": list(CANONICAL[:6])},
    "label map names 'bored'": {"label_map": [*CANONICAL[:6], "bored"]},
    "mapped to one emotion": {"label_map": ["sad"] * 7},
    "temperature nan": {"temperature": float("nan")},
    "temperature inf": {"temperature": float("inf")},
    "temperature 0,": {"temperature": 0},
    "temperature is 'hot'": {"temperature": "hot"},
    "prior has 2": {"prior": [0.5, 0.5]},
    "prior is not a dist": {"prior": [1.0] * 7},
    "prior of 'angry' is 0": {"prior": [0, 0.2, 0.2, 0.2, 0.2, 0.1, 0.1]},
    "reliability 2": {"reliability": 2},
    "abstain_below 1.5": {"abstain_below": 1.5},
    "abstain_below is": {"abstain_below": "often"},
    "output 'maybe'": {"output": "maybe"},
    "dtype 'int4'": {"dtype": "int4"},
    "emoedge.json is too large": {"temperature": 10**400},
    "json is too large": {"prior": [10**400] * 7},
    "scale is 1000": {"front_end": {"name": "face_gray", "parameters": {"size": 12, "scale": 10**400}}},
}


@pytest.mark.parametrize(("cause", "fields"), CASES.items(), ids=list(CASES))
def test_misfits_are_refused(tiny, cause, fields):
    edited(tiny, **fields)
    with pytest.raises(ModelError) as refused:
        load_model(tiny)
    text = str(refused.value)
    assert text.startswith(f"{tiny}: ")
    assert cause in text
    assert "; " in text
    assert "\n" not in text


def npz(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def npy(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def endless():
    """Arrays of which only the heads are there, of more elements than any memory holds."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("inputs", "outputs"):
            head = io.BytesIO()
            np.lib.format.write_array_header_1_0(head, {"descr": "|i1", "fortran_order": False, "shape": (10**17,)})
            archive.writestr(f"{name}.npy", head.getvalue())
    return content.getvalue()


@pytest.mark.parametrize(
    ("cause", "members"),
    [
        ("no labels.txt", {LABELS: None}),
        ("no emoedge.json", {INFO: None}),
        ("no golden.npz", {GOLDEN: None}),
        ("no JSON", {INFO: b"{"}),
        ("no JSON object", {INFO: b"[]"}),
        ("no UTF-8", {LABELS: b"\xff\xfe\n"}),
        ("different labels", {LABELS: b"angry\n"}),
        ("golden.npz lacks .*outputs", {GOLDEN: npz(inputs=np.zeros((1, 12, 12, 1), np.int8))}),
        ("0 inputs", {GOLDEN: npz(inputs=np.zeros((0, 12, 12, 1), np.int8), outputs=np.zeros((0, 7), np.int8))}),
        ("golden inputs", {GOLDEN: npz(inputs=np.zeros((1, 9, 12, 1), np.int8), outputs=np.zeros((1, 7), np.int8))}),
        ("golden outputs", {GOLDEN: npz(inputs=np.zeros((1, 12, 12, 1), np.int8), outputs=np.zeros((1, 7)))}),
        ("golden.npz is damaged", {GOLDEN: b"nonsense"}),
        ("golden.npz is damaged", {GOLDEN: npz(inputs=np.zeros(9, np.int8), outputs=np.zeros(9, np.int8))[:-9]}),
        ("golden.npz is damaged", {GOLDEN: endless()}),
        ("golden.npz is damaged", {GOLDEN: npy(np.zeros((2, 2)))}),
        ("golden.npz holds single numbers", {GOLDEN: npz(inputs=np.int8(1), outputs=np.int8(1))}),
        ("golden.npz is damaged", {GOLDEN: npz(inputs=np.array([{}], dtype=object), outputs=np.zeros((1, 7)))}),
    ],
)
def test_damaged_members_are_refused(tiny, cause, members):
    rebuilt(tiny, **members)
    with pytest.raises(ModelError, match=cause):
        load_model(tiny)


def test_a_tensor_whose_name_is_no_text_is_refused(tmp_path, model_file):
    file = model_file("float32")
    name = Interpreter(file.tflite)._interpreter.get_input_details()[0]["name"].encode()
    assert name in file.tflite
    spoilt = file.tflite.replace(name, b"\xff" * len(name))
    replace(file, tflite=spoilt).write(tmp_path / "m.tflite")
    with pytest.raises(ModelError, match=r"m\.tflite: .* cannot run it: "):
        load_model(tmp_path / "m.tflite")


def test_other_modality_is_refused(tiny):
    with pytest.raises(ModelError, match=r"a face model where a speech model is expected; name it under models\.face"):
        load_model(tiny, Modality.SPEECH)


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(ModelError, match="no such file"):
        load_model(tmp_path / "none.tflite")
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(tmp_path)


def test_full_disk_leaves_nothing_behind(tmp_path, model_file, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "m.tflite"
    path.write_bytes(b"as it was")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match="No space left"):
        model_file().write(path)
    assert path.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [path]


def test_unfit_info_is_not_written(tmp_path, model_file):
    file = model_file()
    with pytest.raises(ValueError, match="temperature"):
        replace(file, info=replace(file.info, temperature=0.0)).write(tmp_path / "m.tflite")
    assert not list(tmp_path.iterdir())
