"""The daemon: starts the senses and the outputs, runs the pipeline between them, stops all of it again."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from emoedge.fusion.mind import CAMERA, MICROPHONE
from emoedge.fusion.subject import face_name
from emoedge.messages import Modality, SensorStatus
from emoedge.ops.attendant import Attendant
from emoedge.ops.health import INTERVAL, HealthMeter, read_rss, read_temperature
from emoedge.ops.thermal import FULL
from emoedge.ops.watchdog import Pulse

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from emoedge.aggregates.aggregator import Aggregator
    from emoedge.messages import AudioBlock, Event, Frame
    from emoedge.ops.governor import Governor
    from emoedge.ops.health import HealthReport
    from emoedge.outputs.jsonl import JsonlSink
    from emoedge.outputs.mqtt import MqttSink
    from emoedge.panel import Panel
    from emoedge.pipeline import Pipeline
    from emoedge.ports import AudioSource, Clock, FrameSource, Sink

log = logging.getLogger(__name__)

TAKE_TIMEOUT = 0.05
"""Seconds: how long a round waits for a new frame; sound is then at most this old when it is heard."""

HOUSEKEEPING = 0.25
"""Seconds between looks at the sensors, and between states handed to the outputs."""

DROPPED = ("dropped", "invalid", "clipped", "reopened")
"""Counters of a source that `health` tells under `drops`."""

STANDSTILL = 75.0
"""Seconds without progress that are a defect; above the longest `stall_timeout`, which declares a loss."""

SPEECH = "speech"
"""The stage of `health` that a round's sound counts under."""


class App:
    """One run of the daemon.

    `camera` and `microphone` are None where the config says `none`. `sinks` are told events and state;
    `mqtt`, one of them, is also told health and sensor status. `lines`, another one, counts in health. `panel` is
    where orders from outside lie. `governor` sets the pace; without one nothing slows down. `aggregator` counts
    people for `mqtt`; None where nobody asks. `discreet`: nobody is named in the log.
    """

    def __init__(self, *, pipeline: Pipeline, clock: Clock, camera: FrameSource | None, microphone: AudioSource | None,
                 sinks: Sequence[Sink], mqtt: MqttSink | None, meter: HealthMeter,
                 panel: Panel | None = None, governor: Governor | None = None,
                 aggregator: Aggregator | None = None, lines: JsonlSink | None = None,
                 discreet: bool = False) -> None:  # fmt: skip
        self._pipeline = pipeline
        self._clock = clock
        self._camera = camera
        self._microphone = microphone
        self._sinks = sinks
        self._mqtt = mqtt
        self._meter = meter
        self._panel = panel
        self._attendant = Attendant(clock)
        self._governor = governor
        self._aggregator = aggregator
        self._lines = lines
        self._discreet = discreet
        self._paused = False
        self._statuses: dict[str, SensorStatus] = {}
        self._told: HealthReport | None = None
        self._housekept = self._reported = float("-inf")

    def run(self, stop: threading.Event, *, until_ended: bool = False) -> None:
        """Work until `stop` is set, or with `until_ended` until every file that is played has ended."""
        for sink in self._sinks:
            sink.start()
        self._take_orders()  # a device that was paused before its restart opens neither camera nor microphone
        if not self._paused:
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

    @property
    def broker_problem(self) -> str | None:
        """Why there is no connection to the broker, one line; None while there is, or where none is configured."""
        return None if self._mqtt is None else self._mqtt.problem

    @property
    def controls(self) -> str | None:
        """What operators have set and the same process is to know when it begins anew; None where nobody could."""
        return None if self._mqtt is None else self._mqtt.controls

    def _round(self, stop: threading.Event) -> None:
        frame: Frame | None = None
        if self._camera is not None and not self._paused:
            frame = self._camera.take(self._patience())
        else:
            stop.wait(self._patience())
        blocks: Sequence[AudioBlock] = ()
        if self._microphone is not None and not self._paused:
            blocks = self._microphone.take()
        # Both senses reach the mind in the order of their times.
        late = [block for block in blocks if frame is not None and block.at > frame.at]
        self._listen(blocks[: len(blocks) - len(late)])
        if frame is not None:
            self._look(frame)
        self._listen(late)
        now = self._clock.monotonic()
        self._tell(self._pipeline.tick(now))
        if now - self._housekept >= HOUSEKEEPING:
            self._housekept = now
            self._keep_house(now)

    def _patience(self) -> float:
        """Seconds to wait for a frame: what a tick of time brings about is told at once, not with the next frame."""
        return min(max(self._pipeline.next_tick - self._clock.monotonic(), 0.0), TAKE_TIMEOUT)

    def _look(self, frame: Frame) -> None:
        self._meter.alive(CAMERA, frame.at)
        before, seen = time.perf_counter(), self._pipeline.seen
        events = self._pipeline.frame(frame)
        if self._pipeline.seen is not seen:
            took = time.perf_counter() - before
            self._meter.took(HealthMeter.FRAME, took, self._clock.monotonic())
            self._tell_faces(took)
        self._tell(events)

    def _listen(self, blocks: Sequence[AudioBlock]) -> None:
        if not blocks:
            return
        self._meter.alive(MICROPHONE, blocks[-1].at)
        began = time.perf_counter()
        for block in blocks:
            before = time.perf_counter()
            events = self._pipeline.audio(block)
            self._tell_speech(time.perf_counter() - before)
            self._tell(events)
        self._meter.took(SPEECH, time.perf_counter() - began, self._clock.monotonic())

    def _tell_faces(self, took: float) -> None:
        """The scores of every face that was classified in this frame, where somebody asked for them."""
        if self._mqtt is None or not self._mqtt.raw_wanted or self._pipeline.seen is None:
            return
        for face in self._pipeline.seen.faces:
            if face.scores is not None and face.fresh:
                self._mqtt.raw(
                    Modality.FACE, subject=face_name(face.track), scores=face.scores.as_dict(),
                    quality=face.quality.overall, took=took * 1000,
                )  # fmt: skip

    def _tell_speech(self, took: float) -> None:
        if self._mqtt is None or not self._mqtt.raw_wanted or self._pipeline.heard is None:
            return
        for heard in self._pipeline.heard.observations:
            if heard.scores is not None:
                self._mqtt.raw(
                    Modality.SPEECH, subject=None, scores=heard.scores.as_dict(), quality=heard.quality,
                    took=took * 1000,
                )  # fmt: skip

    def _take_orders(self) -> None:
        wanted = None if self._panel is None else self._panel.take_pause()
        if wanted is not None:
            self.pause(paused=wanted)

    def _keep_house(self, now: float) -> None:
        self._take_orders()
        for name, source in ((CAMERA, self._camera), (MICROPHONE, self._microphone)):
            status = SensorStatus.DISABLED if source is None or self._paused else source.status
            if self._statuses.get(name) is status:
                continue
            self._statuses[name] = status
            problem = None if source is None or self._paused else source.problem
            if status in {SensorStatus.RECONNECTING, SensorStatus.OFFLINE}:
                self._take_rest(name)
            self._tell(self._pipeline.sensor(name, status, now, problem))
            if self._mqtt is not None:
                self._mqtt.sensor(name, status)
        state = self._pipeline.state(now)
        for sink in self._sinks:
            sink.state(state)
        self._count_people()
        report = self._health(now)
        if self._panel is not None:
            self._panel.note(report)
        self._attendant.round(report, self._pulses(report), state.mode.value)
        if now - self._reported >= INTERVAL or report.worth_telling(self._told):
            self._reported, self._told = now, report
            self._attendant.write(report, state.mode.value)
            if self._mqtt is not None:
                self._mqtt.health(report.as_dict())

    def _take_rest(self, name: str) -> None:
        """See or hear what a lost device left, before it is told: later it would bring back what is told to be gone."""
        if name == CAMERA and self._camera is not None and (frame := self._camera.take(0.0)) is not None:
            self._look(frame)
        if name == MICROPHONE and self._microphone is not None:
            self._listen(self._microphone.take())

    def _count_people(self) -> None:
        if self._aggregator is None or self._mqtt is None:
            return
        now = self._clock.monotonic()  # read beside the wall clock, or a slow round looks like a clock that was set
        watching = self._statuses.get(CAMERA) is SensorStatus.ONLINE
        people = self._pipeline.mind.faces(now)
        for item in self._aggregator.look(now, self._clock.wall().timestamp(), people, watching=watching):
            self._mqtt.aggregate(item)

    def _pulses(self, report: HealthReport) -> list[Pulse]:
        """How the loops beside this one turn: one that is not online has said so."""
        pulses = [
            Pulse(name, status is SensorStatus.ONLINE, report.ages.get(name), STANDSTILL)
            for name, status in self._statuses.items()
        ]
        if self._mqtt is not None:
            pulses.append(Pulse("mqtt", self._mqtt.connected, self._mqtt.standstill, STANDSTILL))
        return pulses

    def _health(self, now: float) -> HealthReport:
        drops: dict[str, int] = {}
        problems = []
        for name, source in ((CAMERA, self._camera), (MICROPHONE, self._microphone)):
            if source is None:
                continue
            drops |= {f"{name}_{key}": value for key, value in source.counters.items() if key in DROPPED}
            if source.status is not SensorStatus.ONLINE and not self._paused:
                problems.append(f"{name}: {source.problem or source.status.value}")
        if self._pipeline.vision is not None:
            drops["frames_invalid"] = self._pipeline.vision.counters["invalid"]
        if self._mqtt is not None:
            drops |= self._mqtt.drops
            problems += self._mqtt.problems
        if self._lines is not None:
            drops["jsonl"] = self._lines.dropped
            if self._lines.problem is not None:
                problems.append(f"jsonl: {self._lines.problem}")
        temperature = read_temperature()
        pace, use = (FULL, None) if self._governor is None else self._governor.look(temperature, now)
        return self._meter.report(
            now, sensors={name: status.value for name, status in self._statuses.items()}, drops=drops,
            queue=0 if self._mqtt is None else self._mqtt.queue, temperature=temperature, rss=read_rss(),
            problems=problems, rate_share=pace.share, rate_reason=pace.reason, cpu=use, synced=self._clock.synced(),
        )  # fmt: skip

    def _tell(self, events: Sequence[Event]) -> None:
        for event in events:
            if not self._discreet:
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

    def _tell_nobody(self, now: float) -> None:
        """Leave no retained claim about people or devices that nobody watches any more."""
        state = self._pipeline.state(now)
        for sink in self._sinks:
            sink.state(state)
        for name, status in self._statuses.items():
            if self._mqtt is not None and status is not SensorStatus.DISABLED:
                self._mqtt.sensor(name, SensorStatus.OFFLINE)

    def _close(self) -> None:
        if self._panel is not None and self._panel.again:
            self._attendant.restarting()
        else:
            self._attendant.stopping()
        now = self._clock.monotonic()
        before, heard = time.perf_counter(), self._pipeline.heard
        events = self._pipeline.finish(now)
        if self._pipeline.heard is not heard:
            self._tell_speech(time.perf_counter() - before)
        self._tell(events)
        self._stop_sources()
        self._tell_nobody(now)
        for sink in self._sinks:
            sink.stop()
