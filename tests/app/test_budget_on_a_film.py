"""A CPU budget on a film: what the pipeline really spends, against the film's own time, so that load does not count."""

import time

import cv2
import pytest
from workbench.clips import FPS, clip

from emoedge.config import default_config
from emoedge.messages import Frame
from emoedge.ops.cooling import Cooling
from emoedge.ops.governor import Governor
from emoedge.pipeline import build_pipeline, load_models

FILM_SECONDS = 48
SETTLED = 30
"""Seconds into the film from which the budget is to be kept."""


@pytest.fixture(scope="module")
def pictures():
    cv2.setNumThreads(0)
    return [picture for _, picture, _ in clip("four").frames()][:100]


def play(pictures, budget, length=FILM_SECONDS):
    """Cores used in each second of four faces at 25 frames a second, and what the governor told then."""
    overrides = {"vision.rate": 0.0, "camera.fps": FPS, **({"cpu.budget": budget} if budget else {})}
    config = default_config(overrides=overrides)
    pipeline = build_pipeline(config, load_models(config, microphone=False), microphone=False)
    spent = [0.0]
    governor = Governor(
        config, pipeline, cooling=Cooling(config.thermal, read=lambda: None), spent=lambda: spent[0]
    )
    seconds, before = [], 0.0
    for index in range(length * round(FPS)):
        at, begun = index / FPS, time.thread_time()
        pipeline.frame(Frame(pictures[index % len(pictures)], at, index))
        spent[0] += time.thread_time() - begun
        pace, use = governor.look(None, at)
        if index % FPS == FPS - 1:
            seconds.append((spent[0] - before, pace, use))
            before = spent[0]
    return seconds


@pytest.mark.slow
def test_the_budget_is_kept_within_a_few_points(pictures):
    free = play(pictures, None, 8)
    needed = sum(used for used, _, _ in free) / len(free)
    budget = 0.4 * needed
    kept = play(pictures, f"{100 * budget:.1f}%")[SETTLED:]
    used = sum(each for each, _, _ in kept) / len(kept)
    assert 0.7 * budget < used < budget + 0.02
    assert all(0 < use.vision_rate < FPS for _, _, use in kept)
    assert {pace.reason for _, pace, _ in kept} == {f"cpu.budget {100 * budget:.1f}%"}
    assert {pace.share for _, pace, _ in free} == {1.0}
