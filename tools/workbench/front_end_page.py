"""docs/front-ends.md: every front end by name, its parameters, their defaults and meaning, made from the code."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from emoedge.audio import parameters
from emoedge.audio.front_end import build
from emoedge.audio.parameters import SpeechParameters
from emoedge.inference.spec import FACE_FRONT_ENDS, SPEECH_FRONT_ENDS, FrontEndSpec
from emoedge.vision.crop import FaceFrontEnd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HEAD = """\
# Front ends

<!-- {made} -->

What turns a face or a voice into the input of a model. `tools/convert.py convert --front-end NAME:key=value,...`
names the one that a model was trained on; the daemon does the same steps. Values are numbers, `true` or `false`,
words, or lists joined by `|` (`mean=0.4|0.5|0.6`); what is not named has its default. `tools/convert.py inspect` tells
all of a model file's.

## Faces

`face_gray` and `face_rgb`. For a network that was trained on 0 to 1 the defaults are right; on 0 to 255
`scale=1`, as for one with a `Rescaling` layer of its own; on -1 to 1 `scale=0.00784313725,offset=-1`.
"""

MEANING = {
    "mfcc_sequence": "MFCC, frame by frame",
    "mfcc_mean": "MFCC, their mean over the window",
    "mfcc_flat": "MFCC of all frames in one vector",
    "log_mel": "log-mel bands, frame by frame",
    "log_mel_band_mean": "the mean over the log-mel bands, one value a frame",
    "mfcc_pitch_centroid": "a frame's MFCC, pitch (Hz, 0 where unvoiced) and spectral centroid (Hz)",
    "summary_162": "zero-crossing rate, chroma 12, MFCC 20, RMS and 128 mel bands, their means over the window",
    "mfcc_functionals": "how the active frames are on average, how far they spread and how fast they change",
}


def page(made: str) -> str:
    """The whole page in Markdown; `made` says who writes it."""
    lines = [HEAD.format(made=made), *_face_parameters(), "", "## Speech", ""]
    lines += ["| front end | what it makes | shape at its defaults |", "|---|---|---|"]
    for name in SPEECH_FRONT_ENDS:
        shape = " x ".join(map(str, build(FrontEndSpec(name)).shape))
        lines.append(f"| `{name}` | {MEANING[name]} | {shape} |")
    lines += ["", "| parameter | default | may be | meaning |", "|---|---|---|---|"]
    meanings = _meanings()
    for each in fields(SpeechParameters):
        cells = (f"`{each.name}`", f"`{_written(each.default)}`", _range(each.metadata), meanings[each.name])
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    lines += ["", "What each front end reads, with its own default where that is another:", ""]
    lines += [f"- `{name}`: {', '.join(_read_by(name))}" for name in SPEECH_FRONT_ENDS]
    return "\n".join(lines) + "\n"


def _face_parameters() -> Iterator[str]:
    """The list in the docstring of FaceFrontEnd."""
    _, _, rest = inspect.cleandoc(FaceFrontEnd.__doc__ or "").partition("Parameters of the spec:\n\n")
    yield from rest.partition("\n\n")[0].splitlines()
    yield from ("", f"`{FACE_FRONT_ENDS[0]}` has one channel, `{FACE_FRONT_ENDS[1]}` three: red, green, blue.")


def _meanings() -> dict[str, str]:
    """Docstring of each field, which Python itself forgets."""
    (owner,) = ast.parse(inspect.getsource(SpeechParameters)).body
    assert isinstance(owner, ast.ClassDef)
    found = {}
    for field, after in zip(owner.body, owner.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            assert isinstance(after, ast.Expr)
            assert isinstance(after.value, ast.Constant)
            found[field.target.id] = " ".join(str(after.value.value).split())
    return found


def _range(rule: Mapping[str, Any]) -> str:
    kind = rule["kind"]
    if kind in ("number", "integer"):
        whole = "whole, " if kind == "integer" else ""
        return f"{whole}{rule['low']:g} to {rule['high']:g}" + (", or `none`" if rule.get("none") else "")
    if kind == "word":
        return ", ".join(f"`{word}`" for word in rule["choices"])
    return "`true`, `false`" if kind == "boolean" else "a number, or a list"


def _read_by(name: str) -> Iterator[str]:
    own = parameters.parse(FrontEndSpec(name))
    for key in parameters.accepted(name):
        value = getattr(own, key)
        yield f"`{key}`" + (f" (`{_written(value)}`)" if value != getattr(SpeechParameters(), key) else "")


def _written(value: object) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
