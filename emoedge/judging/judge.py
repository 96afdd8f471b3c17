"""The Python interface: a model file that judges one's own photographs or recorded phrases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoedge.config import default_config
from emoedge.errors import MediaError, ModelError
from emoedge.inference import model as loading
from emoedge.inference.shipped import resolve
from emoedge.messages import Modality
from emoedge.sources.address import PICTURES, SOUNDS

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from emoedge.config import Config
    from emoedge.inference.spec import ModelInfo
    from emoedge.judging.judgement import Judgement
    from emoedge.judging.photograph import Photographer
    from emoedge.judging.phrase import Listener

_MAGIC = (b"RIFF", b"fLaC", b"OggS", b"FORM", b".snd", b"caff", b"ID3")
"""How sound files begin, where their name does not say it."""


_NO_SOUND = (b"WEBP", b"AVI ")
"""What of RIFF is a picture or a film."""


class EmotionModel:
    """A loaded model, face or speech, that judges single files, pictures or sounds.

    Not safe for several threads at once: load one for each.
    """

    def __init__(self, model: loading.Model, config: Config) -> None:
        self._model = model
        self._config = config
        self._eye: Photographer | None = None
        self._ear: Listener | None = None

    @property
    def info(self) -> ModelInfo:
        """What the model's file says of itself: name, version, modality, labels, licence, figures."""
        return self._model.info

    @property
    def modality(self) -> Modality:
        """`face` judges pictures, `speech` judges sounds."""
        return self._model.info.modality

    def classify_file(self, path: str | os.PathLike[str], *, crop: bool = False) -> Judgement:
        """Judge a picture or sound file: whichever this model is for.

        `crop`: as for `classify_image`. Raises MediaError where the file cannot be read, ModelError where it is
        of the other sense.
        """
        name = str(path)
        kind = modality_of(name)
        self._must_be(kind)
        if kind is Modality.FACE:
            from emoedge.judging.photograph import read_picture  # noqa: PLC0415 - a speech model loads no OpenCV

            return self._photographer().judge(read_picture(name), crop=crop)
        from emoedge.sources.replay import sound  # noqa: PLC0415

        return self._listener().judge(sound(name, self._config.microphone))

    def classify_image(self, image: NDArray[Any], *, crop: bool = False) -> Judgement:
        """Judge the faces of a picture as OpenCV has it.

        `image`: height x width (gray), x 3 (BGR) or x 4 (BGRA); uint8, uint16 or floating point 0..1.
        `crop`: the whole picture is one face, cut out as the model expects it; nothing is searched.
        The result is that of the largest face, all are in `faces`; without a face the label is `unknown`
        and the reason `no_face`. Raises MediaError where it is no picture, ModelError for a speech model.
        """
        self._must_be(Modality.FACE)
        from emoedge.judging.photograph import checked  # noqa: PLC0415

        return self._photographer().judge(checked(image, "image"), crop=crop)

    def classify_sound(self, samples: NDArray[Any], rate: int) -> Judgement:
        """Judge a recorded phrase.

        `samples`: (n,) or (n, channels), averaged; floating point in -1..1, or integers at full scale.
        `rate`: Hz. Only what the voice gate takes for speech is judged: without any the label is `unknown` and
        the reason `no_voice`. Raises MediaError where it is no sound, ModelError for a face model.
        """
        self._must_be(Modality.SPEECH)
        from emoedge.judging.phrase import blocks_of  # noqa: PLC0415

        return self._listener().judge(blocks_of(samples, rate, self._config))

    def _must_be(self, modality: Modality) -> None:
        if self.modality is not modality:
            wanted = "pictures" if modality is Modality.FACE else "sounds"
            raise ModelError(
                f"{self.info.name}: a {self.modality} model does not judge {wanted}; load a {modality} model"
            )

    def _photographer(self) -> Photographer:
        if self._eye is None:
            from emoedge.judging.photograph import Photographer  # noqa: PLC0415

            self._eye = Photographer(self._config, self._model)
        return self._eye

    def _listener(self) -> Listener:
        if self._ear is None:
            from emoedge.judging.phrase import Listener  # noqa: PLC0415

            self._ear = Listener(self._config, self._model)
        return self._ear


def load_model(
    model: str | os.PathLike[str], modality: Modality | str | None = None, *,
    config: Config | None = None, base: Path | None = None, threads: int = 1,
) -> EmotionModel:  # fmt: skip
    """Load a converted model for one's own pictures and sounds.

    `model`: a path, or the name of a shipped one (`face`, `speech`, with or without `.tflite`).
    `modality`: `face` or `speech` where only that will do. `config`: thresholds of quality and margin, as
    `emoedge.config.load` reads them (default: the built-in defaults). `base`: a folder where a relative path
    may start too. `threads`: of the interpreter.

        from emoedge import load_model
        said = load_model("face").classify_file("me.jpg")
        print(said.label, said.confidence, [face.box for face in said.faces])

    Raises ModelError, one line: file, cause, remedy.
    """
    path = resolve(str(model), base)
    if path is None:
        raise ModelError(f"{model}: no model; give its path or the name of a shipped one")
    return EmotionModel(loading.load_model(path, modality, threads), config or default_config())


def modality_of(path: str) -> Modality:
    """Which sense a file is for, by its ending, else by its first bytes; MediaError where it is not there."""
    ending = Path(path).suffix.lower()
    try:
        with Path(path).open("rb") as file:
            head = file.read(12)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise MediaError(f"{path}: {why}; give the path of a picture or a sound file") from error
    if not head:
        raise MediaError(f"{path}: empty file")
    if ending in SOUNDS or (ending not in PICTURES and head.startswith(_MAGIC) and head[8:] not in _NO_SOUND):
        return Modality.SPEECH
    if ending in PICTURES or _is_picture(path):
        return Modality.FACE
    raise MediaError(f"{path}: neither a picture nor a sound; `emoedge replay` and `emoedge view` take films")


def _is_picture(path: str) -> bool:
    import cv2  # noqa: PLC0415 - only where the name does not say it

    return bool(cv2.haveImageReader(path))
