"""Small data that several of these tests learn from."""

import csv
import hashlib
import io
import tarfile
import zipfile

import numpy as np
import pytest
import soundfile
from workbench.recipes.other_speech import Package

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


@pytest.fixture(scope="session")
def dialogues(tmp_path_factory):
    """A mirror with a package of humming voices, one of them short, one long and in an archive of its own."""
    generator = np.random.default_rng(1)

    def sound(seconds, voice):
        time = np.arange(round(seconds * 22050)) / 22050
        content = io.BytesIO()
        soundfile.write(content, voice(time), 22050, format="OGG", subtype="VORBIS")
        return content.getvalue()

    def hum(time):
        swing = np.sin(2 * np.pi * generator.uniform(1, 9) * time) > 0
        return 0.1 * swing * (sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 9)))

    inner, data = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("b/long.ogg", sound(15, lambda time: 0.5 * np.sin(2 * np.pi * 440 * time)))
        archive.writestr("b/text.txt", "no sound")
    members = {f"./usr/a{i}.ogg": sound(2, hum) for i in range(6)}
    members |= {"./usr/short.ogg": sound(0.3, hum), "./usr/z.uqm": inner.getvalue(), "./usr/copyright": b"free"}
    with tarfile.open(fileobj=data, mode="w:xz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))

    package = b"!<arch>\n"
    for name, content in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", data.getvalue())):
        package += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content
        package += b"\n" * (len(content) % 2)
    folder = tmp_path_factory.mktemp("mirror")
    (folder / "pool").mkdir()
    (folder / "pool/talk-data_1_all.deb").write_bytes(package)
    return folder, Package("pool/talk-data_1_all.deb", hashlib.sha256(package).hexdigest())
