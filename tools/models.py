#!/usr/bin/env python3
"""Trains, converts and measures every model that emoedge ships: `tools/models.py --data DIR` (`make models`).

DIR holds `fer2013.npz` and the folder `speech`. All of it takes two hours on two cores with bfloat16, six without, less
with a GPU, and goes on where it stood when it is started again. The files land in OUTPUT; `--install` copies them over
the shipped ones. The last table sets their figures beside those of the files that were shipped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "models" / "tflite"
NETS = {"voice_net.npz": ROOT / "emoedge" / "audio", "likeness.npz": ROOT / "emoedge" / "vision"}
"""What is shipped as bare weights, and where."""
LABELS = "angry,disgust,fear,happy,sad,surprise,neutral"
GATE_FAILED = 3
"""Exit status of `tools/convert.py`."""
FACE_FRONT_END = "face_gray:size=48"
TERMS = "research and private, non-commercial use only"
FACES_LEARNED = "FER2013 Training split, original labels and FERPlus votes"
VOICES_LEARNED = (
    "RAVDESS actors 1-14, TESS, nEMO, URDU; front end also unlabelled speech of Asterisk, Fish Fillets NG, "
    "The Ur-Quan Masters"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One program of `tools/` to run; `{data}` and `{out}` stand for the folders, `$(FILE)` for what a file says."""

    name: str
    words: str
    resumable: bool = False
    threads: bool = False
    """Whether it takes a number of them."""
    gate: bool = False
    """Exit status 3, a parity gate that was not passed, does not end the run."""
    net: str = ""
    """Of NETS, which shipped one it works with: with another it is another step."""

    def command(self, data: Path, out: Path) -> list[str]:
        """Words to run it with."""
        words = [word.format(data=data, out=out) for word in shlex.split(self.words)]
        words = [_told(Path(word[2:-1])) if word.startswith("$(") else word for word in words]
        resumed = ["--resume"] if self.resumable else []
        return [sys.executable, str(ROOT / "tools" / words[0]), *words[1:], *resumed]

    @property
    def output(self) -> str:
        """What it makes, with `{out}`; empty where it writes into what an earlier one made."""
        return self.words.partition("--output ")[2].partition(" ")[0]

    @property
    def mark(self) -> str:
        """What makes it this step: its words, and the net that it works with."""
        if not self.net:
            return self.words
        return f"{self.words} {hashlib.sha256((NETS[self.net] / self.net).read_bytes()).hexdigest()}"

    def stamp(self, out: Path) -> Path:
        """File that tells by which mark it was done."""
        return out / f".{self.name.replace(' ', '-').replace(',', '')}.done"


def _told(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _converted(name: str, head: str) -> str:
    return (
        f"convert.py convert {{out}}/face-settled/{head}.keras --modality face --labels {LABELS} "
        f"--front-end {FACE_FRONT_END} --calibrate {{out}}/face-settled/{head}-held-out.npz --prior data "
        f"--name {name} --trained-on '{FACES_LEARNED}' --licence '{TERMS}; see models/tflite/{name}.md' "
        f"--output {{out}}/{name}.tflite"
    )


FACES = "train.py --modality face --data {data}/fer2013.npz --variant"
STEPS: Sequence[Step] = (
    Step("face", f"{FACES} wide --output {{out}}/face", resumable=True, threads=True),
    Step("face, settled", f"{FACES} settle --start {{out}}/face --output {{out}}/face-settled", resumable=True,
         threads=True),
    Step("face.tflite", _converted("face", "face-ferplus"), gate=True),
    Step("face.tflite, abstention", "evaluate.py {out}/face.tflite --data {out}/face-settled/face-ferplus-held-out.npz "
         "--split 0 --fit-abstention 0.93"),
    Step("face.tflite, reliability", "evaluate_fusion.py reliability {out}/face.tflite --data {data}/fer2013.npz "
         "--write"),
    Step("face-fer2013.tflite", _converted("face-fer2013", "face-fer2013"), gate=True),
    Step("face-fer2013.tflite, reliability", "evaluate_fusion.py reliability {out}/face-fer2013.tflite "
         "--target original --data {data}/fer2013.npz --write"),
    Step("voice gate", "train_voice.py --data {data}/speech --output {out}/voice_net.npz", threads=True),
    Step("speech, embedding", "train.py --modality speech-embedding --data {data}/speech "
         "--output {out}/speech-embedding", resumable=True, threads=True, net="voice_net.npz"),
    Step("speech", "train.py --modality speech --data {data}/speech --start {out}/speech-embedding "
         "--output {out}/speech", resumable=True, threads=True, net="voice_net.npz"),
    Step("speech.tflite", "convert.py convert {out}/speech/speech.keras --modality speech "
         "--labels $({out}/speech/labels.txt) --dimensions $({out}/speech/dimensions.txt) "
         "--front-end $({out}/speech/front_end.txt) --front-end-weights {out}/speech/front_end.npz "
         "--calibrate {data}/speech "
         f"--samples 250 --output-kind logits --reliability 0.41 --name speech --trained-on '{VOICES_LEARNED}' "
         f"--licence '{TERMS}; see models/tflite/speech.md' --output {{out}}/speech.tflite", gate=True),
    Step("likeness", "train_likeness.py --data {data}/fer2013.npz --output {out}/likeness.npz"),
)  # fmt: skip

FIGURES = {
    "face.tflite": "--data {data}/fer2013.npz --split 1 --target ferplus",
    "face-fer2013.tflite": "--data {data}/fer2013.npz --split 1 --target original",
    "speech.tflite": "--data {data}/speech --dataset ravdess --speakers Actor_17,Actor_18,Actor_19,Actor_20",
}
"""What `tools/evaluate.py` is asked of each file."""


def main(arguments: list[str] | None = None) -> int:
    """Run what is not done yet; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--output", type=Path, default=ROOT / "runs" / "models", metavar="OUTPUT")
    parser.add_argument("--threads", type=int, default=2, metavar="N")
    parser.add_argument("--install", action="store_true", help="copy the files over the shipped ones at the end")
    parser.add_argument("--list", action="store_true", help="print the commands and run nothing")
    given = parser.parse_args(arguments)
    if given.list:
        for step in STEPS:
            print(f"{step.name}:\n    {' '.join(['tools/' + step.words.format(data=given.data, out=given.output)])}")
        return 0
    missing = [name for name in ("fer2013.npz", "speech/labels.csv") if not (given.data / name).exists()]
    if missing:
        print(f"{given.data} lacks {', '.join(missing)}", file=sys.stderr)
        return 2
    given.output.mkdir(parents=True, exist_ok=True)
    for number, step in enumerate(STEPS):
        try:
            _do(step, f"{number + 1}/{len(STEPS)}", given)
            if given.install and (net := Path(step.output).name) in NETS:
                # At once: the speech model is taught by what the shipped voice gate hears.
                shutil.copyfile(given.output / net, NETS[net] / net)
        except subprocess.CalledProcessError as error:
            print(f"{step.name} ended with {error.returncode}; start again to go on from there", file=sys.stderr)
            return 1
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
    _compare(given)
    if given.install:
        for name in FIGURES:
            shutil.copyfile(given.output / name, SHIPPED / name)
    return 0


def _do(step: Step, place: str, given: argparse.Namespace) -> None:
    stamp = step.stamp(given.output)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == step.mark:
        print(f"== {place} {step.name}: done before", flush=True)
        return
    later = _built_on(step)
    # What would go on with a run that began with other words, or on top of another network.
    stale = [each for each in (step, *later) if each.resumable and each.stamp(given.output).exists()]
    if stale:
        paths = " ".join(f"{each.output.format(out=given.output)} {each.stamp(given.output)}" for each in stale)
        raise ValueError(f"{step.name} is to be made anew; remove what the old one left first: {paths}")
    for each in later:
        each.stamp(given.output).unlink(missing_ok=True)
    command = step.command(given.data, given.output)
    if step.threads:
        command += ["--threads", str(given.threads)]
    print(f"== {place} {step.name}", flush=True)
    began = time.monotonic()
    ended = subprocess.run(command, check=False).returncode
    if ended and not (step.gate and ended == GATE_FAILED):
        raise subprocess.CalledProcessError(ended, command)
    stamp.write_text(step.mark, encoding="utf-8")
    print(f"== {place} {step.name}: {(time.monotonic() - began) / 60:.0f} minutes", flush=True)


def _built_on(step: Step) -> list[Step]:
    """Later steps that read or change what this one makes, or what one of them makes."""
    outputs, found = [step.output], []
    for later in STEPS[STEPS.index(step) + 1 :]:
        if any(output and output in later.words for output in outputs):
            found.append(later)
            outputs.append(later.output)
    return found


def _compare(given: argparse.Namespace) -> None:
    """Print the figures of the new files beside those of the shipped ones."""
    print("\n| file | accuracy, new | shipped | mean recall, new | shipped | macro-F1, new | shipped |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, words in FIGURES.items():
        new, old = (_figures(folder / name, words, given.data) for folder in (given.output, SHIPPED))
        cells = [f"{100 * new[key]:.1f} % | {100 * old[key]:.1f} %" for key in ("accuracy", "uar")]
        print(f"| {name} | {' | '.join(cells)} | {new['macro_f1']:.3f} | {old['macro_f1']:.3f} |", flush=True)


def _figures(path: Path, words: str, data: Path) -> dict[str, float]:
    asked = [word.format(data=data) for word in words.split()]
    command = [sys.executable, str(ROOT / "tools" / "evaluate.py"), str(path), *asked, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


if __name__ == "__main__":
    sys.exit(main())
