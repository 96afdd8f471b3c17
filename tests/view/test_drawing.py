"""Boxes, bars, plane and timeline, as pixels."""

import numpy as np
import pytest

from emoedge.emotions import CANONICAL, Reason, Scores
from emoedge.judging.judgement import Opinion
from emoedge.messages import Box, Mode
from emoedge.view.drawing import COLOURS, bgr, draw_bars, draw_marks, draw_plane, draw_timeline, words
from emoedge.view.moment import Mark
from emoedge.view.sheet import LEAST, PANEL, STRIP, compose, fitted
from emoedge.view.timeline import BRIEF, Timeline


def canvas(height=300, width=300):
    return np.zeros((height, width, 3), np.uint8)


def share_of(picture, label):
    return (np.abs(picture.astype(int) - bgr(label)).sum(axis=-1) < 30).mean()


def test_every_label_has_a_colour_of_its_own():
    assert set(COLOURS) == {*CANONICAL, "unknown"}
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_words(opinion):
    assert words(opinion("happy", 0.9)) == "happy 0.90"
    assert words(Opinion.of(None, 0.0, Reason.LOW_LIGHT, 0.1)) == "unknown: low light"


def test_a_mark_is_drawn_around_the_face_and_not_over_it(opinion):
    picture = canvas()
    draw_marks(picture, [Mark(Box(100, 120, 80, 80), "face-1", opinion("sad"), main=True)])
    assert share_of(picture[120:121, 100:180], "sad") > 0.9
    assert not picture[130:190, 110:170].any()
    assert share_of(picture[106:119, 100:150], "sad") > 0.5, "the label's plate"


@pytest.mark.parametrize("box", [(-40, -40, 100, 100), (250, 250, 100, 100), (0, 0, 300, 300), (500, 500, 50, 50)])
def test_marks_beyond_the_picture_do_no_harm(opinion, box):
    picture = canvas()
    draw_marks(picture, [Mark(Box(*box), "face-1", opinion("happy"), main=False)])
    assert picture.shape == (300, 300, 3)


@pytest.mark.parametrize("p", [0.3, 0.6, 0.9])
def test_a_bar_is_as_long_as_its_share(opinion, p):
    picture = canvas(200, 318)
    assert draw_bars(picture, (0, 0, 318), opinion("fear", p)) == 7 * 24
    row = CANONICAL.index("fear")
    length = (np.abs(picture[row * 24 + 11].astype(int) - bgr("fear")).sum(axis=-1) < 30).sum()
    assert length == pytest.approx(p * 200, abs=2)


def test_an_unknown_label_has_no_bar():
    known = np.array([c != "disgust" for c in CANONICAL])
    picture = canvas(200, 318)
    draw_bars(picture, (0, 0, 318), Opinion.of(Scores(known / known.sum(), known), 1.0, None, 0.0))
    assert share_of(picture[24:48], "disgust") == 0
    assert share_of(picture[:24], "angry") > 0


def test_the_dot_lies_where_valence_and_arousal_say(opinion):
    for label, half in (("happy", np.s_[:, 60:]), ("sad", np.s_[:, :60])):
        picture = canvas(120, 120)
        draw_plane(picture, (0, 0, 119), opinion(label, 0.95))
        assert share_of(picture[half], label) > 0
    empty = canvas(120, 120)
    draw_plane(empty, (0, 0, 119), None)
    assert share_of(empty, "happy") == 0


def test_the_timeline_shows_each_lane_when_it_spoke(moment, opinion):
    line = Timeline()
    for step in range(51):  # happy for 5 s, then sad for 5 s; speech only in the second half
        at = step * 0.2
        label = "happy" if at < 5 else "sad"
        line.add(moment(at, label, speech=opinion("angry", 0.98) if at > 5 else None))
    picture = canvas(120, 458)
    draw_timeline(picture, (0, 0, 458, 120), line.since(), 10.0)
    face, speech = picture[:36], picture[40:76]
    middle = 58 + int(400 * (1 - 5 / BRIEF))
    assert share_of(face[:, middle - 90 : middle - 5], "happy") > 0.7
    assert share_of(face[:, middle + 10 :], "sad") > 0.7
    assert share_of(face[:, 58 : middle - 110], "happy") == 0
    assert share_of(speech[:, middle + 12 :], "angry") > 0.8
    assert share_of(speech[:, : middle - 2], "angry") == 0


@pytest.mark.parametrize(("size", "expected"), [((640, 480), (640, 480)), ((1920, 1080), (960, 540)), ((48, 48), (440, 440))])
def test_pictures_are_fitted(size, expected):
    assert fitted(*size) == expected


@pytest.mark.parametrize("size", [(48, 48), (480, 640), (2000, 900)])
def test_a_sheet(moment, size):
    image = np.full((*size, 3), 90, np.uint8)
    before = image.copy()
    room = fitted(size[1], size[0])
    sheet = compose(image, moment(1.0, box=(5, 12, size[1] - 10, size[0] - 20)), [], room)
    assert sheet.shape == (max(room[1], LEAST) + STRIP, room[0] + PANEL, 3)
    assert all(side % 2 == 0 for side in sheet.shape[:2])
    assert share_of(sheet[:, : room[0]], "happy") > 0
    np.testing.assert_array_equal(image, before)


def test_a_sheet_without_camera_or_people(moment):
    nobody = moment(0.0, marks=(), fused=None, face=None, subject=None, people=0, mode=Mode.IDLE, reason=Reason.NO_VOICE)
    assert compose(None, nobody, [], (640, 440)).any()
