"""One annotated picture for `--output`: the frame with its boxes, a panel beside it, the timeline below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from emoedge.view.drawing import (
    FAINT,
    GROUND,
    INK,
    bgr,
    draw_bars,
    draw_marks,
    draw_plane,
    draw_text,
    draw_timeline,
    words,
)
from emoedge.view.timeline import shown_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from emoedge.view.moment import Moment
    from emoedge.view.timeline import Point

PANEL = 300
"""Pixels: width of the panel."""
STRIP = 132
"""Pixels: height of the timeline."""
LEAST, MOST = 440, 960
"""Pixels that the shorter side must have for the panel to fit, and the longer side may have."""
PAD = 16


def fitted(width: int, height: int) -> tuple[int, int]:
    """Size at which a picture is shown, even numbers as video wants them."""
    factor = min(MOST / max(width, height), max(1.0, LEAST / height))
    return max(2, round(width * factor / 2) * 2), max(2, round(height * factor / 2) * 2)


def compose(
    image: NDArray[np.uint8] | None, moment: Moment, points: Sequence[Point], room: tuple[int, int]
) -> NDArray[np.uint8]:
    """The sheet: `image` (BGR, or None where there is no camera) within `room`, panel and timeline around it.

    `room`: width and height for the picture, which is shown in its middle without distortion.
    Shape: (max(room height, LEAST) + STRIP, room width + PANEL, 3).
    """
    width, height = room
    tall = max(height, LEAST)
    sheet = np.empty((tall + STRIP, width + PANEL, 3), dtype=np.uint8)
    sheet[:] = GROUND
    if image is None:
        draw_text(sheet, "no camera", (width // 2 - 40, tall // 2), 0.6, FAINT)
    else:
        _place(sheet[(tall - height) // 2 : (tall - height) // 2 + height, :width], image, moment)
    _panel(sheet, width + PAD, moment)
    area = (PAD, tall + 10, width + PANEL - 2 * PAD, STRIP - 34)
    draw_timeline(sheet, area, points, moment.at)
    draw_text(sheet, f"-{shown_span(moment.at):.0f} s", (PAD + 58, tall + STRIP - 8), 0.38, FAINT)
    draw_text(sheet, f"{moment.at:.1f} s", (width + PANEL - PAD - 52, tall + STRIP - 8), 0.38, FAINT)
    return sheet


def _place(room: NDArray[np.uint8], image: NDArray[np.uint8], moment: Moment) -> None:
    """Draw the boxes, scale, and put the picture into the middle of `room`."""
    height, width = image.shape[:2]
    factor = min(room.shape[1] / width, room.shape[0] / height)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    drawn = image.copy() if factor <= 1 else _scaled(image, size)
    marks = moment.marks
    if factor > 1:  # boxes and letters are drawn after enlarging, or they would be coarse
        marks = tuple(mark.scaled(factor) for mark in marks)
    draw_marks(drawn, marks)
    shown = drawn if factor > 1 else _scaled(drawn, size)
    y, x = (room.shape[0] - size[1]) // 2, (room.shape[1] - size[0]) // 2
    room[y : y + size[1], x : x + size[0]] = shown


def _scaled(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if (image.shape[1], image.shape[0]) == size:
        return image.copy()
    shrinks = size[0] < image.shape[1]
    scaled: NDArray[np.uint8] = cv2.resize(
        image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return scaled


def _panel(sheet: NDArray[np.uint8], x: int, moment: Moment) -> None:
    wide = PANEL - 2 * PAD
    fused = moment.fused
    title = "nobody" if fused is None else fused.label
    draw_text(sheet, title, (x, 40), 0.95, bgr("unknown") if fused is None else bgr(fused.label), 2)
    draw_text(sheet, _under(moment), (x, 62), 0.4, FAINT)
    below = draw_bars(sheet, (x, 76, wide), fused)
    side = 104
    draw_plane(sheet, (x, below + 12, side), fused)
    rows = (("face", moment.face), ("speech", moment.speech))
    for index, (name, opinion) in enumerate(rows):
        y = below + 28 + index * 46
        heading = "speech: a voice" if name == "speech" and moment.speaking else name
        draw_text(sheet, heading, (x + side + 14, y), 0.4, FAINT)
        said = ("listening" if moment.speaking and name == "speech" else "-") if opinion is None else words(opinion)
        head, _, rest = said.partition(": ")
        draw_text(sheet, head, (x + side + 14, y + 17), 0.45, INK)
        draw_text(sheet, rest, (x + side + 14, y + 31), 0.38, FAINT)


def _under(moment: Moment) -> str:
    parts = [moment.mode.value.replace("_", " ")]
    if moment.fused is not None and moment.fused.reason is not None:
        parts.append(moment.fused.reason.value.replace("_", " "))
    elif moment.fused is not None:
        parts.append(f"confidence {moment.fused.confidence:.2f}")
    elif moment.reason is not None:
        parts.append(moment.reason.value.replace("_", " "))
    return ", ".join(parts)
