"""Measures the voice gate as the daemon runs it, on speakers and noises that it was not trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emoedge.audio.voice_gate import FRAME, VoiceGate
from emoedge.audio.voice_net import VoiceNet
from workbench import voice_material as material

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from emoedge.audio.voice_net import Layer
    from emoedge.config.speech import SpeechConfig

    Samples = NDArray[np.float32]

WINDOW = 50
"""Frames (1 s) that one score of the ROC curve is the mean probability of."""

LOOK_BACK = 15
"""Frames (0.3 s) before an opening that still reach the classifier: its window is far longer than that."""


def probabilities(samples: Samples, layers: tuple[Layer, ...] | None) -> NDArray[np.float32]:
    """Voice probability of each frame, the stream cold at its start."""
    return VoiceNet(layers).push(samples)[1]


def area(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties half."""
    ranks = np.sort(negative)
    below = np.searchsorted(ranks, positive, side="left")
    upto = np.searchsorted(ranks, positive, side="right")
    return float((below + upto).mean() / 2 / len(negative))


def windows(scores: NDArray[np.float32], chosen: NDArray[np.bool_] | None = None) -> list[float]:
    """Mean score of each whole second; with `chosen`, of those at least half of whose frames are chosen."""
    count = len(scores) // WINDOW
    means = scores[: count * WINDOW].reshape(count, WINDOW).mean(axis=1)
    if chosen is None:
        return [float(mean) for mean in means]
    share = chosen[: count * WINDOW].reshape(count, WINDOW).mean(axis=1)
    return [float(mean) for mean in means[share >= 0.5]]


def mixed(speech: Samples, noise: Samples, decibels: float) -> Samples:
    """Speech over noise (repeated as needed) at this ratio of speech power, in its active frames, to noise power."""
    active, _ = material.speech_frames(material.mel_power(speech))
    samples = np.repeat(active, 320)[: len(speech)]
    heard = np.mean(np.square(speech[: len(samples)][samples])) if samples.any() else 1e-12
    background = np.resize(noise, len(speech))
    gain = np.sqrt(heard / (np.mean(np.square(background)) + 1e-20) * 10 ** (-decibels / 10))
    return np.asarray(speech + gain * background, dtype=np.float32)


def openings(samples: Samples, config: SpeechConfig, layers: tuple[Layer, ...] | None) -> tuple[int, float]:
    """How often the gate opens in a stream, and the share of time it is open."""
    states = VoiceGate(config).update(probabilities(samples, layers))
    return int((states & ~np.append(False, states[:-1])).sum()), float(states.mean())


def clean_speech(root: Path, config: SpeechConfig, layers: tuple[Layer, ...] | None, limit: int) -> dict[str, float]:
    """Share of speech frames lost, one stream per speaker: strictly, and with the window's look back."""
    streams: dict[str, list[Samples]] = {}
    for clip, samples in material.speech(root, measuring=True, limit=limit):
        streams.setdefault(f"{clip.dataset}/{clip.speaker}", []).append(samples)
    shut = missed = total = unheard = clips = 0
    for parts in streams.values():
        states = VoiceGate(config).update(probabilities(np.concatenate(parts), layers))
        reached = np.convolve(states[::-1], np.ones(LOOK_BACK + 1))[: len(states)][::-1] > 0
        start = 0
        for samples in parts:
            active, _ = material.speech_frames(material.mel_power(samples))
            place = slice(start // 320, start // 320 + len(active))
            heard, reach = states[place], reached[place]
            active = active[: len(heard)]
            shut += int((active & ~heard).sum())
            missed += int((active & ~reach).sum())
            total += int(active.sum())
            unheard += not heard.any()
            clips += 1
            start += len(samples)
    return {
        "clean_speech_lost": missed / total,
        "clean_speech_while_shut": shut / total,
        "clean_clips_unheard": unheard / clips,
        "clean_minutes": total * FRAME / 60,
    }


def discrimination(
    root: Path, layers: tuple[Layer, ...] | None, limit: int, ratios: Sequence[float]
) -> dict[str, float]:
    """Area under the ROC curve over one-second windows of speech in noise against noise alone."""
    noises = [samples for _, samples in material.noises(root, measuring=True)]
    negative = np.array([score for noise in noises for score in windows(probabilities(noise, layers))])
    positive: dict[float, list[float]] = {ratio: [] for ratio in ratios}
    rng = np.random.default_rng(0)
    for _, samples in material.speech(root, measuring=True, limit=limit):
        noise = noises[int(rng.integers(len(noises)))]
        active, _ = material.speech_frames(material.mel_power(samples))
        for ratio in ratios:
            scores = probabilities(mixed(samples, noise, ratio), layers)
            positive[ratio] += windows(scores, active[: len(scores)])
    result = {f"auc_{ratio:g}_db": area(np.array(scores), negative) for ratio, scores in positive.items()}
    strict = np.quantile(negative, 0.95)
    result["hits_at_5_percent_false_alarms"] = float(np.mean(np.array(positive[ratios[0]]) > strict))
    result["noise_windows"] = float(len(negative))
    return result


def false_openings(root: Path, config: SpeechConfig, layers: tuple[Layer, ...] | None) -> dict[str, object]:
    """Openings a minute and share of time open, on held-out noise and on made-up sounds, by category."""
    recorded = _by_kind(material.noises(root, measuring=True), config, layers)
    made = _by_kind(material.made_sounds(20, 10.0, seed=77), config, layers)
    return {
        "false_openings_per_minute": _per_minute(recorded), "noise_minutes": _minutes(recorded),
        "noise_share_open": _share(recorded),
        "made_openings_per_minute": _per_minute(made), "made_minutes": _minutes(made), "made_share_open": _share(made),
        "by_kind": {kind: round(count / minutes, 2) for kind, (count, minutes, _) in {**recorded, **made}.items()},
    }  # fmt: skip


def _by_kind(
    sounds: Iterator[tuple[str, Samples]], config: SpeechConfig, layers: tuple[Layer, ...] | None
) -> dict[str, tuple[int, float, float]]:
    kinds: dict[str, tuple[int, float, float]] = {}
    for kind, samples in sounds:
        count, share = openings(samples, config, layers)
        minutes = len(samples) / 16000 / 60
        before = kinds.get(kind, (0, 0.0, 0.0))
        kinds[kind] = (before[0] + count, before[1] + minutes, before[2] + share * minutes)
    return kinds


def _minutes(kinds: Mapping[str, tuple[int, float, float]]) -> float:
    return sum(minutes for _, minutes, _ in kinds.values())


def _per_minute(kinds: Mapping[str, tuple[int, float, float]]) -> float:
    return sum(count for count, _, _ in kinds.values()) / _minutes(kinds)


def _share(kinds: Mapping[str, tuple[int, float, float]]) -> float:
    return sum(open_minutes for _, _, open_minutes in kinds.values()) / _minutes(kinds)
