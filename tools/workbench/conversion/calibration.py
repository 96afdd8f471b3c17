"""Representative and held-out rows: inputs as the model sees them, through the front ends of the daemon."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.emotions import CANONICAL, INDEX
from emoedge.inference.model import front_end_shape
from emoedge.messages import Modality
from workbench.conversion.request import ConversionError
from workbench.conversion.rows import CalibrationSet, Rows, balanced, frequencies, limits, usable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.conversion.request import Request

SMALL_SET = 2000
"""Rows below which a twentieth is too few to hold out; three tenths are then."""

OUTSIDE = 0.05
"""Share of values that may lie outside what a face front end makes: resizing by cubics overshoots at edges."""

FLAT = 0.05
"""Share of the front end's range that rows reach over at least: all pictures together have dark and bright places."""


def prepare(request: Request) -> CalibrationSet | None:
    """Rows of `request.calibrate`, or None where none is given; raises ConversionError, MediaError or ValueError.

    The training split only; representative rows are balanced over the classes; both parts are drawn by the seed.
    """
    path = request.calibrate
    if path is None:
        return None
    if path.is_dir() or path.suffix.lower() == ".csv":
        from workbench.data.layout import modality

        sense = modality(path)
        _expect(request, sense)
        if sense is Modality.FACE:
            return _checked(_faces(request), request)
        from workbench.conversion.speech_rows import speech_rows  # needs soundfile, faces do not

        return _checked(speech_rows(request), request)
    keys = _keys(request)
    if "inputs" in keys:
        return _checked(_prepared_inputs(request), request)
    if "images" in keys:
        _expect(request, Modality.FACE)
        return _checked(_faces(request), request)
    raise ConversionError(f"{path}: holds neither `inputs` nor `images`; see tools/convert.py convert --help")


def _expect(request: Request, modality: Modality) -> None:
    if request.front_end.modality is not modality:
        front_end = request.front_end.name
        raise ConversionError(f"{request.calibrate} is {modality} data, but {front_end} is no {modality} front end")


def _keys(request: Request) -> set[str]:
    try:
        with np.load(str(request.calibrate), allow_pickle=False) as archive:
            return set(archive.files)
    except FileNotFoundError:
        raise ConversionError(f"{request.calibrate}: no such calibration data") from None
    except (OSError, ValueError, AttributeError, TypeError, EOFError, zipfile.BadZipFile) as error:
        # TypeError: a lone array, an .npy, is read but is no archive to open.
        raise ConversionError(f"{request.calibrate}: neither a speech folder nor an .npz that numpy reads") from error


def _faces(request: Request) -> CalibrationSet:
    from emoedge.vision.crop import FaceFrontEnd
    from workbench.data import faces

    assert request.calibrate is not None
    pack = faces.load(request.calibrate)
    rows = faces.training_rows(pack)
    rows = rows[usable(request, pack.labels[rows])]
    # The rows that our own training holds out, where the seed is the default: the temperature needs unseen ones.
    share = 0.05 if len(rows) >= SMALL_SET else 0.3
    learned, held = faces.hold_out(pack, rows, share=share, seed=request.seed)
    rng = np.random.default_rng(request.seed)
    samples, most = limits(request)
    chosen = learned[balanced(pack.labels[learned], samples, rng)]
    held = np.sort(rng.permutation(held)[:most])
    front_end = FaceFrontEnd(request.front_end)

    def part(rows: NDArray[np.int64]) -> Rows:
        inputs = [front_end.prepare(pack.images[row]) for row in rows]
        return Rows(np.array(inputs, dtype=np.float32).reshape(-1, *front_end.shape), pack.labels[rows])

    count = f"{len(chosen)} training rows, {len(held)} held-out rows"
    description = f"{request.calibrate.name}: {count}, seed {request.seed}"
    return CalibrationSet(part(chosen), part(held), description, frequencies(pack.labels[learned]))


def _prepared_inputs(request: Request) -> CalibrationSet:
    assert request.calibrate is not None
    with np.load(request.calibrate, allow_pickle=False) as archive:
        inputs = archive["inputs"]
        labels = archive["labels"] if "labels" in archive.files else None
        split = archive["split"] if "split" in archive.files else None
    if inputs.ndim < 2 or inputs.dtype.kind not in "fiu":
        found = f"{inputs.dtype} {inputs.shape}"
        raise ConversionError(f"{request.calibrate}: `inputs` are {found}, expected numbers, rows first")
    for key, values in (("labels", labels), ("split", split)):
        if values is not None and values.ndim != 1:
            raise ConversionError(f"{request.calibrate}: `{key}` are {values.shape}, expected one for each input")
        if values is not None and len(values) != len(inputs):
            raise ConversionError(f"{request.calibrate}: {len(values)} {key} for {len(inputs)} inputs")
    targets = _targets(request, labels, len(inputs))
    rows = np.arange(len(inputs)) if split is None else np.flatnonzero(split == 0)
    rows = rows[usable(request, targets[rows])]
    rng = np.random.default_rng(request.seed)
    order = rng.permutation(rows)
    cut = max(1, round(0.3 * len(order))) if len(order) > 1 else 0
    samples, most = limits(request)
    held, learned = np.sort(order[:cut][:most]), order[cut:]
    chosen = learned[balanced(targets[learned], samples, rng)]
    description = f"{request.calibrate.name}: {len(chosen)} rows, {len(held)} held-out rows, seed {request.seed}"
    representative, measured = (Rows(inputs[part].astype(np.float32), targets[part]) for part in (chosen, held))
    return CalibrationSet(representative, measured, description, frequencies(targets[learned]))


def _targets(request: Request, labels: NDArray[Any] | None, count: int) -> NDArray[np.int64]:
    if labels is None:
        return np.full(count, -1, dtype=np.int64)
    if labels.dtype.kind in "iu":
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(request.labels):
            most = len(request.labels) - 1
            raise ConversionError(f"{request.calibrate}: labels must be 0..{most}, places in --labels")
        own: Sequence[int] = [int(label) for label in labels]
    else:
        strange = sorted(set(map(str, labels)) - set(request.labels))
        if strange:
            raise ConversionError(f"{request.calibrate}: label {strange[0]!r} is not in --labels")
        own = [request.labels.index(str(label)) for label in labels]
    return np.array([INDEX[request.label_map[i]] for i in own], dtype=np.int64)


def _checked(found: CalibrationSet, request: Request) -> CalibrationSet:
    path = request.calibrate
    expected = [n for n in front_end_shape(request.front_end) if n != 1]
    for part in (found.representative, found.held_out):
        if len(part.inputs) == 0:
            raise ConversionError(f"{path}: no row is left to calibrate with; add data of the labels the model knows")
        shape = part.inputs.shape[1:]
        if [n for n in shape if n != 1] != expected:
            raise ConversionError(f"{path}: inputs of shape {shape}, {request.front_end} makes {tuple(expected)}")
        if not np.isfinite(part.inputs).all():
            rows = int((~np.isfinite(part.inputs.reshape(len(part.inputs), -1)).all(axis=1)).sum())
            raise ConversionError(f"{path}: {rows} of {len(part.inputs)} inputs hold NaN or infinity; leave these out")
        _check_scale(part.inputs, request)
    if found.representative.labelled and len(np.unique(found.representative.targets)) < 2:
        name = CANONICAL[int(found.representative.targets[0])]
        raise ConversionError(f"{path}: every row shows {name}; calibration needs all classes of the model")
    return found


def _check_scale(inputs: NDArray[np.float32], request: Request) -> None:
    """Raise ConversionError where a face front end cannot have made these; a speech one may make any number."""
    if request.front_end.modality is not Modality.FACE:
        return
    from emoedge.vision.crop import FaceFrontEnd

    low, high = FaceFrontEnd(request.front_end).span
    slack = 1e-3 * (high - low)
    outside = float(((inputs < low - slack) | (inputs > high + slack)).mean())
    least, most = float(inputs.min()), float(inputs.max())
    if outside > OUTSIDE or most - least < FLAT * (high - low):
        raise ConversionError(
            f"{request.calibrate}: inputs reach from {least:g} to {most:g}, {request.front_end} makes {low:g} to "
            f"{high:g}; scale them alike, or give the front end the scale and offset that they have"
        )
