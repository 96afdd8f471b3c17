"""One measurement in a process of its own: `worker.py TASK ARGUMENT...` prints one line of JSON.

With PINNED=1 in the environment it keeps to one core and one thread; else everything is as it comes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP = 5
"""Frames, or blocks, before the measurement."""


def pin() -> None:
    """Keep this process to the last core, and libraries to one thread; before they are imported."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ["OMP_NUM_THREADS"] = "1"
    import cv2

    cv2.setNumThreads(0)


def film(contender: str, name: str, pack: str = "", take: str = "0") -> dict[str, Any]:
    """CPU milliseconds of every frame of a clip, and the account of what was found.

    `pack`: face pictures to cast from, `take`: which cast, and which part of the motions, half as long as a clip.
    """
    began = time.perf_counter()
    from workbench.bench.account import Account
    from workbench.bench.loops import make
    from workbench.clips import clip

    loop = make(contender)
    start = time.perf_counter() - began
    scene = clip(name)
    if pack:
        from dataclasses import replace

        from workbench.bench.crowd import cast

        frames = replace(scene, seconds=scene.seconds / 2).frames(cast(Path(pack), int(take)), int(take))
    else:
        frames = scene.frames()
    account, milliseconds, first = Account(), [], None
    for index, (at, picture, faces) in enumerate(frames):
        before = time.process_time()
        found = loop.look(picture, at)
        if index >= WARM_UP:
            milliseconds.append(1000 * (time.process_time() - before))
        account.add(found, faces)
        if first is None and account.hits:
            first = at
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"cpu_ms": milliseconds, "account": account.as_dict(), "first_s": first, "start_s": start, "rss_mb": peak}


def sound(kind: str) -> dict[str, Any]:
    """CPU milliseconds for each second of `voice` or `hush`."""
    from workbench.bench.sounds import BLOCK, blocks, hearing, sound_of

    pipeline = hearing()
    assert pipeline.hearing is not None
    seconds, spent, spoken = [], 0.0, 0
    for index, block in enumerate(blocks(sound_of(kind))):
        before = time.process_time()
        pipeline.audio(block)
        spent += time.process_time() - before
        spoken += pipeline.heard is not None and pipeline.heard.speaking
        if index % 50 == 49:
            seconds.append(1000 * spent)
            spent = 0.0
    counts = pipeline.hearing.counters
    return {"cpu_ms": seconds[1:], "spoken": spoken * BLOCK / 16000, "classified": counts["classified"]}


def stages(name: str) -> dict[str, Any]:
    """CPU milliseconds of each stage: for a frame of a clip, or for a second of `voice` or `hush`."""
    from workbench.bench.stages import Stopwatch

    if name in ("voice", "hush"):
        from workbench.bench.sounds import blocks, hearing, sound_of

        pipeline, samples = hearing(), sound_of(name)
        with Stopwatch() as watch:
            before = time.thread_time()
            for block in blocks(samples):
                pipeline.audio(block)
            total = time.thread_time() - before
        units = len(samples) / 16000
    else:
        from workbench.bench.loops import Whole
        from workbench.clips import clip

        loop, units, total = Whole(), 0.0, 0.0
        with Stopwatch() as watch:
            for at, picture, _ in clip(name).frames():
                before = time.thread_time()
                loop.look(picture, at)
                total += time.thread_time() - before
                units += 1
    told = {stage: 1000 * spent / units for stage, spent in watch.spent.items() if spent}
    return {"stages": {**told, "rest": 1000 * total / units - sum(told.values())}, "total": 1000 * total / units}


def live(kind: str, seconds: str, port: str, folder: str) -> dict[str, Any]:
    """The daemon's own loop on frames from memory in real time, against a real broker."""
    from workbench.bench.live import Live

    return Live(kind, int(port), Path(folder)).run(float(seconds))


def floors() -> dict[str, Any]:
    """What this core does at most, and the least that each stage asks of it."""
    from workbench.bench import floors

    return {"rates": floors.measured(), "work": floors.work()}


def publish(port: str, folder: str) -> dict[str, Any]:
    """CPU milliseconds of the whole process for an event, from the sink's door to the broker's acknowledgement."""
    from workbench.bench.live import publish

    return {"publish_ms": publish(int(port), Path(folder))}


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "film": film, "sound": sound, "stages": stages, "live": live, "floors": floors, "publish": publish,
}  # fmt: skip


if __name__ == "__main__":
    if os.environ.get("PINNED"):
        pin()
    if sys.argv[1:3] not in (["film", "naive"], ["film", "scan"]):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the program does, see emoedge.cli
    print(json.dumps(TASKS[sys.argv[1]](*sys.argv[2:])))
