"""What a speech front end can be told: every parameter with its type, range and meaning, checked at build."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from emoedge.errors import ModelError
from emoedge.inference.spec import SPEECH_FRONT_ENDS
from emoedge.messages import SAMPLE_RATE

if TYPE_CHECKING:
    from emoedge.inference.spec import FrontEndSpec

FUNCTIONALS = "mfcc_functionals"

Values = float | tuple[float, ...]
"""One number, or one for each element of an axis."""


def _number(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"kind": "number", "low": low, "high": high})


def _integer(default: int, low: int, high: int) -> Any:
    return field(default=default, metadata={"kind": "integer", "low": low, "high": high})


def _word(default: str, *choices: str) -> Any:
    return field(default=default, metadata={"kind": "word", "choices": choices})


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechParameters:
    """All parameters of all speech front ends; `accepted(name)` tells which ones a front end reads."""

    seconds: float = _number(3.0, 0.05, 30)
    """Seconds of the classified window."""
    window: float = _number(0.025, 0.002, 0.5)
    """Seconds of one frame."""
    hop: float = _number(0.02, 0.001, 0.5)
    """Seconds between frames."""
    nfft: int = _integer(512, 32, 16384)
    """FFT length in samples; a frame is padded with zeros to it."""
    taper: str = _word("hann", "rect", "hann", "hamming")
    """Window function (periodic); `rect` is python_speech_features' default."""
    highpass: float = _number(0.0, 0, 1000)
    """Hertz below which the stream is taken away before all else (Butterworth, fourth order); 0: nothing is."""
    preemphasis: float = _number(0.0, 0, 1)
    """a of y[t] = x[t] - a x[t-1], over the stream (x before its start is 0)."""
    mels: int = _integer(40, 1, 512)
    """Mel bands."""
    fmin: float = _number(40.0, 0, SAMPLE_RATE / 2)
    """Hertz, lower edge of the first band."""
    fmax: float = _number(7800.0, 1, SAMPLE_RATE / 2)
    """Hertz, upper edge of the last band."""
    filters: str = _word("htk", "psf", "htk", "slaney")
    """Conventions of the filter bank, see `emoedge.audio.mel`."""
    level: str = _word("none", "none", "window", "peak")
    """What power is divided by: nothing, the window's mean mel power, or the window's highest mel power."""
    floor: float | None = field(default=None, metadata={"kind": "number", "low": -200, "high": 0, "none": True})
    """Decibels (after `level`) below which power is raised; none: zeros become the float64 epsilon."""
    log: str = _word("ln", "ln", "db", "root")
    """Natural logarithm, 10 log10, or a root in place of it: (x^root - 1) / root, which gives what is faint less
    room (root cepstra: Alexandre and Lockwood, Speech Communication 12, 1993)."""
    root: float = _number(0.15, 0.01, 1)
    """Its exponent; near 0 it is the natural logarithm."""
    coefficients: int = _integer(13, 1, 512)
    """Rows of the orthonormal DCT-II that are kept."""
    lifter: float = _number(0.0, 0, 100)
    """L of the sinusoidal lifter 1 + L/2 sin(pi n / L); 0 for none."""
    energy: bool = field(default=False, metadata={"kind": "boolean"})
    """Replace coefficient 0 by the logarithm of the frame's energy."""
    order: str = _word("coefficient", "coefficient", "time")
    """Which index runs slowest in a flattened matrix."""
    f0_min: float = _number(65.0, 40, 1000)
    """Hertz, lowest pitch looked for."""
    f0_max: float = _number(500.0, 60, 2000)
    """Hertz, highest pitch looked for."""
    f0_threshold: float = _number(0.45, 0, 1)
    """Aperiodicity (YIN's normalised difference) above which a frame counts as unvoiced."""
    f0_window: float = _number(0.04, 0.01, 0.5)
    """Seconds up to the end of a frame in which its pitch is looked for, `window` at least."""
    voicing: float = _number(0.5, 0, 1)
    """Periodicity (normalised autocorrelation) from which a frame counts as voiced."""
    voice: float = _number(0.0, 0, 1)
    """Probability of a voice, by the voice gate's net, below which no frame is active; with 0 all that stands out of
    the noise floor is."""
    embedding: int = _integer(0, 0, 1024)
    """Numbers that the net in the model file's `front_end.npz` makes of a window, behind the functionals; 0: it has
    no net."""
    embedding_around: float = _number(0.0, 0, 1)
    """Seconds before and after an active frame whose frames that net's mean counts as well."""
    mean: Values = field(default=0.0, metadata={"kind": "values"})
    """Subtracted from the features at the very end: one number, or one for each element of the last axis."""
    std: Values = field(default=1.0, metadata={"kind": "values"})
    """What the features are divided by after `mean`."""
    session: str = _word("none", "none", "running")
    """Normalisation of each log-mel band, or functional, over what this microphone has heard, see
    `emoedge.audio.session`."""
    session_memory: float = _number(60.0, 1, 3600)
    """Seconds of active sound after which old frames fade."""
    session_prior: float = _number(3.0, 0, 600)
    """Seconds of active sound that the prior counts for."""
    session_mean: Values = field(default=-4.0, metadata={"kind": "values"})
    """Prior mean of each log-mel band, or functional: one number, or one for each."""
    session_std: Values = field(default=2.5, metadata={"kind": "values"})
    """Prior deviation of each log-mel band: one number, or one a band."""
    session_freeze: float = _number(0.0, 0, 3600)
    """Seconds of active sound after which the statistics stay as they are; 0 for never."""
    session_reset: float = _number(0.0, 0, 86400)
    """Seconds without active sound after which everything is forgotten; 0 for never."""
    session_above: float = _number(8.0, 0, 60)
    """Decibels over the noise floor from which a frame counts as active ..."""
    session_below: float = _number(30.0, 0, 120)
    """... and no more than these below the loudest recent frame."""
    session_step: float = _number(0.5, 0.01, 30)
    """Seconds after which the newest window's functionals are taken into the session ..."""
    session_share: float = _number(0.3, 0, 1)
    """... where at least this share of these seconds was active."""

    @property
    def frame_length(self) -> int:
        """Samples of one frame."""
        return math.floor(self.window * SAMPLE_RATE + 0.5)

    @property
    def frame_step(self) -> int:
        """Samples between frames."""
        return math.floor(self.hop * SAMPLE_RATE + 0.5)

    @property
    def pitch_length(self) -> int:
        """Samples in which a frame's pitch is looked for, up to the frame's end."""
        return math.floor(self.f0_window * SAMPLE_RATE + 0.5)

    @property
    def frame_count(self) -> int:
        """Whole frames in the classified window."""
        return 1 + (math.floor(self.seconds * SAMPLE_RATE + 0.5) - self.frame_length) // self.frame_step


_FRAMES = ("seconds", "window", "hop", "nfft", "taper", "highpass")
_MEL = (*_FRAMES, "preemphasis", "mels", "fmin", "fmax", "filters", "level", "floor", "log", "root")
_STEPS = ("session_step", "session_share")
_SESSION = tuple(f.name for f in fields(SpeechParameters) if f.name.startswith("session") and f.name not in _STEPS)
_CEPSTRA = (*_MEL, "coefficients", "lifter", "energy")
_END = ("mean", "std")

_ACCEPTED: dict[str, tuple[str, ...]] = {
    "mfcc_sequence": (*_CEPSTRA, *_END, *_SESSION),
    "mfcc_mean": (*_CEPSTRA, *_END, *_SESSION),
    "mfcc_flat": (*_CEPSTRA, "order", *_END, *_SESSION),
    "log_mel": (*_MEL, *_END, *_SESSION),
    "log_mel_band_mean": (*_MEL, *_END, *_SESSION),
    "mfcc_pitch_centroid": (*_CEPSTRA, "f0_min", "f0_max", "f0_threshold", *_END, *_SESSION),
    "summary_162": (*_FRAMES, "fmin", "fmax", "level", "floor", *_END),
    "mfcc_functionals": (
        *_MEL, "coefficients", "lifter", "f0_min", "f0_max", "f0_window", "voicing", "voice", "embedding",
        "embedding_around", *_END,
        *(key for key in _SESSION if key != "session_std"), *_STEPS,
    ),
}

_SUMMARY = SpeechParameters(
    window=0.128, nfft=2048, hop=0.032, mels=128, fmin=0.0, fmax=8000.0, filters="slaney", coefficients=20,
    log="db", floor=-100.0,
)  # fmt: skip

_DEFAULTS: dict[str, SpeechParameters] = {
    "mfcc_sequence": SpeechParameters(),
    "mfcc_mean": SpeechParameters(),
    "mfcc_flat": SpeechParameters(),
    "log_mel": SpeechParameters(),
    "log_mel_band_mean": SpeechParameters(mels=128, fmin=0.0, fmax=8000.0, filters="slaney", log="db", floor=-100.0),
    "mfcc_pitch_centroid": SpeechParameters(window=0.064, nfft=1024),
    "summary_162": _SUMMARY,
    "mfcc_functionals": SpeechParameters(coefficients=30, f0_min=60.0, session_mean=0.0),
}


def accepted(name: str) -> tuple[str, ...]:
    """Parameters that the front end `name` reads; ModelError where there is no such front end."""
    if name not in _ACCEPTED:
        raise ModelError(f"front end {name!r} is not a speech one; known: {', '.join(SPEECH_FRONT_ENDS)}")
    return _ACCEPTED[name]


def parse(spec: FrontEndSpec) -> SpeechParameters:
    """The spec's parameters, checked, completed with the defaults of its front end.

    Raises ModelError that names the parameter, what it holds and what would be right.
    """
    keys = accepted(spec.name)
    kinds = {f.name: f.metadata for f in fields(SpeechParameters)}
    given: dict[str, Any] = {}
    for key, value in spec.parameters.items():
        if key not in keys:
            raise ModelError(f"front end {spec.name}: unknown parameter {key!r}; it takes {', '.join(keys)}")
        given[key] = _checked(f"front end {spec.name}: {key}", value, kinds[key])
    parameters = replace(_DEFAULTS[spec.name], **given)
    for wrong in _contradictions(spec.name, parameters):
        raise ModelError(f"front end {spec.name}: {wrong}")
    return parameters


def complete(name: str, parameters: SpeechParameters) -> dict[str, object]:
    """The parameters that front end `name` reads, as a JSON-ready mapping."""
    values = {key: getattr(parameters, key) for key in accepted(name)}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def _checked(where: str, value: object, rule: Any) -> object:
    kind = rule["kind"]
    if rule.get("none") and (value is None or value == "none"):
        return None
    if kind == "word":
        if value is None:
            value = "none"
        if value not in rule["choices"]:
            raise ModelError(f"{where} is {value!r}; expected one of {', '.join(rule['choices'])}")
        return value
    if kind == "boolean":
        if not isinstance(value, bool):
            raise ModelError(f"{where} is {value!r}; expected true or false")
        return value
    if kind == "values":
        if isinstance(value, (list, tuple)) and value:
            return tuple(_finite(where, item, "a number or a list of numbers") for item in value)
        return _finite(where, value, "a number or a list of numbers")
    span = f"{'a whole number' if kind == 'integer' else 'a number'} from {rule['low']:g} to {rule['high']:g}"
    number = _finite(where, value, span)
    if not rule["low"] <= number <= rule["high"] or (kind == "integer" and number != int(number)):
        raise ModelError(f"{where} is {value!r}; expected {span}")
    return int(number) if kind == "integer" else number


def _finite(where: str, value: object, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ModelError(f"{where} is {value!r}; expected {expected}")
    return float(value)


def _contradictions(name: str, p: SpeechParameters) -> list[str]:
    checks = (
        (p.frame_length > p.nfft, f"nfft is {p.nfft}; a frame of {p.frame_length} samples needs at least as many"),
        (p.seconds < p.window, f"seconds is {p.seconds}; expected at least one frame of {p.window} s"),
        (p.fmin >= p.fmax, f"fmin is {p.fmin}; expected less than fmax, {p.fmax}"),
        (p.coefficients > p.mels, f"coefficients is {p.coefficients}; expected at most mels, {p.mels}"),
        (p.f0_min >= p.f0_max, f"f0_min is {p.f0_min}; expected less than f0_max, {p.f0_max}"),
        (name == FUNCTIONALS and p.hop > p.window, f"hop is {p.hop}; expected at most window, {p.window}"),
        (
            name == FUNCTIONALS and p.f0_window < p.window,
            f"f0_window is {p.f0_window}; expected window, {p.window}, or more",
        ),
        (_lowest(p.std) <= 0, f"std is {p.std}; expected numbers above 0"),
        (_lowest(p.session_std) <= 0, f"session_std is {p.session_std}; expected numbers above 0"),
    )
    return [text for wrong, text in checks if wrong]


def _lowest(values: Values) -> float:
    return min(values) if isinstance(values, tuple) else values
