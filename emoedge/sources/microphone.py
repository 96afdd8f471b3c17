"""A microphone or a sound file as the port AudioSource: blocks of 16 kHz, looked after in a thread."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emoedge.messages import SAMPLE_RATE, AudioBlock, SensorStatus
from emoedge.sources.address import is_sound_file
from emoedge.sources.intake import Intake, Tally
from emoedge.sources.keeper import TICK, Device, Keeper
from emoedge.sources.portaudio import BLOCK, Recorder
from emoedge.sources.ring import Ring
from emoedge.sources.sound_file import open_sound

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

    from emoedge.config.microphone import MicrophoneConfig
    from emoedge.ops.backoff import Backoff
    from emoedge.ports import Clock
    from emoedge.sources.sound_file import SoundFile


class Microphone:
    """Implements AudioSource. The constructor does nothing but remember. `once`: as for a Camera."""

    def __init__(
        self, config: MicrophoneConfig, clock: Clock, backoff: Backoff | None = None, *, once: bool = True
    ) -> None:
        self._config = config
        self._clock = clock
        self._file = is_sound_file(config.source)
        self._ring = Ring()
        self._tally = Tally()
        self._delivered = 0
        self._heard_until: float | None = None
        self._resumed = False
        self._keeper: Keeper[AudioBlock] = Keeper(
            name="microphone",
            open=self._open,
            accept=self._accept,
            clock=clock,
            live=not self._file,
            stall_timeout=config.stall_timeout,
            once=once,
            backoff=backoff,
        )

    def start(self) -> None:
        """Begin; returns at once."""
        self._keeper.start()

    def stop(self) -> None:
        """Release the device; returns within a second, may be started again."""
        self._keeper.stop()
        self._ring.clear()

    def take(self) -> Sequence[AudioBlock]:
        """All blocks that arrived since the last call, oldest first; never waits."""
        blocks = self._ring.take()
        self._delivered += sum(len(b.samples) for b in blocks)
        return blocks

    @property
    def status(self) -> SensorStatus:
        """Present state."""
        return self._keeper.status

    @property
    def problem(self) -> str | None:
        """Why it is not online, one line."""
        return self._keeper.problem

    @property
    def ended(self) -> bool:
        """True once a file that does not loop was played to its end and all was taken."""
        return self._keeper.ended and self._ring.empty

    @property
    def counters(self) -> Mapping[str, int]:
        """`delivered`, `dropped`, `invalid` in samples, `clipped` in blocks, `reopened`: totals.

        Dropped are those that nobody took in time, and those that the device lost before (an overflow).
        """
        return {
            "delivered": self._delivered,
            "dropped": self._ring.dropped + self._tally.lost,
            "clipped": self._tally.clipped,
            "invalid": self._tally.invalid,
            "reopened": self._keeper.reopened,
        }

    def _open(self, cancelled: threading.Event) -> Device[AudioBlock]:
        self._resumed = self._heard_until is not None
        if self._file:
            return _Player(self._config, self._clock, self._tally, self._ring, cancelled)
        return _Ear(self._config, self._clock, self._tally, cancelled)

    def _accept(self, block: AudioBlock) -> bool:
        if self._resumed and self._heard_until is not None and len(block.samples):
            # Since the device was last open nothing was heard: whoever listens begins anew.
            missed = block.at - len(block.samples) / SAMPLE_RATE - self._heard_until
            block = replace(block, lost=max(block.lost, round(missed * SAMPLE_RATE), 1))
            self._resumed = False
        if len(block.samples) or block.lost:
            self._heard_until = block.at
            self._ring.put(block)
        return True


class _Ear:
    """A device that is recorded from."""

    def __init__(self, config: MicrophoneConfig, clock: Clock, tally: Tally, cancelled: threading.Event) -> None:
        self._clock = clock
        self._cancelled = cancelled
        self._recorder = Recorder(config.source, rate=config.rate, channel=config.channel)
        try:
            self._intake = Intake(config, tally, rate=self._recorder.rate, channels=self._recorder.channels)
        except BaseException:
            self._recorder.close()
            raise
        self._heard_until = clock.monotonic()
        self._lost = 0

    def read(self) -> AudioBlock | None:
        """Next block; what an overflow swallowed is measured by the clock."""
        while (samples := self._recorder.read()) is None:
            self._lost += 1
            if self._cancelled.is_set():
                return None
        now = self._clock.monotonic()
        lost = 0
        if self._lost:
            duration = len(samples) / self._recorder.rate
            lost = max(self._lost * round(BLOCK * SAMPLE_RATE),
                       round((now - self._heard_until - duration) * SAMPLE_RATE))  # fmt: skip
            self._lost = 0
        self._heard_until = now
        return self._intake.block(samples, now, lost)

    def close(self) -> None:
        """Release it."""
        self._recorder.close()


class _Player:
    """Plays a sound file: at its own speed, or as fast as it is heard; again if it loops."""

    def __init__(
        self, config: MicrophoneConfig, clock: Clock, tally: Tally, ring: Ring, cancelled: threading.Event
    ) -> None:
        self._config = config
        self._clock = clock
        self._ring = ring
        self._cancelled = cancelled
        self._tally = tally
        self._over = False
        self._begin(open_sound(config.source))

    def _begin(self, sound: SoundFile) -> None:
        self._sound = sound
        self._intake = Intake(
            self._config, self._tally, rate=sound.rate, channels=sound.channels, full_scale=sound.full_scale
        )
        self._begun = self._clock.monotonic()
        self._played = 0

    def _again(self) -> None:
        """From its begin; as another stream where somebody has put a file of another format in its place."""
        before = self._sound
        before.close()
        self._sound = open_sound(self._config.source)
        if _form(self._sound) != _form(before):
            self._begin(self._sound)

    def read(self) -> AudioBlock | None:
        """Next block, when its time has come."""
        if self._over:
            return None
        samples = self._sound.read(round(self._sound.rate * BLOCK))
        if not len(samples) and self._config.loop and self._played:
            self._again()
            samples = self._sound.read(round(self._sound.rate * BLOCK))
        if not len(samples):
            self._over = True
            return self._intake.rest(self._clock.monotonic()) if self._played else None
        self._played += len(samples)
        if self._config.paced:
            self._sleep(self._begun + self._played / self._sound.rate)
        else:
            self._ring.wait_room(self._cancelled)
        return self._intake.block(samples, self._clock.monotonic())

    def _sleep(self, until: float) -> None:
        while not self._cancelled.is_set() and (left := until - self._clock.monotonic()) > 0:
            self._cancelled.wait(min(left, TICK))

    def close(self) -> None:
        """Release the file."""
        self._sound.close()


def _form(sound: SoundFile) -> tuple[int, int, float]:
    return sound.rate, sound.channels, sound.full_scale
