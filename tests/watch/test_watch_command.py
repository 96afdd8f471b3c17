"""`emoedge watch` with a real Mosquitto, as its users run it: on a terminal, and into a pipe."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from types import SimpleNamespace

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from emoedge.cli import EXIT_INTERRUPTED, main
from emoedge.commands.watch import address

pytestmark = pytest.mark.broker

COMMAND = [sys.executable, "-m", "emoedge", "watch"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("h", ("h", None)), ("h:1883", ("h", 1883)), ("[::1]:8883", ("::1", 8883)), ("[::1]", ("::1", None)), ("::1", ("::1", None))],
)
def test_address(text, expected):
    assert address(text) == expected


def test_no_password_at_the_prompt_ends_it(monkeypatch):
    def leave(_):
        raise EOFError

    monkeypatch.setattr("getpass.getpass", leave)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    assert main(["watch", "--host", "localhost", "--username", "me"]) == EXIT_INTERRUPTED


class Watch:
    """The command on a terminal of 100 x 24, or with its stdout in a pipe."""

    def __init__(self, *arguments, tty=False):
        self.seen, self.errors = "", ""
        env = {**os.environ, "TERM": "xterm", "PYTHONUNBUFFERED": "1"}
        if tty:
            ours, theirs = pty.openpty()
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
            env |= {"COLUMNS": "100", "LINES": "24"}
        else:
            ours, theirs = os.pipe()
        self.process = subprocess.Popen([*COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, env=env)
        os.close(theirs)
        for name, descriptor in (("seen", ours), ("errors", self.process.stderr.fileno())):
            threading.Thread(target=self._read, args=(descriptor, name), daemon=True).start()

    def _read(self, descriptor, name):
        while True:
            try:
                data = os.read(descriptor, 65536)
            except OSError:
                return
            if not data:
                return
            setattr(self, name, getattr(self, name) + data.decode())

    @property
    def screen(self):
        """The last whole picture."""
        pictures = self.seen.split("\x1b[H")
        return pictures[-2] if len(pictures) > 2 else ""

    def interrupt(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(10)


@pytest.fixture
def watch():
    started = []

    def start(*arguments, **options):
        started.append(Watch(*arguments, **options))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        one.process.stderr.close()


@pytest.fixture
def say():
    """Publish as a device; connections are closed in the end."""
    clients = {}

    def publish(port, topic, payload, *, retain=True):
        if port not in clients:
            clients[port] = paho.Client(CallbackAPIVersion.VERSION2)
            clients[port].connect("127.0.0.1", port)
            clients[port].loop_start()
        body = payload if isinstance(payload, str) else json.dumps(payload)
        clients[port].publish(f"emoedge/{topic}", body, 1, retain).wait_for_publish(5)

    yield publish
    for client in clients.values():
        client.disconnect()
        client.loop_stop()


def test_on_a_terminal_the_fleet_is_redrawn_in_place(broker, watch, say, eventually):
    say(broker.port, "kitchen/status", "online")
    say(broker.port, "attic/status", "offline")
    shown = watch("--host", f"127.0.0.1:{broker.port}", tty=True)
    eventually(lambda: "! attic" in shown.screen and "kitchen" in shown.screen, 20)
    say(broker.port, "kitchen/emotion", {"mode": "fused", "people": 1, "label": "happy", "confidence": 0.7})
    eventually(lambda: "[#######...] 0.70" in shown.screen)
    say(broker.port, "kitchen/emotion", {"mode": "blind", "people": 0, "label": "unknown", "reason": "no_face"})
    eventually(lambda: "! kitchen  BLIND" in shown.screen)
    say(broker.port, "kitchen/event", {"event_type": "sensor_lost", "sensor": "camera"}, retain=False)
    eventually(lambda: "sensor_lost" in shown.screen)
    assert "2 devices: 1 OFFLINE, 1 BLIND" in shown.screen
    assert shown.interrupt() == 0
    assert shown.seen.startswith("\x1b[?1049h")
    eventually(lambda: shown.seen.endswith("\x1b[?1049l"), what="the terminal as it was")


def test_into_a_pipe_it_prints_lines(broker, watch, say, eventually):
    shown = watch("--host", f"127.0.0.1:{broker.port}", "--device", "kitchen")
    eventually(lambda: "connected" in shown.errors, 20)
    say(broker.port, "attic/status", "online")
    say(broker.port, "kitchen/status", "online")
    say(broker.port, "kitchen/event", {"event_type": "person_left", "subject": "face-1"}, retain=False)
    eventually(lambda: "person_left" in shown.seen)
    assert "device: online" in shown.seen
    assert "attic" not in shown.seen
    assert "\x1b" not in shown.seen
    assert shown.interrupt(signal.SIGTERM) == 0


def test_a_hangup_leaves_the_terminal_as_it_was(broker, watch, eventually):
    shown = watch("--host", f"127.0.0.1:{broker.port}", tty=True)
    eventually(lambda: shown.screen, 20)
    assert shown.interrupt(signal.SIGHUP) == 0
    eventually(lambda: shown.seen.endswith("\x1b[?1049l"), what="the terminal as it was")


def test_a_broker_that_is_not_there_is_waited_for_and_one_that_goes_too(make_broker, watch, say, eventually):
    broker = make_broker(start=False)
    shown = watch("--host", f"127.0.0.1:{broker.port}")
    eventually(lambda: "no broker listens there; trying again" in shown.errors, 20)
    broker.start()
    eventually(lambda: "connected" in shown.errors, 20)
    broker.restart()
    eventually(lambda: shown.errors.count(": connected") == 2, 30)
    say(broker.port, "kitchen/status", "online")
    eventually(lambda: "device: online" in shown.seen)
    assert shown.interrupt() == 0


def test_a_login_comes_from_the_configuration(make_broker, watch, eventually, tmp_path):
    passwords = tmp_path / "passwords"
    passwords.touch()
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "reader", "secret"], check=True)
    broker = make_broker(f"password_file {passwords}", anonymous=False)
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    config = tmp_path / "watch.yaml"
    config.write_text(f"mqtt: {{host: 127.0.0.1, port: {broker.port}, password_file: {secret}}}\n")
    refused = watch("--host", f"127.0.0.1:{broker.port}")
    eventually(lambda: "login refused" in refused.errors, 20)
    welcome = watch("--config", str(config), "--username", "reader")
    eventually(lambda: ": connected" in welcome.errors, 20)


def test_no_broker_at_all_is_refused(tmp_path):
    config = tmp_path / "watch.yaml"
    config.write_text("mqtt: {host: none}\n")
    done = subprocess.run([*COMMAND, "--config", str(config)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78
    assert "--host" in done.stderr
