"""What a conversion may be asked for: labels, their mapping, gates, and the command line around them."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from workbench.conversion import ConversionError, Request, keras_source, map_labels, parse_labels
from workbench.conversion.command import main
from workbench.conversion.pipeline import Outcome, resolved

from emoedge.emotions import CANONICAL
from emoedge.inference.spec import FrontEndSpec, ModelInfo
from emoedge.messages import Modality


def request(**changes):
    values = {
        "model": Path("m.keras"), "output": Path("m.tflite"), "front_end": FrontEndSpec("face_gray"),
        "labels": CANONICAL, "label_map": CANONICAL, "calibrate": Path("rows.npz"),
    }  # fmt: skip
    return Request(**(values | changes))


@pytest.mark.parametrize(
    ("label", "emotion"),
    [("angry", "angry"), ("Anger", "angry"), ("calm", "neutral"), ("ps", "surprise"), ("OAF_Fear", "fear"),
     ("YAF_pleasant_surprised", "surprise"), ("fearful", "fear")],
)  # fmt: skip
def test_labels_are_mapped_by_name(label, emotion):
    assert map_labels(["happy", label], {}) == ("happy", emotion)


def test_given_mapping_goes_first():
    assert map_labels(["a", "calm"], {"a": "sad", "calm": "happy"}) == ("sad", "happy")


@pytest.mark.parametrize(
    ("labels", "given", "cause"),
    [(["happy", "bored"], {}, "add --label-map bored="), (["happy", "sad"], {"glad": "happy"}, "names 'glad'")],
)
def test_labels_without_emotion_are_refused(labels, given, cause):
    with pytest.raises(ConversionError, match=cause):
        map_labels(labels, given)


@pytest.mark.parametrize(("text", "cause"), [("happy", "at least two"), ("a,,b", "at least two"), ("a,b,a", "'a' is named twice")])
def test_bad_label_lists_are_refused(text, cause):
    with pytest.raises(ConversionError, match=cause):
        parse_labels(text)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"dtype": "int4"}, "dtype 'int4'"),
        ({"calibrate": None}, "int8 needs representative data"),
        ({"samples": 0}, "at least 1"),
        ({"allow": frozenset({"speed"})}, "no gate speed"),
        ({"output_kind": "hunch"}, "output 'hunch'"),
        ({"dataset": "ravdess"}, "--dataset chooses among those of a speech folder"),
        ({"dataset": "ravdess", "front_end": FrontEndSpec("mfcc_mean"), "calibrate": Path(__file__)}, "--dataset chooses"),
    ],
)
def test_bad_requests_are_refused(changes, cause):
    with pytest.raises(ConversionError, match=cause):
        request(**changes)


def test_float_needs_no_data():
    assert request(dtype="float16", calibrate=None).calibrate is None


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (["--front-end", "face_infrared:size=48"], "'face_infrared' is unknown"),
        (["--front-end", "face_gray:size"], "expected key=value"),
        (["--front-end", "mfcc_mean"], "does not serve a face model"),
        (["--labels", "happy"], "at least two"),
        (["--dataset", "ravdess"], "--dataset chooses among those of a speech folder"),
        (["--label-map", "happy=glee"], "expected label=emotion"),
        (["--prior", "1,2"], "expected 7 numbers"),
        (["--front-end-weights", "w.npz"], "front end face_gray takes no weights"),
        (["--modality", "speech", "--front-end", "mfcc_functionals:embedding=4", "--front-end-weights", "w.npz"],
         "w.npz: cannot be read: No such file or directory"),
    ],
)
def test_wrong_usage_exits_2_with_one_line(tmp_path, capsys, change, cause):
    plain = ["convert", "m.keras", "--modality", "face", "--labels", "happy,sad", "--front-end", "face_gray:size=12",
             "--dtype", "float32", "--output", str(tmp_path / "m.tflite")]  # fmt: skip
    assert main([*plain, *change]) == 2
    error = capsys.readouterr().err
    assert cause in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("option", ["--output", "--report"])
def test_a_folder_that_is_not_there_is_told_before_anything_is_read(tmp_path, capsys, option):
    gone = tmp_path / "gone" / "m"
    words = ["convert", "m.keras", "--modality", "face", "--labels", "happy,sad", "--front-end", "face_gray:size=12",
             "--dtype", "float32", "--output", str(tmp_path / "m.tflite"), option, str(gone)]  # fmt: skip
    assert main(words) == 1
    assert capsys.readouterr().err == f"error: {gone}: no such folder; make {gone.parent} first\n"


def test_a_net_that_does_not_fit_its_front_end_exits_1_with_one_line(tmp_path, capsys):
    (tmp_path / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n and no more")
    words = ["convert", str(tmp_path / "m.h5"), "--modality", "speech", "--labels", "happy,sad", "--dtype", "float32",
             "--front-end", "mfcc_functionals:embedding=4", "--output", str(tmp_path / "m.tflite")]  # fmt: skip
    assert main(words) == 1
    assert "embedding is 4, but there are no weights of a net" in capsys.readouterr().err
    (tmp_path / "w.npz").write_bytes(b"no weights")
    assert main([*words, "--front-end-weights", str(tmp_path / "w.npz")]) == 1
    error = capsys.readouterr().err
    assert "the front end's weights are damaged" in error
    assert error.count("\n") == 1


def test_the_net_of_a_front_end_stays_with_it_where_defaults_are_filled_in():
    content = io.BytesIO()
    np.savez(content, mean=np.zeros(42), std=np.ones(42), kernel0=np.ones((1, 42, 4), np.int8), scale0=np.ones(4),
             bias0=np.zeros(4))  # fmt: skip
    spec = FrontEndSpec("mfcc_functionals", {"embedding": 4}, content.getvalue())
    found = resolved(spec)
    assert found.weights == spec.weights
    assert found.parameters["embedding"] == 4
    assert len(found.parameters) > 30


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("m.keras", None, "no such model file"),
        ("m.keras", b"PK\x03\x04 and then nothing", "truncated .keras file"),
        ("m.h5", b"nothing known", "neither a .keras"),
        ("m.h5", b"", "neither a .keras"),
    ],
)
def test_files_that_are_no_models_exit_1_with_one_line(tmp_path, capsys, name, content, cause):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    code = main(["convert", str(path), "--modality", "face", "--labels", "happy,sad", "--front-end", "face_gray:size=12",
                 "--dtype", "float32", "--output", str(tmp_path / "m.tflite")])  # fmt: skip
    assert code == 1
    error = capsys.readouterr().err
    assert cause in error
    assert str(path) in error
    assert error.count("\n") == 1
    assert not (tmp_path / "m.tflite").exists()


def keras_file(path, metadata):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        if metadata is not None:
            archive.writestr("metadata.json", metadata)
    return path


def test_a_file_of_keras_3_is_refused_with_the_way_out(tmp_path):
    path = keras_file(tmp_path / "m.keras", '{"keras_version": "3.15.1", "date_saved": "2026-01-02@03:04:05"}')
    with pytest.raises(ConversionError, match=r"m\.keras: saved by Keras 3\.15\.1, this reads Keras 2 \(TensorFlow 2\.15\)"):
        keras_source.configuration(path, "keras")


@pytest.mark.parametrize("metadata", ['{"keras_version": "2.15.0"}', "{}", None])
def test_a_file_of_keras_2_or_of_no_version_is_read(tmp_path, metadata):
    assert keras_source.configuration(keras_file(tmp_path / "m.keras", metadata), "keras") == {}


def test_metadata_that_is_no_object_is_damage(tmp_path):
    with pytest.raises(ConversionError, match="truncated or damaged"):
        keras_source.configuration(keras_file(tmp_path / "m.keras", "[]"), "keras")


def test_what_a_conversion_doubts_is_warned_of(tmp_path, capsys, monkeypatch):
    path = tmp_path / "m.tflite"
    path.write_bytes(b"")
    info = ModelInfo(name="m", version="1", modality=Modality.FACE, front_end=FrontEndSpec("face_gray"), labels=CANONICAL,
                     label_map=CANONICAL, parity={"agreement": 1.0, "rows": 9})  # fmt: skip
    made = Outcome(path, info, True, {"warnings": ["look at the rows"]}, (path, path))
    monkeypatch.setattr("workbench.conversion.command.convert", lambda _: made)
    words = ["convert", "m.keras", "--modality", "face", "--labels", ",".join(CANONICAL), "--front-end", "face_gray",
             "--calibrate", "rows.npz", "--output", str(path)]  # fmt: skip
    assert main(words) == 0
    assert capsys.readouterr().err == "warning: look at the rows\n"


@pytest.mark.parametrize(
    "text", ["face_gray", "face_rgb:size=96,mean=0.4|0.5|0.6,std=1", "mfcc_sequence:seconds=2.5,energy=true,taper=hamming"]
)
def test_front_ends_are_written_as_they_are_read(text):
    assert str(FrontEndSpec.parse(text)) == text


@pytest.mark.parametrize("text", ["face_gray", "face_rgb:size=96,mean=0.4|0.5|0.6", "mfcc_mean:coefficients=40", "log_mel"])
def test_what_inspect_prints_of_a_front_end_can_be_given_again(text):
    printed = str(resolved(FrontEndSpec.parse(text)))
    assert resolved(FrontEndSpec.parse(printed)) == resolved(FrontEndSpec.parse(text))


def test_front_end_values_have_their_type():
    spec = FrontEndSpec.parse("mfcc_mean:mels=40,hop=1e-2,energy=false,log=db,mean=1|2.5")
    assert spec.parameters == {"mels": 40, "hop": 0.01, "energy": False, "log": "db", "mean": [1, 2.5]}
    assert spec.modality == "speech"
