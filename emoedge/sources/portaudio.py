"""Microphones through PyAudio: which there are, under which stable name, and reading one."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.errors import SourceError
from emoedge.sources.quiet import quiet_audio
from emoedge.sources.resample import HIGHEST, LOWEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RATES = (16_000, 48_000, 32_000, 44_100, 96_000, 192_000, 22_050, 8_000)
"""Hz, best first: ours needs no resampling, the next ones are whole multiples of it."""

MOST_CHANNELS = 8
"""More than this is no array of microphones but a plugin that mixes down itself."""

BLOCK = 0.05
"""Seconds read at once."""

_OVERFLOWED = -9981
"""PortAudio's paInputOverflowed."""

_CARD = re.compile(r" ?\(hw:\d+,\d+\)$")

# PortAudio's list of devices is process-wide and its set-up calls are not thread-safe.
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Input:
    """A device that can be recorded from."""

    name: str
    """What to write into the config: without the card's number, which changes from boot to boot."""
    full_name: str
    """PortAudio's own."""
    index: int
    """PortAudio's, valid only until it is initialised anew."""
    channels: int
    rate: int
    """Hz, the device's own default."""
    default: bool


def load() -> Any:
    """Import PyAudio; raises SourceError with the remedy where it or PortAudio is missing."""
    try:
        import pyaudio  # noqa: PLC0415 - a device without a microphone runs without PortAudio
    except ImportError as error:
        raise SourceError(
            f"PyAudio cannot be loaded ({error}); `apt install portaudio19-dev` and `pip install pyaudio`, "
            "or set microphone.source to none"
        ) from error
    return pyaudio


def open_portaudio() -> Any:
    """Initialise PortAudio, which looks for devices anew; to be ended with `close_portaudio`."""
    pyaudio = load()
    quiet_audio()
    with _lock:
        try:
            return pyaudio.PyAudio()
        except OSError as error:
            raise SourceError(f"PortAudio does not start: {error}") from error


def close_portaudio(audio: Any) -> None:
    """End what `open_portaudio` began."""
    with _lock:
        audio.terminate()


def inputs(audio: Any) -> list[Input]:
    """Devices that can be recorded from; names that two of them share stay as PortAudio gives them."""
    found = [audio.get_device_info_by_index(i) for i in range(audio.get_device_count())]
    found = [info for info in found if info["maxInputChannels"] > 0]
    try:
        default = audio.get_default_input_device_info()["index"]
    except OSError:
        default = None
    short = [_CARD.sub("", str(info["name"])).strip() for info in found]
    return [
        Input(
            name=name if short.count(name) == 1 else str(info["name"]),
            full_name=str(info["name"]),
            index=int(info["index"]),
            channels=int(info["maxInputChannels"]),
            rate=int(info["defaultSampleRate"]),
            default=info["index"] == default,
        )
        for name, info in zip(short, found, strict=True)
    ]


def choose(source: str, devices: Sequence[Input]) -> Input:
    """Device that `microphone.source` means: its name, or a part of it that only one has.

    `default` is the device of that name, else the one that PortAudio prefers. Raises SourceError.
    """
    if not devices:
        raise SourceError("no microphone found; plug one in, or set microphone.source to none")
    for name in ("name", "full_name"):
        for device in devices:
            if getattr(device, name) == source:
                return device
    if source == "default":
        return next((d for d in devices if d.default), devices[0])
    partly = [d for d in devices if source.lower() in d.full_name.lower()]
    if len(partly) == 1:
        return partly[0]
    names = ", ".join(d.name for d in partly or devices)
    if partly:
        raise SourceError(f"{source}: means any of {names}; write one of them in full")
    raise SourceError(f"{source}: no such microphone; there are {names}")


class Recorder:
    """An open microphone; blocking reads of BLOCK seconds. `rate`: Hz. `channels`."""

    def __init__(self, source: str, *, rate: int | None, channel: int | None) -> None:
        self._audio = open_portaudio()
        self._stream: Any = None
        try:
            with _lock:
                device = choose(source, inputs(self._audio))
                self.rate, self.channels = self._format(device, rate, channel)
                self._frames = round(self.rate * BLOCK)
                self._stream = self._audio.open(
                    format=load().paInt16, channels=self.channels, rate=self.rate, input=True,
                    input_device_index=device.index, frames_per_buffer=self._frames,
                )  # fmt: skip
        except BaseException as error:  # left open, it would know no device that is plugged in later
            close_portaudio(self._audio)
            if isinstance(error, OSError):
                raise SourceError(f"{source}: cannot be opened: {_reason(error)}") from error
            raise

    def read(self) -> NDArray[np.float32] | None:
        """Samples (n, channels), -1..1; None where some were lost to an overflow. Raises SourceError."""
        try:
            data = self._stream.read(self._frames, exception_on_overflow=True)
        except OSError as error:
            if error.errno == _OVERFLOWED or _OVERFLOWED in error.args:
                return None
            raise SourceError(f"the microphone is gone: {_reason(error)}") from error
        samples = np.frombuffer(data, dtype="<i2").astype(np.float32) / 32768
        return samples.reshape(-1, self.channels)

    def close(self) -> None:
        """Close the stream and PortAudio, so that the next opening sees new devices."""
        try:
            self._stream.close()
        except OSError:
            pass  # unplugged: there is nothing left to close
        finally:
            close_portaudio(self._audio)

    def _format(self, device: Input, rate: int | None, channel: int | None) -> tuple[int, int]:
        """Rate and number of channels to open it with."""
        most = device.channels
        if channel is not None and channel > most:
            raise SourceError(f"{device.name}: no channel {channel} there; set microphone.channel to at most {most}")
        # One channel of a plugin is the mean of all that lie behind it, whichever is asked for.
        wanted = [most] if most <= MOST_CHANNELS else list(dict.fromkeys((max(channel or 2, 2), 2, 1)))
        rates = [rate] if rate is not None else list(dict.fromkeys((*RATES, min(max(device.rate, LOWEST), HIGHEST))))
        for channels in wanted:
            for candidate in rates:
                if self._supported(device, candidate, channels):
                    return candidate, channels
        if rate is not None:
            others = [r for r in RATES if self._supported(device, r, wanted[0])]
            offered = ", ".join(str(r) for r in sorted(others)) or "none that we know"
            raise SourceError(f"{device.name}: does not record at {rate} Hz; microphone.rate may be {offered}")
        raise SourceError(f"{device.name}: offers no sample rate that we know; is another program using it?")

    def _supported(self, device: Input, rate: int, channels: int) -> bool:
        try:
            return bool(
                self._audio.is_format_supported(
                    rate, input_device=device.index, input_channels=channels, input_format=load().paInt16
                )
            )
        except (ValueError, OSError):
            return False


def _reason(error: OSError) -> str:
    """PortAudio's words without its number."""
    return next((str(a) for a in error.args if isinstance(a, str)), str(error))
