"""Draws into pictures: boxes with labels, bars, the valence-arousal plane, the timeline. Pure functions.

Pictures are height x width x 3, BGR, uint8; functions named `draw_` change the one they are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from emoedge.emotions import CANONICAL
from emoedge.view.timeline import LANES, runs, shown_span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from emoedge.judging.judgement import Opinion
    from emoedge.messages import Box
    from emoedge.view.moment import Mark
    from emoedge.view.timeline import Point

    Picture = NDArray[np.uint8]
    Colour = tuple[int, int, int]

COLOURS: Mapping[str, str] = {
    "angry": "#e5484d", "disgust": "#5bb450", "fear": "#9a5fd8", "happy": "#f5b014",
    "sad": "#4a90e2", "surprise": "#12b8b0", "neutral": "#8b919e", "unknown": "#b4b9c4",
}  # fmt: skip
"""Of each label; the page has the same."""

FONT = cv2.FONT_HERSHEY_SIMPLEX
INK: Colour = (236, 236, 240)
FAINT: Colour = (150, 146, 142)
TRACK: Colour = (66, 60, 56)
GROUND: Colour = (34, 28, 24)


def bgr(label: str) -> Colour:
    """Colour of a label as OpenCV wants it."""
    code = COLOURS[label]
    return int(code[5:7], 16), int(code[3:5], 16), int(code[1:3], 16)


def words(opinion: Opinion) -> str:
    """`happy 0.87`, or why nothing is said: `unknown: blur`."""
    if opinion.label != "unknown":
        return f"{opinion.label} {opinion.confidence:.2f}"
    return "unknown" if opinion.reason is None else f"unknown: {opinion.reason.value.replace('_', ' ')}"


def draw_marks(picture: Picture, marks: Sequence[Mark]) -> None:
    """Draw each face's box and label; the main one last and thicker."""
    unit = max(min(picture.shape[:2]) / 480, 0.6)
    for mark in sorted(marks, key=lambda mark: mark.main):
        colour = bgr(mark.opinion.label)
        thick = max(1, round((3 if mark.main else 2) * unit))
        _corners(picture, mark.box, colour, thick)
        _tag(picture, mark.box, words(mark.opinion), colour, 0.55 * unit)


def _corners(picture: Picture, box: Box, colour: Colour, thick: int) -> None:
    """A thin frame with strong corners: it hides little of the face."""
    left, top = round(box.x), round(box.y)
    right, bottom = round(box.x + box.width), round(box.y + box.height)
    cv2.rectangle(picture, (left, top), (right, bottom), colour, 1, cv2.LINE_AA)
    reach = round(min(box.width, box.height) * 0.2)
    for x, dx in ((left, reach), (right, -reach)):
        for y, dy in ((top, reach), (bottom, -reach)):
            cv2.line(picture, (x, y), (x + dx, y), colour, thick, cv2.LINE_AA)
            cv2.line(picture, (x, y), (x, y + dy), colour, thick, cv2.LINE_AA)


def _tag(picture: Picture, box: Box, text: str, colour: Colour, scale: float) -> None:
    """The label on a plate above the box, or below its upper edge where there is no room."""
    thick = 1 if scale < 0.8 else 2
    (width, height), base = cv2.getTextSize(text, FONT, scale, thick)
    pad = round(height * 0.5)
    tall = height + base + pad
    x = min(max(round(box.x), 0), max(picture.shape[1] - width - 2 * pad, 0))
    y = round(box.y) - tall if box.y >= tall else max(round(box.y), 0)
    cv2.rectangle(picture, (x, y), (x + width + 2 * pad, y + tall), colour, cv2.FILLED)
    dark = sum(colour) > 3 * 110
    draw_text(picture, text, (x + pad, y + tall - base - pad // 2), scale, (20, 18, 16) if dark else INK, thick)


def draw_text(
    picture: Picture, text: str, at: tuple[int, int], scale: float, colour: Colour = INK, thick: int = 1
) -> None:
    """ASCII text whose first letter's base line starts at `at` (x, y)."""
    cv2.putText(picture, text, at, FONT, scale, colour, thick, cv2.LINE_AA)


def draw_bars(picture: Picture, place: tuple[int, int, int], opinion: Opinion | None) -> int:
    """Seven bars, one below the other, in `place` (x, y, width); labels the model does not know have none.

    Returns the y below them.
    """
    x, y, width = place
    row, name, number = 24, 78, 40
    track = width - name - number
    for index, label in enumerate(CANONICAL):
        top = y + index * row
        scores = None if opinion is None else opinion.scores
        known = scores is not None and bool(scores.known[index])
        draw_text(picture, label, (x, top + 15), 0.45, INK if known else FAINT)
        cv2.rectangle(picture, (x + name, top + 6), (x + name + track, top + 16), TRACK, cv2.FILLED)
        if scores is not None and known:
            value = float(scores.values[index])
            end = x + name + round(value * track)
            cv2.rectangle(picture, (x + name, top + 6), (end, top + 16), bgr(label), cv2.FILLED)
            draw_text(picture, f"{value:.2f}", (x + name + track + 8, top + 15), 0.4)
    return y + row * len(CANONICAL)


def draw_plane(picture: Picture, place: tuple[int, int, int], opinion: Opinion | None) -> None:
    """The valence-arousal plane as a square in `place` (x, y, side), with a dot where the opinion lies."""
    x, y, side = place
    middle = (x + side // 2, y + side // 2)
    cv2.rectangle(picture, (x, y), (x + side, y + side), TRACK, cv2.FILLED)
    cv2.circle(picture, middle, side // 2 - 2, FAINT, 1, cv2.LINE_AA)
    cv2.line(picture, (x, middle[1]), (x + side, middle[1]), FAINT, 1)
    cv2.line(picture, (middle[0], y), (middle[0], y + side), FAINT, 1)
    draw_text(picture, "valence", (x + side - 46, middle[1] - 4), 0.35, FAINT)
    draw_text(picture, "arousal", (middle[0] + 4, y + 11), 0.35, FAINT)
    if opinion is not None and opinion.valence is not None and opinion.arousal is not None:
        dot = (round(middle[0] + opinion.valence * side / 2), round(middle[1] - opinion.arousal * side / 2))
        cv2.circle(picture, dot, 7, bgr(opinion.label), cv2.FILLED, cv2.LINE_AA)
        cv2.circle(picture, dot, 7, INK, 1, cv2.LINE_AA)


def draw_timeline(picture: Picture, place: tuple[int, int, int, int], points: Sequence[Point], now: float) -> None:
    """Three lanes of stacked probabilities in `place` (x, y, width, height), the newest at the right.

    `now`: seconds, the right edge; the left one is `shown_span` before it.
    """
    span = shown_span(now)
    x, y, width, height = place
    name, gap = 58, 4
    lane = (height - 2 * gap) // len(LANES)
    for index, key in enumerate(LANES):
        top = y + index * (lane + gap)
        draw_text(picture, key, (x, top + lane // 2 + 4), 0.42)
        cv2.rectangle(picture, (x + name, top), (x + width - 1, top + lane - 1), TRACK, cv2.FILLED)
        for run in runs(points, key):
            run = [(at, share) for at, share in run if at >= now - span]  # noqa: PLW2901 - clipped
            places = [x + name + (at - now + span) / span * (width - name) for at, _ in run]
            _stack(picture, places, [share for _, share in run], top, lane)


def _stack(
    picture: Picture, places: Sequence[float], shares: Sequence[tuple[float, ...]], top: int, height: int
) -> None:
    """Areas of all emotions upon each other between `top` and `top + height`."""
    if not places:
        return
    if len(places) == 1:  # a single point would have no width
        places, shares = [places[0], places[0] + 2], [shares[0], shares[0]]
    edges = top + height * (1 - np.cumsum(np.array([[0.0, *share] for share in shares]), axis=1))
    for index, label in enumerate(CANONICAL):
        upper = zip(places, edges[:, index + 1], strict=True)
        lower = zip(places, edges[:, index], strict=True)
        outline = np.rint([*upper, *reversed(list(lower))]).astype(np.int32)
        outline[:, 1] = np.clip(outline[:, 1], top, top + height - 1)
        cv2.fillPoly(picture, [outline], bgr(label))
