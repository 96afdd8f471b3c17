"""Known failures of the shipped models on the bundled clip: `tools/show_failures.py --output docs/pictures`.

The clip's calm face as a careless camera or detector would hand it over, and its plain sentence as another microphone,
room or voice would bring it, each with what the model says. Writes `face-failures.png` and `speech-failures.png`
(spectrograms) and prints a table. The clip's own media and terms: `emoedge/assets/README.md`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workbench import failures, plots
from workbench.command import told

from emoedge.judging.judge import load_model
from emoedge.threads import bound_threads


def main(arguments: list[str] | None = None) -> int:
    """Parse, judge, draw, print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--face", default="face", metavar="MODEL", help="a file, or the name of a shipped model")
    parser.add_argument("--speech", default="speech", metavar="MODEL")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the two pictures")
    given = parser.parse_args(arguments)
    bound_threads(1)
    return told(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    given.output.mkdir(parents=True, exist_ok=True)
    face, speech = load_model(given.face, "face"), load_model(given.speech, "speech")
    seen = [
        (name, crop, face.classify_image(crop, crop=True).opinion) for name, crop in failures.faces(failures.calm())
    ]
    heard = [
        (name, sound, speech.classify_sound(sound, failures.RATE).opinion)
        for name, sound in failures.voices(failures.sentence())
    ]
    print(failures.page([(name, opinion) for name, _, opinion in (*seen, *heard)]))
    plots.pictures([(f"{name}\n{failures.said(opinion)}", crop) for name, crop, opinion in seen],
                   given.output / "face-failures.png")  # fmt: skip
    plots.spectrograms([(f"{name}: {failures.said(opinion)}", sound) for name, sound, opinion in heard],
                       given.output / "speech-failures.png", rate=failures.RATE)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
