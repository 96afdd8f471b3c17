"""Face sets as they are downloaded: FER2013's CSV, class folders, CK+, JAFFE and FERG-DB by their real names."""

from collections import Counter

import cv2
import numpy as np
import pytest
from workbench.data import faces
from workbench.data.layout import modality

from emoedge.emotions import CANONICAL, INDEX
from emoedge.errors import MediaError
from emoedge.messages import Modality
from emoedge.vision.haar import HaarDetector, framed

RNG = np.random.default_rng(8)


def picture(path, shape=(48, 48), content=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = RNG.integers(0, 256, shape, dtype=np.uint8) if content is None else content
    assert cv2.imwrite(str(path), content), path
    return content


@pytest.fixture(scope="module")
def portrait():
    """A real face in a larger picture, gray."""
    from skimage.data import astronaut

    return cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)


def csv_file(path, usages=("Training", "PublicTest", "PrivateTest"), header="emotion,pixels,Usage", labels=(0, 3, 6)):
    images = RNG.integers(0, 256, (len(usages), 48, 48), dtype=np.uint8)
    rows = [
        ",".join([str(label), " ".join(map(str, image.ravel())), usage])
        for label, image, usage in zip(labels, images, usages, strict=False)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")
    return images


@pytest.mark.parametrize("name", ["fer2013.csv", "fer2013/fer2013.csv"])
def test_the_csv_is_read_by_file_and_by_folder(tmp_path, name):
    images = csv_file(tmp_path / name)
    for path in (tmp_path, tmp_path / name):
        pack = faces.load(path)
        np.testing.assert_array_equal(pack.images, images)
        assert pack.labels.tolist() == [0, 3, 6]
        assert pack.split.tolist() == [faces.TRAINING, faces.REPORTED, faces.KEPT]
        assert pack.votes is None
        assert pack.clean.all()


def test_pictures_beside_a_csv_are_left_out_and_counted(tmp_path):
    csv_file(tmp_path / "fer2013.csv")
    picture(tmp_path / "train/happy/im0.png")
    picture(tmp_path / "jaffe/KA.AN1.39.tiff")
    picture(tmp_path / "notes.png")
    pack = faces.load(tmp_path)
    assert len(pack) == 3
    assert pack.dropped == {"beside fer2013.csv": 2}
    assert faces.load(tmp_path / "fer2013.csv").dropped == {}


def test_the_csv_of_the_challenge_has_spaces_and_another_order(tmp_path):
    images = RNG.integers(0, 256, (1, 48, 48), dtype=np.uint8)
    line = f"4,Training,{' '.join(map(str, images.ravel()))}\n"
    (tmp_path / "icml_face_data.csv").write_text("emotion, Usage, pixels\n" + line)
    pack = faces.load(tmp_path)
    np.testing.assert_array_equal(pack.images, images)
    assert pack.labels.tolist() == [INDEX["sad"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("emotion,pixels\n0,1 2\n", "no column usage"),
        ("emotion,pixels,Usage\n0,1 2 3,Training\n", "row 2: pixels are not 2304"),
        (f"emotion,pixels,Usage\n0,{' '.join(['300'] * 2304)},Training\n", "row 2: pixels"),
        (f"emotion,pixels,Usage\n7,{' '.join(['3'] * 2304)},Training\n", "row 2: emotion '7'"),
        (f"emotion,pixels,Usage\n1,{' '.join(['3'] * 2304)},Other\n", "row 2: Usage 'other'"),
        ("emotion,pixels,Usage\n", "no row"),
    ],
)
def test_a_broken_csv_names_its_row(tmp_path, text, message):
    path = tmp_path / "fer2013.csv"
    path.write_text(text)
    with pytest.raises(MediaError, match=message) as caught:
        faces.load(path)
    assert "\n" not in str(caught.value)


def test_rows_that_are_no_faces_or_contradict_themselves_are_not_clean(tmp_path):
    images = csv_file(tmp_path / "fer2013.csv", ("Training",) * 3, labels=(0, 1, 2))
    lines = (tmp_path / "fer2013.csv").read_text().splitlines()
    blank = " ".join(["7"] * 2304)
    again = " ".join(map(str, images[0].ravel()))
    (tmp_path / "fer2013.csv").write_text("\n".join([*lines, f"3,{blank},Training", f"4,{again},Training"]))
    assert faces.load(tmp_path).clean.tolist() == [False, True, True, False, False]


def test_class_folders_with_train_and_test(tmp_path):
    for part, name, count in [("train", "angry", 4), ("train", "happy", 3), ("test", "angry", 2), ("test", "Surprise", 1)]:
        for i in range(count):
            picture(tmp_path / part / name / f"im{i}.png")
    picture(tmp_path / "train/contempt/im0.png")
    (tmp_path / "train/angry/notes.txt").write_text("no picture")
    (tmp_path / "train/angry/._im0.png").write_bytes(b"mac")
    pack = faces.load(tmp_path)
    found = Counter((CANONICAL[label], split) for label, split in zip(pack.labels, pack.split.tolist(), strict=True))
    assert found == {("angry", 0): 4, ("happy", 0): 3, ("angry", 1): 2, ("surprise", 1): 1}
    assert pack.dropped == {"contempt": 1}
    assert modality(tmp_path) is Modality.FACE


@pytest.mark.parametrize(
    ("folders", "splits"),
    [(["train", "validation"], [0, 1]), (["train", "test", "val"], [0, 1, 2]), (["Training", "PublicTest", "PrivateTest"], [0, 1, 2])],
)
def test_what_parts_are_called(tmp_path, folders, splits):
    shades = {}
    for folder, split in zip(folders, splits, strict=True):
        shades[picture(tmp_path / folder / "fear/a.png").tobytes()] = split
    pack = faces.load(tmp_path)
    assert {image.tobytes(): split for image, split in zip(pack.images, pack.split.tolist(), strict=True)} == shades


def test_fer_pictures_in_one_test_folder_are_told_apart_by_name(tmp_path):
    for part, name in [("train", "Training_3908"), ("test", "PublicTest_123"), ("test", "PrivateTest_456")]:
        picture(tmp_path / part / "sad" / f"{name}.jpg")
    assert sorted(faces.load(tmp_path).split.tolist()) == [0, 1, 2]


def test_class_folders_alone_are_divided_by_lot_and_twins_stay_together(tmp_path):
    for i in range(20):
        twin = picture(tmp_path / "angry" / f"{i}.png")
        picture(tmp_path / "angry" / f"{i}-copy.png", content=twin)
    pack = faces.load(tmp_path)
    assert (pack.split == faces.REPORTED).sum() == 8, "a fifth"
    assert not set(pack.first[pack.split == 0]) & set(pack.first[pack.split == 1])
    assert np.array_equal(faces.load(tmp_path).split, pack.split)


def jaffe(root, portrait=None):
    for person in ("KA", "KL", "KM", "TM"):
        for i, code in enumerate(("AN", "DI", "FE", "HA", "SA", "SU", "NE")):
            content = None if portrait is None else np.roll(portrait, i + ord(person[1]), axis=1)
            picture(root / f"{person}.{code}1.{30 + i}.tiff", (256, 256), content)


def test_jaffe_names_give_subject_and_emotion(tmp_path):
    jaffe(tmp_path / "jaffe")
    pack = faces.load(tmp_path)
    assert np.bincount(pack.labels).tolist() == [4] * 7
    assert set(pack.subjects) == {"jaffe/KA", "jaffe/KL", "jaffe/KM", "jaffe/TM"}
    reported = set(pack.subjects[pack.split == faces.REPORTED])
    assert len(reported) == 1
    assert not reported & set(pack.subjects[pack.split == faces.TRAINING])
    assert pack.portraits == 28
    assert pack.uncropped == 28, "noise shows no face, and is kept whole"


def test_portraits_are_framed_like_the_daemon_frames_them(tmp_path, portrait):
    box = framed(max(HaarDetector().detect(portrait, minimum=102), key=lambda b: b.area))
    picture(tmp_path / "KA.HA1.29.tiff", content=portrait)
    pack = faces.load(tmp_path)
    assert (pack.portraits, pack.uncropped) == (1, 0)
    x, y, w, h = round(box.x), round(box.y), round(box.width), round(box.height)
    expected = cv2.resize(portrait[y : y + h, x : x + w], (48, 48)).astype(float)
    whole = cv2.resize(portrait, (48, 48)).astype(float)
    found = pack.images[0].astype(float)
    assert np.abs(found - expected).mean() < 3 < np.abs(found - whole).mean()


def test_holding_out_keeps_subjects_together(tmp_path):
    jaffe(tmp_path)
    pack = faces.load(tmp_path)
    rows = faces.training_rows(pack)
    learned, held = faces.hold_out(pack, rows, share=0.05, seed=0)
    assert len(held) == 7
    assert len(set(pack.subjects[held])) == 1
    assert not set(pack.subjects[held]) & set(pack.subjects[learned])


def ck_plus(root):
    """Two sequences with a label, one without, as the two archives are unpacked side by side."""
    for subject, sequence, count in [("S005", "001", 11), ("S010", "002", 6), ("S011", "001", 5)]:
        for i in range(1, count + 1):
            picture(root / f"cohn-kanade-images/{subject}/{sequence}/{subject}_{sequence}_{i:08}.png", (49, 64))
    for name, code in [("S005/001/S005_001_00000011", 3), ("S010/002/S010_002_00000006", 7)]:
        path = root / "Emotion" / f"{name}_emotion.txt"
        path.parent.mkdir(parents=True)
        path.write_text(f"   {code:.7e}\n")


def test_ck_plus_with_emotion_files(tmp_path):
    ck_plus(tmp_path)
    pack = faces.load(tmp_path)
    found = Counter((who, CANONICAL[label]) for who, label in zip(pack.subjects.tolist(), pack.labels, strict=True))
    assert found == {
        ("ck+/S005", "disgust"): 3, ("ck+/S005", "neutral"): 1,
        ("ck+/S010", "surprise"): 3, ("ck+/S010", "neutral"): 1,
    }  # fmt: skip
    assert pack.dropped == {"unlabelled": 22 - 8}


def test_ck_plus_contempt_and_broken_emotion_files(tmp_path):
    ck_plus(tmp_path)
    path = tmp_path / "Emotion/S005/001/S005_001_00000011_emotion.txt"
    path.write_text("   2.0000000e+00\n")
    assert faces.load(tmp_path).dropped["contempt"] == 3
    path.write_text("angry")
    with pytest.raises(MediaError, match=r"S005_001_00000011_emotion\.txt: holds no emotion code"):
        faces.load(tmp_path)


def test_ck_plus_in_class_folders(tmp_path):
    for label, stem in [("anger", "S005_001_00000011"), ("happy", "S010_006_00000015"), ("contempt", "S138_008_00000009")]:
        picture(tmp_path / "CK+48" / label / f"{stem}.png")
    pack = faces.load(tmp_path)
    assert sorted(zip(pack.subjects.tolist(), pack.labels.tolist(), strict=True)) == [("ck+/S005", 0), ("ck+/S010", 3)]
    assert pack.dropped == {"contempt": 1}
    assert pack.portraits == 0, "pictures of 48 x 48 are faces already"


def test_ferg_names_give_the_character_and_are_not_cropped(tmp_path):
    for who in ("aia", "bonnie", "jules", "malcolm", "mery", "ray"):
        for emotion in ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"):
            picture(tmp_path / f"FERG_DB_256/{who}/{who}_{emotion}/{who}_{emotion}_1.png", (256, 256, 3))
    pack = faces.load(tmp_path)
    assert np.bincount(pack.labels).tolist() == [6] * 7
    assert len(set(pack.subjects)) == 6
    assert pack.portraits == 0
    assert len(set(pack.subjects[pack.split == faces.REPORTED])) == 1


@pytest.mark.parametrize("shape", [(300, 200, 3), (100, 100, 4), (64, 48)])
def test_colour_and_size_do_not_matter(tmp_path, shape):
    picture(tmp_path / "angry/one.png", shape)
    pack = faces.load(tmp_path)
    assert pack.images.shape == (1, 48, 48)
    assert pack.images.dtype == np.uint8


def test_a_file_that_is_no_picture_is_named(tmp_path):
    picture(tmp_path / "angry/one.png")
    (tmp_path / "angry/two.png").write_bytes(b"truncated")
    with pytest.raises(MediaError, match=r"two\.png: not a picture"):
        faces.load(tmp_path)


def test_sets_are_joined_and_a_subject_in_two_of_them_stays_on_one_side(tmp_path):
    subjects = [f"S{i:03}" for i in range(20)]
    for subject in subjects:
        picture(tmp_path / f"first/anger/{subject}_001_00000011.png")
        picture(tmp_path / f"second/happy/{subject}_006_00000015.png")
    pack = faces.load([tmp_path / "first", tmp_path / "second"])
    assert len(pack) == 40
    reported = set(pack.subjects[pack.split == faces.REPORTED])
    assert len(reported) == 4
    assert not reported & set(pack.subjects[pack.split == faces.TRAINING])


def test_joining_keeps_votes_and_finds_twins_across_sets(tmp_path):
    images = RNG.integers(0, 256, (10, 48, 48), dtype=np.uint8)
    votes = np.eye(10, dtype=np.uint8)[np.arange(10)] * 10
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(10) % 7, split=np.zeros(10), ferplus_votes=votes)
    csv_images = csv_file(tmp_path / "fer2013.csv")
    picture(tmp_path / "folder/test/angry/twin.png", content=images[4])
    pack = faces.load([tmp_path / "a.npz", tmp_path / "fer2013.csv", tmp_path / "folder"])
    np.testing.assert_array_equal(pack.images[10:13], csv_images)
    assert pack.votes.shape == (14, 10)
    assert pack.votes[:10].sum() == 100
    assert not pack.votes[10:].any()
    assert pack.first[13] == 4
    assert 4 not in faces.training_rows(pack), "its twin is reported on"


def test_an_unknown_layout_says_what_was_looked_for(tmp_path):
    picture(tmp_path / "holiday/one.png")
    for read in (faces.load, modality):
        with pytest.raises(MediaError) as caught:
            read(tmp_path)
        for known in ("fer2013.csv", "JAFFE", "CK+", "FERG-DB", "class folders"):
            assert known in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_folder_of_data_sets_names_them(tmp_path):
    (tmp_path / "fer2013.npz").touch()
    (tmp_path / "speech").mkdir()
    (tmp_path / "speech/labels.csv").write_text("dataset,file,speaker,emotion\n")
    with pytest.raises(MediaError) as caught:
        modality(tmp_path)
    assert str(caught.value).endswith(f"name those that are meant: {tmp_path}/fer2013.npz, {tmp_path}/speech")


def test_faces_and_speech_are_not_joined(tmp_path):
    picture(tmp_path / "faces/angry/one.png")
    (tmp_path / "speech").mkdir()
    (tmp_path / "speech/labels.csv").write_text("dataset,file,speaker,emotion\n")
    assert modality(tmp_path / "speech") is Modality.SPEECH
    with pytest.raises(MediaError, match="cannot be joined"):
        modality([tmp_path / "faces", tmp_path / "speech"])
    with pytest.raises(MediaError, match="no such file"):
        faces.load(tmp_path / "nowhere.npz")
