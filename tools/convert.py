"""Convert Keras models for emoedge: `convert`, and `inspect`, `verify`, `bench` what came out of it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the train environment has no emoedge installed

from workbench.conversion.command import main

if __name__ == "__main__":
    sys.exit(main())
