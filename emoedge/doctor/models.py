"""Stage `models`: whether they load and give the outputs that their files promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoedge.doctor.finding import failed, passed
from emoedge.errors import ConfigError, ModelError
from emoedge.sources.address import is_none

if TYPE_CHECKING:
    from pathlib import Path

    from emoedge.config import Config
    from emoedge.doctor.finding import Finding

STAGE = "models"


def check(config: Config, base: Path) -> list[Finding]:
    """Load each model that a sense feeds; loading compares its golden vectors. `base`: the config file's folder."""
    from emoedge.inference.model import load_model  # noqa: PLC0415 - loads an interpreter
    from emoedge.inference.shipped import resolve  # noqa: PLC0415
    from emoedge.pipeline import check_speech  # noqa: PLC0415

    found = []
    for kind, name, source in (
        ("face", config.models.face, config.camera.source),
        ("speech", config.models.speech, config.microphone.source),
    ):
        if is_none(source):
            found.append(passed(STAGE, f"{kind}: not loaded, nothing feeds it"))
            continue
        try:
            file = resolve(name, base)
            if file is None:
                found.append(passed(STAGE, f"{kind}: none"))
                continue
            model = load_model(file, kind, config.models.threads)
            if kind == "speech":
                check_speech(config, model)
        except ConfigError as error:
            found.append(failed(STAGE, str(error), "`emoedge check` says the same; `run` would not start", 78))
            continue
        except ModelError as error:
            found.append(failed(STAGE, f"models.{kind}: {error}", "name another file there, or none", 78))
            continue
        info = model.info
        found.append(passed(STAGE, f"{kind}: {info.name} {info.version}, {info.dtype}, golden vectors agree"))
    return found
