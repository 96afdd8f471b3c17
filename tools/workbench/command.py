"""What the commands that measure share: exit codes, and settings given on the command line."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

import yaml

from emoedge.errors import EmoedgeError, MediaError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable


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


def override(text: str) -> tuple[str, Any]:
    """`KEY=VALUE` of `--set`, the value read as the configuration would read it."""
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: expected KEY=VALUE")
    return key.strip(), yaml.safe_load(value)
