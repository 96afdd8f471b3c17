"""Section `fusion`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionConfig:
    """How observations become beliefs and beliefs become episodes."""

    method: str = setting(
        "bayes", choices=("bayes", "weighted"),
        help="Bayesian filter, or a weighted mean of probabilities.",
    )
    tau: float = setting(
        2.0, minimum=0.1, maximum=600, unit="s",
        help="How long an emotion tends to last: the filter's stickiness.",
    )
    neutral: float = setting(
        0.5, minimum=0.01, maximum=0.99,
        help="Share of the time in which people show nothing: what `bayes` fades to. 0.143 favours no emotion.",
    )  # fmt: skip
    face_weight: float | None = setting(
        None, minimum=0, maximum=1, allow_none=True, help="Reliability of the face model; null takes the model file's."
    )
    speech_weight: float | None = setting(
        None, minimum=0, maximum=1, allow_none=True,
        help="Reliability of the speech model; null takes the model file's.",
    )  # fmt: skip
    face_abstain: float | None = setting(
        None, minimum=0, maximum=1, allow_none=True,
        help="A face's emotion is named after looks that are on average this sure; null takes the model file's.",
    )  # fmt: skip
    speech_abstain: float | None = setting(
        None, minimum=0, maximum=1, allow_none=True,
        help="A voice's emotion is named after windows that are on average this sure; null takes the model file's.",
    )  # fmt: skip
    face_decorrelation: float = setting(
        0.6, minimum=0, maximum=60, unit="s", help="Time after which a new face observation counts in full."
    )
    speech_decorrelation: float = setting(
        0.5, minimum=0, maximum=60, unit="s", help="Time after which a new speech observation counts in full."
    )
    margin: float = setting(
        0.1, minimum=0, maximum=1,
        help="Less distance than this between the best two labels is `unknown`.",
    )
    enter: float = setting(0.6, minimum=0, maximum=1, help="An emotion episode starts above this belief ...")
    leave: float = setting(0.5, minimum=0, maximum=1, help="... and ends below this one.")
    dwell: float = setting(
        0.8, minimum=0, maximum=60, unit="s",
        help="How long a belief must hold before an episode starts or ends.",
    )
    update_interval: float = setting(
        5.0, minimum=0.5, maximum=3600, unit="s", help="`emotion_update` at most this often within an episode."
    )
    forget: float = setting(
        5.0, minimum=0.1, maximum=600, unit="s",
        help="A modality silent for this long no longer makes the mode or names an emotion.",
    )
