"""Which file a config's `models.face` or `models.speech` means: a path, a shipped model, or none."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from emoedge.inference.model_file import refuse

PACKAGE = "emoedge.shipped_models"
"""Data only: in the checkout it is `models/tflite/`."""

CHECKOUT = Path(__file__).resolve().parents[2] / "models" / "tflite"
"""Where a checkout that is not installed keeps them."""

NONE = "none"


def folder() -> Path:
    """The folder of the shipped models, in a wheel, an editable install or a bare checkout."""
    try:
        found = resources.files(PACKAGE)
    except ModuleNotFoundError:
        return CHECKOUT
    path = Path(str(found))
    return path if path.is_dir() else CHECKOUT


def shipped() -> tuple[str, ...]:
    """File names of the shipped models, sorted."""
    return tuple(sorted(path.name for path in folder().glob("*.tflite")))


def resolve(name: str, base: Path | None = None) -> Path | None:
    """File that `name` means, or None for `none`.

    Looked for in this order: as a path (relative to the working directory), relative to `base` (the folder of
    the config file), as the name of a shipped model, with or without `.tflite`. Raises ModelError where there
    is no such file.
    """
    if name.strip().lower() == NONE:
        return None
    path = Path(name).expanduser()
    candidates = [path] if path.is_absolute() or base is None else [path, base / path]
    if path.name == name:
        candidates += [folder() / name, folder() / f"{name}.tflite"]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    known = ", ".join(shipped()) or "no model"
    raise refuse(name, "no such model file", f"give its path, the name of a shipped one ({known}) or `none`")
