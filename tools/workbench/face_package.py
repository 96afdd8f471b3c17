"""Weights of a network that knows faces and that nobody here trained, out of a package of the npm registry.

FaceRes (Savchenko 2019, doi:10.7717/peerj-cs.197; github.com/av-savchenko/HSE_FaceRec_tf), a MobileNet (Howard et al.
2017, arXiv:1704.04861) that tells identities, age and gender, as the package `@vladmandic/human` (MIT) carries it for
TensorFlow.js.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import math
import tarfile
import urllib.request
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

ADDRESS = "https://registry.npmjs.org/@vladmandic/human/-/human-3.3.6.tgz"
SHA512 = "Nr5mPfq1gQ+uKeXY5uM3Fj8UxvF5CEh2s6txM5wRThqaW0mF9huooOuZSrT8hhGho0hGaXLFdAwfD/2+teCv6A=="
"""Of the archive, in base64, as the registry states it."""
FOLDER = "face-package"
"""Beside the runs that learn from it, where the package is kept."""
STEM = "package/models/faceres"
TIMEOUT = 60.0
"""Seconds without a byte."""


def weights(directory: Path) -> dict[str, NDArray[np.float32]]:
    """Read FaceRes's weights by their names; the package is kept in `directory` and fetched where it is not there.

    Raises ValueError where it cannot be fetched, or is not the one that is meant.
    """
    path = directory / ADDRESS.rpartition("/")[2]
    if path.exists():
        return unpacked(path.read_bytes(), path)
    archive = _fetched()
    found = unpacked(archive, ADDRESS)
    directory.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(archive)
    part.replace(path)
    return found


def _fetched() -> bytes:
    try:
        with urllib.request.urlopen(ADDRESS, timeout=TIMEOUT) as answer:  # noqa: S310 - the address is a constant
            archive: bytes = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise ValueError(f"{ADDRESS} cannot be fetched: {error}") from error
    return archive


def unpacked(archive: bytes, place: Path | str) -> dict[str, NDArray[np.float32]]:
    """Weights in the package that was found at `place`, by their names; ValueError where its sum is another."""
    if base64.b64encode(hashlib.sha512(archive).digest()).decode() != SHA512:
        raise ValueError(f"{place} is not the package that is meant: its SHA-512 is another")
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        files = [package.extractfile(f"{STEM}.{kind}") for kind in ("json", "bin")]
        described, raw = (file.read() for file in files if file is not None)
    return graph_weights(json.loads(described), raw)


def graph_weights(graph: Mapping[str, Any], raw: bytes) -> dict[str, NDArray[np.float32]]:
    """Arrays of a TensorFlow.js graph model, its shards joined; half precision is widened, integers are left out."""
    found: dict[str, NDArray[np.float32]] = {}
    at = 0
    for entry in (entry for group in graph["weightsManifest"] for entry in group["weights"]):
        kind = np.dtype(entry.get("quantization", {}).get("dtype", entry["dtype"]))
        count = math.prod(entry["shape"])
        if kind.kind == "f":
            found[entry["name"]] = np.frombuffer(raw, kind, count, at).reshape(entry["shape"]).astype(np.float32)
        at += count * kind.itemsize
    if at != len(raw):
        raise ValueError(f"the graph describes {at} bytes of weights, its file has {len(raw)}")
    return found
