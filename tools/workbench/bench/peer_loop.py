"""Run inside a peer's own environment: start it, show it the frames, print what that cost as one line of JSON.

Imports nothing of emoedge: usage `peer_loop.py NAME FRAMES`, frames raw BGR of 640 x 480.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP = 5
"""Frames before the measurement: caches, lazily built graphs."""


def fer() -> Callable[[Any], int]:
    """FER with its Haar cascade and its own mini-Xception."""
    from fer.fer import FER  # type: ignore[import-not-found,unused-ignore]

    judge = FER(mtcnn=False)
    return lambda image: len(judge.detect_emotions(image))


def deepface() -> Callable[[Any], int]:
    """DeepFace.analyze with its default detector, emotions only."""
    from deepface import DeepFace  # type: ignore[import-not-found,unused-ignore]

    return lambda image: len(DeepFace.analyze(image, actions=["emotion"], enforce_detection=False, silent=True))


def mediapipe() -> Callable[[Any], int]:
    """FaceMesh on a stream: detects, then follows landmarks. It knows no emotions."""
    import cv2
    import mediapipe as mp  # type: ignore[import-not-found,unused-ignore]

    mesh = mp.solutions.face_mesh.FaceMesh(static_image_mode=False, max_num_faces=4)
    return lambda image: len(mesh.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).multi_face_landmarks or ())


def main() -> None:
    """Measure and print."""
    began = time.perf_counter()
    import numpy as np

    look = {"fer": fer, "deepface": deepface, "mediapipe": mediapipe}[sys.argv[1]]()
    frames = np.fromfile(sys.argv[2], dtype=np.uint8).reshape(-1, 480, 640, 3)
    look(frames[0])
    start = time.perf_counter() - began
    milliseconds, found = [], 0
    for index, frame in enumerate(frames):
        before = time.process_time()
        found += look(frame)
        if index >= WARM_UP:
            milliseconds.append(1000 * (time.process_time() - before))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"cpu_ms": milliseconds, "faces": found, "start_s": start, "rss_mb": peak}))


if __name__ == "__main__":
    main()
