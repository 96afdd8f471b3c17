"""The daemon: starts the senses and the outputs, runs the pipeline between them, stops all of it again."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Protocol

from emoedge.fusion.mind import CAMERA, MICROPHONE
from emoedge.messages import Mode, SensorStatus

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

    from emoedge.messages import Event, Frame
    from emoedge.ops.health import HealthMeter
    from emoedge.pipeline import Pipeline
    from emoedge.ports import AudioSource, Clock, FrameSource, Sink

log = logging.getLogger(__name__)

TAKE_TIMEOUT = 0.05
"""Seconds: how long a round waits for a new frame; sound is then at most this old when it is heard."""

HOUSEKEEPING = 0.25
"""Seconds between looks at the sensors, and between states handed to the outputs."""

HEALTH_INTERVAL = 30.0
"""Seconds between health reports; a change of a sensor's status sends one at once."""


class Operator(Protocol):
    """An output that operators read: it also takes health and sensor status."""

    def health(self, report: Mapping[str, object]) -> None:
        """Take the device's health."""
        ...

    def sensor(self, name: str, status: SensorStatus) -> None:
        """Take the status of `camera` or `mic`."""
        ...


class App:
    """One run of the daemon.

    `camera` and `microphone` are None where the config says `none`. `operators` are told health and sensor
    status, `sinks` events and state; an output may be both.
    """

    def __init__(self, *, pipeline: Pipeline, clock: Clock, camera: FrameSource | None, microphone: AudioSource | None,
                 sinks: Sequence[Sink], operators: Sequence[Operator], meter: HealthMeter) -> None:  # fmt: skip
        self._pipeline = pipeline
        self._clock = clock
        self._camera = camera
        self._microphone = microphone
        self._sinks = sinks
        self._operators = operators
        self._meter = meter
        self._paused = False
        self._statuses: dict[str, SensorStatus] = {}
        self._housekept = self._reported = float("-inf")

    def run(self, stop: threading.Event, *, until_ended: bool = False) -> None:
        """Work until `stop` is set, or with `until_ended` until every file that is played has ended."""
        for sink in self._sinks:
            sink.start()
        self._start_sources()
        try:
            while not stop.is_set() and not (until_ended and self._ended()):
                self._round(stop)
        finally:
            self._close()

    def pause(self, *, paused: bool) -> None:
        """Close both devices, not only the output, or open them again. Call it from the loop's own thread."""
        if paused == self._paused:
            return
        self._paused = paused
        self._tell(self._pipeline.mind.pause(self._clock.monotonic(), paused=paused))
        if paused:
            self._stop_sources()
        else:
            self._start_sources()
        self._housekept = float("-inf")

    @property
    def paused(self) -> bool:
        """Whether both devices are closed on request."""
        return self._paused

    def _round(self, stop: threading.Event) -> None:
        frame = None
        if self._camera is not None and not self._paused:
            frame = self._camera.take(TAKE_TIMEOUT)
        else:
            stop.wait(TAKE_TIMEOUT)
        if self._microphone is not None and not self._paused:
            for block in self._microphone.take():
                if frame is not None and frame.at <= block.at:
                    self._look(frame)
                    frame = None
                self._tell(self._pipeline.audio(block))
        if frame is not None:
            self._look(frame)
        now = self._clock.monotonic()
        if now - self._housekept >= HOUSEKEEPING:
            self._housekept = now
            self._keep_house(now)

    def _look(self, frame: Frame) -> None:
        before = time.perf_counter()
        seen = self._pipeline.seen
        events = self._pipeline.frame(frame)
        if self._pipeline.seen is not seen:
            self._meter.frame(at=frame.at, took_ms=(time.perf_counter() - before) * 1000)
        self._tell(events)

    def _keep_house(self, now: float) -> None:
        self._tell(self._pipeline.tick(now))
        changed = False
        for name, source in ((CAMERA, self._camera), (MICROPHONE, self._microphone)):
            status = SensorStatus.DISABLED if source is None or self._paused else source.status
            if self._statuses.get(name) is status:
                continue
            changed = True
            self._statuses[name] = status
            problem = None if source is None or self._paused else source.problem
            self._tell(self._pipeline.sensor(name, status, now, problem))
            for operator in self._operators:
                operator.sensor(name, status)
        state = self._pipeline.state(now)
        for sink in self._sinks:
            sink.state(state)
        if changed or now - self._reported >= HEALTH_INTERVAL:
            self._reported = now
            self._report(now, state.mode)

    def _report(self, now: float, mode: Mode) -> None:
        counters = {
            name: dict(source.counters)
            for name, source in ((CAMERA, self._camera), (MICROPHONE, self._microphone))
            if source is not None
        }
        problems = {
            name: source.problem
            for name, source in ((CAMERA, self._camera), (MICROPHONE, self._microphone))
            if source is not None and source.problem
        }
        report = self._meter.report(now, mode=mode, sensors=self._statuses, counters=counters, problems=problems)
        for operator in self._operators:
            operator.health(report)

    def _tell(self, events: Sequence[Event]) -> None:
        for event in events:
            log.debug("%s %s", event.type, event.subject or "")
            for sink in self._sinks:
                sink.event(event)

    def _ended(self) -> bool:
        return all(source.ended for source in (self._camera, self._microphone) if source is not None)

    def _start_sources(self) -> None:
        for source in (self._camera, self._microphone):
            if source is not None:
                source.start()

    def _stop_sources(self) -> None:
        for source in (self._camera, self._microphone):
            if source is not None:
                source.stop()

    def _close(self) -> None:
        now = self._clock.monotonic()
        self._tell(self._pipeline.finish(now))
        self._stop_sources()
        for sink in self._sinks:
            sink.stop()
