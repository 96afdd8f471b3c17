"""Shows a camera and a microphone, or files that are played like them, as time goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoedge.fusion.mind import CAMERA, MICROPHONE
from emoedge.messages import SensorStatus
from emoedge.view.stage import Sensor, Sensors

if TYPE_CHECKING:
    import threading

    from emoedge.ports import AudioSource, Clock, FrameSource
    from emoedge.view.moment import Watch
    from emoedge.view.stage import Stage

TAKE_TIMEOUT = 0.05
"""Seconds that a round waits for a new frame."""

LOOK = 0.2
"""Seconds between two looks at the sensors, and between moments without a new frame."""


class LiveShow:
    """One run. A source is None where that sense is off; `names` are the sources as they may be shown."""

    def __init__(
        self, watch: Watch, clock: Clock, stage: Stage, *,
        camera: FrameSource | None, microphone: AudioSource | None, names: dict[str, str],
    ) -> None:  # fmt: skip
        self._watch = watch
        self._clock = clock
        self._stage = stage
        self._camera = camera
        self._microphone = microphone
        self._names = names
        self._start = clock.monotonic()
        self._shown = self._looked = float("-inf")
        self._sensors: Sensors = {}

    def run(self, stop: threading.Event) -> None:
        """Show until `stop` is set, or all that is played has ended."""
        sources = [source for source in (self._camera, self._microphone) if source is not None]
        for source in sources:
            source.start()
        try:
            while not stop.is_set() and not all(source.ended for source in sources):
                self._round(stop)
            self._say_ended()
        finally:
            for source in sources:
                source.stop()

    def _round(self, stop: threading.Event) -> None:
        # Before the last of a source is taken: after its loss it would bring back who is told to be gone.
        camera, microphone = (None if source is None else source.status for source in (self._camera, self._microphone))
        frame = None
        if self._camera is None:
            stop.wait(TAKE_TIMEOUT)
        else:
            frame = self._camera.take(TAKE_TIMEOUT)
        blocks = () if self._microphone is None else self._microphone.take()
        # Both senses reach the mind in the order of their times.
        for block in blocks:
            if frame is None or block.at <= frame.at:
                self._watch.audio(block)
        if frame is not None:
            self._watch.frame(frame)
            for block in blocks:
                if block.at > frame.at:
                    self._watch.audio(block)
        now = self._clock.monotonic()
        if now - self._looked >= LOOK:
            self._looked = now
            self._look(now, {CAMERA: camera, MICROPHONE: microphone})
        if frame is not None or now - self._shown >= LOOK:
            self._shown = now
            image = None if frame is None else frame.image
            self._stage.show(image, self._watch.moment(now, self._start), self._sensors)

    def _say_ended(self) -> None:
        """The last state once more, with what became of the sources; nobody leaves because a film is over."""
        now = self._clock.monotonic()
        for name, source in ((CAMERA, self._camera), (MICROPHONE, self._microphone)):
            if source is not None and source.ended:
                self._sensors[name] = Sensor(self._names[name], "ended", source.problem)
        self._stage.show(None, self._watch.moment(now, self._start), self._sensors)

    def _look(self, now: float, states: dict[str, SensorStatus | None]) -> None:
        pipeline = self._watch.pipeline
        pipeline.tick(now)
        for name, source in ((CAMERA, self._camera), (MICROPHONE, self._microphone)):
            state = states[name]
            if source is None or state is None:
                self._sensors[name] = Sensor("none", SensorStatus.DISABLED.value)
                continue
            pipeline.sensor(name, state, now, source.problem)
            status = "ended" if source.ended else state.value
            self._sensors[name] = Sensor(self._names[name], status, source.problem)
