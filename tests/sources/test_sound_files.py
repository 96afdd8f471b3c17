"""WAV files of every width, torn ones, and those that another library must read."""

import errno
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.errors import MediaError
from emoedge.sources.sound_file import open_sound
from emoedge.sources.wave_file import EXTENSIBLE, FLOAT, PCM

WAVE = np.sin(np.arange(500) / 7) * 0.9


def wav(code, bits, data, *, rate=16000, channels=1, size=None, extensible=False, before=b"", place=None):
    width = place or bits // 8
    chunk = struct.pack(
        "<HHIIHH", EXTENSIBLE if extensible else code, channels, rate, rate * channels * width, channels * width, bits
    )
    if extensible:
        chunk += struct.pack("<HHI", 22, bits, 0) + struct.pack("<H", code) + bytes(14)
    body = b"WAVE" + before + b"fmt " + struct.pack("<I", len(chunk)) + chunk
    body += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def encode(values, code, bits):
    if code == FLOAT:
        return values.astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return np.rint(values * 127 + 128).astype(np.uint8).tobytes()
    whole = np.rint(values * (2.0 ** (bits - 1) - 1)).astype("<i8")
    return b"".join(int(v).to_bytes(bits // 8, "little", signed=True) for v in whole)


def read_all(path, frames=77):
    sound = open_sound(str(path))
    parts = []
    while len(part := sound.read(frames)):
        parts.append(part)
    sound.close()
    return sound, np.concatenate(parts) if parts else np.zeros((0, sound.channels), np.float32)


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(("code", "bits"), [(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)])
def test_every_width_gives_the_same_wave(tmp_path, code, bits, extensible):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(code, bits, encode(WAVE, code, bits), rate=22050, extensible=extensible, before=b"LIST\x03\0\0\0abc\0"))
    sound, samples = read_all(path)
    assert (sound.rate, sound.channels, samples.dtype) == (22050, 1, np.float32)
    assert np.abs(samples[:, 0] - WAVE).max() < (0.012 if bits == 8 else 1e-4)


@pytest.mark.parametrize("channels", [1, 2])
def test_24_bits_in_four_bytes_as_arecord_writes_them(tmp_path, channels):
    whole = np.rint(np.repeat(WAVE, channels) * (2.0**23 - 1)).astype("<i4")
    (tmp_path / "a.wav").write_bytes(wav(PCM, 24, whole.tobytes(), channels=channels, place=4))
    sound, samples = read_all(tmp_path / "a.wav")
    assert samples.shape == (len(WAVE), channels)
    assert np.abs(samples - WAVE[:, None]).max() < 1e-4
    assert sound.full_scale == 1 - 2.0**-23


def test_six_channels_stay_apart(tmp_path):
    data = np.stack([WAVE * c / 6 for c in range(6)], axis=1)
    (tmp_path / "a.wav").write_bytes(wav(PCM, 16, encode(data.ravel(), PCM, 16), channels=6))
    sound, samples = read_all(tmp_path / "a.wav")
    assert sound.channels == 6
    assert np.abs(samples - data).max() < 1e-4


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_full_scale_is_the_largest_value_of_the_format(tmp_path, bits):
    (tmp_path / "a.wav").write_bytes(wav(PCM, bits, encode(np.ones(10), PCM, bits)))
    sound, samples = read_all(tmp_path / "a.wav")
    assert np.all(samples >= np.float32(sound.full_scale))


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 10**6])
def test_a_recorder_that_died_left_a_wrong_size(tmp_path, size):
    (tmp_path / "a.wav").write_bytes(wav(PCM, 16, encode(WAVE, PCM, 16), size=size))
    assert len(read_all(tmp_path / "a.wav")[1]) == len(WAVE)


def test_half_a_sample_at_the_end_is_left_out(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(PCM, 16, encode(WAVE, PCM, 16) + b"\x01", channels=1))
    assert len(read_all(tmp_path / "a.wav")[1]) == len(WAVE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (b"RIFF\0\0\0\0WAVE", "without a `fmt` chunk"),
        (wav(PCM, 16, b"")[:30], "format is cut off"),
        (wav(PCM, 16, b"")[:36], "without a `data` chunk"),
        (wav(PCM, 12, b""), "format 1 with 12 bits"),
        (wav(7, 8, b""), "format 7 with 8 bits"),
        (wav(PCM, 16, b"", channels=0), "0 channels"),
        (wav(PCM, 16, b"", channels=2, place=4), "2 x 16 bits in 8 bytes; known is 4"),
        (wav(FLOAT, 32, b"", place=2), "1 x 32 bits in 2 bytes; known is 4"),
        (wav(PCM, 16, b"", rate=4000), "4000 Hz; expected 8000 to 192000 Hz"),
        (b"no sound at all " * 10, "not a sound file"),
    ],
)
def test_misfits_name_cause_and_remedy(tmp_path, content, words):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(MediaError) as caught:
        open_sound(str(path))
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert ";" in str(caught.value), "cause; remedy"


def test_missing_files_and_folders(tmp_path):
    for path in (tmp_path / "none.wav", tmp_path, "a\0b"):
        with pytest.raises(MediaError):
            open_sound(str(path))


def test_other_formats_need_soundfile(tmp_path, monkeypatch):
    import soundfile

    path = tmp_path / "a.flac"
    soundfile.write(path, WAVE, 16000)
    assert np.abs(read_all(path)[1][:, 0] - WAVE).max() < 1e-4
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MediaError, match="pip install soundfile"):
        open_sound(str(path))


@pytest.mark.parametrize("library", [True, False])
def test_phone_recordings_are_told_how_to_become_wav(tmp_path, monkeypatch, library):
    path = tmp_path / "memo.m4a"
    path.write_bytes(b"\0\0\0 ftypM4A \0\0\0\0M4A mp42isom" + bytes(500))
    if not library:
        monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MediaError, match=r"; `ffmpeg -i \S+/memo\.m4a -c:a pcm_s16le out\.wav` makes") as caught:
        open_sound(str(path))
    assert "pip" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my memo.wav", "ffmpeg -i 'my memo.wav' -c:a"),
        ("10:30.wav", "ffmpeg -i ./10:30.wav -c:a"),
        ("-a.wav", "ffmpeg -i ./-a.wav -c:a"),
        ("deep/a.wav", "ffmpeg -i deep/a.wav -c:a"),
    ],
)
def test_a_proposed_conversion_can_be_copied(tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_bytes(wav(PCM, 12, b"ab"))
    with pytest.raises(MediaError) as caught:
        open_sound(name)
    assert words in str(caught.value)


@given(
    head=st.sampled_from([b"", b"RIFF\0\0\0\0WAVE", wav(PCM, 16, b"")[:40], wav(PCM, 24, b"ab")]),
    tail=st.binary(max_size=100),
)
def test_any_bytes_are_sound_or_a_media_error(tmp_path_factory, head, tail):
    path = tmp_path_factory.mktemp("fuzz") / "a.wav"
    path.write_bytes(head + tail)
    try:
        _, samples = read_all(path)
    except MediaError:
        return
    assert samples.ndim == 2


class FailingDrive:
    """Stands for a path whose file can be read `times` times."""

    def __init__(self, path, times):
        self.file, self.left = path.open("rb"), times

    def open(self, _):
        return self

    def read(self, count):
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.EIO, "Input/output error")
        return self.file.read(count)

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize("times", [0, 2, 4, 6])
def test_a_drive_that_fails_is_told_in_one_line(tmp_path, monkeypatch, times):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(PCM, 16, encode(WAVE, PCM, 16)))
    drive = FailingDrive(path, times)
    monkeypatch.setattr("emoedge.sources.wave_file.Path", lambda _: drive)
    with pytest.raises(MediaError, match=r"a\.wav: cannot be read: Input/output error; is its drive sound"):
        read_all(path)
    drive.close()
