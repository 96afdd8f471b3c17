"""Measure the voice gate: `python tools/evaluate_voice.py --data DATA/speech --json`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from workbench.voice_evaluation import clean_speech, discrimination, false_openings

from emoedge.audio.voice_net import read_layers
from emoedge.config.speech import SpeechConfig
from emoedge.errors import MediaError


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, measure, print; returns the exit code."""
    parser = argparse.ArgumentParser(description="Measure the voice gate on held-out speakers and noises.")
    parser.add_argument("--data", type=Path, required=True, metavar="PATH", help="folder with labels.csv and noise.csv")
    parser.add_argument("--weights", type=Path, metavar="F", help="weights to measure (default: the shipped ones)")
    parser.add_argument("--limit", type=int, default=150, metavar="N", help="clips of each data set (default 150)")
    parser.add_argument("--open", type=float, metavar="P", help="gate_open in place of the default")
    parser.add_argument("--close", type=float, metavar="P", help="gate_close in place of the default")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    given = parser.parse_args(arguments)
    asked = {"gate_open": given.open, "gate_close": given.close}
    config = SpeechConfig(**{key: value for key, value in asked.items() if value is not None})
    try:
        layers = read_layers(given.weights)
        figures: dict[str, object] = {
            **discrimination(given.data, layers, given.limit, (5.0, 0.0, 10.0)),
            "gate_open": config.gate_open,
            "gate_close": config.gate_close,
            **clean_speech(given.data, config, layers, given.limit),
            **false_openings(given.data, config, layers),
        }
    except (MediaError, OSError, KeyError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value:.4g}" if isinstance(value, float) else f"{name:32} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
