"""Speech corpora by their real file names: who speaks, what it is, what is left out, and joined folders."""

import csv
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile
from workbench.data import speech_names
from workbench.data.speech import decode, parts, read_folder

from emoedge.emotions import INDEX
from emoedge.errors import MediaError

RATE = 16000


def sound(path, hertz=440, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.4 * np.sin(2 * np.pi * hertz * np.arange(rate // 10) / rate), rate)


NAMES = {
    "Audio_Speech_Actors_01-24/Actor_12/03-01-06-01-02-01-12.wav": ("ravdess", "Actor_12", "fear", "female", "en"),
    "Actor_01/03-01-02-02-01-02-01.wav": ("ravdess", "Actor_01", "calm", "male", "en"),
    "Actor_01/03-01-08-01-01-01-01.wav": ("ravdess", "Actor_01", "surprise", "male", "en"),
    "OAF_angry/OAF_back_angry.wav": ("tess", "OAF", "angry", "female", "en"),
    "YAF_pleasant_surprised/YAF_hate_ps.wav": ("tess", "YAF", "surprise", "female", "en"),
    "OAF_neutral/OA_bite_neutral.wav": ("tess", "OAF", "neutral", "female", "en"),
    "YAF_sad/back.wav": ("tess", "YAF", "sad", "female", "en"),
    "OAF_Pleasant_surprise/door.wav": ("tess", "OAF", "surprise", "female", "en"),
    "ALL/DC_a01.wav": ("savee", "DC", "angry", "male", "en"),
    "ALL/JK_sa15.wav": ("savee", "JK", "sad", "male", "en"),
    "AudioData/KL/su07.wav": ("savee", "KL", "surprise", "male", "en"),
    "AudioData/JE/n30.wav": ("savee", "JE", "neutral", "male", "en"),
    "wav/03a01Fa.wav": ("emodb", "03", "happy", "male", "de"),
    "wav/16b10Wb.wav": ("emodb", "16", "angry", "female", "de"),
    "wav/08a05Lb.wav": ("emodb", "08", "boredom", "female", "de"),
    "wav/14a07Ta.wav": ("emodb", "14", "sad", "female", "de"),
    "AudioWAV/1001_DFA_ANG_XX.wav": ("crema-d", "1001", "angry", "", "en"),
    "AudioWAV/1076_IEO_HAP_HI.wav": ("crema-d", "1076", "happy", "", "en"),
    "AudioWAV/1040_ITH_SAD_X.wav": ("crema-d", "1040", "sad", "", "en"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_says_corpus_speaker_and_emotion(name):
    said = speech_names.named(PurePosixPath(name))
    assert (said.dataset, said.speaker, said.label, said.gender, said.language) == NAMES[name]
    assert not said.song


@pytest.mark.parametrize(
    "name",
    [
        "03-01-09-01-02-01-12.wav", "03-01-06-01-02-01.wav", "03-03-06-01-02-01-12.wav", "OAF_back_bored.wav",
        "XX_a01.wav", "other/a01.wav", "DC_x01.wav", "03a01Xa.wav", "1001_DFA_CAL_XX.wav", "recording 7.wav",
    ],
)  # fmt: skip
def test_other_names_say_nothing(name):
    assert speech_names.named(PurePosixPath(name)) is None


@pytest.fixture
def everything(tmp_path):
    """All corpora below one folder, a song, a second copy, a name of its own, and what a Mac leaves behind."""
    for i, name in enumerate(NAMES):
        sound(tmp_path / name, 300 + 10 * i)
    sound(tmp_path / "Actor_01/03-02-06-01-02-01-01.wav")
    sound(tmp_path / "copy/AudioWAV/1001_DFA_ANG_XX.wav")
    sound(tmp_path / "mine.wav")
    (tmp_path / "wav/._03a01Fa.wav").write_bytes(b"\0\5\x16\7")
    (tmp_path / "wav/readme.txt").write_text("not a sound")
    return tmp_path


def test_a_folder_of_many_corpora_is_read_and_counted(everything):
    folder = read_folder(everything)
    assert Counter(clip.dataset for clip in folder.clips) == {
        "ravdess": 3, "tess": 5, "savee": 4, "emodb": 3, "crema-d": 3,
    }  # fmt: skip
    assert folder.dropped == {"boredom": 1}
    assert folder.ignored == {"song": 1, "second copy": 1, "unknown name": 1}
    assert all(clip.emotion in INDEX for clip in folder.clips)
    calm = next(clip for clip in folder.clips if clip.label == "calm")
    assert (calm.emotion, calm.fine) == ("neutral", "calm")
    only = read_folder(everything, "emodb")
    assert {clip.dataset for clip in only.clips} == {"emodb"}
    assert only.dropped == {"boredom": 1}
    assert read_folder(everything, "savee").dropped == {}


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".OPUS"])
def test_clips_are_decoded_to_16_khz(tmp_path, suffix):
    path = tmp_path / f"AudioWAV/1001_DFA_ANG_XX{suffix}"
    path.parent.mkdir()
    tone = np.sin(2 * np.pi * 440 * np.arange(4800) / 48000)
    kind = {".ogg": {"format": "OGG", "subtype": "VORBIS"}, ".OPUS": {"format": "OGG", "subtype": "OPUS"}}
    soundfile.write(path, tone, 48000, **kind.get(suffix, {}))
    ((clip, samples),) = decode(tmp_path, read_folder(tmp_path).clips)
    assert clip.speaker == "1001"
    assert samples.dtype == np.float32
    assert abs(len(samples) - 1600) <= 1


def test_an_unknown_layout_says_what_was_looked_for(tmp_path):
    sound(tmp_path / "recording 7.wav")
    with pytest.raises(MediaError, match="none of 1 sound files") as caught:
        read_folder(tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    for known in ("labels.csv", "RAVDESS", "TESS", "SAVEE", "EMO-DB", "CREMA-D"):
        assert known in message


def table(root, rows):
    root.mkdir(parents=True, exist_ok=True)
    with (root / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["dataset", "file", "speaker", "emotion", "split"], *rows])


def test_sounds_that_the_table_does_not_name_are_left_out_and_counted(tmp_path):
    table(tmp_path, [("mine", "./mine/ann-001.wav", "ann", "happy", "")])
    sound(tmp_path / "mine/ann-001.wav")
    sound(tmp_path / "mine/ann-002.wav")
    sound(tmp_path / "ravdess/Actor_01/03-01-05-01-01-01-01.wav")
    sound(tmp_path / "noise/rain.wav")
    (tmp_path / "noise.csv").write_text("file,category\nnoise/rain.wav,rain\n")
    folder = read_folder(tmp_path)
    assert [clip.speaker for clip in folder.clips] == ["ann"]
    assert folder.ignored == {"not in labels.csv": 2}
    (tmp_path / "noise.csv").write_text("file\n")
    assert read_folder(tmp_path).ignored == {"not in labels.csv": 3}
    (tmp_path / "noise.csv").write_text("category,file\nrain\n")
    assert read_folder(tmp_path).ignored == {"not in labels.csv": 3}


def test_a_table_may_name_its_sounds_by_other_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "corpus"
    table(root, [("mine", str(root / "one.wav"), "ann", "happy", ""), ("mine", "other/../two.wav", "ann", "sad", "")])
    (root / "other").mkdir()
    sound(root / "one.wav")
    sound(root / "two.wav")
    for given in (root, Path("corpus")):
        folder = read_folder(given)
        assert len(list(decode(folder.root, folder.clips))) == 2
        assert folder.ignored == {}


def test_folders_are_joined_and_a_clip_in_both_is_read_once(tmp_path):
    first, second = tmp_path / "pack", tmp_path / "download"
    table(first, [("ravdess", "ravdess/03-01-05-01-01-01-01.wav", "Actor_01", "angry", "")])
    sound(first / "ravdess/03-01-05-01-01-01-01.wav", 400)
    sound(second / "Actor_01/03-01-05-01-01-01-01.wav", 500)
    sound(second / "Actor_02/03-01-05-01-01-01-02.wav", 600)
    sound(second / "AudioWAV/1001_DFA_ANG_XX.wav", 700)
    (second / "noise.csv").write_text("file,category\n")
    joined = read_folder([first, second])
    assert joined.ignored == {"second copy": 1}
    assert joined.root == second, "where the noises are"
    peaks = [
        round(np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples), -1)
        for _, samples in decode([first, second], joined.clips)
    ]
    assert peaks == [400, 600, 700]
    assert [samples.shape for _, samples in decode(joined.root, joined.clips)] == [(1600,)] * 3
    assert {c.dataset for c in read_folder([first, second], "crema-d").clips} == {"crema-d"}
    with pytest.raises(MediaError, match="no data set 'tess'; there are crema-d, ravdess"):
        read_folder([first, second], "tess")


def test_parts_are_whole_speakers(tmp_path):
    for speaker in range(1001, 1021):
        for emotion in ("ANG", "SAD"):
            sound(tmp_path / f"AudioWAV/{speaker}_DFA_{emotion}_XX.wav", 100 + speaker % 50)
    for actor in (1, 15, 17, 20, 23):
        sound(tmp_path / f"Actor_{actor:02}/03-01-05-01-01-01-{actor:02}.wav")
    for name in ("OAF_back_angry", "YAF_back_angry"):
        sound(tmp_path / f"{name}.wav")
    clips = read_folder(tmp_path).clips
    where = dict(zip(clips, parts(clips), strict=True))
    of_speaker = {}
    for clip, part in where.items():
        of_speaker.setdefault((clip.dataset, clip.speaker), set()).add(part)
    assert all(len(own) == 1 for own in of_speaker.values())
    drawn = Counter(next(iter(own)) for (dataset, _), own in of_speaker.items() if dataset == "crema-d")
    assert drawn == {"train": 14, "test": 4, "validation": 2}
    assert {s: next(iter(p)) for (d, s), p in of_speaker.items() if d == "ravdess"} == {
        "Actor_01": "train", "Actor_15": "validation", "Actor_17": "test", "Actor_20": "test", "Actor_23": "train",
    }  # fmt: skip
    assert {next(iter(p)) for (d, _), p in of_speaker.items() if d == "tess"} == {"train"}
    backwards = clips[::-1]
    assert dict(zip(backwards, parts(backwards), strict=True)) == where, "the order of the clips decides nothing"
    assert parts(clips, seed=1) != parts(clips, seed=0)


def test_a_split_that_the_data_names_comes_first(tmp_path):
    rows = [("mine", f"mine/{i}.wav", f"p{i}", "happy", split) for i, split in enumerate(["Train", "val", "test"])]
    table(tmp_path, rows)
    assert parts(read_folder(tmp_path).clips) == ("train", "validation", "test")
    for part in ("train", "test"):
        sound(tmp_path / f"more/{part}/Actor_01/03-01-05-01-01-01-01.wav")
    assert parts(read_folder(tmp_path / "more").clips) == ("test",), "a second copy is read once, the first in order"
