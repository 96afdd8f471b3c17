"""The face front end: exact values, one chain for both uses, refusals that say what would be right."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.errors import ModelError
from emoedge.inference.spec import FrontEndSpec
from emoedge.messages import Box
from emoedge.vision.crop import FaceFrontEnd, square


def front_end(name="face_gray", **parameters):
    return FaceFrontEnd(FrontEndSpec(name, parameters))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_gray_levels_are_scaled_to_0_1_by_default():
    face = noise(48, 48)
    made = front_end().prepare(face)
    assert made.dtype == np.float32
    assert made.shape == front_end().shape == (48, 48, 1)
    np.testing.assert_allclose(made[:, :, 0], face / 255, atol=1e-7)


def test_scale_and_offset_come_before_mean_and_std():
    face = noise(44, 44, 3)
    made = front_end(
        "face_rgb", size=44, scale=1 / 127.5, offset=-1, mean=[0.1, 0.2, 0.3], std=(0.5, 0.6, 0.7)
    ).prepare(face)
    rgb = face[:, :, ::-1].astype(np.float64)
    np.testing.assert_allclose(made, (rgb / 127.5 - 1 - [0.1, 0.2, 0.3]) / [0.5, 0.6, 0.7], atol=1e-6)


def test_the_span_is_what_black_and_white_become():
    made = front_end("face_rgb", scale=1 / 127.5, offset=-1, mean=[0.1, 0.2, 0.3], std=(0.5, 0.6, -0.7))
    every = np.concatenate([made.prepare(np.full((48, 48, 3), level, np.uint8)) for level in (0, 255)])
    assert made.span == (every.min(), every.max())
    assert front_end().span == (0, 1)


def test_resizes_to_input_bilinearly_and_crops_the_centre():
    face = noise(96, 96)
    made = front_end(size=40, input=48, crop=40, scale=1.0).prepare(face)
    resized = cv2.resize(face, (48, 48), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(made[:, :, 0], resized[4:44, 4:44])


def test_colour_becomes_gray_by_the_standard_weights_of_bgr():
    blue = np.zeros((48, 48, 3), np.uint8)
    blue[:, :, 0] = 255
    assert front_end(scale=1.0).prepare(blue)[0, 0, 0] == pytest.approx(0.114 * 255, abs=1)
    assert front_end("face_rgb", scale=1.0).prepare(blue)[0, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize("name", ["face_gray", "face_rgb"])
def test_gray_and_alpha_pictures_give_what_bgr_gives(name):
    gray = noise(60, 60)
    bgr = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    expected = front_end(name).prepare(bgr)
    for picture in (gray, gray[:, :, None], np.dstack([bgr, noise(60, 60, seed=1)])):
        np.testing.assert_array_equal(front_end(name).prepare(picture), expected)


def test_features_are_prepare_of_the_square_around_the_box():
    image = noise(120, 160, 3)
    made = front_end(margin=0.25).features(image, Box(50, 40, 40, 30))
    np.testing.assert_array_equal(made, front_end().prepare(image[25:85, 40:100]))


def test_what_lies_beyond_the_picture_repeats_its_border():
    image = noise(20, 30)
    around = square(image, Box(-5, -5, 15, 15))
    np.testing.assert_array_equal(around, cv2.copyMakeBorder(image[:10, :10], 5, 0, 5, 0, cv2.BORDER_REPLICATE))


def test_a_square_inside_the_picture_is_not_copied():
    image = noise(50, 50)
    assert square(image, Box(10, 10, 20, 20)).base is image


@given(
    st.integers(1, 40), st.integers(1, 40), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6),
    st.floats(0, 1e6), st.floats(0, 1e6), st.floats(-0.49, 4),
)  # fmt: skip
def test_any_box_in_any_picture_gives_a_square(height, width, x, y, w, h, margin):
    cut = square(noise(height, width, 3), Box(x, y, w, h), margin)
    assert cut.shape[0] == cut.shape[1] >= 1
    assert front_end(margin=margin).features(noise(height, width, 3), Box(x, y, w, h)).shape == (48, 48, 1)


def test_parameters_are_complete_and_rebuild_the_same_front_end():
    made = front_end("face_rgb", size=44, input=48, crop=44, mean=[0.1, 0.2, 0.3])
    assert made.parameters == {
        "size": 44, "input": 48, "crop": 44, "margin": 0.0, "scale": 1 / 255, "offset": 0.0,
        "mean": [0.1, 0.2, 0.3], "std": 1.0,
    }  # fmt: skip
    again = FaceFrontEnd(FrontEndSpec(made.name, made.parameters))
    face = noise(70, 70, 3)
    np.testing.assert_array_equal(again.prepare(face), made.prepare(face))


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("mfcc_mean", {}, "face_gray, face_rgb"),
        ("face_gray", {"sise": 48}, "unknown parameter sise; known are size, input"),
        ("face_gray", {"size": "big"}, "whole pixels"),
        ("face_gray", {"size": 0}, "whole pixels"),
        ("face_gray", {"size": True}, "whole pixels"),
        ("face_gray", {"size": 48.5}, "whole pixels"),
        ("face_gray", {"size": 48, "input": 56}, "add crop=48"),
        ("face_gray", {"size": 48, "crop": 44}, "needs size=44"),
        ("face_gray", {"size": 48, "input": 40, "crop": 48}, "exceeds input=40"),
        ("face_gray", {"margin": -0.5}, "above -0.5"),
        ("face_gray", {"margin": "wide"}, "finite number"),
        ("face_gray", {"scale": float("nan")}, "finite number"),
        ("face_gray", {"std": 0}, "std holds a zero"),
        ("face_gray", {"mean": [0.1, 0.2, 0.3]}, "one number or one a channel: 1"),
        ("face_rgb", {"mean": [0.1, 0.2]}, "one a channel: 3"),
    ],
)
def test_a_spec_that_does_not_fit_is_refused_with_what_would_be_right(name, parameters, says):
    with pytest.raises(ModelError, match=says):
        front_end(name, **parameters)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((4, 4), np.float32), np.zeros((0, 4), np.uint8), np.zeros((4, 4, 2), np.uint8), np.zeros(4, np.uint8)],
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(ValueError, match="expected"):
        front_end().prepare(picture)
