"""Hours of film and sound through the whole pipeline on a virtual clock, payloads and outbox included."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.config import default_config
from emoedge.messages import SAMPLE_RATE, AudioBlock, Frame, SensorStatus
from emoedge.ops.clock import ManualClock
from emoedge.ops.health import INTERVAL, HealthMeter, read_rss
from emoedge.outputs import payloads
from emoedge.outputs.outbox import Outbox
from emoedge.outputs.pacing import StatePacer
from emoedge.outputs.stamp import Stamp
from emoedge.pipeline import build_pipeline, load_models
from emoedge.sources.replay import BLOCK, film, merge, sound
from emoedge.threads import bound_threads
from workbench.soak_gauge import Gauge

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from emoedge.messages import Event

FRAME_RATE = 15.0
"""Hertz, of the clip."""

OUTAGE_EVERY, OUTAGE = 3600.0, 600.0
"""Virtual seconds: every hour the broker is away for ten minutes."""

HOUSEKEEPING = 0.25
"""Virtual seconds between two states, as in the daemon."""

SAMPLE_EVERY = 60.0
"""Virtual seconds between two samples."""

NOISE = 3e-4
"""Amplitude of a quiet room, full scale 1."""


class Recording:
    """The clip, then an empty room, and again, for ever; opened anew each time, as a daemon would."""

    def __init__(self, period: float) -> None:
        assets = Path(str(resources.files("emoedge") / "assets"))
        self._film, self._sound = str(assets / "demo.mp4"), str(assets / "demo.wav")
        self._config = default_config("demo")
        self._period = period
        self._random = np.random.default_rng(1)
        self.index = 0
        self.clips = 0

    def play(self) -> Iterator[Frame | AudioBlock]:
        """Everything in the order of its time, without an end."""
        while True:
            begin = self.clips * self._period
            room, last = None, 0.0
            streams = merge(film(self._film, self._config.camera), sound(self._sound, self._config.microphone))
            for item in streams:
                last = item.at
                if isinstance(item, Frame):
                    room = item.image if room is None else room  # the clip begins with an empty room
                    yield self._numbered(replace(item, at=begin + item.at))
                else:
                    yield replace(item, at=begin + item.at)
            assert room is not None
            yield from merge(self._still(room, begin, last), self._quiet(begin, last))
            self.clips += 1

    def _still(self, room: Any, begin: float, last: float) -> Iterator[Frame]:
        for number in range(1, int((self._period - last) * FRAME_RATE)):
            yield self._numbered(Frame(room, begin + last + number / FRAME_RATE, 0))

    def _quiet(self, begin: float, last: float) -> Iterator[AudioBlock]:
        size = round(BLOCK * SAMPLE_RATE)
        for number in range(1, int((self._period - last) / BLOCK)):
            noise = self._random.normal(0.0, NOISE, size).astype(np.float32)
            yield AudioBlock(noise, begin + last + number * BLOCK)

    def _numbered(self, frame: Frame) -> Frame:
        self.index += 1
        return replace(frame, index=self.index)


class Speaker:
    """Makes every payload that the daemon would, and a broker that is sometimes away."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self._clock = clock
        self._stamp = Stamp(clock, "50a450a4")
        self._pacer = StatePacer()
        self._outbox = Outbox(clock, folder)
        self._outbox.start()
        self._delivered = 0
        self.counts = {"events": 0, "emotion": 0, "health": 0}
        self.longest_queue = 0

    def event(self, event: Event) -> None:
        """Store an event for delivery."""
        self.counts["events"] += 1
        self._outbox.put(payloads.event(self._stamp.envelope("event", event.at), event))

    def emotion(self, state: Any, now: float) -> None:
        """Tell a state when it is due."""
        self._pacer.offer(state, now)
        due = self._pacer.take(now)
        if due is not None:
            self.counts["emotion"] += 1
            payloads.encode(payloads.emotion(self._stamp.envelope("emotion"), due))

    def health(self, report: Any) -> None:
        """Tell how it fares."""
        self.counts["health"] += 1
        payloads.encode(payloads.health(self._stamp.envelope("health"), report.as_dict()))

    def deliver(self, now: float) -> None:
        """Let the broker acknowledge what waits, unless it is away."""
        self.longest_queue = max(self.longest_queue, len(self._outbox))
        if now % OUTAGE_EVERY >= OUTAGE_EVERY - OUTAGE:
            return
        for row in self._outbox.after(0, 100):
            self._outbox.delete(row.id)
            self._delivered += 1

    def finish(self) -> dict[str, int]:
        """Deliver the rest and close; what was told."""
        deadline = time.monotonic() + 30
        while len(self._outbox) and time.monotonic() < deadline:
            self.deliver(0.0)
            time.sleep(0.05)
        waiting = len(self._outbox)
        self._outbox.stop()
        return {
            **self.counts, "delivered": self._delivered, "undelivered": waiting,
            "dropped": self._outbox.dropped, "longest_queue": self.longest_queue,
        }  # fmt: skip


def run(hours: float, period: float, folder: Path, stop: threading.Event) -> dict[str, Any]:
    """Play `hours` on the virtual clock, the clip once in `period` seconds; what was measured, also after `stop`.

    `folder`: of the outbox. RSS, files and threads are those of this process, sampled in empty stretches.
    """
    bound_threads(1)
    config = default_config("demo")
    pipeline = build_pipeline(config, load_models(config))
    clock = ManualClock(wall=datetime(2026, 1, 1, tzinfo=UTC))
    speaker, gauge, meter = Speaker(folder, clock), Gauge(), HealthMeter(0.0)
    recording = Recording(period)
    for name in ("camera", "mic"):
        pipeline.sensor(name, SensorStatus.ONLINE, 0.0)
    now = housekept = reported = sampled = 0.0
    end, began = hours * 3600.0, time.monotonic()
    for item in recording.play():
        now = max(clock.monotonic(), item.at)
        clock.set(now)
        before = time.perf_counter()
        if isinstance(item, Frame):
            events = pipeline.frame(item)
            meter.took(HealthMeter.FRAME, time.perf_counter() - before, now)
        else:
            events = pipeline.audio(item)
            meter.took("speech", time.perf_counter() - before, now)
        for event in events:
            speaker.event(event)
        if now - housekept < HOUSEKEEPING:
            continue
        housekept = now
        speaker.emotion(pipeline.state(now), now)
        speaker.deliver(now)
        if now - reported >= INTERVAL:
            reported = now
            online = {"camera": "online", "mic": "online"}
            speaker.health(meter.report(now, sensors=online, drops={}, queue=0, rss=read_rss()))
        if now - sampled >= SAMPLE_EVERY and now % period > period / 2:
            sampled = now
            gauge.sample(now)
            print(f"{now / 3600:.2f} h, {read_rss():.1f} MB", file=sys.stderr, flush=True)
        if now >= end or stop.is_set():
            break
    for event in pipeline.finish(now):
        speaker.event(event)
    took = time.monotonic() - began
    return {
        "virtual_hours": round(now / 3600, 2), "took_s": round(took, 1),
        "frames": recording.index, "clips": recording.clips,
        **speaker.finish(), **gauge.report(),
    }  # fmt: skip
