"""Run as a program: watches a camera and tells what happens, one JSON line each.

Arguments: overrides of the configuration as JSON. Ends when stdin closes.
"""

import json
import sys
import threading
import time

from emoedge.config import default_config
from emoedge.ops.backoff import Backoff
from emoedge.ops.clock import SystemClock
from emoedge.sources.camera import Camera


def tell(**what):
    print(json.dumps(what), flush=True)


def main():
    config = default_config(overrides=json.loads(sys.argv[1]))
    camera = Camera(config.camera, SystemClock(), Backoff(0.1, 0.5))
    ending = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ending.set()), daemon=True).start()
    camera.start()
    told = None
    shape = ()
    levels = set()
    while not ending.is_set():
        frame = camera.take(0.05)
        if frame is not None:
            shape = frame.image.shape
            levels.add(round(float(frame.image.mean())))
        if (camera.status, camera.problem) != told:
            told = (camera.status, camera.problem)
            tell(status=told[0], problem=told[1])
    begun = time.monotonic()
    camera.stop()
    tell(
        status=camera.status, stopped=time.monotonic() - begun, shape=shape, levels=sorted(levels),
        counters=dict(camera.counters),
    )  # fmt: skip


main()
