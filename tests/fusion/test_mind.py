"""The mind: people, whose voice it is, sensors, modes."""

import numpy as np
import pytest

from emoedge.config.fusion import FusionConfig
from emoedge.emotions import CANONICAL, Reason, Scores
from emoedge.fusion.belief import Reliability
from emoedge.fusion.mind import Mind
from emoedge.messages import (
    Box,
    FaceObservation,
    FaceQuality,
    HearingResult,
    Modality,
    Mode,
    SensorStatus,
    SpeechObservation,
    VisionResult,
)

RELIABILITY = {m: Reliability(weight=1.0, decorrelation=0.5) for m in Modality}


def scores(label, p=0.85):
    return Scores(np.array([p if c == label else (1 - p) / 6 for c in CANONICAL]), np.ones(7, bool))


def face(at, track, label, side=100.0, reason=None):
    quality = FaceQuality(side, 100, 120, 0.0 if reason else 1.0, reason)
    return FaceObservation(at, track, Box(0, 0, side, side), quality, None if reason else scores(label))


def look(at, *faces, appeared=(), left=()):
    return VisionResult(at, tuple(faces), tuple(appeared), tuple(left))


def say(at, label=None, speaking=True):
    heard = (SpeechObservation(at, 1.0, 20.0, scores(label)),) if label else ()
    return HearingResult(at, speaking, heard)


def mind(**config):
    return Mind(FusionConfig(**config), RELIABILITY)


def names(events):
    return [e.type.value for e in events]


def watch(m, start, stop, *faces, step=0.1):
    events = []
    for i in range(round((stop - start) / step)):
        at = start + i * step
        events += m.see(look(at, *(face(at, *f) for f in faces)))
    return events


def test_a_visit():
    m = mind()
    events = m.see(look(0.0, face(0.0, 1, "happy"), appeared=[1]))
    assert names(events) == ["person_appeared", "mode_changed"]
    events = watch(m, 0.1, 2.0, (1, "happy"))
    assert names(events) == ["emotion_start"]
    assert m.state(2.0).subject.label == "happy"
    assert m.state(2.0).mode is Mode.FACE_ONLY
    events = m.see(look(2.0, left=[1]))
    assert names(events) == ["emotion_end", "person_left", "mode_changed"]
    assert events[0].details["cause"] == "left"
    assert events[1].details["duration"] == pytest.approx(2.0)
    assert m.state(2.0).subject is None
    assert m.state(2.0).reason is Reason.NO_FACE


@pytest.mark.parametrize(
    ("faces", "subject", "attribution"),
    [
        ([], "voice", "no_face"),
        ([(1, "neutral", 100.0)], "face-1", "only_face"),
        ([(1, "neutral", 100.0), (2, "neutral", 150.0)], "face-2", "largest_face"),
    ],
)
def test_whose_voice_it_is(faces, subject, attribution):
    m = mind()
    if faces:
        m.see(look(0.0, *(face(0.0, *f) for f in faces), appeared=[f[0] for f in faces]))
    start = m.hear(say(0.5))[0]
    assert (start.type.value, start.subject, start.details["attribution"]) == ("voice_start", subject, attribution)
    events = []
    for i in range(6):
        events += m.hear(say(1.0 + i * 0.5, "angry"))
    started = [e for e in events if e.type.value == "emotion_start" and e.subject == subject]
    heard = [c for e in started for c in e.belief.contributions if c.modality is Modality.SPEECH]
    assert heard
    assert {c.attribution for c in heard} == {attribution}
    end = m.hear(say(5.0, speaking=False))[0]
    assert (end.type.value, end.episode_id) == ("voice_end", start.episode_id)
    assert end.details["duration"] == pytest.approx(4.5)


def test_two_people_are_told_apart_largest_first():
    m = mind()
    m.see(look(0.0, face(0.0, 1, "sad"), face(0.0, 2, "happy", 200.0), appeared=[1, 2]))
    watch(m, 0.1, 2.0, (1, "sad"), (2, "happy", 200.0))
    state = m.state(2.0)
    assert state.people == 2
    assert (state.subject.subject, state.subject.label) == ("face-2", "happy")
    assert [(b.subject, b.label) for b in state.others] == [("face-1", "sad")]


def test_two_people_of_one_size_do_not_take_turns():
    m = mind()
    m.see(look(0.0, face(0.0, 1, "sad", 101.0), face(0.0, 2, "happy", 100.0), appeared=[1, 2]))
    told = []
    for i in range(1, 40):
        watch(m, i / 10, (i + 1) / 10, (1, "sad", 100.0), (2, "happy", 100.0 + 8 * (-1) ** i))
        told.append(m.state(i / 10).subject.subject)
    assert set(told) == {"face-1"}
    watch(m, 4.0, 4.2, (1, "sad", 100.0), (2, "happy", 115.0))
    assert m.state(4.2).subject.subject == "face-2", "who comes clearly nearer is told first"
    watch(m, 4.2, 4.4, (1, "sad", 105.0), (2, "happy", 100.0))
    assert m.state(4.4).subject.subject == "face-2"
    m.see(look(4.5, face(4.5, 1, "sad"), left=[2]))
    assert m.state(4.5).subject.subject == "face-1"
    m.sensor("camera", SensorStatus.RECONNECTING, 4.6)
    assert m.state(4.6).subject is None


def test_fused_mode_and_both_contributions():
    m = mind()
    m.see(look(0.0, face(0.0, 1, "angry"), appeared=[1]))
    events = m.hear(say(0.1, "angry"))
    assert [e.details["mode"] for e in events if e.type.value == "mode_changed"] == [Mode.FUSED]
    assert len(m.state(0.1).subject.contributions) == 2


def test_an_unseen_voice_is_forgotten():
    m = mind(forget=2.0)
    m.hear(say(0.0, "sad"))
    m.hear(say(0.6, "sad"))
    m.hear(say(1.2, "sad"))
    assert m.state(1.2).mode is Mode.SPEECH_ONLY
    m.hear(say(1.5, speaking=False))
    events = m.advance(3.0) + m.advance(4.0)
    assert names(events) == ["emotion_end", "mode_changed"]
    assert m.state(4.0).subject is None


def test_a_voice_that_got_a_face_is_forgotten_though_somebody_speaks():
    m = mind(forget=2.0)
    m.hear(say(0.0, "sad"))
    for i in range(1, 40):
        at = i / 10
        m.see(look(at, face(at, 1, "happy"), appeared=[1] if i == 1 else []))
        m.hear(say(at, "happy"))
        others = [belief.subject for belief in m.state(at).others]
        assert others == (["voice"] if at <= 2.0 else [])


def test_an_unseen_voice_that_cannot_be_judged_stays_while_it_speaks():
    m = mind(forget=2.0)
    m.hear(say(0.0))
    m.advance(10.0)
    assert m.state(10.0).subject.subject == "voice"
    assert m.state(10.0).mode is Mode.SPEECH_ONLY


def test_lost_camera_takes_its_faces_with_it():
    m = mind()
    m.see(look(0.0, face(0.0, 1, "happy"), appeared=[1]))
    watch(m, 0.1, 2.0, (1, "happy"))
    events = m.sensor("camera", SensorStatus.RECONNECTING, 2.0, "unplugged")
    assert names(events) == ["emotion_end", "person_left", "sensor_lost", "mode_changed"]
    assert events[1].details["cause"] == "sensor_lost"
    assert events[2].details["problem"] == "unplugged"
    assert m.sensor("camera", SensorStatus.OFFLINE, 2.5) == []
    assert m.state(2.5).mode is Mode.IDLE
    m.hear(say(2.9, speaking=False))
    blind = m.sensor("mic", SensorStatus.OFFLINE, 3.0)
    assert m.state(3.0).mode is Mode.BLIND
    assert names(blind) == ["sensor_lost", "mode_changed"]
    assert names(m.sensor("camera", SensorStatus.ONLINE, 4.0)) == ["sensor_restored", "mode_changed"]


def test_a_lost_microphone_takes_an_unseen_voice_with_it():
    m = Mind(FusionConfig(), RELIABILITY, ("mic",))
    for i in range(30):
        m.hear(say(i / 10, "happy"))
    assert m.state(3.0).subject.label == "happy"
    events = m.sensor("mic", SensorStatus.RECONNECTING, 3.0, "unplugged")
    assert names(events) == ["voice_end", "emotion_end", "sensor_lost", "mode_changed"]
    assert [event.details.get("cause") for event in events[:2]] == ["sensor_lost"] * 2
    assert m.state(3.0).mode is Mode.BLIND
    assert m.state(3.0).subject is None
    assert m.advance(30.0) == []


def test_a_disabled_sensor_is_not_missed():
    m = Mind(FusionConfig(), RELIABILITY, sensors=("camera",))
    assert m.sensor("mic", SensorStatus.OFFLINE, 0.0) == []
    assert m.state(0.0).mode is Mode.IDLE


def test_pause_ends_everything_and_says_nothing_of_sensors():
    m = mind()
    m.see(look(0.0, face(0.0, 1, "happy"), appeared=[1]))
    watch(m, 0.1, 2.0, (1, "happy"))
    m.hear(say(2.0))
    assert names(m.pause(2.1, paused=True)) == ["emotion_end", "person_left", "voice_end", "mode_changed"]
    assert m.sensor("camera", SensorStatus.OFFLINE, 2.2) == []
    assert m.state(2.2).mode is Mode.PAUSED
    m.sensor("camera", SensorStatus.ONLINE, 3.0)
    assert names(m.pause(3.0, paused=False)) == ["mode_changed"]


def start(m, at=0.0, *names):
    """Sensors of these names come up at `at` + 1 s."""
    told = [m.sensor(name, SensorStatus.RECONNECTING, at, "opening") for name in names]
    return [event for events in (*told, *(m.sensor(name, SensorStatus.ONLINE, at + 1) for name in names)) for event in events]


def test_going_on_after_a_pause_is_no_loss_and_no_return():
    m = mind()
    assert start(m, 0.0, "camera", "mic") == []
    m.pause(2.0, paused=True)
    assert [m.sensor(name, SensorStatus.DISABLED, 2.0) for name in ("camera", "mic")] == [[], []]
    (resumed,) = m.pause(10.0, paused=False)
    assert (resumed.details["previous"], resumed.details["mode"]) == (Mode.PAUSED, Mode.IDLE)
    assert start(m, 10.0, "camera", "mic") == []
    assert names(m.sensor("camera", SensorStatus.RECONNECTING, 12.0)) == ["sensor_lost"], "from then on it is missed"


def test_begun_while_paused_nothing_is_missed():
    m = mind()
    m.pause(0.0, paused=True)
    for name in ("camera", "mic"):
        assert m.sensor(name, SensorStatus.DISABLED, 0.0) == []
    assert m.advance(60.0) == []
    assert names(m.pause(60.0, paused=False)) == ["mode_changed"]
    assert start(m, 60.0, "camera", "mic") == []


def test_a_camera_unplugged_during_a_pause_is_lost_after_it():
    m = mind()
    start(m, 0.0, "camera", "mic")
    m.pause(2.0, paused=True)
    for name in ("camera", "mic"):
        m.sensor(name, SensorStatus.DISABLED, 2.0)
    m.pause(10.0, paused=False)
    assert m.sensor("camera", SensorStatus.RECONNECTING, 10.0, "unplugged") == []
    assert start(m, 10.0, "mic") == []
    (lost,) = m.advance(15.0)
    assert (lost.type.value, lost.details["sensor"], lost.details["problem"]) == ("sensor_lost", "camera", "unplugged")
    assert names(m.sensor("camera", SensorStatus.ONLINE, 20.0)) == ["sensor_restored"]


def test_finish_ends_everything():
    m = mind()
    m.see(look(0.0, face(0.0, 1, "happy"), appeared=[1]))
    watch(m, 0.1, 2.0, (1, "happy"))
    m.hear(say(2.0))
    assert names(m.finish(2.5)) == ["emotion_end", "person_left", "voice_end"]
    assert m.finish(2.6) == []


def test_poor_face_gives_its_reason():
    m = mind()
    m.see(look(0.0, face(0.0, 1, None, 20.0, Reason.FACE_TOO_SMALL), appeared=[1]))
    subject = m.state(0.0).subject
    assert (subject.label, subject.reason) == ("unknown", Reason.FACE_TOO_SMALL)


def test_late_block_does_not_turn_time_back():
    m = mind()
    m.see(look(1.0, face(1.0, 1, "happy"), appeared=[1]))
    m.hear(say(0.8, "happy"))
    assert m.state(0.5).at == 1.0


@pytest.mark.parametrize("rate", [5, 25])
def test_same_film_same_episodes_at_any_rate(rate):
    m = mind()
    m.see(look(0.0, face(0.0, 1, "neutral"), appeared=[1]))
    step = 1 / rate
    events = watch(m, step, 3.0, (1, "neutral"), step=step)
    events += watch(m, 3.0, 7.0, (1, "happy"), step=step)
    told = [(e.type.value, e.details["label"], e.at) for e in events if e.type.value in ("emotion_start", "emotion_end")]
    assert [t[:2] for t in told] == [("emotion_start", "neutral"), ("emotion_end", "neutral"), ("emotion_start", "happy")]
    at = [t[2] for t in told]
    # Reference values are those of a 100 Hz film, computed by the same code.
    m = mind()
    m.see(look(0.0, face(0.0, 1, "neutral"), appeared=[1]))
    fine = watch(m, 0.01, 3.0, (1, "neutral"), step=0.01) + watch(m, 3.0, 7.0, (1, "happy"), step=0.01)
    reference = [e.at for e in fine if e.type.value in ("emotion_start", "emotion_end")]
    assert at == pytest.approx(reference, abs=0.3)


def test_coming_up_is_no_event_but_never_coming_up_is_a_loss():
    m = mind()
    assert m.sensor("camera", SensorStatus.RECONNECTING, 0.0, "opening") == []
    assert m.sensor("mic", SensorStatus.RECONNECTING, 0.0, "opening") == []
    assert m.state(0.0).mode is Mode.IDLE
    assert m.sensor("camera", SensorStatus.ONLINE, 1.0) == []
    (lost,) = m.advance(5.0)
    assert (lost.type.value, lost.details["sensor"], lost.details["problem"]) == ("sensor_lost", "mic", "opening")
    assert m.advance(6.0) == []
    assert names(m.sensor("mic", SensorStatus.ONLINE, 7.0)) == ["sensor_restored"]


def test_nothing_ever_comes_up():
    m = mind()
    m.sensor("camera", SensorStatus.OFFLINE, 0.0, "no such camera")
    m.sensor("mic", SensorStatus.OFFLINE, 0.0)
    assert names(m.advance(5.0)) == ["sensor_lost", "sensor_lost", "mode_changed"]
    assert m.state(5.0).mode is Mode.BLIND


def test_a_face_followed_across_a_loss_appears_again():
    m = mind()
    m.see(look(0.0, face(0.0, 1, "happy"), appeared=[1]))
    m.sensor("camera", SensorStatus.RECONNECTING, 1.0)
    m.sensor("camera", SensorStatus.ONLINE, 2.0)
    assert names(m.see(look(2.1, face(2.1, 1, "happy"))))[0] == "person_appeared"


def test_a_sensor_that_tells_before_its_status_does_has_come_up():
    m = mind()
    m.sensor("camera", SensorStatus.RECONNECTING, 0.0, "opening")
    m.sensor("mic", SensorStatus.RECONNECTING, 0.0, "opening")
    m.see(look(0.1))
    m.hear(HearingResult(0.1, speaking=False))
    assert m.sensor("camera", SensorStatus.ONLINE, 0.3) == []
    assert m.sensor("mic", SensorStatus.ONLINE, 0.3) == []
    assert m.advance(20.0) == []
