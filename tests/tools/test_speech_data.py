"""Speech folders: what is read, dropped, split, decoded from tar or folder, and refused with a reason."""

import csv
import hashlib
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from workbench.data.archive import Archive, resample
from workbench.data.noise import HUMAN, decode_noises, read_noises
from workbench.data.speech import TEST_SPEAKERS, VALIDATION_SPEAKERS, decode, held_out, read_folder

from emoedge.errors import MediaError

HEADER = ["dataset", "file", "speaker", "gender", "emotion", "intensity", "duration_s", "language"]
ROWS = [
    ("tiny", "tiny/a.wav", "ann", "female", "angry"),
    ("tiny", "tiny/b.wav", "ann", "female", "calm"),
    ("tiny", "tiny/c.wav", "bob", "male", "boredom"),
    ("tiny", "tiny/d.wav", "bob", "male", "Sadness"),
    ("other", "other/e.ogg", "cyd", "female", "surprise"),
]


def tone(hertz, rate=16000, seconds=0.5):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def write_table(root, rows=ROWS, header=HEADER):
    with (root / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows([*row, "normal", "0.5", "xx"] for row in rows)


@pytest.fixture
def root(tmp_path):
    """Five clips: WAV and Ogg, 16, 8 and 44.1 kHz, mono and stereo, as extracted folders."""
    for name in ("tiny", "other"):
        (tmp_path / name).mkdir()
    soundfile.write(tmp_path / "tiny/a.wav", tone(440), 16000)
    soundfile.write(tmp_path / "tiny/b.wav", tone(440, 8000), 8000)
    soundfile.write(tmp_path / "tiny/c.wav", tone(440), 16000)
    stereo = np.stack([tone(440, 44100), tone(440, 44100)], axis=1)
    soundfile.write(tmp_path / "tiny/d.wav", stereo, 44100)
    soundfile.write(tmp_path / "other/e.ogg", tone(440), 16000, format="OGG", subtype="VORBIS")
    write_table(tmp_path)
    return tmp_path


def packed(root):
    """The same folder with tars instead of folders."""
    for name in ("tiny", "other"):
        with tarfile.open(root / f"{name}.tar", "w") as archive:
            for path in sorted((root / name).iterdir()):
                archive.add(path, arcname=f"{name}/{path.name}")
                path.unlink()
        (root / name).rmdir()
    return root


def test_rows_become_clips_and_labels_canonical(root):
    folder = read_folder(root)
    assert [(c.file, c.emotion, c.fine) for c in folder.clips] == [
        ("tiny/a.wav", "angry", "angry"),
        ("tiny/b.wav", "neutral", "calm"),
        ("tiny/d.wav", "sad", "sad"),
        ("other/e.ogg", "surprise", "surprise"),
    ]
    assert folder.dropped == {"boredom": 1}
    assert folder.clips[0].duration == 0.5
    assert folder.datasets == ("other", "tiny")


@pytest.mark.parametrize(
    ("dataset", "speakers", "files", "dropped"),
    [
        ("tiny", None, ["tiny/a.wav", "tiny/b.wav", "tiny/d.wav"], {"boredom": 1}),
        ("other", None, ["other/e.ogg"], {}),
        (None, ["bob"], ["tiny/d.wav"], {"boredom": 1}),
        ("tiny", {"ann"}, ["tiny/a.wav", "tiny/b.wav"], {}),
    ],
)
def test_filters(root, dataset, speakers, files, dropped):
    folder = read_folder(root, dataset, speakers)
    assert [clip.file for clip in folder.clips] == files
    assert folder.dropped == dropped


def test_sessions_follow_the_digest_of_the_file(tmp_path):
    write_table(tmp_path, [("s", f"s/{i}.wav", f"p{i % 2}", "", "happy") for i in range(40)])
    sessions = dict(read_folder(tmp_path).sessions())
    assert list(sessions) == ["s/p0", "s/p1"]
    for clips in sessions.values():
        digests = [hashlib.sha256(clip.file.encode()).hexdigest() for clip in clips]
        assert digests == sorted(digests)
        assert [c.file for c in clips] != sorted(c.file for c in clips)


@pytest.mark.parametrize("pack", [False, True])
def test_decoding_gives_16_khz_mono_from_tar_or_folder(root, pack):
    if pack:
        packed(root)
    decoded = list(decode(root, read_folder(root).clips))
    assert len(decoded) == 4
    for clip, samples in decoded:
        assert samples.dtype == np.float32, clip.file
        assert abs(len(samples) - 8000) <= 1, clip.file
        middle = samples[1000:7000] * np.hanning(6000)
        peak = np.abs(np.fft.rfft(middle, 160000)).argmax() / 10
        assert abs(peak - 440) < 2, clip.file
        assert 0.4 < np.abs(middle).max() < 0.6, clip.file
    if pack:
        assert sorted(path.name for path in root.iterdir()) == ["labels.csv", "other.tar", "tiny.tar"]


@given(st.sampled_from([8000, 11025, 22050, 44100, 48000]), st.floats(100, 3500))
def test_resampling_keeps_a_tone(rate, hertz):
    samples = resample(tone(hertz, rate, 1.0).astype(np.float32), rate)
    wanted = tone(hertz, 16000, 1.0)
    assert len(samples) == len(wanted)
    assert np.abs(samples - wanted)[2000:-2000].max() < 0.05


def test_held_out_speakers_are_whole_speakers_and_apart():
    for dataset, names in TEST_SPEAKERS.items():
        assert not set(names) & set(VALIDATION_SPEAKERS.get(dataset, ()))
    assert len(TEST_SPEAKERS["ravdess"]) == 4


@pytest.mark.parametrize(("speaker", "out"), [("Actor_17", True), ("Actor_15", True), ("Actor_01", False)])
def test_held_out_is_told_from_the_speaker(tmp_path, speaker, out):
    write_table(tmp_path, [("ravdess", "ravdess/x.wav", speaker, "", "happy")])
    assert held_out(read_folder(tmp_path).clips[0]) is out


def test_a_speaker_of_that_name_in_another_set_is_not_held_out(tmp_path):
    write_table(tmp_path, [("mine", "mine/x.wav", "Actor_17", "", "happy")])
    assert not held_out(read_folder(tmp_path).clips[0])


BROKEN = {
    "no table": (lambda root: (root / "labels.csv").unlink(), "labels.csv: cannot be read"),
    "not text": (lambda root: (root / "labels.csv").write_bytes(b"\xff\xfe\x00\x81"), "cannot be read"),
    "columns": (lambda root: (root / "labels.csv").write_text("file,speaker\n"), "no column dataset, emotion"),
    "empty": (lambda root: write_table(root, []), "no row with a known emotion"),
    "labels": (lambda root: write_table(root, [("t", "t/x", "p", "", "boredom")]), "no row with a known emotion"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_table_is_refused_in_one_line(root, name):
    spoil, message = BROKEN[name]
    spoil(root)
    with pytest.raises(MediaError, match=message) as caught:
        read_folder(root)
    assert "\n" not in str(caught.value)


def test_an_unknown_data_set_is_refused_by_name(root):
    with pytest.raises(MediaError, match="no data set 'emo'; there are other, tiny"):
        read_folder(root, "emo")


def test_missing_and_unreadable_files_are_named(root):
    (root / "tiny/a.wav").unlink()
    (root / "tiny/b.wav").write_bytes(b"no sound at all")
    with Archive(root, "tiny") as archive:
        with pytest.raises(MediaError, match=r"tiny/a\.wav: neither"):
            archive.read("tiny/a.wav")
        with pytest.raises(MediaError, match=r"tiny/b\.wav: not a sound file .*; fetch it again") as caught:
            archive.read("tiny/b.wav")
        assert "BytesIO" not in str(caught.value)
        (root / "tiny/b.wav").write_bytes(b"")
        with pytest.raises(MediaError, match=r"tiny/b\.wav: not a sound file .*it is empty"):
            archive.read("tiny/b.wav")


def test_a_tar_that_is_none_is_refused(root):
    (root / "tiny.tar").write_bytes(b"nothing" * 1000)
    with pytest.raises(MediaError, match=r"tiny\.tar: cannot be read as a tar"), Archive(root, "tiny"):
        pass


def test_nan_and_clipped_samples_survive(root):
    bad = tone(440).astype(np.float32)
    bad[100], bad[200] = np.nan, np.inf
    soundfile.write(root / "tiny/a.wav", bad, 16000, subtype="FLOAT")
    with Archive(root, "tiny") as archive:
        assert np.isfinite(archive.read("tiny/a.wav")).all()


def test_human_noises_are_left_out_unless_asked_for(tmp_path):
    Path(tmp_path / "noise").mkdir()
    lines = ["file,category,source,duration_s"]
    for category in ("rain", "baby_cry", "helicopter"):
        soundfile.write(tmp_path / f"noise/{category}.wav", tone(300), 16000)
        lines.append(f"noise/{category}.wav,{category},made,0.5")
    (tmp_path / "noise.csv").write_text("\n".join(lines) + "\n")
    assert "baby_cry" in HUMAN
    assert [noise.category for noise in read_noises(tmp_path)] == ["rain", "helicopter"]
    assert len(read_noises(tmp_path, human=True)) == 3
    assert [len(samples) for _, samples in decode_noises(tmp_path)] == [8000, 8000]


def test_a_missing_noise_table_is_refused(tmp_path):
    with pytest.raises(MediaError, match=r"noise\.csv: cannot be read"):
        read_noises(tmp_path)
