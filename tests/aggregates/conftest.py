"""People who come and go on a clock that is moved by hand."""

from functools import cache

import numpy as np
import pytest

from emoedge.aggregates.aggregator import Aggregator
from emoedge.config.aggregates import AggregatesConfig
from emoedge.emotions import CANONICAL, Scores
from emoedge.messages import Belief

NOON = 1_772_366_400.0
"""2026-03-01 12:00:00 UTC."""


@cache
def belief(subject, label="happy"):
    if label == "unknown":
        return Belief(0.0, subject, "unknown", 0.0, None)
    values = np.array([0.94 if name == label else 0.01 for name in CANONICAL])
    return Belief(0.0, subject, label, 0.94, Scores(values, np.ones(7, dtype=bool)))


class Hall:
    """A device; `people` maps who is seen to what is believed of them."""

    def __init__(self, start=NOON, **config):
        self.aggregator = Aggregator(AggregatesConfig(enabled=True, **config))
        self.at, self.offset = 1000.0, start - 1000.0
        self.people = {}
        self.watching = True
        self.told = []

    def wait(self, seconds, step=0.25):
        """Let time pass, and look at every step."""
        end = self.at + seconds
        while self.at < end - 1e-6:
            self.at += step
            beliefs = [belief(name, label) for name, label in self.people.items()]
            self.told += self.aggregator.look(self.at, self.at + self.offset, beliefs, watching=self.watching)
        return self

    def visit(self, *names, label="happy", seconds=3.0):
        """People come together, stay, and go."""
        self.people |= dict.fromkeys(names, label)
        self.wait(seconds)
        for name in names:
            del self.people[name]
        return self

    def of(self, minutes):
        return [item for item in self.told if item.minutes == minutes]


@pytest.fixture
def hall():
    return Hall


@pytest.fixture
def believe():
    return belief
