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
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

WARM_UP = 5
"""Frames, or blocks, before the measurement."""

BLOCK = 320
"""Samples of one audio block, 20 ms."""


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


def voice() -> NDArray[np.float32]:
    """The bundled phrase, again and again until 20 s are full, without the clip's pauses."""
    import numpy as np

    from emoedge.config.microphone import MicrophoneConfig
    from emoedge.sources.replay import sound

    path = Path(__file__).resolve().parents[3] / "emoedge/assets/demo.wav"
    samples = np.concatenate([block.samples for block in sound(str(path), MicrophoneConfig())])
    loud = np.flatnonzero(np.abs(samples) > 0.05 * np.abs(samples).max())
    phrase = samples[loud[0] : loud[-1]]
    return np.tile(phrase, 1 + 20 * 16000 // len(phrase))[: 20 * 16000].astype(np.float32)


def hush() -> NDArray[np.float32]:
    """20 s of a quiet room: noise at -60 dBFS."""
    import numpy as np

    return np.random.default_rng(0).normal(0, 1e-3, 20 * 16000).astype(np.float32)


def hearing() -> Any:
    """The pipeline with ears alone."""
    from emoedge.config import default_config
    from emoedge.pipeline import build_pipeline, load_models
    from emoedge.threads import bound_threads

    config = default_config("demo")
    bound_threads(config.models.threads)
    return build_pipeline(config, load_models(config, camera=False), camera=False)


def blocks(samples: NDArray[np.float32]) -> Iterator[Any]:
    """Samples as a microphone gives them, in blocks of 20 ms."""
    from emoedge.messages import AudioBlock

    for start in range(0, len(samples), BLOCK):
        part = samples[start : start + BLOCK]
        yield AudioBlock(part, (start + len(part)) / 16000)


def sound(kind: str) -> dict[str, Any]:
    """CPU milliseconds for each second of `voice` or `hush`."""
    pipeline = hearing()
    samples = voice() if kind == "voice" else hush()
    seconds, spent, spoken = [], 0.0, 0
    for index, block in enumerate(blocks(samples)):
        before = time.process_time()
        pipeline.audio(block)
        spent += time.process_time() - before
        spoken += bool(pipeline.heard.speaking)
        if index % 50 == 49:
            seconds.append(1000 * spent)
            spent = 0.0
    counts = pipeline.hearing.counters
    return {"cpu_ms": seconds[1:], "spoken": spoken * BLOCK / 16000, "classified": counts["classified"]}


def stages(name: str) -> dict[str, Any]:
    """CPU milliseconds of each stage: for a frame of a clip, or for a second of `voice` or `hush`."""
    from workbench.bench.stages import Stopwatch

    if name in ("voice", "hush"):
        pipeline, samples = hearing(), voice() if name == "voice" else hush()
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
