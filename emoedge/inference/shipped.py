"""Which file a config's `models.face` or `models.speech` means: a path, a shipped model, or none."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from emoedge.inference.model_file import refuse

NONE = "none"


def folder() -> Path:
    """The folder of the shipped models; in a checkout a link to `models/tflite/`, in a wheel their copy."""
    return Path(str(resources.files("emoedge") / "shipped_models"))


def shipped() -> tuple[str, ...]:
    """File names of the shipped models, sorted."""
    return tuple(sorted(path.name for path in folder().glob("*.tflite")))


def resolve(name: str, base: Path | None = None) -> Path | None:
    """File that `name` means, or None for `none`.

    Looked for in this order: as a path (relative to the working directory), relative to `base` (the folder of
    the config file), as the name of a shipped model, with or without `.tflite`. Raises ModelError where there
    is no such file, or none that may be looked at.
    """
    if name.strip().lower() == NONE:
        return None
    try:
        path = Path(name).expanduser()
    except RuntimeError:  # a user who is not there
        path = Path(name)
    candidates = [path] if path.is_absolute() or base is None else [path, base / path]
    if path.name == name:
        candidates += [folder() / name, folder() / f"{name}.tflite"]
    cause = "no such model file"
    for candidate in candidates:
        try:
            if candidate.is_file():
                return candidate
        except OSError as error:
            cause = f"cannot be read: {error.strerror}"
    known = ", ".join(shipped()) or "no model"
    raise refuse(name, cause, f"give its path, the name of a shipped one ({known}) or `none`")
