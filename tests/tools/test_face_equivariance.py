"""The reflection of a face network's weights: an order of their numbers, undone by itself."""

import numpy as np
import pytest
from workbench.face_equivariance import even, reflected


def network(*channels):
    """Numbers in Keras's order: convolutions of 3 x 3 with their normalisations, and two heads."""
    generator = np.random.default_rng(3)
    shapes = []
    for narrow, wide in zip((1, *channels), channels, strict=False):
        shapes += [(3, 3, narrow, wide), *[(wide,)] * 4]
    for classes in (7, 8):
        shapes += [(channels[-1], classes), (classes,)]
    return [generator.normal(size=shape).astype(np.float32) for shape in shapes]


def test_a_reflection_twice_changes_nothing():
    weights = network(4, 6, 5)
    once = reflected(weights)
    assert any(not np.array_equal(a, b) for a, b in zip(weights, once, strict=True))
    for a, b in zip(weights, reflected(once), strict=True):
        assert np.array_equal(a, b)


def test_the_second_of_a_pair_sees_what_the_first_sees_in_a_mirror():
    first, *_ = even(network(4, 6, 5))
    assert np.array_equal(first[:, ::-1, :, :2], first[:, :, :, 2:])
    assert not np.array_equal(first[:, ::-1, :, 0], first[:, :, :, 0])


def test_channels_of_the_last_convolution_stand_alone():
    weights = network(4, 5)
    kernel, gamma = even(weights)[5:7]
    assert np.array_equal(kernel[:, ::-1, [2, 3, 0, 1]], kernel)
    assert np.array_equal(gamma, weights[6])
    assert all(np.array_equal(a, b) for a, b in zip(even(weights)[10:], weights[10:], strict=True))


def test_an_even_network_is_its_own_reflection_and_stays():
    weights = even(network(4, 6, 5))
    for a, b, c in zip(weights, reflected(weights), even(weights), strict=True):
        assert a.dtype == np.float32
        assert np.array_equal(a, b)
        assert np.array_equal(a, c)


def test_odd_channels_before_the_last_are_refused():
    with pytest.raises(ValueError, match="5 channels do not pair"):
        reflected(network(5, 4))
