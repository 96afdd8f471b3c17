"""Events of two machines side by side: what counts as the same run, and what does not."""

import json

import compare_events
import pytest

RUN = [
    {"ts": "1970-01-01T00:00:02.600Z", "event_type": "person_appeared", "subject": "face-1", "episode_id": "ep-1"},
    {"ts": "1970-01-01T00:00:03.400Z", "event_type": "emotion_start", "subject": "face-1", "episode_id": "ep-2",
     "label": "happy", "confidence": 0.9, "scores": {"happy": 0.9, "sad": 0.1}},
    {"ts": "1970-01-01T00:00:09.000Z", "event_type": "mode_changed", "mode": "idle", "previous": "face_only"},
]  # fmt: skip


def changed(at, **fields):
    return [{**event, **fields} if i == at else event for i, event in enumerate(RUN)]


@pytest.mark.parametrize(
    ("other", "agree", "words"),
    [
        (RUN, True, "agree: 3 events of 2 episodes, 3 the same; times at most 0.0 s apart, scores at most 0.000"),
        (changed(1, scores={"happy": 0.885, "sad": 0.115}), True, "scores at most 0.015"),
        (changed(1, confidence=0.87), False, "scores at most 0.030"),
        (changed(1, scores={"sad": 0.1}), False, "scores at most 0.900"),
        (changed(1, ts="1970-01-01T00:00:03.800Z"), True, "times at most 0.4 s apart"),
        (changed(1, label="sad"), False, "3 events of 2 episodes, 2 the same"),
        (changed(2, mode="fused"), False, "2 the same"),
        (RUN[:2], False, "3 events of 2 episodes, 2 the same"),
        ([*RUN, RUN[0]], False, "4 events"),
    ],
)
def test_verdict(tmp_path, capsys, other, agree, words):
    files = []
    for name, events in (("left", RUN), ("right", other)):
        files.append(tmp_path / name)
        files[-1].write_text("".join(json.dumps(event) + "\n" for event in events))
    assert compare_events.main([str(file) for file in files]) == (0 if agree else 1)
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 2 + max(len(RUN), len(other))
    assert words in table[-1]
    assert table[-1].startswith("agree" if agree else "DISAGREE")


def test_two_empty_runs_prove_nothing():
    agree, line = compare_events.verdict([], 0.02)
    assert not agree
    assert "0 events" in line


def test_the_limit_is_an_argument(tmp_path):
    left, right = tmp_path / "left", tmp_path / "right"
    left.write_text(json.dumps(RUN[1]) + "\n")
    right.write_text(json.dumps({**RUN[1], "confidence": 0.85}) + "\n")
    assert compare_events.main([str(left), str(right)]) == 1
    assert compare_events.main([str(left), str(right), "--within", "0.1"]) == 0
