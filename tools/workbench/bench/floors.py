"""What the stages cannot go below: multiply-accumulates over the core's rate, bytes over its bandwidth.

The rate is the higher of two, both measured here: that of OpenBLAS on float32 matrices that fit the cache, times
four, as an int8 value takes a quarter of the place in a vector register; and what the face network itself reaches.
The bandwidth is that of copying more than the cache holds.
Work is counted on the clip: what each stage must at least read, write and multiply, not what it does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

INT8_LANES = 4
"""int8 values in the place of a float32."""

SIDE, COPIED = 512, 64_000_000
"""Of the matrices, and bytes of the copy."""

INTEGRAL = 4
"""Bytes of an integral image for each pixel, written once and read once."""

FRAME_RATE, WINDOW_RATE = 50, 2
"""Frames of mel power and windows of speech in a second."""


def measured() -> dict[str, float]:
    """`macs` (int8 multiply-accumulates a second) and `bytes` (read and written a second), best of several."""
    one = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    other, product = one.T.copy(), np.empty_like(one)
    source, target = np.ones(COPIED, np.uint8), np.empty(COPIED, np.uint8)
    face = _face()
    values = np.zeros((1, *face.input.shape), face.input.dtype)
    rates = (
        INT8_LANES * SIDE**3 / _least(lambda: np.matmul(one, other, out=product), 30),
        network_macs(face) / _least(lambda: face._interpreter.run_raw(values), 300),  # noqa: SLF001 - without front end
    )
    return {
        "macs": max(rates),
        "bytes": 2 * COPIED / _least(lambda: np.copyto(target, source), 10),
    }


def _least(work: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begun = time.thread_time()
        work()
        times.append(time.thread_time() - begun)
    return min(times)


def work() -> dict[str, dict[str, float]]:
    """`bytes` and `macs` of each stage: of a frame of one moving face, of a second of speech."""
    frame = _frame_work()
    return {**frame, **_speech_work()}


def _frame_work() -> dict[str, dict[str, float]]:
    from emoedge.vision.crop import FaceFrontEnd
    from emoedge.vision.haar import HaarDetector
    from workbench.bench.loops import Whole
    from workbench.clips import HEIGHT, WIDTH, clip

    searched = {"scan": 0.0, "follow": 0.0}
    once = HaarDetector.detect

    def counted(self: HaarDetector, gray: Any, *, minimum: int, maximum: int | None = None, quick: bool = False) -> Any:
        step, size, pixels = 1.2 if quick else 1.1, float(max(minimum, self.native)), 0.0
        while size <= (maximum or min(gray.shape)):
            pixels += gray.size * (self.native / size) ** 2
            size *= step
        searched["scan" if quick else "follow"] += gray.size + 2 * INTEGRAL * pixels
        return once(self, gray, minimum=minimum, maximum=maximum, quick=quick)

    HaarDetector.detect = counted  # type: ignore[method-assign]
    try:
        loop, scene = Whole(), clip("moving")
        for at, picture, _ in scene.frames():
            loop.look(picture, at)
    finally:
        HaarDetector.detect = once  # type: ignore[method-assign]
    vision = loop.pipeline.vision
    assert vision is not None
    judged, pixels = vision.counters["classified"] / scene.count, WIDTH * HEIGHT
    face = _face()
    height, width, channels = FaceFrontEnd(face.info.front_end).shape
    return {
        "gray": {"bytes": 4.0 * pixels},
        "gate": {"bytes": float(pixels)},
        "scan": {"bytes": searched["scan"] / scene.count},
        "follow": {"bytes": searched["follow"] / scene.count},
        "quality": {"bytes": 2.0 * 48 * 48},
        "crop": {"bytes": judged * 5.0 * height * width * channels},
        "classify": {"macs": judged * network_macs(face)},
    }


def _speech_work() -> dict[str, dict[str, float]]:
    from emoedge.audio.voice_net import PARAMETERS, read_layers
    from emoedge.pipeline import load_models

    speech = load_models(_config(), camera=False).speech
    assert speech is not None
    points, bands = PARAMETERS.nfft, PARAMETERS.mels
    # A real transform: half of n/2 log2 n butterflies of four products; then |X|^2 and the bands' own triangles.
    spectrum = points / 4 * np.log2(points) * 4 + points + 2 * points
    gate = sum(float(np.prod(layer.kernel.shape)) for layer in read_layers())
    return {
        "mel frames": {"macs": FRAME_RATE * (spectrum + bands) * INT8_LANES},
        "gate net": {"macs": FRAME_RATE * gate * INT8_LANES},
        "speech net": {"macs": WINDOW_RATE * network_macs(speech)},
    }


def _face() -> Any:
    from emoedge.pipeline import load_models

    return load_models(_config(), microphone=False).face


def _config() -> Any:
    from emoedge.config import default_config

    return default_config("demo")


def network_macs(model: Any) -> float:
    """Multiply-accumulates of one run of a model's convolutions and products of matrices."""
    interpreter = model._interpreter._interpreter  # noqa: SLF001 - the daemon needs no way to it
    shapes = {detail["index"]: detail["shape"] for detail in interpreter.get_tensor_details()}
    total = 0.0
    for operator in interpreter._get_ops_details():  # noqa: SLF001 - the runtimes tell their operators nowhere else
        name, inputs, outputs = operator["op_name"], operator["inputs"], operator["outputs"]
        if name in ("CONV_2D", "FULLY_CONNECTED"):
            kernel, result = shapes[inputs[1]], shapes[outputs[0]]
            total += float(np.prod(result)) * float(np.prod(kernel[1:]))
        elif name == "DEPTHWISE_CONV_2D":
            kernel, result = shapes[inputs[1]], shapes[outputs[0]]
            total += float(np.prod(result)) * float(np.prod(kernel[1:3]))
    return total
