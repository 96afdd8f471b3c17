"""The eye against films whose truth is known."""

import math

import cv2
import numpy as np
import pytest

from emoedge.emotions import Reason
from emoedge.messages import Frame
from emoedge.vision.eye import CROWD, SPARED


def moving(studio, frames=60, speed=1.0, side=110, seed=0):
    for i in range(frames):
        x, y = 320 + 120 * math.sin(i * speed / 20), 250 + 50 * math.cos(i * speed / 17)
        picture, truth = studio.with_face(studio.ground(), x, y, side + 30 * math.sin(i / 25))
        yield studio.grain(picture, seed + i), [truth]


@pytest.mark.parametrize(("speed", "side"), [(1.0, 110), (4.0, 110), (1.0, 70), (1.0, 200)])
def test_a_moving_face_is_followed_as_one(studio, speed, side):
    account = studio.play(studio.vision(), moving(studio, speed=speed, side=side))
    assert account.hits >= account.truths - 4
    assert account.false == 0
    assert account.tracks == {1}


def test_slow_analysis_follows_too(studio):
    film = list(moving(studio, frames=125))[::5]
    account = studio.play(studio.vision(), film, fps=5)
    assert account.hits >= account.truths - 2
    assert account.tracks == {1}


def test_who_is_there_at_the_start_is_not_kept_waiting(studio):
    vision = studio.vision()
    studio.play(vision, [(studio.grain(studio.ground(), seed), []) for seed in range(2)])
    octaves = 4  # from a tenth of 480 pixels on: 48, 96, 192, 384
    assert vision.counters["scans"] == 2 * octaves, "all sizes, and those in between"


@pytest.mark.parametrize(("fps", "side"), [(25, 24), (5, 30)])
def test_a_film_of_few_frames_is_searched_at_a_finer_scale(studio, fps, side):
    searched = []

    class Recording:
        native = studio.detector.native

        def detect(self, gray, *, minimum, maximum=None, quick=False):
            searched.extend([minimum] if quick else [])
            return studio.detector.detect(gray, minimum=minimum, maximum=maximum, quick=quick)

    studio.play(studio.vision(detector=Recording()), moving(studio, frames=40), fps=fps)
    assert round(np.median(searched[len(searched) // 2 :])) == side


def test_two_faces_keep_their_numbers(studio):
    def film():
        for i in range(60):
            picture, left = studio.with_face(studio.ground(), 170 + 60 * math.sin(i / 15), 230, 100)
            picture, right = studio.with_face(picture, 470 + 60 * math.sin(i / 17), 260, 115)
            yield studio.grain(picture, i), [left, right]

    account = studio.play(studio.vision(), film())
    assert account.hits >= account.truths - 8
    assert account.false == 0
    sides = {(f.track, f.box.centre[0] < 320) for r in account.results for f in r.faces}
    assert sides in ({(1, True), (2, False)}, {(2, True), (1, False)})


def test_who_leaves_is_given_up_and_who_comes_gets_a_new_number(studio):
    def film():
        for i in range(150):
            empty = studio.ground()
            picture, truth = studio.with_face(empty, 320 + 10 * math.sin(i / 5), 250, 110)
            seen = not 40 <= i < 100
            yield studio.grain(picture if seen else empty, i), [truth] if seen else []

    account = studio.play(studio.vision(leave=1.0, confirm=0.3), film())
    appeared = [(r.at, n) for r in account.results for n in r.appeared]
    left = [(r.at, n) for r in account.results for n in r.left]
    assert [n for _, n in appeared] == [1, 2]
    assert [n for _, n in left] == [1]
    assert 0.3 <= appeared[0][0] <= 0.5
    assert 2.5 <= left[0][0] <= 2.7
    assert 4.3 <= appeared[1][0] <= 4.9
    assert account.false == 0


def test_a_short_occlusion_keeps_the_number(studio):
    def film():
        for i in range(60):
            empty = studio.ground()
            picture, truth = studio.with_face(empty, 300 + i, 250, 110)
            hidden = 25 <= i < 40
            yield studio.grain(empty if hidden else picture, i), [] if hidden else [truth]

    account = studio.play(studio.vision(leave=1.5), film())
    assert account.tracks == {1}
    assert not any(r.left for r in account.results)
    assert account.results[-1].faces


def test_nobody_inherits_the_number_of_who_was_there_before_a_gap(studio):
    vision = studio.vision(leave=1.5)
    picture, truth = studio.with_face(studio.ground(), 320, 250, 120)
    film = [(studio.grain(picture, seed), [truth]) for seed in range(4)]
    assert studio.play(vision, film, fps=5).tracks == {1}
    after = studio.play(vision, film, fps=5, start=3600.0)
    assert [n for r in after.results for n in r.left] == [1]
    assert after.tracks == {2}


def test_a_film_of_few_frames_has_no_gaps(studio):
    picture, truth = studio.with_face(studio.ground(), 320, 250, 120)
    film = [(studio.grain(picture, seed), [truth]) for seed in range(6)]
    account = studio.play(studio.vision(leave=1.5), film, fps=0.5)
    assert account.tracks == {1}
    assert not any(r.left for r in account.results)


@pytest.mark.parametrize("kind", ["blank", "white", "noise", "ground", "texture"])
def test_where_nobody_is_nobody_is_seen(studio, kind):
    random = np.random.default_rng(5)
    texture = cv2.resize(random.integers(0, 255, (60, 80, 3), dtype=np.uint8), (640, 480))

    def picture(i):
        if kind in ("blank", "white"):
            return np.full((480, 640, 3), 0 if kind == "blank" else 255, np.uint8)
        if kind == "noise":
            return random.integers(0, 256, (480, 640, 3), dtype=np.uint8)
        return studio.grain(studio.ground(), i) if kind == "ground" else np.roll(texture, 4 * i, axis=1)

    account = studio.play(studio.vision(), ((picture(i), []) for i in range(40)))
    assert account.false == 0
    assert not any(r.appeared for r in account.results)


def test_what_does_not_move_is_searched_once(studio):
    looks = []

    class Spy:
        def detect(self, gray, **kwargs):
            looks.append(gray.shape)
            return studio.detector.detect(gray, **kwargs)

    vision = studio.vision(detector=Spy())
    picture = studio.ground()
    results = [vision.look(Frame(studio.grain(picture, i), i / 25, i)) for i in range(25 * 4)]
    half = len(looks)
    assert 0 < half <= 10
    assert not results[-1].moved
    blank = np.zeros((480, 640, 3), np.uint8)
    for i in range(50):
        assert not vision.look(Frame(blank, 4 + i / 25, i)).moved
    assert len(looks) == half


def test_a_still_face_stays_and_keeps_its_scores(studio, counting):
    picture, truth = studio.with_face(studio.ground(), 320, 250, 120)
    vision = studio.vision(counting, refresh=0.5)
    account = studio.play(vision, [(picture, [truth])] * 100)
    assert account.hits >= 96
    assert all(f.scores is not None for r in account.results for f in r.faces)
    assert len(counting.shown) in range(7, 11)
    assert not account.results[-1].moved


def test_a_changed_face_is_classified_six_times_a_second_of_a_film(studio, counting):
    account = studio.play(studio.vision(counting, refresh=60), moving(studio, frames=30, speed=3))
    assert account.hits / 4 <= len(counting.shown) <= account.hits / 4 + 1
    assert counting.shown[0].shape == (48, 48, 1)


def test_scores_are_fresh_once_for_each_look_of_the_classifier(studio, counting):
    account = studio.play(studio.vision(counting), moving(studio, frames=30, speed=3))
    faces = [face for result in account.results for face in result.faces]
    assert sum(face.fresh for face in faces) == len(counting.shown) < len(faces)
    assert faces[0].fresh
    assert all(face.scores is not None for face in faces)


def test_a_crowd_costs_no_more_looks_than_two(studio, counting):
    vision = studio.vision(counting)
    tracks, rate, seconds = set(), 20, 5
    for index in range(rate * seconds):
        picture = studio.ground()
        for place in range(4):
            picture, _ = studio.with_face(picture, 90 + 150 * place, 240 + 8 * np.sin(0.3 * index + place), 100)
        result = vision.look(Frame(studio.grain(picture, index), index / rate, index))
        tracks |= {face.track for face in result.faces}
        assert all(face.scores is not None for face in result.faces)
    assert len(tracks) == 4
    assert 0.8 * CROWD * seconds / SPARED < len(counting.shown) <= 4 + CROWD * seconds / SPARED


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"minimum_size": 400}, Reason.FACE_TOO_SMALL),
        ({"minimum_brightness": 250}, Reason.LOW_LIGHT),
        ({"minimum_sharpness": 90}, Reason.BLUR),
    ],
)
def test_a_poor_face_is_followed_but_not_judged(studio, counting, settings, reason):
    account = studio.play(studio.vision(counting, **settings), moving(studio, frames=15))
    faces = [f for r in account.results for f in r.faces]
    assert faces
    assert all(f.quality.reason is reason and f.scores is None and f.quality.overall == 0 for f in faces)
    assert not counting.shown


def test_the_same_film_gives_the_same_results(studio):
    film = list(moving(studio, frames=40))
    once, again = (studio.play(studio.vision(), film).results for _ in range(2))
    assert once == again


@pytest.mark.parametrize("channels", [0, 1, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (23, 17), (33, 640), (241, 319)])
def test_odd_pictures_are_survived(studio, counting, size, channels):
    random = np.random.default_rng(1)
    shape = (*size, channels) if channels else size
    vision = studio.vision(counting)
    for i in range(6):
        result = vision.look(Frame(random.integers(0, 256, shape, dtype=np.uint8), i / 5, i))
        assert result.faces == ()
    assert vision.counters["invalid"] == 0


@pytest.mark.parametrize("convert", [cv2.COLOR_BGR2GRAY, cv2.COLOR_BGR2BGRA])
def test_gray_and_alpha_pictures_show_faces_too(studio, counting, convert):
    film = ((cv2.cvtColor(picture, convert), truth) for picture, truth in moving(studio, frames=15))
    account = studio.play(studio.vision(counting), film)
    assert account.hits >= 11
    assert counting.shown


@pytest.mark.parametrize(
    "image",
    [np.zeros((0, 0, 3), np.uint8), np.zeros((48, 64, 3), np.float32), np.zeros((48, 64, 2), np.uint8), np.zeros(5, np.uint8)],
)
def test_what_is_no_picture_is_counted(studio, image):
    vision = studio.vision()
    assert vision.look(Frame(image, 0.0, 0)).faces == ()
    assert vision.counters["invalid"] == vision.counters["frames"] == 1


def test_a_new_size_of_picture_starts_the_search_anew(studio):
    vision = studio.vision()
    studio.play(vision, moving(studio, frames=15))
    small = [(cv2.resize(p, (320, 240)), [type(b[0])(*(v / 2 for v in (b[0].x, b[0].y, b[0].width, b[0].height)))])
             for p, b in moving(studio, frames=40)]  # fmt: skip
    account = studio.play(vision, small, start=0.6)
    assert account.hits >= 30


@pytest.mark.parametrize("size", [(320, 240), (1280, 960)])
def test_nobody_stays_where_pictures_of_another_size_had_them(studio, size):
    vision = studio.vision()
    picture, truth = studio.with_face(studio.ground(), 200, 250, 120)
    assert studio.play(vision, [(studio.grain(picture, seed), [truth]) for seed in range(4)], fps=5).tracks == {1}
    factor = size[0] / 640
    there = type(truth)(*(factor * v for v in (truth.x, truth.y, truth.width, truth.height)))
    resized = [(studio.grain(cv2.resize(picture, size), seed), [there]) for seed in range(6)]
    account = studio.play(vision, resized, fps=5, start=0.8)
    assert [n for r in account.results for n in r.left] == [1]
    assert account.hits >= 4
    assert account.false == 0


def test_following_costs_a_fraction_of_scanning_every_frame(studio):
    pixels = {"eye": 0, "naive": 0}

    class Meter:
        def detect(self, gray, **kwargs):
            pixels["eye"] += gray.size
            return studio.detector.detect(gray, **kwargs)

    film = list(moving(studio, frames=50))
    studio.play(studio.vision(detector=Meter()), film)
    pixels["naive"] = sum(picture.shape[0] * picture.shape[1] for picture, _ in film)
    assert pixels["eye"] < pixels["naive"] / 20
