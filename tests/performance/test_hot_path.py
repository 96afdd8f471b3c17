"""The hot path stays cheap: CPU time beside a naive loop on the same frames in the same run, never seconds."""

import time
from dataclasses import replace

import cv2
import pytest
from workbench.bench.loops import Plain
from workbench.clips import clip

from emoedge.config import default_config
from emoedge.messages import Frame
from emoedge.pipeline import build_pipeline, load_models
from emoedge.vision.haar import HaarDetector

REPEATS = 2
"""The least of several runs counts: whatever else runs on the machine only ever adds."""

FRAMES = 30
"""A little more than a second of film."""

MOST = {"moving": 0.078, "four": 0.115}
"""Share of the naive loop's CPU time that the whole pipeline may take.

Five runs on x86-64 with ai-edge-litert: 0.056 to 0.066 and 0.083 to 0.091.
"""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    cv2.setNumThreads(0)


@pytest.fixture(scope="module")
def films():
    return {name: [(at, picture) for at, picture, _ in clip(name).frames()][:FRAMES] for name in MOST}


def whole():
    config = default_config("demo")
    config = replace(config, vision=replace(config.vision, rate=0))
    return build_pipeline(config, load_models(config, microphone=False), microphone=False)


def spent(look, film):
    """CPU seconds of every frame."""
    times = []
    for index, (at, picture) in enumerate(film):
        begun = time.thread_time()
        look(picture, at, index)
        times.append(time.thread_time() - begun)
    return times


def least(runs):
    """Every run does the same work on the same frame, so the least of each frame counts."""
    return sum(map(min, zip(*runs, strict=True)))


def ours(film):
    pipeline = whole()
    return spent(lambda picture, at, index: pipeline.frame(Frame(picture, at, index)), film)


def naive(film):
    loop = Plain("haarcascade_frontalface_default.xml", neighbours=5)
    return spent(lambda picture, at, _: loop.look(picture, at), film)


@pytest.fixture(scope="module")
def share(films):
    """Least CPU time of the pipeline over the least of the naive loop; that one's is measured once a film."""
    theirs = {name: least([naive(film) for _ in range(REPEATS)]) for name, film in films.items()}
    return lambda name: least([ours(films[name]) for _ in range(4 * REPEATS)]) / theirs[name]


@pytest.mark.parametrize("name", MOST)
def test_a_frame_costs_a_small_share_of_a_naive_one(share, name):
    assert share(name) <= MOST[name]


def test_a_detector_that_works_twice_would_be_noticed(share, monkeypatch):
    once = HaarDetector.detect

    def twice(self, gray, **options):
        once(self, gray, **options)
        return once(self, gray, **options)

    monkeypatch.setattr(HaarDetector, "detect", twice)
    assert share("moving") > MOST["moving"]
