"""Films, an MJPEG camera on loopback, and a sound server with a microphone that exists only in memory."""

import contextlib
import http.server
import os
import shutil
import signal
import socketserver
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest

from emoedge.config import default_config
from emoedge.ops.backoff import Backoff


def wait_until(condition, timeout=10.0):
    """Seconds until `condition()` held; fails after `timeout`."""
    begun = time.monotonic()
    while time.monotonic() - begun < timeout:
        if condition():
            return time.monotonic() - begun
        time.sleep(0.01)
    pytest.fail(f"nothing within {timeout} s")


@pytest.fixture
def until():
    return wait_until


def picture(number, width=64, height=48):
    """A picture that tells its number: its gray level is 10 · number + 5, with noise."""
    noise = np.random.default_rng(number).integers(0, 4, (height, width, 3))
    return (noise + 3 + 10 * (number % 25)).astype(np.uint8)


def damaged(jpeg):
    """JPEG data, or a film of such pictures from some place on, whose next Huffman tables are no tables."""
    at = jpeg.index(b"\xff\xc4")
    return jpeg[: at + 4] + b"\x55" * 40 + jpeg[at + 44 :]


@pytest.fixture
def damage():
    return damaged


@pytest.fixture
def make_film(tmp_path):
    """Writes a real video of `count` numbered pictures."""

    def make(name="film.avi", count=10, fps=25.0, size=(64, 48), fourcc="MJPG"):
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*fourcc), fps, size)
        for number in range(count):
            writer.write(picture(number, *size))
        writer.release()
        return str(path)

    return make


@pytest.fixture
def camera_config():
    def make(source, **keys):
        overrides = {f"camera.{key}": value for key, value in keys.items()}
        return default_config(overrides={"camera.source": str(source), **overrides}).camera

    return make


@pytest.fixture
def microphone_config():
    def make(source, **keys):
        overrides = {f"microphone.{key}": value for key, value in keys.items()}
        return default_config(overrides={"microphone.source": str(source), **overrides}).microphone

    return make


@pytest.fixture
def quick():
    """A backoff whose delays tests can wait for."""
    return Backoff(0.05, 0.2)


@dataclass
class Mjpeg:
    """An HTTP camera. `mode`: `live` sends a new picture each time, `still` the same one, `silent` nothing,
    `snapshot` one picture alone; of the next `spoil` pictures none can be decoded."""

    mode: str = "live"
    refuse: bool = False
    spoil: int = 0
    connections: int = 0
    sent: int = 0
    port: int = 0
    path: str = "http://127.0.0.1:{}/video.mjpg"
    drop: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self):
        return self.path.format(self.port)

    def serve(self, handler):
        if self.refuse:
            handler.send_error(503)
            return
        self.connections += 1
        self.drop.clear()
        handler.send_response(200)
        if self.mode == "snapshot":
            handler.send_header("Content-Type", "image/jpeg")
            handler.end_headers()
            handler.wfile.write(cv2.imencode(".jpg", picture(1))[1].tobytes())
            return
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        while not self.drop.is_set():
            if self.mode != "silent":
                self.sent += self.mode == "live"
                jpeg = cv2.imencode(".jpg", picture(self.sent))[1].tobytes()
                if self.spoil:
                    self.spoil, jpeg = self.spoil - 1, damaged(jpeg)
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                handler.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(0.03)


@pytest.fixture
def mjpeg():
    camera = Mjpeg()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            with contextlib.suppress(OSError):  # the camera under test hung up
                camera.serve(self)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    camera.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield camera
    camera.drop.set()
    server.shutdown()
    server.server_close()


class Rtsp(socketserver.StreamRequestHandler):
    """An RTSP camera (RFC 2326, interleaved) that sends JPEG as RFC 2435 packs it; `server.camera` is its Mjpeg."""

    SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=cam\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:t0\r\n"

    def handle(self):
        with contextlib.suppress(OSError):
            while line := self.rfile.readline().decode():
                headers = {}
                while (row := self.rfile.readline().decode().strip()) != "":
                    name, _, value = row.partition(":")
                    headers[name.lower()] = value.strip()
                self.answer(line.split()[0], headers)

    def answer(self, method, headers):
        body, more = "", ""
        if method == "DESCRIBE":
            body, more = self.SDP, f"Content-Type: application/sdp\r\nContent-Length: {len(self.SDP)}\r\n"
        if method == "SETUP":
            more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
        if method == "OPTIONS":
            more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        self.wfile.write(f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\n{more}\r\n{body}".encode())
        if method == "PLAY":
            self.play(self.server.camera)

    def play(self, camera):
        camera.connections += 1
        camera.drop.clear()
        sequence = 0
        while not camera.drop.is_set():
            if camera.mode != "silent":
                camera.sent += camera.mode == "live"
                for packet, last in packed(picture(camera.sent)):
                    head = struct.pack(">BBHII", 0x80, last << 7 | 26, sequence & 0xFFFF, int(time.monotonic() * 90000) & 0xFFFFFFFF, 1)
                    self.wfile.write(struct.pack(">cBH", b"$", 0, len(head) + len(packet)) + head + packet)
                    sequence += 1
            time.sleep(0.03)


def packed(image):
    """RTP payloads of one picture, and whether each is its last: RFC 2435, type 1 (4:2:0), tables within."""
    _, jpeg = cv2.imencode(".jpg", image)
    jpeg, tables, at = jpeg.tobytes(), b"", 2
    while jpeg[at + 1] != 0xDA:  # the scan
        size = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at + 1] == 0xDB:  # quantization tables of 64 bytes, each behind its number
            chunk = jpeg[at + 4 : at + 2 + size]
            tables += b"".join(chunk[i + 1 : i + 65] for i in range(0, len(chunk), 65))
        at += 2 + size
    scan = jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") : -2]
    for offset in range(0, len(scan), 1000):
        head = struct.pack(">IBBBB", offset, 1, 255, image.shape[1] // 8, image.shape[0] // 8)
        if offset == 0:
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        yield head + scan[offset : offset + 1000], offset + 1000 >= len(scan)


@pytest.fixture
def rtsp():
    camera = Mjpeg(path="rtsp://127.0.0.1:{}/live")
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Rtsp)
    server.daemon_threads = True
    server.camera = camera
    camera.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield camera
    camera.drop.set()
    server.shutdown()
    server.server_close()


class Pulse:
    """A PulseAudio of our own: what is played into its null sink comes out of the default microphone."""

    def __init__(self, home, channels=1):
        self.home = home
        self.channels = channels
        self.environment = {
            **os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PULSE_RUNTIME_PATH": str(home / "pulse"),
            "PULSE_SERVER": f"unix:{home}/native", "PULSE_COOKIE": str(home / "cookie"),
        }  # fmt: skip
        self.process = None
        (home / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")

    def start(self):
        (self.home / "native").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                shutil.which("pulseaudio"), "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
                "--disable-shm=yes", "--log-target=stderr", "--log-level=error",
                "-L", f"module-native-protocol-unix socket={self.home}/native auth-anonymous=1",
                "-L", f"module-null-sink sink_name=null rate=16000 channels={self.channels}",
            ],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: self.ask("info").returncode == 0)
        self.ask("set-default-source", "null.monitor")

    def ask(self, *arguments):
        return subprocess.run(["pactl", *arguments], env=self.environment, capture_output=True, timeout=20, check=False)

    def play(self, path):
        return subprocess.Popen(["paplay", "--device=null", str(path)], env=self.environment)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process.poll() is None:
            self.thaw()
            self.process.kill()
        self.process.wait(10)


@pytest.fixture
def pulse(tmp_path_factory, request):
    server = Pulse(tmp_path_factory.mktemp("pulse"), getattr(request, "param", 1))
    server.start()
    yield server
    server.stop()
