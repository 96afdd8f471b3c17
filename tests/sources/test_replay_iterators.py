"""Films and sounds as iterators: the same values every time, in the order of their times."""

import wave
from pathlib import Path

import cv2
import numpy as np
import pytest

from emoedge.errors import MediaError
from emoedge.messages import SAMPLE_RATE, AudioBlock, Frame
from emoedge.sources.intake import Tally
from emoedge.sources.replay import film, merge, sound


@pytest.fixture
def make_sound(tmp_path):
    def make(seconds, rate=SAMPLE_RATE, channels=1):
        path = tmp_path / "a.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(np.random.default_rng(0).integers(-9000, 9000, int(seconds * rate) * channels).astype("<i2").tobytes())
        return str(path)

    return make


@pytest.mark.parametrize(("name", "fourcc"), [("a.avi", "MJPG"), ("a.mp4", "mp4v")])
def test_film_has_its_containers_times(make_film, camera_config, name, fourcc):
    path = make_film(name, count=12, fps=12.5, fourcc=fourcc)
    frames = list(film(path, camera_config(path)))
    assert [f.at for f in frames] == pytest.approx([i * 0.08 for i in range(12)])
    assert [f.index for f in frames] == list(range(12))
    assert [int(f.image.mean() // 10) for f in frames] == list(range(12))


def test_film_and_sound_are_the_same_every_time(make_film, make_sound, camera_config, microphone_config):
    pictures, noise = make_film(), make_sound(0.4, rate=44100)

    def play():
        both = merge(film(pictures, camera_config(pictures)), sound(noise, microphone_config(noise)))
        return [(item.at, (item.image if isinstance(item, Frame) else item.samples).tobytes()) for item in both]

    assert play() == play()


def test_film_is_turned_and_cut(make_film, camera_config):
    path = make_film(size=(64, 48))
    assert next(film(path, camera_config(path, rotate=90))).image.shape == (64, 48, 3)
    assert next(film(path, camera_config(path, region="10,10,20,30"))).image.shape == (30, 20, 3)


def test_folder_of_pictures_is_a_film(tmp_path, camera_config):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((20, 20), number * 10, np.uint8))
    assert [f.at for f in film(str(tmp_path), camera_config(tmp_path, fps=4))] == [0, 0.25, 0.5]




@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda tmp, _: tmp / "none.mp4", "no such file"),
        (lambda tmp, _: tmp, "no picture there"),
        (lambda tmp, _: (tmp / "text.mp4", (tmp / "text.mp4").write_text("words " * 50))[0], "not a video"),
        (lambda _, film: film("zero.avi", count=0), "zero.avi: "),
        (lambda _, film: film("zero.mp4", count=0, fourcc="mp4v"), "zero.mp4: "),
    ],
)
def test_films_without_a_frame(tmp_path, make_film, camera_config, make, words):
    path = make(tmp_path, make_film)
    with pytest.raises(MediaError, match=words) as caught:
        film(str(path), camera_config(path))
    assert "\n" not in str(caught.value)


def test_a_torn_film_is_shown_as_far_as_it_goes(tmp_path, make_film, camera_config):
    whole = make_film(count=50, size=(320, 240))
    path = tmp_path / "torn.avi"
    content = Path(whole).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    frames = list(film(str(path), camera_config(path)))
    assert 1 < len(frames) < 50
    assert np.all(np.diff([f.at for f in frames]) > 0)


@pytest.mark.parametrize("spoilt", [range(1), range(4, 7), range(9, 10)])
def test_damaged_pictures_do_not_end_a_film(make_film, camera_config, damage, spoilt):
    path = Path(make_film(count=10))
    pieces = path.read_bytes().split(b"\xff\xd8")
    assert len(pieces) == 11
    for number in spoilt:
        pieces[number + 1] = damage(pieces[number + 1])
    path.write_bytes(b"\xff\xd8".join(pieces))
    frames = list(film(str(path), camera_config(path)))
    assert [round(f.at * 25) for f in frames] == [n for n in range(10) if n not in spoilt]
    assert [int(f.image.mean() // 10) for f in frames] == [n for n in range(10) if n not in spoilt]


def test_region_outside_of_every_frame_is_told(make_film, camera_config):
    path = make_film()
    with pytest.raises(MediaError, match=r"camera\.region"):
        film(path, camera_config(path, region="900,0,40,40"))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_sound_is_cut_into_blocks_whose_times_are_their_samples(make_sound, microphone_config, rate):
    path = make_sound(1.0, rate=rate, channels=2)
    blocks = list(sound(path, microphone_config(path)))
    total = np.cumsum([len(b.samples) for b in blocks])
    assert abs(total[-1] - SAMPLE_RATE) <= 1
    assert [b.at for b in blocks] == pytest.approx(total / SAMPLE_RATE)
    assert all(0 < len(b.samples) <= 1000 for b in blocks)


def test_sound_counts_its_flaws(make_sound, microphone_config):
    path = make_sound(0.5)
    tally = Tally()
    list(sound(path, microphone_config(path, gain=40.0), tally))
    assert tally.clipped > 20


def test_sound_without_samples_is_told(make_sound, microphone_config):
    path = make_sound(0)
    with pytest.raises(MediaError, match="holds no sample"):
        sound(path, microphone_config(path))


def test_merge_is_in_the_order_of_times_and_frames_go_first():
    frames = [Frame(np.zeros((20, 20, 3), np.uint8), at, i) for i, at in enumerate((0.0, 0.04, 0.08))]
    blocks = [AudioBlock(np.zeros(320, np.float32), at) for at in (0.02, 0.04, 0.06, 0.1)]
    merged = list(merge(frames, blocks))
    assert [item.at for item in merged] == [0.0, 0.02, 0.04, 0.04, 0.06, 0.08, 0.1]
    assert [isinstance(item, Frame) for item in merged[2:4]] == [True, False]
    assert list(merge([], blocks)) == blocks


def test_a_channel_that_a_sound_file_lacks_is_told_with_its_name(make_sound, microphone_config):
    path = make_sound(0.1)
    with pytest.raises(MediaError, match="no channel 2") as caught:
        sound(path, microphone_config("default", channel=2))
    assert str(caught.value).startswith(f"{path}: ")
