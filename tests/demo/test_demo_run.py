"""`emoedge demo` as a newcomer runs it: the clip, the real pipeline, a broker, lines from the wire."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from emoedge.ops.identity import machine_suffix

PROMISED = ("person_appeared", "emotion_start", "emotion_end", "person_left", "voice_start")
LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d{3}  (\w+)")


def demo(folder, *arguments, limit=60):
    """Run it in `folder`; what it printed, its exit code and the seconds it took."""
    began = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-m", "emoedge", "demo", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=limit, check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    return run, time.monotonic() - began


def types(output):
    """Event types of the printed lines, in order."""
    return [match[1] for match in map(LINE.match, output.splitlines()) if match]


def complaints(errors):
    """Lines on stderr, but for the one that TFLite's own library writes."""
    return [line for line in errors.splitlines() if "XNNPACK delegate" not in line]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """One run with the embedded broker: its folder, the finished process, seconds."""
    folder = tmp_path_factory.mktemp("newcomer")
    # A configuration that lies about is not the demo's.
    (folder / "config.yaml").write_text("nonsense: true\n")
    return folder, *demo(folder)


@pytest.mark.slow
def test_a_newcomer_sees_every_promised_event_and_what_to_do_next(shown):
    folder, run, took = shown
    assert run.returncode == 0, run.stderr
    assert took < 30
    assert set(PROMISED) <= set(types(run.stdout)), run.stdout
    for text in ("device: online", "camera: online", "microphone: online", "device: offline", "What next"):
        assert text in run.stdout
    assert complaints(run.stderr) == []
    assert [path.name for path in folder.iterdir()] == ["config.yaml"], "the demo writes no file"


@pytest.mark.slow
def test_the_clip_is_understood_as_it_was_made(shown):
    told = types(shown[1].stdout)
    assert told.count("person_appeared") == told.count("person_left") == 1
    assert told.count("emotion_start") == told.count("emotion_end")
    assert told.index("person_appeared") < told.index("emotion_start") < told.index("emotion_end")
    assert told.index("person_left") > max(i for i, kind in enumerate(told) if kind == "emotion_end")
    starts = [line.split()[3] for line in shown[1].stdout.splitlines() if " emotion_start " in line]
    assert "happy" in starts, shown[1].stdout


@pytest.mark.slow
@pytest.mark.broker
def test_with_a_broker_of_ones_own_everybody_there_hears_it(tmp_path, broker, listen):
    listener = listen(broker.port)
    # What an earlier demo left behind is not news.
    device = f"emoedge/demo-{machine_suffix()}"
    listener.client.publish(f"{device}/status", b"offline", qos=1, retain=True).wait_for_publish(5)
    run, took = demo(tmp_path, "--broker", f"127.0.0.1:{broker.port}")
    assert run.returncode == 0, run.stderr
    assert took < 30
    listener.wait("status", count=3)
    assert [item.body for item in listener.on("status")] == [b"offline", b"online", b"offline"]
    assert {item.topic.rpartition("/status")[0] for item in listener.on("status")} == {device}
    said = [line.strip() for line in run.stdout.splitlines() if line.strip().startswith("device:")]
    assert said == ["device: online", "device: offline"]
    events = [item.json for item in listener.on("event")]
    assert set(PROMISED) <= {event["event_type"] for event in events}
    assert types(run.stdout) == [event["event_type"] for event in events], "what was on the wire, in its order"
    assert len({event["boot_id"] for event in events}) == 1
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


@pytest.mark.parametrize("silent", [False, True], ids=["closed", "silent"])
def test_a_broker_that_is_not_there_ends_it_with_69_and_one_line(tmp_path, silent):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not silent:
            server.close()
        run, took = demo(tmp_path, "--broker", f"127.0.0.1:{port}")
    assert run.returncode == 69
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in run.stderr
    assert took < 20


@pytest.mark.broker
def test_a_broker_that_refuses_ends_it_with_69_and_one_line(tmp_path, make_broker):
    broker = make_broker(anonymous=False)
    run, _ = demo(tmp_path, "--broker", f"127.0.0.1:{broker.port}")
    assert run.returncode == 69
    assert run.stderr.count("\n") == 1
    assert "refused" in run.stderr


@pytest.mark.slow
@pytest.mark.broker
def test_a_broker_without_retained_messages_ends_it_with_69_and_the_reason(tmp_path, make_broker):
    run, _ = demo(tmp_path, "--broker", f"127.0.0.1:{make_broker('retain_available false').port}")
    assert run.returncode == 69
    assert complaints(run.stderr)[0].partition(": ")[2].startswith("allows no retained messages")


@pytest.mark.parametrize("broker", ["host:port", "", "mqtt://host"])
def test_an_address_that_is_none_is_wrong_usage(tmp_path, broker):
    run, _ = demo(tmp_path, "--broker", broker)
    assert run.returncode == 2
    assert "expected" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.slow
@pytest.mark.broker
def test_a_broker_that_dies_on_the_way_ends_it_with_69_and_in_time(tmp_path, broker):
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "emoedge", "demo", "--broker", f"127.0.0.1:{broker.port}"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if "person_appeared" in line:
            break
    broker.stop()
    _, errors = process.communicate(timeout=40)
    assert process.returncode == 69
    assert "was lost" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    assert time.monotonic() - began < 30


@pytest.mark.slow
def test_a_reader_who_leaves_ends_it_without_a_traceback(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "emoedge", "demo"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 0
    assert complaints(process.stderr.read()) == []
    process.stderr.close()


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_amid_the_clip_leaves_nobody_on_the_broker(tmp_path, broker, listen, number):
    listener = listen(broker.port)
    process = subprocess.Popen(
        [sys.executable, "-m", "emoedge", "demo", "--broker", f"127.0.0.1:{broker.port}"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    listener.wait("emotion", where=lambda item: item.json["people"] == 1, timeout=30)
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert complaints(errors) == []
    listener.wait("status", where=lambda item: item.body == b"offline")
    assert listener.on("emotion")[-1].json["people"] == 0
