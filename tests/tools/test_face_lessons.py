"""Lessons: views of faces and what teachers say of them, made once, and made anew where they would be others."""

import numpy as np
import pytest
from workbench.face_lessons import Lessons

ROWS = 10


def views(number):
    generator = np.random.default_rng(number)
    for count in (4, 4, 2):
        yield generator.random((count, 6, 6, 1), dtype=np.float32)


def opinions(pictures):
    """Of a picture that tells by its brightness what it is."""
    bright = pictures.mean(axis=(1, 2, 3))[:, None]
    return np.repeat(bright, 7, axis=1), np.repeat(1 - bright, 8, axis=1)


def unasked(pictures):
    pytest.fail("they had been asked before")


def test_teachers_are_asked_about_the_views_that_are_learned_from(tmp_path):
    lessons = Lessons(tmp_path, 2, "these")
    lessons.make(views, opinions)
    for number in range(2):
        lesson = lessons.lesson(number)
        wanted = np.concatenate(list(views(number)))[..., 0]
        np.testing.assert_allclose(lesson.views / 255, wanted, atol=0.5 / 255)
        seen = opinions(lesson.views[..., None].astype(np.float32) / 255)
        np.testing.assert_array_equal(lesson.original, seen[0])
        np.testing.assert_array_equal(lesson.votes, seen[1])
        assert len(lesson.votes) == ROWS


def test_lessons_follow_each_other_and_begin_again(tmp_path):
    lessons = Lessons(tmp_path, 3, "these")
    lessons.make(views, opinions)
    given = [lessons.lesson(epoch).views for epoch in range(6)]
    assert all(np.array_equal(given[epoch], given[epoch + 3]) for epoch in range(3))
    assert not np.array_equal(given[0], given[1])


def test_what_is_there_is_not_made_again_and_a_broken_off_one_is(tmp_path):
    Lessons(tmp_path, 3, "these").make(views, opinions)
    Lessons(tmp_path, 3, "these").make(views, unasked)
    first, second, third = sorted(tmp_path.iterdir())
    second.rename(second.with_name(second.name + ".part"))
    asked = []

    def again(number):
        asked.append(number)
        return views(number)

    Lessons(tmp_path, 3, "these").make(again, opinions)
    assert asked == [1]
    assert sorted(tmp_path.iterdir()) == [first, second, third]


def test_other_teachers_give_other_lessons(tmp_path):
    Lessons(tmp_path, 1, "these").make(views, opinions)
    others = Lessons(tmp_path, 1, "those")
    others.make(views, lambda pictures: opinions(1 - pictures))
    assert np.all(others.lesson(0).original != Lessons(tmp_path, 1, "these").lesson(0).original)
