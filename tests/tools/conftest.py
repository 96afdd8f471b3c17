"""Small data that several of these tests learn from."""

import csv

import numpy as np
import pytest
import soundfile

RATE = 16000
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "calm")


@pytest.fixture(scope="session")
def hummed(tmp_path_factory):
    """Humming voices whose rhythm is the emotion: two corpora, one with calm, one without; three noises."""
    root = tmp_path_factory.mktemp("speech")
    generator = np.random.default_rng(0)
    rows = []
    sets = {
        "ravdess": (["Actor_01", "Actor_15", "Actor_17"], ["angry", "sad", "calm", "neutral"]),
        "mine": (["p", "q"], ["happy", "sad"]),
    }
    for name in (*sets, "noise"):
        (root / name).mkdir()
    for name, (speakers, emotions) in sets.items():
        for speaker in speakers:
            for emotion in emotions:
                for take in range(2):
                    file = f"{name}/{speaker}-{emotion}-{take}.wav"
                    time = np.arange(2 * RATE) / RATE
                    swing = np.sin(2 * np.pi * (1 + EMOTIONS.index(emotion)) * time) > 0
                    hum = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 9))
                    breath = generator.normal(0, 0.3, len(time))
                    soundfile.write(root / file, 0.1 * swing * (hum + breath), RATE)
                    rows.append((name, file, speaker, emotion))
    with (root / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["dataset", "file", "speaker", "emotion"])
        writer.writerows(rows)
    for i in range(3):
        soundfile.write(root / f"noise/{i}.wav", generator.normal(0, 0.1, RATE), RATE)
    (root / "noise.csv").write_text("file,category\n" + "".join(f"noise/{i}.wav,rain\n" for i in range(3)))
    return root
