"""The doctor: with everything absent, with everything present, beside a live service, and what it exits with."""

import json
import os
import time
from pathlib import Path

import pytest

from emoedge.cli import main
from emoedge.config import default_config
from emoedge.doctor import broker, camera, live, microphone, models
from emoedge.doctor.finding import Verdict, exit_code, failed, passed, warned, worst
from emoedge.doctor.screen import screen
from emoedge.doctor.unit import Variable, variable
from emoedge.ops import health_file
from emoedge.sources import inventory
from emoedge.sources.address import Kind
from emoedge.sources.libcamera import needs_libcamera

ASSETS = Path(__file__).resolve().parents[2] / "emoedge" / "assets"

CONFIG = """
deployment: {{context: home}}
device: {{id: unit-1, state_directory: {folder}}}
camera: {{source: {camera}}}
microphone: {{source: {microphone}}}
mqtt: {{host: 127.0.0.1, port: {port}, {mqtt}}}
"""


@pytest.fixture
def doctor(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(live, "DEFAULT", tmp_path / "no-service.json")
    monkeypatch.setattr(live, "_show", dict)

    def look(port=1, camera="none", microphone="none", mqtt=""):
        path = tmp_path / "config.yaml"
        path.write_text(CONFIG.format(folder=tmp_path, port=port, camera=camera, microphone=microphone, mqtt=mqtt))
        code = main(["doctor", "--json", "--config", str(path)])
        told = json.loads(capsys.readouterr().out)
        return code, {(f["stage"], f["said"]): f for f in told["findings"]}

    return look


def verdicts(findings, stage):
    return [f["verdict"] for f in findings.values() if f["stage"] == stage]


def said(findings, stage):
    return " | ".join(f["said"] for f in findings.values() if f["stage"] == stage)


@pytest.mark.broker
def test_everything_present(doctor, broker):
    code, found = doctor(broker.port, ASSETS / "demo.mp4", ASSETS / "demo.wav")
    assert code == 0
    assert not [f for f in found.values() if f["verdict"] == "fail"]
    assert "1 face seen" in said(found, "camera")
    assert "dB" in said(found, "microphone")
    assert "golden vectors agree" in said(found, "models")
    assert "a message came back" in said(found, "broker")


def test_a_file_or_stream_that_brings_nothing_is_not_sought_among_the_devices(doctor, tmp_path):
    (tmp_path / "film.mp4").touch()
    (tmp_path / "sound.wav").touch()
    _, found = doctor(1, tmp_path / "film.mp4", tmp_path / "sound.wav")
    _, more = doctor(1, "rtsp://127.0.0.1:1/live")
    told = [f for f in (*found.values(), *more.values()) if f["stage"] in ("camera", "microphone")]
    failures = [f for f in told if f["verdict"] == "fail"]
    names = ("film.mp4:", "sound.wav:", "rtsp:")
    assert [f["said"].count(name) for f, name in zip(failures, names, strict=True)] == [1, 1, 1]
    assert not [f for f in failures if "emoedge devices" in f["remedy"]]


def test_everything_absent(doctor):
    code, found = doctor(1, "/dev/v4l/by-id/none-such", "No Such Microphone")
    assert code == 69
    for stage in ("camera", "microphone", "broker"):
        assert verdicts(found, stage)[-1] == "fail", stage
    assert all(f["remedy"] for f in found.values() if f["verdict"] != "pass")


@pytest.mark.broker
def test_the_line_of_the_configuration_that_names_a_wrong_file_is_told(doctor, broker, tmp_path):
    code, found = doctor(broker.port, ASSETS / "demo.mp4", mqtt="tls: true, ca: /nowhere.pem}\nmodels: {face: gone.tflite")
    assert code == 78
    path = tmp_path / "config.yaml"
    assert f"{path}:7: models.face: gone.tflite: no such model file" in said(found, "models")
    assert f"{path}:6: mqtt.ca: /nowhere.pem: expected a PEM file" in said(found, "broker")


@pytest.mark.parametrize(
    ("rates", "wanted"),
    [({}, 5), ({"vision.rate": 0.0}, 15), ({"camera.max_fps": 2.0}, 2), ({"camera.fps": 3.0, "vision.rate": 10.0}, 3)],
)
def test_a_camera_that_was_told_to_be_slow_is_not_blamed(rates, wanted):
    assert camera.wanted_rate(default_config(overrides=rates)) == wanted


def test_a_voice_longer_than_the_models_window_is_told(tmp_path):
    config = default_config(overrides={"camera.source": "none", "speech.min_voice": 9.0})
    *_, finding = models.check(config, tmp_path)
    assert (finding.verdict, finding.code) == (Verdict.FAIL, 78)
    assert "speech.min_voice: 9: expected less than" in finding.said


@pytest.mark.broker
def test_login_refused(doctor, make_broker):
    code, found = doctor(make_broker(anonymous=False).port)
    assert code == 69
    assert "login refused" in said(found, "broker")


@pytest.mark.broker
@pytest.mark.parametrize("lacks", ["retain_available false", "max_qos 0"])
def test_a_broker_that_lacks_what_is_needed(doctor, make_broker, lacks):
    code, found = doctor(make_broker(lacks).port)
    assert code == 69
    assert verdicts(found, "broker") == ["pass", "pass", "fail"]
    assert "allows no" in said(found, "broker")


@pytest.mark.broker
@pytest.mark.parametrize(
    ("stored", "told"), [(b"caf\xe9\n", "expected UTF-8 text"), (b"\n", "expected the password on the first line")]
)
def test_a_stored_password_that_the_service_would_refuse(doctor, broker, tmp_path, monkeypatch, stored, told):
    (tmp_path / "stored").write_bytes(stored)
    monkeypatch.setattr("emoedge.doctor.broker.STORED", tmp_path / "stored")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    code, found = doctor(broker.port, mqtt="username: anna")
    assert code == 78
    assert f"credential mqtt-password: {tmp_path / 'stored'}: {told}" in said(found, "broker")


@pytest.fixture
def told_by_systemctl(tmp_path, monkeypatch):
    """Let a stand-in for systemctl tell these lines."""

    def tell(*lines):
        command = tmp_path / "bin" / "systemctl"
        command.parent.mkdir(exist_ok=True)
        command.write_text("#!/bin/sh\ncat <<'END'\n" + "".join(f"{line}\n" for line in lines) + "END\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
        monkeypatch.delenv("EMOEDGE_PW", raising=False)

    return tell


LOADED = ("LoadState=loaded", "PassEnvironment=")


@pytest.mark.parametrize(
    ("lines", "files", "known"),
    [
        (["LoadState=not-found", "Environment="], {}, Variable.NO_UNIT),
        (["LoadState=masked", "Environment=EMOEDGE_PW=x"], {}, Variable.NO_UNIT),
        ([*LOADED, "Environment=HOME=/var/lib/emoedge EMOEDGE_PW=x"], {}, Variable.SET),
        ([*LOADED, 'Environment=A=1 "EMOEDGE_PW=x y"'], {}, Variable.SET),
        ([*LOADED, "Environment=$'EMOEDGE_PW=x y'"], {}, Variable.SET),
        ([*LOADED, "Environment=EMOEDGE_PW= MY_EMOEDGE_PW=x EMOEDGE_PW2=x"], {}, Variable.UNSET),
        ([*LOADED, "Environment=", "EnvironmentFiles={a} (ignore_errors=yes)"], {}, Variable.UNSET),
        ([*LOADED, "Environment=", "EnvironmentFiles={a} (ignore_errors=no)"], {"a": "A=1\nEMOEDGE_PW = 'x y'\n"}, Variable.SET),
        ([*LOADED, "Environment=", "EnvironmentFiles={a} (ignore_errors=no)", "EnvironmentFiles={b} (ignore_errors=no)"],
         {"a": 'EMOEDGE_PW="x"', "b": "B=1"}, Variable.SET),
        ([*LOADED, "Environment=", "EnvironmentFiles={folder}/*.env (ignore_errors=no)"], {"z.env": "EMOEDGE_PW=x"}, Variable.SET),
        ([*LOADED, "Environment=", "EnvironmentFiles={a} (ignore_errors=no)"],
         {"a": "# EMOEDGE_PW=x\nEMOEDGE_PW=\nEMOEDGE_PW2=x\n"}, Variable.UNSET),
        ([*LOADED, "Environment=", "EnvironmentFiles={a} (ignore_errors=no)"], {"a": None}, Variable.HIDDEN),
        (["LoadState=loaded", "Environment=", "PassEnvironment=A EMOEDGE_PW"], {}, Variable.HIDDEN),
        (["LoadState=loaded"], {}, Variable.HIDDEN),
        ([], {}, Variable.NO_UNIT),
    ],
)  # fmt: skip
def test_whether_the_unit_sets_a_variable(tmp_path, told_by_systemctl, lines, files, known):
    for name, text in files.items():
        if text is None:
            (tmp_path / name).mkdir()  # as little to be read as a file of root's
        else:
            (tmp_path / name).write_text(text)
    told_by_systemctl(*(line.format(a=tmp_path / "a", b=tmp_path / "b", folder=tmp_path) for line in lines))
    assert variable("EMOEDGE_PW") is known


@pytest.mark.parametrize(
    ("known", "running", "verdict", "words"),
    [
        (Variable.SET, False, Verdict.WARN, "set by the unit for the service, not here"),
        (Variable.HIDDEN, False, Verdict.WARN, "this user cannot see whether"),
        (Variable.UNSET, False, Verdict.FAIL, "set neither here nor by the unit"),
        (Variable.NO_UNIT, False, Verdict.FAIL, "no unit is installed"),
        (Variable.NO_UNIT, True, Verdict.WARN, "the daemon that runs got it"),
    ],
)
def test_a_password_that_only_the_service_has_is_no_failure(monkeypatch, known, running, verdict, words):
    monkeypatch.delenv("EMOEDGE_PW", raising=False)
    monkeypatch.setattr(broker, "_network", lambda _: ([], True))
    monkeypatch.setattr(broker, "variable", lambda _: known)
    config = default_config(overrides={"mqtt.username": "me", "mqtt.password_env": "EMOEDGE_PW"})
    (found,) = broker.check(config, live.Live({"mode": "idle"} if running else None))
    assert (found.verdict, words in found.said) == (verdict, True)
    assert found.remedy
    assert exit_code([found]) == (78 if verdict is Verdict.FAIL else 0)


def test_a_broker_behind_another_ports_silence(doctor):
    code, found = doctor(1, mqtt="tls: true")
    assert code == 69
    assert "refused" in said(found, "broker")


def test_a_refused_configuration_comes_first(tmp_path, capsys):
    path = tmp_path / "config.yaml"
    path.write_text("camera: {fsp: 3}\n")
    assert main(["doctor", "--config", str(path)]) == 78
    assert "deployment.context" in capsys.readouterr().out


def write(path, **members):
    report = {"at": time.monotonic(), "pid": os.getpid(), "mode": "fused", "fps": 4.9, "problems": [],
              "sensors": {"camera": "online", "mic": "reconnecting"}, **members}  # fmt: skip
    health_file.write(path, report)


def test_beside_a_live_service_no_device_is_opened(doctor, tmp_path, monkeypatch):
    path = tmp_path / "health.json"
    write(path, problems=["mic: unplugged"])
    monkeypatch.setattr(live, "DEFAULT", path)
    monkeypatch.setattr("emoedge.sources.factory.open_camera", lambda *_, **__: pytest.fail("opened the camera"))
    monkeypatch.setattr("emoedge.sources.factory.open_microphone", lambda *_, **__: pytest.fail("opened it"))
    code, found = doctor(1, ASSETS / "demo.mp4", "default")
    assert code == 69
    assert "in use by the service, 4.9 frames/s" in said(found, "camera")
    assert "unplugged" in said(found, "microphone")
    assert verdicts(found, "service") == ["pass", "warn"]


@pytest.mark.parametrize("report", [{}, {"mode": "paused", "sensors": {"camera": "disabled", "mic": "disabled"}}])
def test_what_the_service_says_counts_for_more_than_what_this_user_may_do(doctor, tmp_path, monkeypatch, report):
    node, path = tmp_path / "video0", tmp_path / "health.json"
    node.touch()
    write(path, **{"sensors": {"camera": "online", "mic": "online"}, **report})
    monkeypatch.setattr(live, "DEFAULT", path)
    monkeypatch.setattr("emoedge.doctor.camera.camera_kind", lambda _: Kind.DEVICE)
    monkeypatch.setattr(
        "emoedge.doctor.camera.cameras", lambda: [inventory.CameraEntry(str(node), str(node), "unicam")]
    )
    monkeypatch.setattr("emoedge.sources.factory.open_camera", lambda *_, **__: pytest.fail("opened the camera"))
    monkeypatch.setattr("emoedge.sources.factory.open_microphone", lambda *_, **__: pytest.fail("opened it"))
    _, found = doctor(1, node, "default")
    for stage in ("camera", "microphone"):
        assert verdicts(found, stage) == ["pass"]
        assert ("paused" in said(found, stage)) == bool(report)


@pytest.mark.parametrize(
    "members", [{"at": time.monotonic() - 1000}, {"at": time.monotonic() + 1000}, {"pid": 2**22 + 1}, {"at": "now"}]
)
def test_a_report_of_a_dead_service_does_not_count(tmp_path, members):
    write(tmp_path / "health.json", **members)
    assert live.look(tmp_path / "health.json").report is None


@pytest.mark.parametrize(
    ("facts", "verdict", "code"),
    [
        ({"LoadState": "not-found"}, "pass", 0),
        ({"LoadState": "masked", "ActiveState": "inactive", "UnitFileState": "masked"}, "warn", 0),
        ({"LoadState": "bad-setting", "ActiveState": "inactive"}, "fail", 1),
        ({"LoadState": "loaded", "ActiveState": "active", "NRestarts": "0"}, "pass", 0),
        ({"LoadState": "loaded", "ActiveState": "active", "NRestarts": "4"}, "warn", 0),
        ({"LoadState": "loaded", "ActiveState": "failed", "ExecMainStatus": "78"}, "fail", 78),
        ({"LoadState": "loaded", "ActiveState": "failed", "ExecMainStatus": "1"}, "fail", 1),
        ({"LoadState": "loaded", "ActiveState": "inactive"}, "warn", 0),
        ({"LoadState": "loaded", "ActiveState": "activating", "NRestarts": "0", "ExecMainStatus": "0"}, "warn", 0),
        ({"LoadState": "loaded", "ActiveState": "activating", "NRestarts": "7", "ExecMainStatus": "1"}, "fail", 1),
    ],
)
def test_what_systemd_says(monkeypatch, facts, verdict, code):
    monkeypatch.setattr(live, "_show", lambda: facts)
    found = live.check(live.Live())
    assert [f.verdict.value for f in found] == [verdict]
    assert exit_code(found) == code


@pytest.mark.parametrize(
    ("facts", "told", "remedy"),
    [
        ("LoadState=masked ActiveState=inactive", ["masked: it cannot be started"], "systemctl unmask emoedge"),
        ("LoadState=masked ActiveState=active", ["masked: it cannot be started, and runs until"], "unmask"),
        ("LoadState=error ActiveState=inactive", ["installed, but systemd cannot read the unit"], "systemctl status"),
        ("ActiveState=active UnitFileState=enabled", ["active"], ""),
        ("ActiveState=active UnitFileState=disabled", ["active", "not started at boot"], "`systemctl enable emoedge`"),
        ("ActiveState=inactive UnitFileState=disabled", ["installed, inactive and not started at boot"], "enable --now"),
        ("ActiveState=inactive UnitFileState=enabled", ["installed, inactive"], "`systemctl start emoedge`"),
        ("ActiveState=deactivating", ["installed, deactivating"], "look again"),
        ("ActiveState=failed Result=exit-code ExecMainCode=1 ExecMainStatus=1", ["failed, exit code 1"], "journalctl"),
        ("ActiveState=failed Result=signal ExecMainCode=2 ExecMainStatus=9", ["failed, signal 9"], "journalctl"),
        ("ActiveState=failed Result=watchdog ExecMainCode=3 ExecMainStatus=6", ["killed by the watchdog"], "journalctl"),
        ("ActiveState=failed Result=oom-kill ExecMainCode=2 ExecMainStatus=9", ["memory ran out"], "journalctl"),
        ("ActiveState=failed Result=start-limit-hit NRestarts=3 ExecMainCode=1 ExecMainStatus=1",
         ["given up after 3 restarts, last exit code 1"], "reset-failed"),
        ("ActiveState=failed Result=exit-code NRestarts=20 StartLimitBurst=20 ExecMainCode=1 ExecMainStatus=1",
         ["given up after 20 restarts, last exit code 1"], "reset-failed"),
        ("ActiveState=activating SubState=auto-restart Result=signal ExecMainCode=2 ExecMainStatus=11",
         ["ended, signal 11, and is started again"], "journalctl"),
        ("ActiveState=activating SubState=auto-restart NRestarts=4 Result=timeout ExecMainCode=2 ExecMainStatus=15",
         ["starts again and again, 4 times by now, last killed because it took too long"], "journalctl"),
        ("ActiveState=activating SubState=start", ["starting"], "in a minute"),
    ],
)  # fmt: skip
def test_each_state_of_the_unit_is_named_with_its_way_out(monkeypatch, facts, told, remedy):
    known = {"LoadState": "loaded", **dict(fact.split("=") for fact in facts.split())}
    monkeypatch.setattr(live, "_show", lambda: known)
    found = live.check(live.Live())
    assert len(found) == len(told)
    for finding, words in zip(found, told, strict=True):
        assert words in finding.said
    assert remedy in found[-1].remedy


def test_the_weightiest_failure_names_the_exit_code():
    good, odd = passed("a", ""), warned("b", "", "do")
    one, gone, refused = (failed("c", "", "do", code) for code in (1, 69, 78))
    assert exit_code([good, odd]) == 0
    assert exit_code([good, one, gone]) == 69
    assert exit_code([one, gone, refused]) == 78
    assert (worst([]), worst([good, odd]), worst([odd, one, good])) == (Verdict.PASS, Verdict.WARN, Verdict.FAIL)


def test_the_screen_says_what_to_do():
    text = screen([passed("camera", "fine"), failed("broker", "gone", "look for it")])
    assert text.splitlines() == [
        "camera     ok    fine", "broker     FAIL  gone", "                 -> look for it", "", "1 failed, 1 ok.",
    ]  # fmt: skip


def test_the_level_meter():
    assert microphone.meter(0.0) == "#" * 20
    assert microphone.meter(microphone.FLOOR) == "." * 20
    assert microphone.decibels(0.0) == microphone.FLOOR
    assert microphone.decibels(1.0) == 0.0


@pytest.mark.parametrize(("name", "raw"), [("unicam", True), ("rp1-cfe-csi2_ch0", True), ("HD Webcam", False)])
def test_a_camera_that_needs_libcamera(tmp_path, monkeypatch, name, raw):
    assert needs_libcamera(name) == raw
    node = tmp_path / "video0"
    node.touch()
    monkeypatch.setattr(camera, "cameras", lambda: [inventory.CameraEntry(str(node), str(node), name)])
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    found = camera._device(str(node))
    assert (found is not None and "libcamerify" in found.remedy) == raw
