"""The paired test and the fitted reliability, on senses whose worth is known because they are drawn."""

import json

import evaluate_fusion
import numpy as np
import pytest
from workbench import fusion_pairs, reliability_fit
from workbench.clips import FACE, head
from workbench.fusion_pairs import Judge, draw, figures, judge_pairs
from workbench.sense_material import Sample, looked_at

from emoedge.config import default_config
from emoedge.emotions import Reason, Scores
from emoedge.fusion.belief import Evidence, Reliability
from emoedge.inference.model_file import ModelFile
from emoedge.messages import Modality
from emoedge.vision.quality import thumbnail

ALL = np.ones(7, dtype=bool)
WEIGHTS = {m: Reliability(weight=1.0, decorrelation=1.0) for m in Modality}
CONFIG = default_config(overrides={"fusion.face_decorrelation": 1.0, "fusion.speech_decorrelation": 1.0})


def said(generator, emotion, strength):
    """Calibrated probabilities: log ratios of a noisy look at `emotion`, as strong as that."""
    logits = generator.normal(0, strength, 7)
    logits[emotion] += strength**2
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def samples(modality, strength, number=400, seed=0, times=(0.0,)):
    generator = np.random.default_rng(seed)
    out = []
    for i in range(number):
        emotion = i % 7
        scores = Scores(said(generator, emotion, strength), ALL)
        evidence = tuple(Evidence(modality, at, 1.0, scores, None, "only_face") for at in times)
        speaker = "" if modality is Modality.FACE else f"s{i % 3}"
        out.append(Sample(emotion, speaker, 0.0 if modality is Modality.FACE else 0.1, evidence))
    return out


FACES, VOICES = samples(Modality.FACE, 1.2), samples(Modality.SPEECH, 1.2, seed=1)


def silent(reason):
    return [Sample(s.emotion, s.speaker, s.seconds, (Evidence(Modality.SPEECH, 0.0, 0.0, None, reason),)) for s in VOICES]


@pytest.mark.parametrize("method", fusion_pairs.METHODS)
def test_two_equal_independent_senses_are_better_than_one(method):
    pairs = draw(FACES, VOICES, 600, seed=3)
    told = figures(pairs, judge_pairs(pairs, FACES, VOICES, Judge(CONFIG, WEIGHTS, method)))
    assert told["gain"] > 0.08
    assert told["gain"] == pytest.approx(told["fused"] - max(told["face"], told["speech"]), abs=1e-3)
    assert told["n"] == 600


@pytest.mark.parametrize("method", fusion_pairs.METHODS)
def test_a_voice_that_is_refused_costs_nothing(method):
    voices = silent(Reason.LOW_SNR)
    pairs = draw(FACES, voices, 200, seed=3)
    told = figures(pairs, judge_pairs(pairs, FACES, voices, Judge(CONFIG, WEIGHTS, method)))
    assert (told["fused"], told["speech"], told["silent"]["speech"]) == (told["face"], 0.0, 1.0)


def test_a_sense_that_says_the_same_of_everything_is_seen_to_cost():
    angry = Scores(np.array([0.94, *[0.01] * 6]), ALL)
    stuck = [Sample(s.emotion, "", 0.0, (Evidence(Modality.FACE, 0.0, 1.0, angry),)) for s in FACES]
    pairs = draw(stuck, VOICES, 300, seed=3)
    told = figures(pairs, judge_pairs(pairs, stuck, VOICES, Judge(CONFIG, WEIGHTS, "bayes")))
    assert told["best"] == "speech"
    assert told["gain"] < -0.1


def test_draws_are_seeded_even_by_emotion_and_by_speaker():
    pairs = draw(FACES, VOICES, 1400, seed=5)
    assert pairs == draw(FACES, VOICES, 1400, seed=5)
    assert pairs != draw(FACES, VOICES, 1400, seed=6)
    assert all(FACES[p.face].emotion == VOICES[p.voice].emotion == p.emotion for p in pairs)
    counts = np.bincount([p.emotion for p in pairs], minlength=7)
    assert counts.min() > 150
    speakers = np.unique([VOICES[p.voice].speaker for p in pairs], return_counts=True)[1]
    assert speakers.min() > 400


def test_draws_as_the_faces_follow_their_shares():
    faces = [FACES[0]] * 90 + [FACES[3]] * 10
    pairs = draw(faces, VOICES, 1000, seed=1, even=False)
    assert sum(p.emotion == FACES[0].emotion for p in pairs) == pytest.approx(900, abs=40)


def test_without_an_emotion_in_common_nothing_is_drawn():
    with pytest.raises(ValueError, match="no emotion in common"):
        draw(FACES[:1], VOICES[1:2], 5, seed=0)


@pytest.mark.parametrize(("sharpened", "expected"), [(1.0, 1.0), (2.0, 0.5), (4.0, 0.25)])
def test_a_model_that_boasts_gets_less_weight(sharpened, expected):
    boasting = []
    for s in samples(Modality.SPEECH, 1.0, number=4000, seed=2):
        values = s.evidence[0].scores.values ** sharpened
        scores = Scores(values / values.sum(), ALL)
        boasting.append(Sample(s.emotion, s.speaker, 0.1, (Evidence(Modality.SPEECH, 0.0, 1.0, scores),)))
    told = reliability_fit.report(boasting, (), ALL)
    assert told["reliability"] == pytest.approx(expected, abs=0.08)
    assert told["log_loss"]["fitted"] <= min(told["log_loss"]["1"], told["log_loss"]["0"])
    assert np.sum(told["confusion"]) == 4000


def test_the_prior_is_taken_out_before_the_fit():
    prior = (0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
    leaning = []
    for s in samples(Modality.FACE, 1.0, number=2000, seed=4):
        values = s.evidence[0].scores.values * np.array(prior)
        scores = Scores(values / values.sum(), ALL)
        leaning.append(Sample(s.emotion, "", 0.0, (Evidence(Modality.FACE, 0.0, 1.0, scores),)))
    assert reliability_fit.report(leaning, prior, ALL)["reliability"] > 0.9


def test_nothing_classified_is_nothing_to_fit_on():
    with pytest.raises(ValueError, match="nothing to fit"):
        reliability_fit.report(silent(Reason.NO_VOICE), (), ALL)


def portraits(number):
    """The astronaut's face so many times, gray, 48 x 48, each with its own light and grain."""
    generator = np.random.default_rng(2)
    face = thumbnail(np.ascontiguousarray(head()[:, :, 1]), FACE).astype(np.float64)
    shown = [face * generator.uniform(0.7, 1.2) + generator.normal(0, 3, face.shape) for _ in range(number)]
    return np.clip(shown, 0, 255).astype(np.uint8)


@pytest.fixture
def pack(tmp_path):
    path = tmp_path / "pack.npz"
    np.savez(path, images=portraits(80), labels=(np.arange(80) % 7).astype(np.uint8), split=np.zeros(80, np.uint8))
    return path


def test_the_command_stores_what_it_fitted(tiny, pack, capsys):
    arguments = ["reliability", str(tiny), "--data", str(pack), "--target", "original", "--json"]
    assert evaluate_fusion.main(arguments) == 0
    fitted = json.loads(capsys.readouterr().out.splitlines()[-1])["reliability"]
    assert ModelFile.read(tiny).info.reliability == 1.0, "it only looks unless told to write"
    assert evaluate_fusion.main([*arguments, "--write"]) == 0
    assert ModelFile.read(tiny).info.reliability == fitted < 1.0, "an untrained network is not worth its word"


def test_faces_of_noise_tell_nothing(tiny):
    from emoedge.inference.model import load_model

    images, truth = portraits(6), np.array([0, 1, 2, 3, -1, 5])
    loaded = load_model(tiny)
    clean = looked_at(loaded, images, truth, CONFIG)
    assert [s.emotion for s in clean] == [0, 1, 2, 3, 5]
    assert all(s.evidence[0].scores is not None for s in clean)
    for how in ("noise", "drowned"):
        assert all(s.evidence[0].scores is None for s in looked_at(loaded, images, truth, CONFIG, how=how))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["pairs", "--faces", "none.npz", "--voices", "nowhere", "--draws", "0"], 2),
        (["reliability", "no-such-model", "--data", "none.npz"], 78),
    ],
)
def test_nonsense_is_refused(arguments, code, capsys):
    assert evaluate_fusion.main(arguments) == code
    assert capsys.readouterr().err.count("\n") == 1
