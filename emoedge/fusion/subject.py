"""One subject: a face that is followed, or a voice of somebody unseen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emoedge.fusion.belief import UNIFORM, ForwardFilter, SubjectBelief, WeightedMean, resting
from emoedge.fusion.episodes import EpisodeTracker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emoedge.config.fusion import FusionConfig
    from emoedge.fusion.belief import Evidence, Reliability
    from emoedge.messages import Belief, Event, Modality

VOICE = "voice"
"""Name of the subject that is heard and not seen."""


def face_name(track: int) -> str:
    """Name of the subject whose face is followed as `track`."""
    return f"face-{track}"


@dataclass(slots=True)
class Subject:
    """A subject's belief and episodes."""

    name: str
    since: float
    """Seconds, when it was first seen or heard."""
    belief: SubjectBelief
    episodes: EpisodeTracker
    visit: str
    """Episode id that pairs `person_appeared` and `person_left`."""
    area: float = 0.0
    """Square pixels of its face when last seen."""

    def observe(self, evidence: Evidence) -> None:
        """Take one observation."""
        self.belief.observe(evidence)

    def step(self, at: float) -> list[Event]:
        """Let episodes start and end by what is believed at that time."""
        return self.episodes.step(self.belief.at(at))

    def finish(self, at: float, cause: str) -> list[Event]:
        """End the running episode because of `cause`."""
        return self.episodes.finish(self.belief.at(at), cause)

    def at(self, at: float) -> Belief:
        """What is believed at that time."""
        return self.belief.at(at)


def make_subject(name: str, at: float, config: FusionConfig, reliability: Mapping[Modality, Reliability],
                 next_id: Callable[[], str]) -> Subject:  # fmt: skip
    """Make a subject nothing is known of yet, with the configured fusion method."""
    rest = resting(config.neutral) if config.method == "bayes" else UNIFORM
    method = (
        ForwardFilter(tau=config.tau, reliability=reliability, rest=rest)
        if config.method == "bayes"
        else WeightedMean(forget=config.forget, reliability=reliability)
    )
    belief = SubjectBelief(
        name, method, reliability=reliability, margin=config.margin, forget=config.forget, rest=rest
    )
    return Subject(name=name, since=at, belief=belief, episodes=EpisodeTracker(config, name, next_id), visit=next_id())
