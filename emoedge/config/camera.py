"""Section `camera`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraConfig:
    """Where pictures come from."""

    source: str = setting(
        "/dev/video0", path=True,
        help="A /dev/video or /dev/v4l/by-id path, an rtsp:// or http:// URL, a file, or `none`.",
    )  # fmt: skip
    size: str = setting(
        "640x480", pattern=r"[1-9]\d{1,3}x[1-9]\d{1,3}", form="WIDTHxHEIGHT in px",
        help="Picture size asked of the device.",
    )  # fmt: skip
    fps: float = setting(15.0, minimum=1, maximum=120, unit="Hz",
        help="Frame rate asked of the device; other sources are taken to have it where the pace slows down.",
    )  # fmt: skip
    max_fps: float = setting(
        0.0, minimum=0, maximum=120, unit="Hz",
        help="Pictures of a device or stream that are decoded a second at most, of those that vision.rate wants; "
        "0 sets no limit.",
    )  # fmt: skip
    fourcc: str = setting(
        "MJPG", pattern=r"[A-Za-z0-9 ]{4}|", form="four letters or digits, or empty",
        help="Pixel format asked of the device; empty lets it choose.",
    )  # fmt: skip
    rotate: int = setting(0, choices=(0, 90, 180, 270), unit="degrees", help="Clockwise turn of every picture.")
    mirror: bool = setting(default=False, help="Flip every picture left to right.")
    region: str | None = setting(
        None, pattern=r"\d{1,5},\d{1,5},\d{1,5},\d{1,5}", form="x,y,width,height in px", allow_none=True,
        help="Part of the picture that is looked at, after turning; null takes all.",
    )  # fmt: skip
    exclude: tuple[str, ...] = setting(
        (), pattern=r"\d{1,5},\d{1,5}( \d{1,5},\d{1,5}){2,63}", form="x,y x,y x,y ... in px, three points or more",
        help="Polygons in which nobody is looked for, such as a counter's staff side; blacked out after turning, "
        "before `region` is cut and before anything else sees the picture. One whose sides cross takes all between "
        "its points. Pictures that one lies wholly beside are not looked at.",
    )  # fmt: skip
    paced: bool = setting(
        default=True,
        help="Play a file at its own speed, as a camera would; false: as fast as it is looked at. Pictures are "
        "dated by the clock all the same: durations in events come out too short and vision.rate leaves out most "
        "pictures. `emoedge replay` goes through a recording at full speed with its own times.",
    )
    loop: bool = setting(default=False, help="Start a file again at its end.")
    stall_timeout: float = setting(
        4.0, minimum=0.5, maximum=60, unit="s", help="No new picture for this long counts as lost."
    )
