"""Section `vision`."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionConfig:
    """How faces are found and judged."""

    rate: float = setting(
        5.0, minimum=0, maximum=120, unit="Hz",
        help="Frames analysed a second; 0 analyses every frame.",
    )  # fmt: skip
    smallest: float = setting(
        0.1, minimum=0.02, maximum=1,
        help="Side of the smallest face that is looked for, as a share of the picture's shorter side.",
    )  # fmt: skip
    motion: float = setting(
        6.0, minimum=0, maximum=255, unit="gray levels",
        help="A part of the picture that changed by more than this has moved.",
    )  # fmt: skip
    scan_interval: float = setting(
        0.5, minimum=0.02, maximum=60, unit="s",
        help="The moved parts are scanned for new faces this often; twice as often while nobody is seen.",
    )  # fmt: skip
    confirm: float = setting(
        0.08, minimum=0, maximum=10, unit="s",
        help="How long a new face must be seen before it counts.",
    )  # fmt: skip
    leave: float = setting(1.5, minimum=0.1, maximum=60, unit="s", help="A face not found for this long has left.")
    refresh: float = setting(
        0.5, minimum=0, maximum=60, unit="s",
        help="A face that hardly changes is classified again after this long.",
    )  # fmt: skip
    change: float = setting(
        2.0, minimum=0, maximum=255, unit="gray levels",
        help="A face that changed by more than this on average is classified at once.",
    )  # fmt: skip
    minimum_size: float = setting(
        32.0, minimum=8, maximum=2000, unit="px",
        help="Smaller faces are not classified (`face_too_small`).",
    )  # fmt: skip
    minimum_sharpness: float = setting(
        0.05, minimum=0, maximum=100,
        help="Faces with a smaller variance of the Laplacian are not classified (`blur`).",
    )  # fmt: skip
    maximum_sharpness: float = setting(
        8.0, minimum=0.1, maximum=1000,
        help="Faces with a greater variance of the Laplacian show grain, not a face (`low_snr`).",
    )  # fmt: skip
    minimum_likeness: float = setting(
        0.5, minimum=0, maximum=1,
        help="Crops less like an upright face than this are not classified (`no_face`); 0 asks for none.",
    )  # fmt: skip
    minimum_brightness: float = setting(
        25.0, minimum=0, maximum=255, unit="gray levels",
        help="Darker faces are not classified (`low_light`).",
    )  # fmt: skip
