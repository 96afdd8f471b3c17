"""Section `microphone`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrophoneConfig:
    """Where sound comes from."""

    source: str = setting(
        "default", path=True, help="A device name from `emoedge devices`, `default`, a sound file, or `none`."
    )
    rate: int | None = setting(
        None, minimum=8000, maximum=192000, unit="Hz", allow_none=True,
        help="Sample rate asked of the device; null takes what it offers best. Resampled to 16 kHz.",
    )  # fmt: skip
    channel: int | None = setting(
        None, minimum=1, maximum=32, allow_none=True,
        help="Which channel to hear, from 1; null averages them, or takes the loudest where they cancel each other, as "
        "those of a balanced line on a stereo input do.",
    )  # fmt: skip
    gain: float = setting(0.0, minimum=-40, maximum=40, unit="dB", help="Applied before everything else.")
    paced: bool = setting(
        default=True,
        help="Play a file at its own speed, as a microphone would; false: as fast as it is heard. Sound is dated by "
        "the clock all the same: durations in events come out too short. `emoedge replay` goes through a recording at "
        "full speed with its own times.",
    )
    loop: bool = setting(default=False, help="Start a file again at its end.")
    stall_timeout: float = setting(
        4.0, minimum=0.5, maximum=60, unit="s", help="No new sound for this long counts as lost."
    )
