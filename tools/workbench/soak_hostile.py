"""Hostile inputs, by a seed, for everything that reads what comes from outside."""

from __future__ import annotations

import copy
import io
import json
import logging
import random
import time
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from emoedge.config import default_config, load
from emoedge.config.key import section
from emoedge.config.tree import Config
from emoedge.errors import ConfigError, ModelError
from emoedge.inference.model_file import INFO, ModelFile
from emoedge.inference.shipped import resolve
from emoedge.messages import AudioBlock, Frame
from emoedge.ops.clock import SystemClock
from emoedge.outputs.board import Board
from emoedge.outputs.commands import COMMANDS, CONTROLS
from emoedge.outputs.control_desk import ControlDesk
from emoedge.outputs.control_values import ControlValues
from emoedge.outputs.stamp import Stamp
from emoedge.outputs.topics import Topics
from emoedge.pipeline import build_pipeline, load_models
from emoedge.sources.intake import Intake, Tally
from emoedge.sources.picture import to_bgr
from emoedge.threads import bound_threads
from workbench.soak_gauge import Gauge

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

SAMPLES = 100
"""Looks at memory while the inputs are thrown."""

VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1 << 70, 1e308, float("nan"), float("inf"), "", "none", "\0", "é" * 300, "../../etc/passwd",
    "%s%n", "0x10", [], [[]], {}, {"a": {"b": []}}, ["x"] * 50, "2026-01-01", "!!python/object:os.system",
)  # fmt: skip

SCRAPS = (b"{", b"}", b"[", b"]" * 40, b"&a *a", b"<<: *a", b"\xff\xfe", b"\0", b": ", b"- " * 200, b"\t", b"!!", b"%")


class Thrower:
    """Makes and throws inputs of every kind; `folder` is for files."""

    def __init__(self, seed: int, folder: Path) -> None:
        bound_threads(1)
        self._random = random.Random(seed)  # noqa: S311 - repeatable inputs, no secret
        self._numbers = np.random.default_rng(seed)
        self._file = folder / "hostile"
        config = default_config("demo")
        self._config_text = "\n".join(f"{name}:\n{body}" for name, body in _sections().items()).encode()
        self._keys = [key.name for key in section(Config).walk()]
        models = [resolve(name, None) for name in (config.models.face, config.models.speech)]
        self._models = [path.read_bytes() for path in models if path is not None]
        self._pipeline = build_pipeline(config, load_models(config))
        self._at = 0.0
        self._intakes = [Intake(config.microphone, Tally(), rate=rate, channels=2) for rate in (8000, 16000, 44100)]
        topics = Topics("emoedge", "hostile")
        self._desk = ControlDesk(
            topics=topics, stamp=Stamp(SystemClock(), "00000000"), board=Board(), wake=lambda: None,
            values=ControlValues(None, log_level="error"), raw_timeout=10.0,
        )  # fmt: skip
        self._desk.start()
        self._topics = [*map(topics.control_set, CONTROLS), *map(topics.request, COMMANDS), topics.request("nonsense")]
        self.kinds: dict[str, Callable[[], bool]] = {
            "config": self.config, "model": self.model, "frame": self.frame, "audio": self.audio,
            "control": self.control,
        }  # fmt: skip

    def config(self) -> bool:
        """A config file: the reference with pieces cut out, put in, doubled, or values replaced."""
        text = bytearray(self._config_text)
        if self._random.random() < 0.5:
            lines = [_yaml(name, self._random.choice(VALUES)) for name in self._random.sample(self._keys, k=4)]
            text = bytearray(b"deployment: {context: home}\n" + b"\n".join(lines))
        self._spoil(text, self._random.randrange(4), SCRAPS)
        self._file.write_bytes(text)
        try:
            load(self._file)
        except ConfigError:
            return False
        return True

    def model(self) -> bool:
        """A model file: shortened, with bytes changed, or with members of its account replaced."""
        content = bytearray(self._random.choice(self._models))
        if self._random.random() < 0.5:
            content = bytearray(self._with_lies(bytes(content)))
        else:
            self._spoil(content, self._random.randrange(1, 5), SCRAPS)
        self._file.write_bytes(content)
        try:
            ModelFile.read(self._file)
        except ModelError:
            return False
        return True

    def _with_lies(self, content: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            start = min(member.header_offset for member in archive.infolist())
            members = {name: archive.read(name) for name in archive.namelist()}
        document = json.loads(members[INFO])
        for key in self._random.sample(sorted(document), k=2):
            document[key] = copy.deepcopy(self._random.choice(VALUES))
        if isinstance(document.get("front_end"), dict):
            document["front_end"][self._random.choice(["name", "parameters", "x"])] = self._random.choice(VALUES)
        members[INFO] = json.dumps(document).encode()
        if self._random.random() < 0.3:
            victim = self._random.choice(sorted(members))
            members[victim] = members[victim][: self._random.randrange(len(members[victim]))]
        whole = io.BytesIO()
        whole.write(content[:start])
        with zipfile.ZipFile(whole, "a") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return whole.getvalue()

    def frame(self) -> bool:
        """A picture of any shape and kind, at a time that may stand still or leap."""
        self._at += self._random.choice((0.0, 1e-9, 0.05, 0.1, 5.0))
        height, width = (self._random.choice((0, 1, 2, 7, 48, 120, 480)) for _ in range(2))
        channels = self._random.choice(((), (1,), (3,), (3,), (4,), (3, 1)))
        shape = (height, width, *channels) if self._random.random() < 0.9 else (height,)
        kind = self._random.choice((np.uint8, np.uint8, np.uint16, np.int16, np.float32, np.float64, np.bool_))
        fill = self._random.random()
        values = self._numbers.integers(0, 256, shape) if fill < 0.6 else np.full(shape, self._random.choice((0, 255)))
        image: Any = values.astype(kind)
        if kind in {np.float32, np.float64} and image.size:
            image.flat[self._random.randrange(image.size)] = self._random.choice((np.nan, np.inf, 1e38))
        if self._random.random() < 0.2 and image.ndim > 1:
            image = image[::-1, ::2]
        if self._random.random() < 0.5:
            image = to_bgr(image)
            if image is None:
                return False
        self._pipeline.frame(Frame(image, self._at, 0))
        return True

    def audio(self) -> bool:
        """Sound of any length and size, with numbers that are none, gaps and losses."""
        self._at += self._random.choice((0.0, 1e-9, 0.02, 0.5))
        length = self._random.choice((0, 1, 2, 159, 320, 1600, 1601, 8000))
        scale = self._random.choice((0.0, 1e-40, 1e-3, 0.3, 1.0, 1e9, 3e38))
        with np.errstate(over="ignore"):
            samples = (self._numbers.standard_normal((length, 2)) * scale).astype(np.float32)
        if length and self._random.random() < 0.3:
            samples[self._random.randrange(length)] = self._random.choice((np.nan, np.inf, -np.inf))
        lost = self._random.choice((0, 0, 0, 1, 16000, 1 << 40))
        if self._random.random() < 0.5:
            block = self._random.choice(self._intakes).block(samples, self._at, lost)
        else:
            block = AudioBlock(samples[:, 0], self._at, self._random.choice((0.0, 1.0)), lost)
        self._pipeline.audio(block)
        return True

    def control(self) -> bool:
        """A message on a topic that is listened to."""
        asked = {name: self._random.choice(VALUES) for name in ("transaction", "value")}
        body = bytearray(json.dumps(asked).encode())
        if self._random.random() < 0.3:
            body = bytearray(self._random.choice(SCRAPS) * self._random.choice((1, 30, 3000)))
        self._spoil(body, self._random.randrange(3), SCRAPS)
        topic, retained = self._random.choice(self._topics), self._random.random() < 0.1
        return self._desk.handle(topic, bytes(body), retained=retained)

    def _spoil(self, content: bytearray, times: int, scraps: tuple[bytes, ...]) -> None:
        """Change `content` in place."""
        for _ in range(times):
            where = self._random.randrange(len(content) + 1)
            act = self._random.randrange(5)
            if act == 0:
                del content[where:]
            elif act == 1:
                content[where:where] = self._random.choice(scraps)
            elif act == 2:
                end = where + self._random.randrange(1, 64)
                content[where:end] = self._random.randbytes(self._random.randrange(64))
            elif act == 3 and where < len(content):
                content[where] ^= 1 << self._random.randrange(8)
            else:
                content[where:where] = content[where : where + self._random.randrange(1, 200)]


def _yaml(name: str, value: Any) -> bytes:
    """`a: {b: value}` for the key `a.b`."""
    *groups, leaf = name.split(".")
    text = f"{leaf}: {json.dumps(value)}"
    for group in reversed(groups):
        text = f"{group}: {{{text}}}"
    return text.encode()


def _sections() -> dict[str, str]:
    """Every key at its default, section by section."""
    sections = {"deployment": "  context: home\n"}
    for key in section(Config).walk():
        name, _, leaf = key.name.partition(".")
        if not key.required and "." not in leaf:
            sections[name] = sections.get(name, "") + f"  {leaf}: {json.dumps(key.default)}\n"
    return sections


def run(count: int, seed: int, folder: Path, stop: threading.Event) -> dict[str, Any]:
    """Throw `count` inputs, all kinds in turn, or fewer after `stop`.

    An error that is not one of emoedge's own ends the run: a crash.
    """
    logging.getLogger("emoedge").setLevel(logging.CRITICAL)
    thrower, gauge = Thrower(seed, folder), Gauge()
    names = list(thrower.kinds)
    told: dict[str, dict[str, Any]] = {name: {"thrown": 0, "accepted": 0, "slowest_cpu_ms": 0.0} for name in names}
    began = time.monotonic()
    for number in range(count):
        if stop.is_set():
            break
        name = names[number % len(names)]
        before = time.thread_time()  # of the processor: other programs' turns do not count
        try:
            accepted = thrower.kinds[name]()
        except Exception as error:
            raise RuntimeError(f"input {number} ({name}, seed {seed}) crashed its reader") from error
        took = (time.thread_time() - before) * 1e3
        row = told[name]
        row["thrown"] += 1
        row["accepted"] += accepted
        row["slowest_cpu_ms"] = round(max(row["slowest_cpu_ms"], took), 1)
        if number % max(1, count // SAMPLES) == 0:
            gauge.sample(time.monotonic() - began)
    report = gauge.report()
    return {
        "hostile": sum(row["thrown"] for row in told.values()), "seed": seed, "crashes": 0,
        "took_s": round(time.monotonic() - began, 1), "kinds": told,
        **{key: report[key] for key in ("rss_mb", "open_files", "threads")},
    }  # fmt: skip
