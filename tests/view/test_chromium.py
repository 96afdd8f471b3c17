"""The page in a real browser, driven through chromedriver's WebDriver protocol."""

import base64
import json
import re
import shutil
import subprocess
import threading
import time
import urllib.request

import cv2
import numpy as np
import pytest

pytestmark = [pytest.mark.chromium, pytest.mark.slow]

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

AMBER = (20, 176, 245)


class Browser:
    """One session of a headless Chromium."""

    def __init__(self, port, profile, width, height, dark):
        self._base = f"http://127.0.0.1:{port}"
        flags = [*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={profile}",
                 f"--blink-settings=preferredColorScheme={0 if dark else 1}"]  # fmt: skip
        options = {"args": flags, "binary": shutil.which("chromium")}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._base += f"/session/{answer['sessionId']}"

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, url):
        self._call("POST", "/url", {"url": url})

    def ask(self, script):
        return self._call("POST", "/execute/sync", {"script": f"return {script}", "args": []})

    def picture(self):
        data = base64.b64decode(self._call("GET", "/screenshot"))
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)

    def before_each_page(self, script):
        command = {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": script}}
        self._call("POST", "/goog/cdp/execute", command)

    def complaints(self):
        return self._call("POST", "/se/log", {"type": "browser"})

    def close(self):
        self._call("DELETE", "")


@pytest.fixture(scope="module")
def driver():
    """Port of a chromedriver."""
    process = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if found := re.search(r"successfully on port (\d+)", line):
            break
    threading.Thread(target=process.stdout.read, daemon=True).start()
    yield int(found[1])
    process.terminate()
    process.wait(10)


@pytest.fixture
def browse(driver, tmp_path):
    browsers = []

    def start(width=1280, height=960, *, dark=True):
        browsers.append(Browser(driver, tmp_path / f"profile-{len(browsers)}", width, height, dark))
        return browsers[-1]

    yield start
    for browser in browsers:
        browser.close()


def close_to(picture, colour):
    return np.abs(picture.astype(int) - colour).sum(axis=-1) < 60


def place(browser, selector):
    """Rows and columns of an element in the screenshot."""
    box = browser.ask(
        f"(r => [r.top, r.bottom, r.left, r.right].map(Math.round))(document.querySelector('{selector}').getBoundingClientRect())"
    )
    return slice(*box[:2]), slice(*box[2:])


def test_the_bundled_clip(browse, view, demo, eventually):
    browser = browse()
    shown = view(*demo)
    browser.open(shown.url)
    eventually(lambda: browser.ask("document.body.dataset.label") == "happy", 30, "a smile")
    time.sleep(1)
    picture = browser.picture()
    assert close_to(picture[place(browser, "#stage")], AMBER).sum() > 500, "the box"
    assert close_to(picture[place(browser, ".bar[data-label=happy]")], AMBER).sum() > 500, "the bar"
    assert close_to(picture[place(browser, "#timeline")], AMBER).sum() > 500, "the timeline"
    assert picture[:20, :20].mean() < 60, "dark, as asked for"
    values = browser.ask("[...document.querySelectorAll('.bar .value')].map(v => v.textContent)")
    assert sum(map(float, values)) == pytest.approx(1, abs=0.05)
    eventually(lambda: browser.ask("document.body.dataset.ended") == "true", 40, "the end")
    assert "has ended" in browser.ask("document.getElementById('notice').textContent")
    lanes = browser.ask("[1, 2, 3].map(lane => points.filter(p => p[lane]).length)")
    assert min(lanes) > 5
    assert "ended" in browser.ask("document.getElementById('camera').textContent")
    assert "Privacy" in browser.ask("document.querySelector('footer').textContent")
    assert browser.complaints() == []
    shown.stop()
    eventually(lambda: "not answer" in browser.ask("document.getElementById('notice').textContent"), 15, "the loss")


def test_the_page_says_why_a_sound_has_broken_off(browse, view, torn, eventually):
    browser = browse()
    browser.open(view("none", torn).url)
    eventually(lambda: browser.ask("document.body.dataset.ended") == "true", 40, "the end")
    notice = browser.ask("document.getElementById('notice').textContent")
    assert notice == f"The film has ended. This is its last state. {torn}: damaged: flac decoder lost sync"
    assert "bad" in browser.ask("document.getElementById('mic').className")
    assert browser.complaints() == []


@pytest.mark.parametrize("dark", [True, False])
def test_on_a_phone(browse, view, photographs, eventually, dark):
    browser = browse(500, 900, dark=dark)
    browser.open(view(photographs).url)
    eventually(lambda: browser.ask("document.getElementById('picture').naturalWidth") == 640, 30, "a picture")
    assert browser.ask("document.documentElement.scrollWidth <= innerWidth"), "nothing stands out to the right"
    assert browser.ask("getComputedStyle(document.querySelector('.grid')).gridTemplateColumns.split(' ').length") == 1
    assert bool(browser.picture()[2:8, 2:8].mean() < 60) is dark
    assert browser.complaints() == []


@pytest.mark.parametrize("script", ["", "delete URLSearchParams.prototype.size"], ids=["new", "of 2022"])
def test_a_token_is_carried_on(browse, view, photographs, eventually, script):
    browser = browse()
    browser.before_each_page(script)
    shown = view(photographs, "--listen", "0.0.0.0")
    token = shown.url.partition("?token=")[2]
    port = shown.url.rpartition("/")[0].rpartition(":")[2]
    browser.open(f"http://127.0.0.1:{port}/?token={token}")
    eventually(lambda: browser.ask("document.getElementById('picture').naturalWidth") == 640, 30, "a picture")
    browser.open(f"http://127.0.0.1:{port}/?token=wrong")
    assert "token" in browser.ask("document.body.textContent")
    assert browser.ask("document.getElementById('picture')") is None
