"""`emoedge run` itself, from outside: time to READY and to the first event, and its peak of memory."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT = 30.0
"""Seconds."""

LONG_ENOUGH = 16.0
"""Seconds: the whole bundled phrase, so that both models have run."""

DEPENDENCIES = (
    "numpy", "opencv-python-headless", "ai-edge-litert", "tflite-runtime", "PyAudio", "paho-mqtt", "PyYAML",
    "python-speech-features",
)  # fmt: skip

PICTURES = 40
"""JPEG pictures in a folder stand for a camera: they are decoded as its are, and need no film decoder."""

CONFIG = """\
deployment: {{context: demo}}
camera: {{source: {pictures}, loop: true}}
microphone: {{source: {voice}, loop: true}}
mqtt: {{host: 127.0.0.1, port: {port}}}
device: {{id: bench-start, state_directory: {folder}}}
log: {{level: warning}}
"""


def start(port: int, folder: Path, runtime: str, *, whole: bool) -> dict[str, Any]:
    """Seconds to READY and to the first event at a subscriber; with `whole` the peak of memory as well, MB."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yaml"
    pictures = folder / "pictures"
    _draw(pictures)
    config.write_text(
        CONFIG.format(pictures=pictures, voice=ROOT / "emoedge/assets/demo.wav", port=port, folder=folder / "state")
    )
    first: list[float] = []
    arrived = threading.Event()

    def hear(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        if message.retain:
            return
        first.append(time.monotonic())
        arrived.set()

    listener = _listener(port, "emoedge/bench-start/event", hear)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(folder / f"notify-{time.monotonic_ns()}"))
        notified.settimeout(TIMEOUT)
        environment = {**os.environ, "NOTIFY_SOCKET": notified.getsockname(), "EMOEDGE_RUNTIME": runtime}
        begun = time.monotonic()
        process = subprocess.Popen([sys.executable, "-m", "emoedge", "run", "--config", str(config)], env=environment)
        try:
            while not notified.recv(4096).startswith(b"READY=1"):
                pass
            told = {"ready_s": time.monotonic() - begun, "ready_cpu_s": _spent(process.pid)}
            if not arrived.wait(TIMEOUT):
                raise TimeoutError("the daemon told no event")
            told["first_event_s"] = first[0] - begun
            if whole:
                time.sleep(max(0.0, LONG_ENOUGH - (time.monotonic() - begun)))
                told["rss_mb"] = _peak(process.pid)
        finally:
            process.terminate()
            process.wait(TIMEOUT)
            listener.disconnect()
            listener.loop_stop()
    return told


def _draw(folder: Path) -> None:
    import cv2

    from workbench.clips import clip

    folder.mkdir()
    for index, (_, picture, _) in zip(range(PICTURES), clip("moving").frames(), strict=False):
        cv2.imwrite(str(folder / f"{index}.jpg"), picture)


def _listener(port: int, topic: str, hear: Any) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    ready = threading.Event()
    client.on_message = hear
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.subscribe(topic, 1)
    client.loop_start()
    if not ready.wait(TIMEOUT):
        raise TimeoutError("could not subscribe at the broker")
    return client


def _spent(number: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(number: int) -> float:
    lines = Path(f"/proc/{number}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))


def installed() -> dict[str, float]:
    """Megabytes on disk of what the daemon imports, by distribution; SciPy and the demo's broker are not among it."""
    from importlib import metadata

    sizes = {}
    for name in DEPENDENCIES:
        try:
            files = metadata.distribution(name).files or []
        except metadata.PackageNotFoundError:
            continue
        sizes[name] = sum(p.stat().st_size for f in files if (p := Path(str(f.locate()))).is_file()) / 1e6
    ours = [*(ROOT / "emoedge").rglob("*"), *(ROOT / "models/tflite").rglob("*")]
    sizes["emoedge"] = sum(p.stat().st_size for p in ours if p.is_file() and "__pycache__" not in p.parts) / 1e6
    return sizes


def machine() -> dict[str, Any]:
    """What the figures were taken on, without any name."""
    import platform

    import cv2
    import numpy as np

    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.processor())  # fmt: skip
    return {
        "processor": model, "cores": os.cpu_count(), "architecture": platform.machine(),
        "python": platform.python_version(), "opencv": cv2.__version__, "numpy": np.__version__,
        "load": os.getloadavg()[0],
    }  # fmt: skip


def as_json(value: object) -> str:
    """JSON for the files under docs/performance, figures rounded to what they mean."""
    return json.dumps(rounded(value), indent=1, sort_keys=True) + "\n"


def rounded(value: Any) -> Any:
    """Floats to four significant digits, however deep."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(each) for each in value]
    return value
