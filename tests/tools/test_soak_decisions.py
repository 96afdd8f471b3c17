"""The live figure: that streams show what their truth says, and that episodes are counted against it rightly."""

import csv
import json
import threading
from itertools import islice, pairwise

import numpy as np
import pytest
import soak_decisions
import soundfile
from workbench import decision_run, decision_sounds, decision_streams, scenes
from workbench.clips import FACE, head
from workbench.decision_run import Episode, Played, false_alarms, told
from workbench.decision_streams import Look, Shown, Truth

from emoedge.messages import SAMPLE_RATE, Event, EventType, Frame
from emoedge.vision.quality import thumbnail


def portrait():
    return thumbnail(np.ascontiguousarray(head()[:, :, 1]), FACE)


def generator():
    return np.random.default_rng(7)


def played(*episodes, seconds=3600.0):
    return Played(seconds, 1.0, [Episode(label, "face-1", start, end) for label, start, end in episodes])


def test_neutral_episodes_are_no_false_alarm():
    row = false_alarms(played(("neutral", 1, 900), ("sad", 30, 40), ("sad", 80, 90), seconds=7200.0), people=3)
    assert (row["episodes"], row["per_hour"], row["labels"]) == (2, 1.0, {"sad": 2})


SHOWN = [Shown("happy", 10, 15), Shown("angry", 30, 35, spoken=True), Shown("sad", 50, 55)]


@pytest.mark.parametrize(
    ("episodes", "missed", "otherwise", "between"),
    [
        ([], 1.0, 0.0, 0),
        ([("happy", 11, 15), ("angry", 31, 35), ("sad", 51, 55)], 0.0, 0.0, 0),
        ([("happy", 11, 15), ("fear", 31, 35)], 0.3333, 0.3333, 0),
        ([("fear", 31, 32), ("angry", 33, 35)], 0.6667, 0.0, 0),
        ([("neutral", 11, 15)], 1.0, 0.0, 0),
        ([("happy", 22, 25)], 1.0, 0.0, 1),
        ([("happy", 16, 18)], 0.6667, 0.0, 0),
    ],
)
def test_what_was_shown_is_missed_named_otherwise_or_told(episodes, missed, otherwise, between):
    row = told(played(*episodes), SHOWN)
    assert (row["all"]["shown"], row["all"]["missed"], row["all"]["named_otherwise"]) == (3, missed, otherwise)
    assert row["between_per_hour"] == between
    assert row["heard"]["shown"] == 1


def test_what_was_cut_off_does_not_count():
    assert told(played(seconds=52.0), SHOWN)["all"]["shown"] == 2


class Pipe:
    """Stands in for a pipeline: tells an episode from the third to the fifth second."""

    vision = hearing = None

    def sensor(self, *_):
        return []

    def frame(self, frame):
        kinds = {3.0: EventType.EMOTION_START, 5.0: EventType.EMOTION_END}
        if frame.at not in kinds:
            return []
        return [Event(kinds[frame.at], frame.at, "face-1", "ep-1", None, {"label": "happy", "duration": frame.at - 2.0})]

    def audio(self, _):
        return []

    def finish(self, _):
        return []


def test_an_episode_lasts_from_its_onset_to_its_end():
    picture = np.zeros((4, 4), np.uint8)
    frames = (Frame(picture, i / 2, i) for i in range(1000))
    result = decision_run.play(Pipe(), frames, iter(()), 8 / 3600, threading.Event())
    assert result.seconds == 7.5
    assert result.feeling == [Episode("happy", "face-1", 2.0, 5.0)]


def test_a_film_shows_the_head_at_its_place_and_then_nobody():
    drawn = scenes.head(portrait(), generator())
    look = Look(1.0, 3.0, drawn, 300.0, 200.0, 100.0, 0.0)
    pictures = [f.image.astype(int) for f in islice(decision_streams.film(iter([look]), 2.0, generator()), 10)]
    assert [p.shape for p in pictures] == [(480, 640)] * 10
    change = [np.abs(p - pictures[0])[150:250, 250:350].mean() > 15 for p in pictures]
    assert change == [False, False, True, True, True, True, False, False, False, False]


def test_nobody_in_a_photograph_moves_and_a_person_does():
    drawn = scenes.head(portrait(), generator())

    def moved(moves):
        looks = iter([Look(0.0, 9.0, drawn, 300.0, 200.0, 100.0, moves)])
        pictures = [f.image.astype(int) for f in islice(decision_streams.film(looks, 2.0, generator()), 8)]
        return np.abs(pictures[7] - pictures[1])[120:280, 220:380].mean()

    assert moved(1.0) > 1.8 * moved(0.0)


def test_expressions_last_seconds_with_calm_between_and_some_are_spoken():
    truth, said = Truth(), []
    voices = iter(range(1000))
    looks = decision_streams.feelers(
        [portrait()], lambda: ("happy", portrait()),
        lambda _, seconds: np.ones(round(seconds * SAMPLE_RATE), np.float32) if next(voices) % 2 else None,
        generator(), truth, said,
    )  # fmt: skip
    seen = list(islice(looks, 60))
    assert len(truth.shown) > 20
    assert all(4 <= s.end - s.start <= 7 for s in truth.shown)
    assert all(b.start - a.end >= 6 for a, b in pairwise(truth.shown))
    assert sum(s.spoken for s in truth.shown) == len(said) > 5
    assert {s.start for s in truth.shown if s.spoken} == {start for start, _ in said}
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(seen))


def test_what_is_said_is_heard_at_its_time():
    said = [(1.05, np.full(SAMPLE_RATE // 2, 0.5, np.float32))]
    blocks = list(islice(decision_streams.scheduled(said, generator()), 30))
    sound = np.concatenate([b.samples for b in blocks])
    loud = np.flatnonzero(sound > 0.4)
    assert (loud[0], loud[-1] + 1) == (round(1.05 * SAMPLE_RATE), round(1.55 * SAMPLE_RATE))
    assert blocks[-1].at == pytest.approx(3.0)
    assert said == []


@pytest.mark.parametrize("name", ["music", "engine", "babble"])
def test_sounds_are_endless_and_as_loud_as_they_should_be(name):
    clips = [generator().normal(0, 0.2, 5000).astype(np.float32)]
    make = {
        "music": decision_sounds.music, "engine": decision_sounds.engine,
        "babble": lambda g: decision_sounds.babble(clips, g),
    }[name]  # fmt: skip
    source = make(generator())
    parts = [source(n) for n in (1600, 7, SAMPLE_RATE * 12)]
    assert [len(p) for p in parts] == [1600, 7, SAMPLE_RATE * 12]
    assert np.sqrt(np.mean(parts[-1] ** 2)) == pytest.approx(decision_sounds.LEVEL, rel=0.3)


def data(folder):
    """A face pack with two emotions and a speech folder with one test speaker."""
    rng = generator()
    pictures = np.stack([np.clip(portrait() * rng.uniform(0.8, 1.1), 0, 255).astype(np.uint8) for _ in range(12)])
    votes = np.zeros((12, 10), np.uint8)
    votes[:6, 0], votes[6:, 1] = 10, 10
    labels = np.array([6] * 6 + [3] * 6, np.uint8)
    pack = folder / "faces.npz"
    np.savez(pack, images=pictures, labels=labels, split=np.ones(12, np.uint8), ferplus_votes=votes)
    speech = folder / "speech"
    (speech / "ravdess").mkdir(parents=True)
    with (speech / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["dataset", "file", "speaker", "emotion"])
        for emotion in ("happy", "neutral"):
            soundfile.write(speech / f"ravdess/{emotion}.wav", rng.normal(0, 0.1, SAMPLE_RATE), SAMPLE_RATE)
            writer.writerow(["ravdess", f"ravdess/{emotion}.wav", "Actor_17", emotion])
    return ["--data", str(pack), "--data", str(speech)]


@pytest.mark.slow
def test_seconds_of_every_kind_through_the_whole_pipeline(tmp_path, capsys):
    assert soak_decisions.main([*data(tmp_path), "--hours", "0.008", "--json"]) == 0
    told_ = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(soak_decisions.KINDS) <= told_.keys()
    assert all(told_[kind]["hours"] == pytest.approx(0.01, abs=0.005) for kind in soak_decisions.KINDS)
    assert told_["photographs"]["seen"] >= 1
    assert told_["empty"]["seen"] == 0
    assert told_["photographs"]["classified"]["face"] > 10


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--hours", "0"], 2), ([], 2), (["--set", "fusion.nonsense=1"], 2)]
)
def test_nonsense_is_refused(tmp_path, capsys, arguments, code):
    assert soak_decisions.main(["--data", str(tmp_path), *arguments]) == code
    assert capsys.readouterr().err.count("\n") == 1
