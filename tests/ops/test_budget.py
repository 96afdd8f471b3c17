"""The CPU budget: a pure controller against loads that are known."""

import logging
import math
import random
from itertools import pairwise

import pytest

from emoedge.config import default_config
from emoedge.messages import AudioBlock
from emoedge.ops.budget import LONGEST_HOP, PERIOD, SLOWEST_RATE, Budget, Spending
from emoedge.ops.cooling import Cooling
from emoedge.ops.governor import Governor
from emoedge.ops.thermal import FULL, Pace
from emoedge.pipeline import Models, build_pipeline
from emoedge.sources.factory import decoding_limit
from emoedge.sources.rate import RateLimit

RATE, HOP = 25.0, 0.5


class Machine:
    """A daemon that spends `base` cores whatever the pace, `frame` seconds a frame and `window` a speech window."""

    def __init__(self, base, frame, window=0.0, noise=0.0):
        self.base, self.frame, self.window, self.noise = base, frame, window, noise
        self.spent = self.at = 0.0
        self.chance = random.Random(1)

    def live(self, seconds, pace):
        use = self.base + self.frame * RATE * pace.share + self.window / (HOP * pace.stretch)
        self.spent += seconds * use * (1 + self.chance.uniform(-self.noise, self.noise))
        self.at += seconds
        return use


def play(budget, machine, seconds):
    """Uses and spendings, one for each look, four a second."""
    pace, told = budget.look(machine.spent, machine.at), []
    for _ in range(int(4 * seconds)):
        use = machine.live(0.25, pace)
        pace = budget.look(machine.spent, machine.at)
        told.append((use, pace))
    return told


@pytest.mark.parametrize(("base", "frame"), [(0.01, 0.01), (0.05, 0.004), (0.02, 0.05), (0.05, 0.02)])
def test_use_comes_down_to_the_budget_and_stays_there(base, frame):
    told = play(Budget(0.10, RATE, HOP), Machine(base, frame), 90)
    assert told[0][0] > 0.11
    settled = told[-120:]
    assert all(use <= 0.105 for use, _ in settled)
    assert all(pace.kept for _, pace in settled)


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.2])
def test_the_pace_does_not_swing(noise):
    told = play(Budget(0.10, RATE, HOP), Machine(0.02, 0.01, noise=noise), 300)
    paces = [pace.share for _, pace in told[240:]]
    turns = [b / a for a, b in pairwise(paces) if a != b]
    assert len(turns) <= 6
    assert max(paces) / min(paces) < 1.25


def test_frames_give_way_first_and_speech_after_them():
    budget, machine = Budget(0.05, RATE, HOP), Machine(0.02, 0.01, window=0.04)
    told = play(budget, machine, 120)
    slowest = SLOWEST_RATE / RATE
    assert all(pace.share == pytest.approx(slowest) for _, pace in told if pace.stretch > 1)
    assert told[-1][1].stretch > 1
    assert HOP * told[-1][1].stretch <= LONGEST_HOP + 1e-9
    assert told[-1][0] <= 0.055


def test_what_is_not_needed_is_given_back():
    budget, machine = Budget(0.10, RATE, HOP), Machine(0.02, 0.02)
    assert play(budget, machine, 60)[-1][1].share < 0.25
    machine.frame = 0.002
    told = play(budget, machine, 60)
    assert told[-1][1] == Spending(pytest.approx(0.07, abs=0.001))
    shares = [pace.share for _, pace in told]
    assert shares == sorted(shares)


def test_a_budget_that_cannot_be_kept_is_told():
    told = play(Budget(0.05, RATE, HOP), Machine(0.2, 0.01, window=0.02), 120)
    assert not told[-1][1].kept
    assert told[-1][1].share == pytest.approx(SLOWEST_RATE / RATE)
    assert told[-1][1].stretch == pytest.approx(LONGEST_HOP / HOP)


@pytest.mark.parametrize("limit", [None, 0.5])
def test_without_a_limit_or_below_it_nothing_slows_down(limit):
    told = play(Budget(limit, RATE, HOP), Machine(0.1, 0.01), 30)
    assert {(pace.share, pace.stretch) for _, pace in told} == {(1.0, 1.0)}
    assert told[-1][1].used == pytest.approx(0.35)


def test_nothing_is_known_before_the_first_period():
    budget = Budget(0.1, RATE, HOP)
    assert budget.look(7.0, 100.0) == Spending(None)
    assert budget.look(9.0, 100.0 + PERIOD / 2) == Spending(None)
    assert budget.look(7.0 + PERIOD, 100.0 + PERIOD).used == pytest.approx(1.0)


def test_a_rate_below_the_slowest_is_left_alone():
    told = play(Budget(0.01, 0.5, 3.0), Machine(0.1, 0.1), 30)
    assert {(pace.share, pace.stretch) for _, pace in told} == {(1.0, 1.0)}


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (FULL, FULL, FULL),
        (Pace(0.5, "heat"), FULL, Pace(0.5, "heat")),
        (Pace(0.5, "heat"), Pace(0.2, "budget", 2.0), Pace(0.2, "heat, budget", 2.0)),
        (Pace(0.25, "heat"), Pace(0.6, "budget"), Pace(0.25, "heat, budget")),
    ],
)
def test_the_slower_pace_counts(one, other, both):
    assert one.slower(other) == both


def governed(budget):
    overrides = {"vision.rate": 10.0, **({"cpu.budget": budget} if budget else {})}
    config = default_config(overrides=overrides)
    pipeline = build_pipeline(config, Models())
    spent, decoding = [0.0], RateLimit(10.0)
    governor = Governor(
        config, pipeline, cooling=Cooling(config.thermal, read=lambda: None), decoding=decoding, spent=lambda: spent[0]
    )
    return governor, pipeline, decoding, spent


def test_all_who_can_slow_down_are_told(caplog):
    caplog.set_level(logging.INFO)
    governor, pipeline, decoding, spent = governed("10%")
    pace, use = governor.look(None, 0.0)
    assert (pace, use.used, use.vision_rate, use.speech_hop, use.budget) == (FULL, None, 10.0, 0.5, 0.10)
    for second in range(1, 40):
        spent[0] += 0.3
        pace, use = governor.look(None, float(second))
    assert use.used == pytest.approx(0.3)
    assert pipeline.frame_rate == decoding.rate == use.vision_rate == pytest.approx(SLOWEST_RATE)
    assert use.speech_hop == pytest.approx(LONGEST_HOP)
    assert pace.reason == "cpu.budget 10% cannot be kept"
    assert use.as_dict() == {
        "budget_percent": 10.0, "used_percent": 30.0, "vision_rate_hz": 1.0, "speech_hop_s": 2.0,
    }  # fmt: skip
    assert [r.levelname for r in caplog.records if "slower" in r.message] == ["INFO", "WARNING"]


def test_heat_and_budget_bind_together():
    governor, pipeline, _, spent = governed("10%")
    governor.look(80.0, 0.0)
    for second in range(1, 4):
        spent[0] += 0.12
        pace, _ = governor.look(80.0, float(second))
    assert pace.share == 0.5
    assert pace.reason == "above 75 °C, cpu.budget 10%"
    assert pipeline.frame_rate == 5.0


@pytest.mark.parametrize(("rate", "fps", "max_fps", "real"), [(5, 15, 0, 5), (15, 15, 5, 5), (0, 15, 5, 5), (30, 10, 0, 10)])
def test_the_pace_is_that_of_the_frames_that_really_come(rate, fps, max_fps, real):
    config = default_config(overrides={
        "vision.rate": float(rate), "camera.fps": float(fps), "camera.max_fps": float(max_fps), "cpu.budget": "10%",
    })  # fmt: skip
    pipeline, limit, spent = build_pipeline(config, Models()), decoding_limit(config), [0.0]
    governor = Governor(
        config, pipeline, cooling=Cooling(config.thermal, read=lambda: None), decoding=limit, spent=lambda: spent[0]
    )
    assert governor.look(None, 0.0)[1].vision_rate == limit.rate == real
    assert governor.look(80.0, 2.0)[1].vision_rate == limit.rate == real / 2
    assert sum(limit.due(n / fps) for n in range(10 * fps)) == pytest.approx(5 * real, abs=1)
    for second in range(3, 40):
        spent[0] += 0.3
        _, use = governor.look(50.0, float(second))
    assert use.vision_rate == limit.rate == pytest.approx(SLOWEST_RATE), "as slow as it may be, and no slower"


def test_without_a_budget_use_is_still_told():
    governor, _, _, spent = governed(None)
    governor.look(None, 0.0)
    spent[0] = 0.9
    pace, use = governor.look(None, 3.0)
    assert (pace, use.budget) == (FULL, None)
    assert use.used == pytest.approx(0.3)


def test_speech_windows_come_more_seldom(speech_pipeline):
    often, seldom = speech_pipeline(1.0), speech_pipeline(4.0)
    assert often >= 6
    assert 1 <= seldom <= math.ceil(often / 3)


@pytest.fixture
def speech_pipeline():
    """Windows judged of a long vowel, at a stretched hop."""
    from workbench.bench.sounds import voice

    from emoedge.pipeline import load_models

    config = default_config()
    models = load_models(config, camera=False)

    def play(stretch):
        pipeline = build_pipeline(config, models, camera=False)
        pipeline.slow(1.0, stretch)
        count, samples = 0, voice()[: 6 * 16000]
        for start in range(0, len(samples), 1600):
            block = samples[start : start + 1600]
            pipeline.audio(AudioBlock(block, (start + len(block)) / 16000))
            count += len(pipeline.heard.observations)
        return count

    return play
