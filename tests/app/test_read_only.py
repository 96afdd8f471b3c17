"""The daemon where nothing can be written: in a mount namespace of its own, with the whole tree read-only."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.namespaces, pytest.mark.broker]

READ_ONLY = """
set -e
if [ -n "$KEEP" ]; then mount --bind "$KEEP" "$KEEP"; fi
findmnt -rno TARGET,FSTYPE | while read -r target kind; do
    case "$kind" in proc | sysfs | devtmpfs | devpts | cgroup*) continue ;; esac
    if [ "$target" != "$KEEP" ]; then mount -o remount,bind,ro "$target"; fi
done
for place in "$HOME" /tmp /var/tmp; do
    if touch "$place/probe" 2>/dev/null; then echo "$place: still writable" >&2; exit 99; fi
done
exec "$@"
"""

CONFIG = """
deployment: {{context: vehicle}}
device: {{id: unit-1}}
camera: {{source: {clip}, loop: true}}
microphone: {{source: {voice}, loop: true}}
mqtt: {{host: 127.0.0.1, port: {port}, keepalive: 5}}
"""


class Sealed:
    """`emoedge run` as it is; `state` and `runtime` as systemd would name them, `keep` stays writable."""

    def __init__(self, folder, config, *, state=None, runtime=None, keep=None):
        path = folder / "config.yaml"
        path.write_text(config)
        self.errors = (folder / "said.err").open("w+")
        environment = {
            **os.environ, "HOME": str(folder), "KEEP": str(keep or ""),
            "STATE_DIRECTORY": str(state or ""), "RUNTIME_DIRECTORY": str(runtime or ""), "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        command = [sys.executable, "-m", "emoedge", "run", "--config", str(path)]
        self.process = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", READ_ONLY, "sh", *command],
            stderr=self.errors, cwd=folder, env=environment,
        )  # fmt: skip

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(10)

    @property
    def said(self):
        self.errors.seek(0)
        return self.errors.read()


@pytest.fixture
def sealed(broker, clip, voice, tmp_path):
    running = []

    def start(**options):
        config = CONFIG.format(clip=clip, voice=voice, port=broker.port)
        running.append(Sealed(tmp_path, config, **options))
        return running[-1]

    yield start
    for one in running:
        one.process.kill()
        one.process.wait()


def appeared(listener, count=1):
    return listener.wait(
        "event", count, timeout=30, where=lambda item: item.json["event_type"] == "person_appeared"
    )


def test_with_a_state_directory_alone_nothing_is_missed(broker, listen, sealed, tmp_path, eventually):
    state = tmp_path / "state"
    state.mkdir()
    unit = sealed(state=state, keep=state)
    listener = listen(broker.port)
    appeared(listener)
    assert listener.wait("health")[-1].json["problems"] == []
    listener.client.publish("emoedge/unit-1/control/log_level/set", "warning", 1)
    eventually(lambda: (state / "controls.json").exists())
    broker.stop(signal.SIGKILL)
    # A power cut while the broker is away: what was stored is told by the next run.
    eventually(lambda: _stored(state, tmp_path), timeout=30)
    unit.stop(signal.SIGKILL)
    left = _stored(state, tmp_path)
    assert left
    broker.start()
    again = listen(broker.port)
    sealed(state=state, keep=state)

    def late():
        return [item.json["event_id"] for item in again.on("event") if item.json.get("late")]

    eventually(lambda: left <= set(late()), timeout=30, what="all that was stored")
    assert len(late()) == len(set(late()))
    assert again.wait("control/log_level")[0].json["value"] == "warning"
    assert "Traceback" not in unit.said


def _stored(state, folder):
    """The `event_id`s of what is committed, read from a copy: the daemon lets nobody else into its file."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in state.glob("outbox.sqlite*"):
        shutil.copy(path, copy)
    with contextlib.closing(sqlite3.connect(copy / "outbox.sqlite")) as db:
        return {json.loads(body)["event_id"] for (body,) in db.execute("SELECT body FROM events WHERE topic = 'event'")}


def test_without_any_writable_place_it_works_from_memory(broker, listen, sealed):
    unit = sealed()
    listener = listen(broker.port)
    appeared(listener)
    assert listener.wait("health")[-1].json["problems"] == []
    assert "no state directory, events are kept in memory" in unit.said
    assert any("kept in memory" in item.json["message"] for item in listener.wait("log"))
    listener.client.publish("emoedge/unit-1/control/log_level/set", "error", 1)
    listener.wait("control/log_level", where=lambda item: item.json["value"] == "error")
    assert unit.stop() == 0
    assert "Traceback" not in unit.said


def test_directories_that_cannot_be_written_are_named_and_survived(broker, listen, sealed, tmp_path):
    unit = sealed(state=tmp_path / "state", runtime=tmp_path)
    listener = listen(broker.port)
    appeared(listener)
    told = listener.wait("health", where=lambda item: item.json["status"] == "degraded")
    assert any(problem.startswith("outbox: ") for problem in told[-1].json["problems"])
    listener.client.publish("emoedge/unit-1/control/paused/set", "true", 1)
    listener.wait("control/paused", where=lambda item: item.json["value"] is True)
    listener.wait("log", where=lambda item: "a restart will not know" in item.json["message"])
    assert unit.stop() == 0
    said = unit.said
    for line in ("outbox.sqlite cannot be written", "health.json: cannot be written: Read-only file system"):
        assert said.count(line) == 1, said
    assert "Traceback" not in said
    assert json.loads(told[-1].body)["queue"] >= 0
