"""A model is one file: the `.tflite` and, appended as a ZIP, what it says of itself.

The layout is the TFLite metadata convention; `python -m zipfile -l face.tflite` lists it. Members:
`labels.txt` (a label a line), `emoedge.json` (ModelInfo), `golden.npz` (`inputs` and `outputs` in the
model's own types, n x shape) and, where the front end has a net, its weights as `front_end.npz`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.errors import ModelError
from emoedge.inference.metadata import check, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from emoedge.inference.spec import ModelInfo

LABELS, INFO, GOLDEN, FRONT_END = "labels.txt", "emoedge.json", "golden.npz", "front_end.npz"

CONVERT_AGAIN = "convert it again with tools/convert.py"

LIMIT = 256 * 1024 * 1024
"""Bytes; a file or member above it is no edge model and is not read into memory."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # no clock in the file: the same model gives the same bytes


def refuse(path: Path | str, cause: str, remedy: str = CONVERT_AGAIN) -> ModelError:
    """The one line that a refused model file gets: file, cause, remedy."""
    return ModelError(f"{path}: {cause}; {remedy}")


@contextlib.contextmanager
def asked_for(key: str) -> Iterator[None]:
    """Put the key of the configuration that names a model before what is wrong with it."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{key}: {error}") from error


def told(info: ModelInfo) -> str:
    """What the file's outputs are said to be, for an error line."""
    more = f" and {len(info.dimensions)} dimensions" if info.dimensions else ""
    return f"{len(info.labels)} labels{more}"


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """A model with its account of itself and its golden vectors."""

    info: ModelInfo
    tflite: bytes
    golden_inputs: NDArray[Any]
    """n x input shape, in the model's input type."""
    golden_outputs: NDArray[Any]
    """n x output shape, in the model's output type."""
    sha256: str = ""
    """Of the whole file, hex; empty until it was read or written."""

    @classmethod
    def read(cls, path: Path | str) -> ModelFile:
        """Read and check all that can be checked without running the model; raises ModelError."""
        content = _content(Path(path))
        if content[4:8] != b"TFL3":
            raise refuse(path, "not a TFLite model", "name a .tflite file made by tools/convert.py")
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                tflite = content[: min((m.header_offset for m in archive.infolist()), default=0)]
                labels = _member(archive, LABELS).decode().splitlines()
                document = json.loads(_member(archive, INFO))
                golden = _member(archive, GOLDEN)
                weights = _member(archive, FRONT_END) if FRONT_END in archive.namelist() else b""
            info = decode(document, weights)
            if tuple(labels) != info.labels:
                raise ValueError(f"{LABELS} and {INFO} name different labels")  # noqa: TRY301
            if hashlib.sha256(tflite).hexdigest() != document.get("tflite_sha256"):
                raise ValueError("the model's bytes are not the ones its metadata were written for")  # noqa: TRY301
            inputs, outputs = _golden(golden, info)
        except zipfile.BadZipFile:
            raise refuse(path, "truncated, or a plain .tflite without emoedge's metadata") from None
        # NotImplementedError, RuntimeError: what zipfile raises for a compression or a cipher that it cannot undo.
        # OverflowError: JSON knows whole numbers that no float can hold.
        except (ValueError, KeyError, zlib.error, EOFError, OverflowError, NotImplementedError, RuntimeError) as error:
            raise refuse(path, _cause(error)) from error
        return cls(info, tflite, inputs, outputs, hashlib.sha256(content).hexdigest())

    def write(self, path: Path | str) -> str:
        """Write the file in one step, never a half of it; returns its SHA-256.

        Raises ModelError where the disk is full or not writable; `path` is then as it was before.
        """
        target = Path(path)
        content = self.content()
        temporary = None
        try:
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
                temporary = Path(file.name)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(target)
        except OSError as error:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    temporary.unlink()
            cause = f"cannot be written: {error.strerror or error}"
            raise refuse(path, cause, "nothing was left behind; free space or name another place") from error
        return hashlib.sha256(content).hexdigest()

    def content(self) -> bytes:
        """The whole file; the same model gives the same bytes. Raises ValueError where its parts do not fit."""
        check(self.info)
        golden = io.BytesIO()
        np.savez_compressed(golden, inputs=self.golden_inputs, outputs=self.golden_outputs)
        members = {
            LABELS: "".join(f"{label}\n" for label in self.info.labels).encode(),
            INFO: encode(self.info, tflite_sha256=hashlib.sha256(self.tflite).hexdigest()),
            GOLDEN: golden.getvalue(),
        }
        if weights := self.info.front_end.weights:
            members[FRONT_END] = weights
        whole = io.BytesIO(self.tflite)
        whole.seek(0, io.SEEK_END)
        with zipfile.ZipFile(whole, "a", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
        return whole.getvalue()


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LIMIT:
            raise refuse(path, f"larger than {LIMIT >> 20} MiB", "name a .tflite file made by tools/convert.py")
        return path.read_bytes()
    except FileNotFoundError:
        raise refuse(path, "no such file", "name a .tflite file, a shipped model, or `none`") from None
    except OSError as error:
        raise refuse(path, f"cannot be read: {error.strerror}", "name a readable .tflite file") from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        member = archive.getinfo(name)
    except KeyError:
        raise ValueError(f"it has no {name}") from None
    if member.file_size > LIMIT:
        raise ValueError(f"its {name} is larger than {LIMIT >> 20} MiB")
    return archive.read(member)


def _golden(content: bytes, info: ModelInfo) -> tuple[NDArray[Any], NDArray[Any]]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            inputs, outputs = arrays["inputs"], arrays["outputs"]
    # What numpy says of pickles, or of no npz at all; MemoryError: of shapes that no memory holds.
    except (ValueError, AttributeError, TypeError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"its {GOLDEN} is damaged") from error
    except KeyError as error:
        raise ValueError(f"its {GOLDEN} lacks {error}") from error
    if inputs.ndim == 0 or outputs.ndim == 0:
        raise ValueError(f"its {GOLDEN} holds single numbers")
    if len(inputs) == 0 or len(inputs) != len(outputs):
        raise ValueError(f"its {GOLDEN} has {len(inputs)} inputs and {len(outputs)} outputs")
    if outputs.shape[1:] != (info.outputs,):
        raise ValueError(f"{told(info)}, but its {GOLDEN} has outputs of shape {outputs.shape[1:]}")
    return inputs, outputs


def _cause(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"its {INFO} is no JSON: {error.msg} in line {error.lineno}"
    if isinstance(error, UnicodeDecodeError):
        return "its metadata are no UTF-8 text"
    if isinstance(error, OverflowError):
        return f"a number in its {INFO} is too large"
    return (str(error).strip().splitlines() or ["damaged"])[0]
