"""Instruction counts by callgrind: the same on a busy machine and an idle one.

`counts.py KIND...` is run under valgrind by `count` and measures each kind: a clip, `voice`, `hush`, `naive`, or a
clip with `+` and the name of a slow-down that is made on purpose. Valgrind shows every program the same processor
(AVX2 at most), so that counts of two machines compare.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 1800.0
"""Seconds: valgrind runs a program fifty times slower, and the machine may be busy."""

WARM_UP, FRAMES, NAIVE_FRAMES = 10, 30, 3
"""Frames before the count starts, frames counted, and those of the naive loop, which cost most."""

TOP = 6
"""Functions that are told of each kind."""


def count(*kinds: str) -> dict[str, dict[str, Any]]:
    """`instructions` of each kind for a frame or a second of sound, and the share of its `functions`.

    Raises RuntimeError where valgrind is missing or fails.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None or shutil.which("callgrind_control") is None:
        raise RuntimeError("valgrind is not installed")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "out"
        command = [
            valgrind, "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={file}", sys.executable,
            __file__, *kinds,
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False, cwd=name
        )
        if done.returncode:
            raise RuntimeError(f"valgrind: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
        dumps = [Path(f"{file}.{number}") for number in range(1, len(kinds) + 2)]
        toggling = _total(dumps[0])  # the first dump holds nothing but switching on and off
        told = {}
        for kind, dump in zip(kinds, dumps[1:], strict=True):
            total = _total(dump) - toggling
            told[kind] = {"instructions": total / _units(kind), "functions": _functions(dump, total)}
        return told


def _units(kind: str) -> int:
    return {"naive": NAIVE_FRAMES, "voice": SECONDS, "hush": SECONDS}.get(kind, FRAMES)


SECONDS = 4
"""Of sound."""


def _total(dump: Path) -> int:
    found = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{dump.name}: no total in it")
    return int(found[1])


def _functions(dump: Path, total: int) -> dict[str, float]:
    """Own share of the most expensive functions, 0..1."""
    done = subprocess.run(["callgrind_annotate", str(dump)], capture_output=True, text=True, check=False)
    rows = re.findall(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+\S*?:(.+?) \[(.+)\]", done.stdout, re.MULTILINE)
    shares: dict[str, float] = {}
    for own, function, library in rows[:TOP]:
        name = f"{function.split('(')[0].strip()} ({Path(library).name.split('.')[0]})"
        shares[name] = shares.get(name, 0.0) + int(own.replace(",", "")) / total
    return shares


# What runs under valgrind.


def _slow(what: str) -> None:
    """Make the hot path dearer: `more` lets the detector look twice."""
    from emoedge.vision.haar import HaarDetector

    if what != "more":
        raise ValueError(f"{what}: no such slow-down")
    once = HaarDetector.detect

    def more(self: HaarDetector, gray: Any, **options: Any) -> Any:
        once(self, gray, **options)
        return once(self, gray, **options)

    HaarDetector.detect = more  # type: ignore[method-assign]


def _film(kind: str) -> Callable[[], None]:
    """A loop that has seen WARM_UP frames, ready to see those that count."""
    from workbench.bench.loops import make
    from workbench.clips import clip

    loop = make("naive" if kind == "naive" else "emoedge")
    frames = clip("moving" if kind == "naive" else kind).frames()
    number = NAIVE_FRAMES if kind == "naive" else FRAMES
    warm = 1 if kind == "naive" else WARM_UP
    shown = [(at, picture) for (at, picture, _), _ in zip(frames, range(warm + number), strict=False)]
    for at, picture in shown[:warm]:
        loop.look(picture, at)

    def play() -> None:
        for at, picture in shown[warm:]:
            loop.look(picture, at)

    return play


def _sound(kind: str) -> Callable[[], None]:
    from workbench.bench import sounds

    pipeline = sounds.hearing()
    blocks = list(sounds.blocks(sounds.sound_of(kind)[: (2 + SECONDS) * 16000]))
    warm = len(blocks) * 2 // (2 + SECONDS)
    for block in blocks[:warm]:
        pipeline.audio(block)

    def play() -> None:
        for block in blocks[warm:]:
            pipeline.audio(block)

    return play


def _control(*arguments: str) -> None:
    subprocess.run(["callgrind_control", *arguments, str(os.getpid())], stdout=subprocess.DEVNULL, check=True)


def _measure(play: Callable[[], None]) -> None:
    _control("-i", "on")
    _control("-z")
    play()
    _control("-d")
    _control("-i", "off")


def main() -> None:
    """Count nothing once, then each kind."""
    import cv2

    cv2.setNumThreads(0)
    _measure(lambda: None)
    for kind in sys.argv[1:]:
        name, _, slower = kind.partition("+")
        if slower:
            _slow(slower)
        _measure(_sound(name) if name in ("voice", "hush") else _film(name))


if __name__ == "__main__":
    main()
