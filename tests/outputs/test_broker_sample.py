"""The sample access control list of docs/broker/ with a real Mosquitto: enough, and no more than that."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.broker

SAMPLE = Path(__file__).parents[2] / "docs" / "broker"


@pytest.fixture
def fleet(make_broker, tmp_path):
    for user in ("test-1", "test-2", "reader", "operator", "homeassistant", "housekeeper"):
        flag = "-b" if (tmp_path / "pw").exists() else "-c -b"
        os.system(f"mosquitto_passwd {flag} {tmp_path}/pw {user} secret 2>/dev/null")
    acl = tmp_path / "acl"
    acl.write_text((SAMPLE / "acl").read_text())
    acl.chmod(0o600)
    lines = [
        line for line in (SAMPLE / "mosquitto.conf").read_text().splitlines()
        if line.split()[:1] not in ([], ["#"]) and not line.startswith(("#", "listener", "cafile", "certfile", "keyfile",
           "tls_version", "password_file", "acl_file", "persistence", "allow_anonymous", "autosave"))
    ]  # fmt: skip
    lines += [f"password_file {tmp_path}/pw", f"acl_file {acl}"]
    listener, *rest = lines  # per_listener_settings has to stand first, as in the sample
    assert listener.startswith("per_listener_settings")
    return make_broker("\n".join(rest), anonymous=False)


def login(user):
    return {"username": user, "password": "secret"}


def test_a_device_says_all_it_has_to_say(fleet, make_sink, listen, tell):
    reader = listen(fleet.port, pattern="emoedge/#", **login("reader"))
    house = listen(fleet.port, pattern="homeassistant/#", **login("homeassistant"))
    sink = make_sink(fleet.port, **login("test-1"))
    sink.state(tell.state())
    sink.event(tell.moved(1, 0.0))
    for topic in ("status", "info", "emotion", "event", "control/paused", "schema/event"):
        reader.wait(topic)
    assert house.wait("emoedge-test-1/config")[0].json["device"]
    operator = listen(fleet.port, pattern="emoedge/#", **login("operator"))
    operator.client.publish("emoedge/test-1/control/log_level/set", "error", 1)
    operator.client.publish("emoedge/test-1/request/options", "{}", 1)
    reader.wait("control/log_level", where=lambda item: item.json["value"] == "error")
    reader.wait("response/options")
    assert sink.drops["refused"] == 0


def test_what_a_device_left_behind_can_be_emptied(fleet, make_sink, tell):
    sink = make_sink(fleet.port, **login("test-1"))
    sink.state(tell.state())
    assert sink.wait_connected(10)
    sink.stop()
    names = ("emoedge/test-1/#", "homeassistant/device/emoedge-test-1/config")
    topics = [word for name in names for word in ("-t", name)]

    def left(user, *more):
        done = subprocess.run(
            ["mosquitto_sub", "-p", str(fleet.port), "-u", user, "-P", "secret", "-W", "2", "--retained-only",
             *more, "-F", "%t", *topics], capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout.split()

    assert len(left("operator", "--remove-retained")) > 10
    assert len(left("housekeeper", "--remove-retained")) > 10
    assert left("housekeeper") == []


@pytest.fixture
def sample(make_broker, tmp_path):
    """The sample as it stands, TLS and all, with a certificate of its own."""
    home = tmp_path / "etc"
    shutil.copytree(SAMPLE, home)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", home / "broker.key", "-out", home / "broker.pem", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True,
    )  # fmt: skip
    shutil.copy(home / "broker.pem", home / "ca.pem")
    for user, flag in (("test-1", "-c"), ("housekeeper", "-b")):
        subprocess.run(["mosquitto_passwd", *{flag, "-b"}, home / "passwords", user, "secret"], check=True)
    text = (home / "mosquitto.conf").read_text()
    text = text.replace("/etc/mosquitto/emoedge", str(home)).replace("/var/lib/mosquitto/", f"{tmp_path}/")
    ours = ("per_listener_settings", "listener", "allow_anonymous", "persistence ")  # what make_broker says itself
    return make_broker("\n".join(line for line in text.splitlines() if not line.startswith(ours)), anonymous=False)


def test_the_command_on_the_page_empties_what_is_left_at_the_sample(sample, make_sink, tell, tmp_path):
    ca = f"{tmp_path}/etc/ca.pem"
    sink = make_sink(sample.port, host="localhost", tls=True, ca=ca, **login("test-1"))
    sink.state(tell.state())
    assert sink.wait_connected(10)
    sink.stop()
    page = (SAMPLE.parent / "fleet.md").read_text()
    (command,) = re.findall(r"^mosquitto_sub .*--remove-retained(?:.|\n)*?(?=\n```)", page, re.MULTILINE)
    given = {"HOST": "localhost", "8883": str(sample.port), "CA.pem": ca, "PASSWORD": "secret", "DEVICE_ID": "test-1"}
    for word, value in given.items():
        command = command.replace(word, value)
    runs = [
        subprocess.run(["bash", "-c", f"{command} -F %t"], capture_output=True, text=True, check=False)
        for _ in range(2)
    ]
    assert len(runs[0].stdout.split()) > 10, runs[0].stderr
    assert (runs[1].stdout, runs[1].stderr) == ("", "Timed out\n")


def test_nobody_speaks_for_another_and_readers_ask_nothing(fleet, make_sink, listen, tell, eventually, caplog):
    reader = listen(fleet.port, pattern="emoedge/#", **login("reader"))
    impostor = make_sink(fleet.port, device="test-1", **login("test-2"))
    impostor.event(tell.moved(1, 0.0))
    eventually(lambda: impostor.drops["refused"] == 1)
    assert "access control list" in caplog.text
    reader.client.publish("emoedge/test-1/request/restart", "{}", 1).wait_for_publish(5)
    spy = listen(fleet.port, pattern="emoedge/#", **login("test-2"))
    honest = make_sink(fleet.port, device="test-1", **login("test-1"))
    honest.event(tell.moved(2, 0.0))
    told = reader.wait("event")
    assert [item.json["number"] for item in told] == [2]
    assert not reader.on("response/restart")
    assert not spy.heard
