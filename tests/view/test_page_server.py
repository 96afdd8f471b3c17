"""The page on HTTP: what it sends, and to whom."""

import json
import socket
import threading
import time

import cv2
import numpy as np
import pytest

from emoedge.view.stage import Sensor

SENSORS = {"camera": Sensor("film.mp4", "online"), "mic": Sensor("none", "disabled")}
PATHS = ("/", "/state.json", "/frame.jpg", "/events")


@pytest.fixture
def page(serve, moment):
    page = serve()
    page.screen.show(np.full((200, 300, 3), 128, np.uint8), moment(1.0), SENSORS)
    return page


def test_the_page_is_one_file_that_loads_nothing_else(page):
    with page.open("/") as answer:
        text, headers = answer.read().decode(), answer.headers
    assert headers["Content-Type"].startswith("text/html")
    assert "src=" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert '"fear"' in text
    assert "@FACTS@" not in text
    nonce = headers["Content-Security-Policy"].split("'nonce-")[1].split("'")[0]
    assert f'<script nonce="{nonce}">' in text
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    with page.open("/") as again:
        assert nonce not in again.read().decode()


def test_the_picture_has_its_box(page):
    with page.open("/frame.jpg") as answer:
        picture = cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)
        assert answer.headers["X-Number"] == "1"
    assert picture.shape == (200, 300, 3)
    corner, cheek = picture[50, 60].astype(int), picture[75, 80].astype(int)
    assert corner[2] - corner[0] > 80, "amber"
    assert np.ptp(cheek) < 20, "gray"


def test_a_picture_is_sent_when_it_is_new(page, moment):
    def later():
        time.sleep(0.3)
        page.screen.show(np.zeros((200, 300, 3), np.uint8), moment(1.2), SENSORS)

    threading.Thread(target=later).start()
    begun = time.monotonic()
    with page.open("/frame.jpg?after=1") as answer:
        assert (answer.status, answer.headers["X-Number"]) == (200, "2")
    assert 0.2 < time.monotonic() - begun < 3


def test_the_state_as_json(page, moment):
    page.screen.show(None, moment(1.4, "sad"), SENSORS)
    page.screen.ended()
    with page.open("/state.json") as answer:
        state = json.load(answer)
    assert (state["fused"]["label"], state["ended"], state["people"]) == ("sad", True, 1)
    assert state["sensors"]["camera"]["status"] == "online"
    assert [point[0] for point in state["points"]] == [1.0, 1.4]
    assert [lane is None for lane in state["points"][0]] == [False, False, True, False]


def test_events_begin_with_all_and_go_on_with_what_is_new(page, moment):
    with page.open("/events") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        first = json.loads(answer.readline().removeprefix(b"data: "))
        assert answer.readline() == b"\n"
        assert [point[0] for point in first["points"]] == [1.0]
        page.screen.show(None, moment(1.4, "sad"), SENSORS)
        second = json.loads(answer.readline().removeprefix(b"data: "))
        assert [point[0] for point in second["points"]] == [1.4]
        assert second["fused"]["label"] == "sad"
        page.screen.close()
        assert answer.read().count(b"data:") == 0


@pytest.mark.parametrize("path", PATHS)
def test_a_strangers_name_is_refused(page, path):
    assert page.status(path, Host="evil.example") == 403


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/state.json", 403), ("/frame.jpg", 403), ("/events", 403)])
def test_another_sites_page_gets_nothing(page, path, status):
    assert page.status(path, Sec_Fetch_Site="cross-site") == status


@pytest.mark.parametrize("path", PATHS)
def test_the_token_opens_and_nothing_else_does(serve, moment, path):
    page = serve(token="right")
    page.screen.show(np.zeros((64, 64, 3), np.uint8), moment(), SENSORS)
    for query in ("", "?token=", "?token=wrong", "?token=rightright", "?Token=right"):
        assert page.status(path + query) == 403
    assert page.status(path + "?token=right") == 200


def test_the_url_holds_the_token(serve):
    page = serve(token="abc")
    assert page.server.url == f"http://127.0.0.1:{page.port}/?token=abc"
    assert serve(listen="0.0.0.0", token="abc").server.url.endswith("/?token=abc")


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/../etc/passwd", 404), ("/frame.jpg?after=x", 200)])
def test_other_paths(page, path, status):
    assert page.status(path) == status


@pytest.mark.parametrize("request_line", [b"POST / HTTP/1.1", b"PUT /state.json HTTP/1.1", b"nonsense", b"GET /" + b"a" * 70000])
def test_other_requests_change_nothing(page, request_line):
    with socket.create_connection(("127.0.0.1", page.port), 5) as line:
        line.sendall(request_line + b"\r\nHost: 127.0.0.1\r\n\r\n")
        answer = line.recv(4096)
    assert answer
    assert not answer.startswith(b"HTTP/1.1 2")
    assert page.status("/") == 200


def test_no_name_is_looked_up(serve, monkeypatch):
    for look_up in ("getfqdn", "gethostbyaddr"):
        monkeypatch.setattr(socket, look_up, lambda *_: pytest.fail("asked the network for a name"))
    assert serve(listen="0.0.0.0", token="right").status("/?token=right") == 200


def test_too_many_viewers_are_turned_away_and_the_others_stay(page):
    lines = [socket.create_connection(("127.0.0.1", page.port), 5) for _ in range(40)]
    try:
        assert lines[-1].recv(10) == b""
        lines[0].sendall(b"GET /state.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert lines[0].recv(15) == b"HTTP/1.1 200 OK"
    finally:
        for line in lines:
            line.close()


def test_nothing_is_encoded_while_nobody_looks(serve, moment, monkeypatch):
    calls = []
    monkeypatch.setattr("emoedge.view.screen.encode", lambda image, marks: calls.append(1) or b"jpeg")
    page = serve()
    for index in range(20):
        page.screen.show(np.zeros((64, 64, 3), np.uint8), moment(index / 10), SENSORS)
    assert calls == []
    assert page.screen.picture(0, 1) == (20, b"jpeg")
    assert page.screen.picture(0, 1) == (20, b"jpeg")
    assert calls == [1]
