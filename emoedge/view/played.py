"""Shows files as fast as it goes, on the clock of the film; and photographs, each judged by itself."""

from __future__ import annotations

import logging
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.errors import MediaError
from emoedge.fusion.mind import MICROPHONE
from emoedge.judging.photograph import read_picture
from emoedge.messages import Frame
from emoedge.sources.film import pictures
from emoedge.sources.replay import Reel, as_far_as_it_goes, film, merge, sound
from emoedge.view.moment import moment_of_still
from emoedge.view.stage import Sensor, Sensors
from emoedge.view.timeline import STEP

if TYPE_CHECKING:
    import threading

    from emoedge.config import Config
    from emoedge.judging.judge import EmotionModel
    from emoedge.view.moment import Watch
    from emoedge.view.stage import Stage

log = logging.getLogger(__name__)

STILL = 2.0
"""Seconds that a photograph is shown."""


def play(
    config: Config, watch: Watch, stage: Stage, stop: threading.Event, *, video: str | None, audio: str | None
) -> MediaError | None:
    """Show every frame of a film, with a sound that starts with it; or a sound alone in steps of STEP.

    Returns why one of them breaks off, where it does: that is the end. Raises MediaError where one cannot be opened.
    """
    sensors = {
        "camera": Sensor(video or "none", "disabled" if video is None else "online"),
        "mic": Sensor(audio or "none", "disabled" if audio is None else "online"),
    }
    frames = Reel(() if video is None else film(video, config.camera), config.vision.leave)
    blocks = Reel(() if audio is None else sound(audio, config.microphone), config.speech.gate_hang_over)
    due = 0.0
    problems: list[MediaError] = []
    for item in as_far_as_it_goes(merge(frames, blocks), problems):
        if stop.is_set():
            return None
        if (end := blocks.over(item.at)) is not None:
            watch.pipeline.end(MICROPHONE, end)
        if isinstance(item, Frame):
            watch.frame(item)
            stage.show(item.image, watch.moment(item.at), sensors)
            continue
        watch.audio(item)
        if video is None and item.at >= due:
            due += STEP
            stage.show(None, watch.moment(item.at), sensors)
    watch.pipeline.finish(due)
    return problems[0] if problems else None


def show_stills(
    model: EmotionModel, folder: str, stage: Stage, stop: threading.Event, *, steps: int, paced: bool, crop: bool
) -> None:
    """Show a picture or those of a folder, each `steps` times, STEP seconds apart (`paced`: as time goes by).

    One that cannot be decoded gets a line in the log. Raises MediaError where there is none.
    """
    sensors: Sensors = {"camera": Sensor(folder, "online"), "mic": Sensor("none", "disabled")}
    shown = count()
    for path in pictures(folder):
        try:
            image = read_picture(path)
        except MediaError as error:
            log.warning("%s", error)
            continue
        judgement = model.classify_image(image, crop=crop)
        number = next(shown)
        for step in range(steps):
            if stop.is_set():
                return
            moment = moment_of_still(judgement, (number * steps + step) * STEP)
            stage.show(image, moment, sensors, Path(path).name)
            if paced:
                stop.wait(STEP)
