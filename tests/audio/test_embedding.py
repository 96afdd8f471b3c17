"""What a net makes of a window: the convolutions, what of it reaches the features, and which weights are refused."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from emoedge.audio import embedding
from emoedge.audio.embedding import Embedding
from emoedge.audio.front_end import build, mel_power
from emoedge.audio.functionals import size
from emoedge.audio.parameters import parse
from emoedge.audio.summary import FunctionalsTransform
from emoedge.errors import ModelError
from emoedge.inference.spec import FrontEndSpec

MELS, OWN = 40, 6
PARAMETERS = {"voice": 0.5, "hop": 0.02, "level": "window", "floor": -50.0, "log": "root", "session": "running",
              "session_prior": 2.0, "session_mean": 1.0}  # fmt: skip


def arrays(inputs=MELS + embedding.BESIDE, widths=(8, OWN), taps=3):
    rng = np.random.default_rng(5)
    made = {"mean": rng.normal(size=inputs).astype("f4"), "std": rng.uniform(1, 2, inputs).astype("f4")}
    for i, outputs in enumerate(widths):
        made[f"kernel{i}"] = rng.integers(-127, 128, (taps, inputs, outputs)).astype(np.int8)
        made[f"scale{i}"] = rng.uniform(0.5e-3, 2e-3, outputs).astype("f4")
        made[f"bias{i}"] = rng.normal(0, 0.1, outputs).astype("f4")
        inputs = outputs
    return made


def packed(**changed):
    content = io.BytesIO()
    np.savez(content, **{key: value for key, value in {**arrays(), **changed}.items() if value is not None})
    return content.getvalue()


def endless():
    """Of a mean, the head only, of more numbers than any memory holds."""
    content, head = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (10**17,)})
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("mean.npy", head.getvalue())
    return content.getvalue()


SPEC = FrontEndSpec("mfcc_functionals", {**PARAMETERS, "embedding": OWN}, packed())
PLAIN = FrontEndSpec(SPEC.name, PARAMETERS)


def test_it_is_a_mean_over_convolutions():
    weights = arrays()
    window = np.random.default_rng(0).normal(size=(20, MELS + embedding.BESIDE)).astype("f4")
    x = (window - weights["mean"]) / weights["std"]
    for i in range(2):
        kernel = weights[f"kernel{i}"] * weights[f"scale{i}"].astype(float)
        padded = np.pad(x, ((1, 1), (0, 0)))
        y = np.array([np.einsum("ti,tio->o", padded[n : n + 3], kernel) for n in range(20)])
        x = np.maximum(y + weights[f"bias{i}"], 0)
    at = np.array([2, 3, 11])
    found = Embedding(packed())(window, at)
    assert found.shape == (OWN,)
    assert found.any()
    np.testing.assert_allclose(found, x[at].mean(axis=0), rtol=1e-4, atol=1e-6)


def test_frames_have_a_pitch_in_octaves_or_none():
    found = embedding.frames(np.zeros((2, 3)), np.array([300.0, 0.0]), np.array([0.9, 0.0]))
    np.testing.assert_allclose(found, [[0, 0, 0, 1, 0.9], [0, 0, 0, 0, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("at", "reach", "expected"),
    [([3, 9], 2, [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]), ([0, 11], 0, [0, 11]), ([4, 5], 1, [3, 4, 5, 6]), ([], 3, [])],
)
def test_frames_near_others(at, reach, expected):
    assert embedding.near(np.array(at, dtype=int), 12, reach).tolist() == expected


def test_the_mean_counts_frames_about_a_voice_as_well(speech):
    around = replace(SPEC, parameters={**SPEC.parameters, "embedding_around": 0.1})
    wide, narrow = FunctionalsTransform(SPEC.name, parse(around), packed()), FunctionalsTransform(SPEC.name, parse(SPEC), packed())
    rows = mel_power(speech, SPEC)
    frames, near = wide.frames(rows)
    at = narrow.frames(rows)[1]
    assert set(at) < set(near)
    assert all(np.abs(at - n).min() <= 5 for n in near)
    np.testing.assert_allclose(wide.raw(rows)[-OWN:], Embedding(packed())(frames, near))
    np.testing.assert_array_equal(wide.raw(rows)[:-OWN], narrow.raw(rows)[:-OWN])
    assert not np.allclose(wide.raw(rows)[-OWN:], narrow.raw(rows)[-OWN:])


def test_the_features_are_the_functionals_and_then_the_embedding(speech):
    both, plain = build(SPEC), build(PLAIN)
    for front_end in (both, plain):
        front_end.push(speech)
    assert both.shape == (size(30) + OWN,)
    np.testing.assert_allclose(both.features()[:-OWN], plain.features(), atol=1e-5)
    own = both.raw()[-OWN:]
    np.testing.assert_allclose(both.features()[-OWN:], own - both.statistics.mean[-OWN:], atol=1e-5)
    assert np.abs(both.statistics.own_mean[-OWN:]).sum() > 0


def test_the_stream_equals_its_pure_pieces(speech):
    stream = build(SPEC)
    rows, pure = mel_power(speech, SPEC), FunctionalsTransform(SPEC.name, parse(SPEC), SPEC.weights)
    before = None
    for part in np.array_split(speech, 7):
        stream.push(part)
        if before is not None:
            assert (stream.features() != before).any()
        before = stream.features()
        expected = pure(rows[: stream.frames], stream.statistics)
        if stream.frames >= 149:
            np.testing.assert_allclose(before, expected, atol=1e-5)


def test_nothing_said_counts_as_usual():
    front_end = build(SPEC)
    front_end.push(np.zeros(48000))
    assert not front_end.features().any()


def test_a_new_stream_forgets_the_last_window(speech):
    front_end = build(SPEC)
    front_end.push(speech)
    assert front_end.features().any()
    front_end.interrupt(16000)
    assert np.isnan(front_end.raw()).all()


@pytest.mark.parametrize(
    ("weights", "cause"),
    [
        (b"nonsense", "damaged"),
        (packed()[:-40], "damaged"),
        (packed(mean=None), "damaged"),
        (packed(bias1=None), "damaged"),
        (packed(mean=np.array([{}], dtype=object)), "damaged"),
        (packed(kernel0=None, kernel1=None), "do not fit each other"),
        (packed(std=np.zeros(MELS + embedding.BESIDE)), "do not fit each other"),
        (packed(std=np.ones(3)), "do not fit each other"),
        (packed(kernel1=np.ones((2, 8, OWN), np.int8)), "do not fit each other"),
        (packed(kernel1=np.ones((3, 9, OWN), np.int8)), "do not fit each other"),
        (packed(bias0=np.ones(9)), "do not fit each other"),
        (packed(mean=np.full(MELS + embedding.BESIDE, np.nan)), "not all finite"),
        (packed(scale1=np.full(OWN, np.inf)), "not all finite"),
        (packed(scale1=np.full(OWN, 3e38), kernel1=np.full((3, 8, OWN), 127, np.int8)), "not all finite"),
        (packed(bias1=np.full(OWN, np.nan)), "not all finite"),
        (endless(), "damaged"),
    ],
)
def test_weights_that_are_none_are_refused(weights, cause):
    with pytest.raises(ModelError, match=cause):
        Embedding(weights)


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        (replace(SPEC, weights=b""), "embedding is 6, but there are no weights of a net"),
        (replace(SPEC, parameters={**SPEC.parameters, "embedding": 7}), "its net makes 6 numbers of frames of 42; expected embedding, 7, of 42"),
        (replace(SPEC, parameters=PARAMETERS), "expected embedding, 0"),
        (replace(SPEC, parameters={**SPEC.parameters, "voice": 0.0, "mels": 32}), "of frames of 42; expected embedding, 6, of 34"),
    ],
)  # fmt: skip
def test_a_net_that_does_not_fit_its_front_end_is_refused(spec, cause):
    with pytest.raises(ModelError, match=cause):
        build(spec)
