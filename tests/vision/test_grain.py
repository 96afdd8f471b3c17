"""A crop of noise is no face: it counts less the noisier it is, and not at all where nothing else is left."""

import numpy as np
import pytest
from workbench.clips import FACE, head

from emoedge.config.vision import VisionConfig
from emoedge.emotions import Reason
from emoedge.vision.quality import quality, thumbnail


def noisy(decibels):
    """Sharpness, quality and reason of the portrait's face with noise that far below it."""
    face = thumbnail(np.ascontiguousarray(head()[:, :, 1]), FACE).astype(np.float64)
    noise = np.random.default_rng(3).normal(0, face.std() * 10 ** (-decibels / 20), face.shape)
    grade = quality(np.clip(face + noise, 0, 255).astype(np.uint8), 120.0, VisionConfig())
    return grade.overall, grade.reason


@pytest.mark.parametrize("decibels", [-20, -10, 0])
def test_where_noise_is_as_strong_as_the_face_nothing_is_classified(decibels):
    assert noisy(decibels) == (0.0, Reason.LOW_SNR)


@pytest.mark.parametrize("decibels", [15, 20, 40])
def test_a_camera_s_ordinary_noise_costs_nothing(decibels):
    overall, reason = noisy(decibels)
    assert reason is None
    assert overall == noisy(100)[0]


def test_in_between_the_face_counts_less():
    clean, reason = noisy(100)
    some, some_reason = noisy(4)
    assert reason is some_reason is None
    assert 0 < some < clean


def test_a_picture_of_pure_noise_is_refused():
    noise = np.random.default_rng(4).integers(0, 256, (48, 48), dtype=np.uint8)
    assert quality(noise, 120.0, VisionConfig()).reason is Reason.LOW_SNR
