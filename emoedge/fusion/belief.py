"""What is believed of one subject: a Bayesian forward filter, or a plain weighted mean.

The filter is the forward algorithm of a hidden Markov model (Rabiner 1989, doi:10.1109/5.18626) whose
state is the emotion. Between observations the state forgets with `exp(-dt / tau)` towards `rest`, what people
show where nothing is known of them; an observation multiplies in
`(p(c) / prior(c)) ** (weight * quality * min(1, dt / decorrelation))`. The
exponent makes evidence proportional to time and not to the frame rate: frames are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from emoedge.emotions import CANONICAL, NEUTRAL, Reason, Scores
from emoedge.messages import Belief, Contribution, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FLOOR = 1e-3
"""No single observation may say that an emotion is impossible: probabilities enter at least this large."""

UNIFORM: NDArray[np.float64] = np.full(len(CANONICAL), 1 / len(CANONICAL))


def resting(neutral: float) -> NDArray[np.float64]:
    """What a belief fades to: `neutral` of it neutral, 0..1, the rest shared evenly by the other emotions; (7,)."""
    rest = np.full(len(CANONICAL), (1 - neutral) / (len(CANONICAL) - 1))
    rest[NEUTRAL] = neutral
    return rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How much one modality's model counts."""

    weight: float
    """0..1, `w_m`."""
    decorrelation: float
    """Seconds after which a new observation counts in full, `tau_m`."""
    prior: tuple[float, ...] = ()
    """Class prior under which the model was calibrated, 7 values; empty means uniform over its labels."""
    abstain_below: float = 0.0
    """A label is named when observations, averaged over `decorrelation`, are at least this sure of it, 0..1."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation of either sense, ready for the filter."""

    modality: Modality
    at: float
    quality: float
    scores: Scores | None
    reason: Reason | None = None
    attribution: str | None = None


@dataclass(slots=True)
class _Memory:
    """The last that was heard of one modality."""

    observed_at: float
    quality: float
    scores: Scores
    attribution: str | None
    certainty: NDArray[np.float64]
    """Probabilities, averaged over the sense's decorrelation time, (7,)."""
    affect: NDArray[np.float64] | None
    """Valence and arousal of the model's own, averaged over `forget` seconds; None where it tells none."""


class BeliefMethod(Protocol):
    """How remembered observations become probabilities."""

    def observe(self, evidence: Evidence, since: float | None) -> None:
        """Take a classified observation; `since` is seconds since that modality's last one, None if first."""
        ...

    def probabilities(self, at: float) -> NDArray[np.float64]:
        """Probabilities of the canonical emotions at that time, shape (7,)."""
        ...


class ForwardFilter:
    """The Bayesian filter."""

    def __init__(
        self, *, tau: float, reliability: Mapping[Modality, Reliability], rest: NDArray[np.float64] = UNIFORM
    ) -> None:
        self._tau = tau
        self._reliability = reliability
        self._rest = rest
        self._state = rest.copy()
        self._at: float | None = None

    def observe(self, evidence: Evidence, since: float | None) -> None:
        """Predict to the observation's time, then multiply it in."""
        assert evidence.scores is not None
        self._state = self.probabilities(evidence.at)
        self._at = evidence.at if self._at is None else max(self._at, evidence.at)
        model = self._reliability[evidence.modality]
        share = 1.0 if since is None or model.decorrelation <= 0 else min(1.0, since / model.decorrelation)
        exponent = model.weight * evidence.quality * share
        known = evidence.scores.known
        prior = _prior(model.prior, known)
        factor = np.ones(len(CANONICAL))
        factor[known] = (np.maximum(evidence.scores.values[known], FLOOR) / prior[known]) ** exponent
        state = self._state * factor
        self._state = state / state.sum()

    def probabilities(self, at: float) -> NDArray[np.float64]:
        """Prediction to `at`, without changing the state; an earlier time gives the state as it is."""
        if self._at is None or at <= self._at:
            return self._state
        keep = np.exp(-(at - self._at) / self._tau)
        return keep * self._state + (1 - keep) * self._rest  # type: ignore[no-any-return]


class WeightedMean:
    """The classic: the latest probabilities of each modality, averaged by weight and quality."""

    def __init__(self, *, forget: float, reliability: Mapping[Modality, Reliability]) -> None:
        self._forget = forget
        self._reliability = reliability
        self._latest: dict[Modality, Evidence] = {}

    def observe(self, evidence: Evidence, since: float | None) -> None:  # noqa: ARG002 - the port's signature
        """Remember it; only the latest of each modality counts."""
        self._latest[evidence.modality] = evidence

    def probabilities(self, at: float) -> NDArray[np.float64]:
        """Mean over the modalities heard within `forget` seconds; uniform where there is none.

        A label that a model does not know is averaged over the other model alone.
        """
        total = np.zeros(len(CANONICAL))
        weights = np.zeros(len(CANONICAL))
        for modality, evidence in self._latest.items():
            if at - evidence.at > self._forget or evidence.scores is None:
                continue
            weight = self._reliability[modality].weight * evidence.quality
            total += weight * evidence.scores.values
            weights += weight * evidence.scores.known
        mean = np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)
        mass = float(mean.sum())
        return mean / mass if mass > 0 else UNIFORM


class SubjectBelief:
    """Everything believed of one subject: the method's state plus who contributed, and when."""

    def __init__(self, subject: str, method: BeliefMethod, *, reliability: Mapping[Modality, Reliability],
                 margin: float, forget: float, rest: NDArray[np.float64] = UNIFORM) -> None:  # fmt: skip
        self.subject = subject
        self._method = method
        self._reliability = reliability
        self._margin = margin
        self._forget = forget
        self._rest = rest
        self._memory: dict[Modality, _Memory] = {}
        self._abstained: tuple[float, Reason] | None = None
        self._sure: dict[str, float] = {}
        """Seconds, when a sense was last sure of a label."""

    def observe(self, evidence: Evidence) -> None:
        """Take one observation, classified or abstaining."""
        if evidence.scores is None:
            if evidence.reason is not None:
                self._abstained = (evidence.at, evidence.reason)
            return
        last = self._memory.get(evidence.modality)
        since = None if last is None else max(0.0, evidence.at - last.observed_at)
        self._method.observe(evidence, since)
        model = self._reliability[evidence.modality]
        certainty = _averaged(
            evidence.scores.values, None if last is None else last.certainty, since, model.decorrelation
        )
        affect = None if evidence.scores.affect is None else np.array(evidence.scores.affect)
        if affect is not None and last is not None and since is not None and since < self._forget:
            affect = _averaged(affect, last.affect, since, self._forget)
        self._memory[evidence.modality] = _Memory(
            evidence.at, evidence.quality, evidence.scores, evidence.attribution, certainty, affect
        )
        likeliest = int(certainty.argmax())
        if certainty[likeliest] >= model.abstain_below:
            self._sure[CANONICAL[likeliest]] = evidence.at

    def active(self, at: float) -> frozenset[Modality]:
        """Modalities classified within `forget` seconds."""
        return frozenset(m for m, last in self._memory.items() if at - last.observed_at <= self._forget)

    def at(self, at: float) -> Belief:
        """The belief at a time not before the last observation."""
        active = sorted(self.active(at))
        if not active:
            reason = self._abstained[1] if self._abstained is not None else Reason.LOW_MARGIN
            return Belief(at=at, subject=self.subject, label="unknown", confidence=0.0, scores=None, reason=reason)
        known = np.logical_or.reduce([self._memory[m].scores.known for m in active])
        values = np.where(known, self._method.probabilities(at), 0.0)
        scores = self._with_affect(Scores(values / values.sum(), known), active)
        contributions = tuple(self._contribution(m, at) for m in active)
        certain = (
            scores.margin >= self._margin
            and (scores.label != CANONICAL[NEUTRAL] or self._speaks_for_neutral(scores))
            and self._may_name(scores.label, active, at)
        )
        return Belief(
            at=at, subject=self.subject, label=scores.label if certain else "unknown", confidence=scores.confidence,
            scores=scores, reason=None if certain else self._reason(active), contributions=contributions,
            agreement=self._agreement(active),
        )  # fmt: skip

    def _with_affect(self, scores: Scores, active: list[Modality]) -> Scores:
        """What models say of valence and arousal themselves, weighed against what the probabilities make expect.

        A modality weighs its reliability times its quality, and counts as expectation where it tells no own.
        """
        parts = [(self._reliability[m].weight * self._memory[m].quality, self._memory[m].affect) for m in active]
        own = [(weight, affect) for weight, affect in parts if affect is not None]
        total = sum(weight for weight, _ in parts)
        if not own or total <= 0:
            return scores
        rest = 1 - sum(weight for weight, _ in own) / total
        valence = rest * scores.valence + sum(weight * affect[0] for weight, affect in own) / total
        arousal = rest * scores.arousal + sum(weight * affect[1] for weight, affect in own) / total
        return replace(scores, affect=(float(valence), float(arousal)))

    def _contribution(self, modality: Modality, at: float) -> Contribution:
        last = self._memory[modality]
        return Contribution(modality, self._reliability[modality].weight, at - last.observed_at, last.quality,
                            last.scores.label, last.attribution)  # fmt: skip

    def _speaks_for_neutral(self, scores: Scores) -> bool:
        """Whether anything observed does: what a belief merely fades to is no finding."""
        rest = np.where(scores.known, self._rest, 0.0)
        return bool(scores.values[NEUTRAL] > rest[NEUTRAL] / rest.sum())

    def _may_name(self, label: str, active: list[Modality], at: float) -> bool:
        """Whether a sense was sure of `label` within `forget` seconds, or two senses now say the same.

        A sense is sure by the mean of what it said within its decorrelation time, in which all it says is one look.
        All evidence counts in the filter, however unsure; it only takes more than that to name a label.
        """
        if at - self._sure.get(label, -np.inf) <= self._forget:
            return True
        return len(active) > 1 and all(self._memory[m].scores.label == label for m in active)

    def _reason(self, active: list[Modality]) -> Reason:
        """The last abstention's reason where it is newer than all that was classified."""
        newest = max(self._memory[m].observed_at for m in active)
        if self._abstained is not None and self._abstained[0] > newest:
            return self._abstained[1]
        return Reason.LOW_MARGIN

    def _agreement(self, active: list[Modality]) -> float | None:
        """1 - total variation distance over the labels that both modalities know."""
        if len(active) < 2:
            return None
        one, two = (self._memory[m].scores for m in active[:2])
        both = one.known & two.known
        p, q = one.values[both], two.values[both]
        if p.sum() <= 0 or q.sum() <= 0:
            return 0.0
        return float(1 - 0.5 * np.abs(p / p.sum() - q / q.sum()).sum())


def _averaged(
    new: NDArray[np.float64], old: NDArray[np.float64] | None, since: float | None, seconds: float
) -> NDArray[np.float64]:
    """Running mean: what was known `since` seconds ago, if anything, fades by the factor e in `seconds`."""
    if old is None or since is None or seconds <= 0:
        return new
    keep = float(np.exp(-since / seconds))
    return keep * old + (1 - keep) * new


def _prior(prior: tuple[float, ...], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    if prior:
        return np.maximum(np.asarray(prior, dtype=np.float64), FLOOR)
    return np.full(len(CANONICAL), 1 / max(1, int(known.sum())))
