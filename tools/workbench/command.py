"""What the commands that measure share: exit codes, models by name, and settings given on the command line."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

import yaml

from emoedge.errors import EmoedgeError, MediaError, ModelError
from emoedge.inference.shipped import resolve
from workbench.data import layout
from workbench.data.sources import named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emoedge.messages import Modality
    from workbench.data.sources import Sources


def told(measure: Callable[[], object]) -> int:
    """Measure, and say in one line what stands in the way: 0, 78 for a model, 65 for media, 2 for all else."""
    try:
        measure()
    except ModelError as error:
        print(str(error), file=sys.stderr)
        return 78
    except MediaError as error:
        print(str(error), file=sys.stderr)
        return 65
    except (EmoedgeError, ValueError, OSError) as error:
        print(f"cannot evaluate: {error}", file=sys.stderr)
        return 2
    return 0


def model_file(name: Path) -> Path:
    """File that a MODEL argument means, a path or the name of a shipped model; ModelError where there is none."""
    path = resolve(str(name))
    if path is None:
        raise ModelError(f"{name}: no model; give a .tflite file or the name of a shipped one")
    return path


def check_sense(data: Sources, sense: Modality, what: str) -> None:
    """Raise MediaError where the data are not for `sense`, as `what` is, or of no known layout."""
    found = layout.modality(data)
    if found is not sense:
        raise MediaError(f"{named(data)}: {found} data, but {what} is for {sense}")


def override(text: str) -> tuple[str, Any]:
    """`KEY=VALUE` of `--set`, the value read as the configuration would read it."""
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: expected KEY=VALUE")
    return key.strip(), yaml.safe_load(value)
