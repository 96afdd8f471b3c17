"""Recognises cameras that V4L2 shows but cannot read: CSI sensors, which need libcamera to set up their pipeline."""

from __future__ import annotations

RAW = ("unicam", "rp1-cfe", "bcm2835-isp", "pispbe", "rkisp", "mtk-cam")
"""Beginnings of driver names whose nodes deliver raw sensor data, or parts of a pipeline, only."""

REMEDY = (
    "a CSI camera: install libcamera-tools and libcamera-v4l2 and run emoedge under `libcamerify`; for the service "
    "that is the drop-in csi-camera.conf"
)


def needs_libcamera(name: str) -> bool:
    """Whether a camera of this name (as the driver gives it) delivers pictures only through libcamera."""
    return name.lower().startswith(RAW)
