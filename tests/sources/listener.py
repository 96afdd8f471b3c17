"""Run as a program: records from a real microphone and tells what happens, one JSON line each.

Arguments: source, stall time-out in seconds, file for the samples, channel or null. Ends when stdin closes.
"""

import json
import sys
import threading
import time

import numpy as np

from emoedge.config import default_config
from emoedge.ops.backoff import Backoff
from emoedge.ops.clock import SystemClock
from emoedge.sources.microphone import Microphone


def tell(**what):
    print(json.dumps(what), flush=True)


def main():
    source, stall, file, channel = sys.argv[1:]
    config = default_config(overrides={
        "microphone.source": source, "microphone.stall_timeout": float(stall), "microphone.channel": json.loads(channel),
    })  # fmt: skip
    microphone = Microphone(config.microphone, SystemClock(), Backoff(0.1, 0.5))
    ending = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ending.set()), daemon=True).start()
    microphone.start()
    blocks = []
    told = None
    while not ending.is_set():
        blocks.extend(microphone.take())
        if (microphone.status, microphone.problem) != told:
            told = (microphone.status, microphone.problem)
            tell(status=told[0], problem=told[1])
        time.sleep(0.02)
    begun = time.monotonic()
    microphone.stop()
    tell(stopped=time.monotonic() - begun, status=microphone.status, counters=dict(microphone.counters))
    np.save(file, np.concatenate([b.samples for b in blocks]) if blocks else np.zeros(0, np.float32))


main()
