"""The command line: verbs, exit codes, and never a traceback for a mistake of the user's."""

import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from emoedge import __version__, cli
from emoedge.errors import ConfigError, DeliveryError, EmoedgeError, MediaError, ModelError, SourceError


def emoedge(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "emoedge", *arguments], capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_version_and_help():
    assert emoedge("--version").stdout == f"emoedge {__version__}\n"
    done = emoedge("--help")
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in ("check", "devices", "exit codes"))


def test_help_imports_nothing_heavy():
    code = "import sys; from emoedge import cli; cli.main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    loaded = done.stderr
    for heavy in ("cv2", "numpy", "yaml", "paho", "pyaudio", "tflite_runtime", "ai_edge_litert"):
        assert f"'{heavy}'" not in loaded, heavy


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("check", "--nonsense"), ("check", "extra")])
def test_wrong_usage_is_2(arguments, capsys):
    assert cli.main(list(arguments)) == 2
    assert "usage: emoedge" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(["a", "b"]), 78),
        (ModelError("bad model"), 78),
        (MediaError("bad film"), 65),
        (SourceError("bad camera"), 65),
        (DeliveryError("no broker"), 69),
        (EmoedgeError("other"), 1),
    ],
)
def test_errors_become_a_line_and_their_exit_code(error, code, monkeypatch, capsys):
    def fail(args):
        raise error

    monkeypatch.setattr("emoedge.commands.check.execute", fail)
    assert cli.main(["check"]) == code
    assert capsys.readouterr().err == f"{error}\n"


def test_a_defect_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("emoedge.commands.check.execute", lambda args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["check"])


def test_interrupt_is_130(monkeypatch):
    def interrupt(args):
        raise KeyboardInterrupt

    monkeypatch.setattr("emoedge.commands.check.execute", interrupt)
    assert cli.main(["check"]) == 130


def test_a_reader_left_in_a_driver_does_not_abort_the_process(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 500, (1280, 960))
    for level in range(50):
        writer.write(np.full((960, 1280, 3), level, np.uint8))
    writer.release()
    program = tmp_path / "forgetful.py"
    program.write_text(
        "import sys\n"
        "from emoedge import cli\n"
        "from emoedge.commands import check\n"
        "from emoedge.config import default_config\n"
        "from emoedge.sources.factory import open_camera\n"
        "def forget(args):\n"
        f"    camera = open_camera(default_config(overrides={{'camera.source': {str(tmp_path / 'a.avi')!r}, 'camera.loop': True}}))\n"
        "    camera.start()\n"
        "    camera.take(5)\n"
        "    print('done')\n"
        "    return 3\n"
        "check.execute = forget\n"
        "sys.argv = ['emoedge', 'check']\n"
        "sys.exit(cli.main())\n"
    )
    for _ in range(5):
        done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (3, "done\n")


def shell(redirected, *, unbuffered):
    return subprocess.run(
        ["bash", "-c", f"{sys.executable} -m emoedge {redirected}"], capture_output=True, text=True, timeout=60,
        check=False, env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("verb", ["devices", "--help"])
def test_a_reader_that_leaves_is_no_error(verb, unbuffered):
    done = shell(f"{verb} | true; exit ${{PIPESTATUS[0]}}", unbuffered=unbuffered)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("verb", ["devices", "--help"])
def test_a_full_disk_is_said_in_one_line(verb, unbuffered):
    done = shell(f"{verb} >/dev/full", unbuffered=unbuffered)
    said = "stdout: cannot be written: No space left on device; is the disk full?\n"
    assert (done.returncode, done.stderr) == (65, said)


def test_a_disk_that_is_full_elsewhere_is_a_defect(monkeypatch):
    def fail(args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("emoedge.commands.check.execute", fail)
    monkeypatch.setattr("sys.argv", ["emoedge", "check"])
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(OSError, match="No space"):
        cli.main()


def test_a_closed_stdout_is_no_error():
    assert shell("devices >&-", unbuffered="").returncode == 0


def test_a_closed_stdin_is_no_terminal_to_ask_for_a_password(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("mqtt: {tls: true, ca: /nowhere/ca.pem}\n")
    done = shell(f"watch --username me --config {config} <&-", unbuffered="")
    assert done.returncode == 78
    assert done.stderr.startswith(f"{config}:1: mqtt.ca: /nowhere/ca.pem: ")


def test_a_closed_stderr_ends_no_daemon_and_no_file_takes_its_place(tmp_path):
    events, config = tmp_path / "events.jsonl", tmp_path / "c.yaml"
    config.write_text(
        "deployment: {context: home}\ncamera: {source: none}\nmicrophone: {source: none}\n"
        f"mqtt: {{host: none}}\njsonl: {{path: {events}}}\n"
    )
    run = f"exec {sys.executable} -m emoedge run --config {config} <&- >&- 2>&-"
    process = subprocess.Popen(["bash", "-c", run])
    try:
        limit = time.monotonic() + 30
        while not events.exists() and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.05)
        assert process.poll() is None
        assert {str(Path(f"/proc/{process.pid}/fd/{number}").readlink()) for number in range(3)} == {os.devnull}
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("journal", [False, True], ids=["a file", "the journal"])
def test_lines_of_the_log_have_a_time_unless_the_journal_adds_one(tmp_path, journal):
    config = tmp_path / "c.yaml"
    config.write_text(
        "deployment: {context: home}\ncamera: {source: none}\nmicrophone: {source: none}\nmqtt: {host: none}\n"
    )
    with (tmp_path / "log").open("w") as log:
        place = os.fstat(log.fileno())
        # The other one is what a shell started by the journal's service hands on.
        stream = f"{place.st_dev}:{place.st_ino if journal else place.st_ino + 1}"
        process = subprocess.Popen(
            [sys.executable, "-m", "emoedge", "run", "--config", config], stderr=log,
            env={**os.environ, "JOURNAL_STREAM": stream},
        )  # fmt: skip
        try:
            limit = time.monotonic() + 30
            while "started" not in (tmp_path / "log").read_text() and time.monotonic() < limit:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()
    time_of_day = "" if journal else r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} "
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines
    assert all(re.match(f"{time_of_day}INFO emoedge: ", line) for line in lines), lines


def test_check_lists_all_mistakes_and_is_78(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("camera: {fps: 0}\nmqtt: {prot: 3}\n")
    done = emoedge("check", "--config", str(path))
    assert done.returncode == 78
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 3
    assert all(line.startswith(f"{path}:") for line in done.stderr.splitlines())


def test_check_without_any_config_is_78(tmp_path):
    done = emoedge("check", cwd=tmp_path)
    assert done.returncode == 78
    assert "looked for config.yaml and /etc/emoedge/config.yaml" in done.stderr


def test_check_summarises_a_good_config(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(
        "deployment: {context: kiosk}\nmodels: {face: none, speech: none}\ncamera: {source: 'rtsp://me:secret@cam/1'}\n"
    )
    done = emoedge("check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "config.yaml: good" in done.stdout
    assert "kiosk" in done.stdout
    assert "localhost:1883" in done.stdout
    assert "secret" not in done.stdout


def test_check_opens_what_the_broker_needs(tmp_path):
    path = tmp_path / "config.yaml"
    good = "deployment: {context: kiosk}\nmodels: {face: none, speech: none}\n"
    wrong = "username: me, password_file: nowhere/password, tls: true, ca: nowhere/ca.pem"
    path.write_text(good + f"mqtt: {{host: broker.local, {wrong}}}\n")
    done = emoedge("check", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (78, "")
    assert "config.yaml:3: mqtt.password_file: nowhere/password: " in done.stderr
    assert "config.yaml:3: mqtt.ca: nowhere/ca.pem" in done.stderr
    path.write_text(good + f"mqtt: {{host: none, {wrong}}}\n")
    assert emoedge("check", cwd=tmp_path).returncode == 0, "nothing opens them"
    path.write_text(good + "mqtt: {username: me, password_env: EMOEDGE_NOWHERE}\n")
    assert emoedge("check", cwd=tmp_path).returncode == 0, "a service's environment is not this one's"


def test_check_says_what_is_told_of_people(tmp_path):
    path = tmp_path / "config.yaml"
    good = "deployment: {context: kiosk}\nmodels: {face: none, speech: none}\n"
    path.write_text(good)
    assert "aggregates     none" in emoedge("check", cwd=tmp_path).stdout
    path.write_text(good + "aggregates: {enabled: true, only: true, windows: [15, 5], k: 10}\n")
    line = "aggregates     of 5, 15 min over at least 10 people, and nothing else about people"
    assert line in emoedge("check", cwd=tmp_path).stdout


def test_check_refuses_both_models_at_once(tmp_path):
    (tmp_path / "face.tflite").write_bytes(b"TFL3 nonsense")
    path = tmp_path / "config.yaml"
    path.write_text("deployment: {context: home}\nmodels: {face: ./face.tflite, speech: ./missing.tflite}\n")
    done = emoedge("check", "--config", str(path), cwd=tmp_path)
    assert done.returncode == 78
    assert len(done.stderr.splitlines()) == 2
    assert "Traceback" not in done.stderr


def test_check_needs_no_model_for_a_sense_that_is_off(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(
        "deployment: {context: home}\nmodels: {face: ./missing.tflite, speech: none}\ncamera: {source: none}\n"
    )
    done = emoedge("check", "--config", str(path), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "not loaded: nothing feeds it" in done.stdout


def test_devices_prints_json():
    done = emoedge("devices", "--json")
    assert done.returncode == 0
    assert {"cameras", "microphones"} <= json.loads(done.stdout).keys()


def test_devices_without_pyaudio_says_how_to_get_it(tmp_path):
    (tmp_path / "pyaudio.py").write_text("raise ImportError('libportaudio.so.2: cannot open shared object file')\n")
    done = emoedge("devices", env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0
    assert "Cameras" in done.stdout
    assert "portaudio19-dev" in done.stdout
