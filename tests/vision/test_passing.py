"""Two people who pass each other: neither takes the other's number."""

import math

import numpy as np
import pytest

FPS = 5


def passing(studio, speed, *, turned):
    """The portrait from the left, and its mirror image in front of it from the right, `speed` pixels a second.

    `turned`: the same in a mirror.
    """
    for i in range(round((440 / speed + 1) * FPS)):
        way = min(speed * i / FPS, 440.0)
        picture, _ = studio.with_face(studio.ground(), 100 + way, 240, 110)
        mirrored, _ = studio.with_face(np.ascontiguousarray(picture[:, ::-1]), 100 + way, 240, 120)
        people = {"behind": (100 + way, 240), "before": (540 - way, 240)}
        picture = mirrored if turned else np.ascontiguousarray(mirrored[:, ::-1])
        if turned:
            people = {name: (640 - x, y) for name, (x, y) in people.items()}
        yield studio.grain(picture, i), people


def who(box, people):
    """Whose face it is; nobody's where they cannot be told apart."""
    near = [name for name, centre in people.items() if math.dist(box.centre, centre) < 0.4 * box.width]
    return near[0] if len(near) == 1 else None


@pytest.mark.parametrize("speed", [140, 160, 230])
@pytest.mark.parametrize("turned", [False, True])
def test_two_who_pass_each_other_keep_their_numbers(studio, speed, turned):
    film = list(passing(studio, speed, turned=turned))
    account = studio.play(studio.vision(), ((picture, []) for picture, _ in film), fps=FPS)
    bearers = {}
    for result, (_, people) in zip(account.results, film, strict=True):
        for face in result.faces:
            if (name := who(face.box, people)) is not None:
                bearers.setdefault(face.track, []).append(name)
    assert {names[0] for names in bearers.values()} == {"behind", "before"}
    assert all(names[-1] == names[0] for names in bearers.values()), bearers
