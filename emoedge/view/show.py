"""One run of `view`: which source is shown how, on which stage."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.errors import ConfigError, EmoedgeError, MediaError
from emoedge.inference.model_file import asked_for
from emoedge.judging.judge import load_model
from emoedge.judging.photograph import read_picture
from emoedge.ops.clock import SystemClock
from emoedge.pipeline import build_pipeline, load_models
from emoedge.sources.address import Kind, camera_kind, is_none, is_sound_alone, is_sound_file, shown
from emoedge.sources.camera import Camera
from emoedge.sources.factory import open_microphone
from emoedge.sources.film import pictures
from emoedge.sources.replay import film as read_film
from emoedge.sources.replay import sound
from emoedge.view.live import LiveShow
from emoedge.view.moment import Watch
from emoedge.view.played import STILL, play, show_stills
from emoedge.view.recorder import FILM, rate_of, recorder
from emoedge.view.screen import Screen
from emoedge.view.server import PageServer, token_for
from emoedge.view.timeline import STEP

if TYPE_CHECKING:
    from collections.abc import Callable

    from emoedge.config import Config
    from emoedge.judging.judge import EmotionModel
    from emoedge.pipeline import Models
    from emoedge.view.stage import Stage


class WrongUseError(EmoedgeError):
    """The command line asks for what cannot be: exit code 2."""


class Show:
    """What is to be shown; `video` and `audio` are None where there is none."""

    def __init__(
        self, config: Config, base: Path | None, *, video: str | None, audio: str | None, stills: bool, crop: bool
    ) -> None:
        self._config = config
        self._video = video
        self._audio = audio
        self._crop = crop
        self._base = base
        self._stills = stills
        self._still_model: EmotionModel | None = None
        self._models: Models | None = None

    @classmethod
    def of(cls, config: Config, base: Path | None, *, source: str, audio: str | None, film: bool, crop: bool) -> Show:
        """What the command line asks for; raises MediaError where that is nothing."""
        video: str | None = source
        if audio is None and "://" not in source and is_sound_alone(source):
            video, audio = None, source
        video = None if video is None or is_none(video) else video
        audio = None if audio is None or is_none(audio) else audio
        if video is None and audio is None:
            raise MediaError("none: nothing to show; name a camera, a film, a folder of pictures or a sound file")
        # With a sound, pictures are a film: photographs do not speak.
        stills = video is not None and camera_kind(video) is Kind.PICTURES and audio is None and not film
        config = replace(
            config,
            camera=replace(config.camera, source=video or "none", paced=True),
            microphone=replace(config.microphone, source=audio or "none", paced=True),
        )
        return cls(config, base, video=video, audio=audio, stills=stills, crop=crop)

    def check(self) -> None:
        """Load the models and look into the files: what cannot work is told before anything is shown."""
        self._check_video()
        if self._audio is not None and self._audio_is_file:
            next(iter(sound(self._audio, self._config.microphone)), None)
        if self._stills:
            if self._config.models.face.strip().lower() == "none":
                raise ConfigError(["models.face: none: nothing judges pictures; name a model"])
            threads = self._config.models.threads
            with asked_for("models.face"):
                self._still_model = load_model(
                    self._config.models.face, "face", config=self._config, base=self._base, threads=threads
                )
            return
        self._models = load_models(
            self._config, base=self._base, camera=self._video is not None, microphone=self._audio is not None
        )

    def serve(self, listen: str, number: int, stop: threading.Event, announce: Callable[[str], None]) -> None:
        """Show it as a page until `stop`; the last state stays when a film has ended. `announce` gets the URL.

        Raises WrongUseError where address and port cannot be had.
        """
        screen = Screen()
        about = {"video": self._shown(self._video), "audio": self._shown(self._audio), "models": self._model_names()}
        try:
            server = PageServer(screen, listen=listen, port=number, token=token_for(listen), about=about)
        except OSError as error:
            why = error.strerror or error
            raise WrongUseError(f"{listen}:{number}: {why}; choose another --port or --listen") from error
        thread = threading.Thread(target=server.serve_forever, name="page", daemon=True)
        thread.start()
        announce(server.url)
        try:
            self._play(screen, stop)
            screen.ended()
            stop.wait()
        finally:
            screen.close()
            server.shutdown()
            server.server_close()

    def record(self, target: str, stop: threading.Event) -> None:
        """Write it into a film or a folder; a camera until `stop`.

        Raises MediaError where nothing can be written there, or a source breaks off, of which what was written is kept.
        Raises WrongUseError where nothing should be written.
        """
        problem = self._target_problem(target)
        if problem is not None:
            raise WrongUseError(problem)
        broken = None
        with recorder(target, 1 / STEP if self._stills else self._rate()) as stage:
            if self._device:
                self._play(stage, stop)
            elif self._stills:
                self._show_stills(stage, stop, paced=False, single=not target.lower().endswith(FILM))
            else:
                broken = play(self._config, self._watch(), stage, stop, video=self._video, audio=self._audio)
        if broken is not None:
            raise MediaError(f"{broken}; {target} ends there" if stage.written else str(broken)) from broken

    @property
    def _audio_is_file(self) -> bool:
        return self._audio is not None and is_sound_file(self._audio)

    @property
    def _device(self) -> bool:
        """Whether any source is a device or stream, which goes at its own pace."""
        live = self._video is not None and camera_kind(self._video) in {Kind.DEVICE, Kind.STREAM}
        return live or (self._audio is not None and not self._audio_is_file)

    def _check_video(self) -> None:
        if self._video is None:
            return
        kind = camera_kind(self._video)
        if self._stills:
            _check_stills(pictures(self._video), self._video)
        elif kind in {Kind.VIDEO, Kind.PICTURES}:
            next(iter(read_film(self._video, self._config.camera)))
        elif kind is Kind.DEVICE and not Path(self._video).exists():
            raise MediaError(f"{self._video}: no such camera; `emoedge devices` lists those that are there")

    def _target_problem(self, target: str) -> str | None:
        """Why nothing can be written there, if so."""
        try:
            return self._misplaced(target)
        except OSError as error:  # a folder where this user may not look
            return f"--output {target}: {error.strerror}; name another place"

    def _misplaced(self, target: str) -> str | None:
        path = Path(target)
        if path.suffix.lower() not in {"", FILM} and not path.is_dir() and not target.endswith("/"):
            return f"--output {target}: expected a film, whose name ends in {FILM}, or a folder"
        for source in (self._video, self._audio):
            if source is not None and path.exists() and Path(source).exists():
                place = Path(source)
                if path.samefile(place) or (path.is_dir() and place.is_file() and path.samefile(place.parent)):
                    return f"--output {target}: would be written over {source}; name another place"
        return None

    def _rate(self) -> float:
        return rate_of(self._video, self._config.camera.fps)

    def _play(self, stage: Stage, stop: threading.Event) -> None:
        """As time goes by."""
        if self._stills:
            self._show_stills(stage, stop, paced=True, single=False)
            return
        clock = SystemClock()
        # Every picture is shown, also those that vision.rate would pass over.
        camera = None if self._video is None else Camera(self._config.camera, clock)
        LiveShow(
            self._watch(), clock, stage, camera=camera, microphone=open_microphone(self._config, clock),
            names={"camera": self._shown(self._video), "mic": self._shown(self._audio)},
        ).run(stop)  # fmt: skip

    def _show_stills(self, stage: Stage, stop: threading.Event, *, paced: bool, single: bool) -> None:
        assert self._still_model is not None
        assert self._video is not None
        steps = 1 if single else round(STILL / STEP)
        show_stills(self._still_model, self._video, stage, stop, steps=steps, paced=paced, crop=self._crop)

    def _watch(self) -> Watch:
        assert self._models is not None
        there = {"camera": self._video is not None, "microphone": self._audio is not None}
        return Watch(build_pipeline(self._config, self._models, **there), self._config.fusion.margin)

    @staticmethod
    def _shown(source: str | None) -> str:
        return "none" if source is None else shown(source)

    def _model_names(self) -> list[str]:
        if self._models is None:
            infos = [] if self._still_model is None else [self._still_model.info]
        else:
            infos = [model.info for model in (self._models.face, self._models.speech) if model is not None]
        return [f"{info.name} {info.version}" for info in infos]


def _check_stills(files: list[str], source: str) -> None:
    """Raise MediaError where not one of the pictures can be decoded."""
    for path in files:
        try:
            read_picture(path)
        except MediaError:
            if len(files) == 1:
                raise
        else:
            return
    raise MediaError(f"{source}: none of its {len(files)} pictures can be decoded; JPEG and PNG always work")
