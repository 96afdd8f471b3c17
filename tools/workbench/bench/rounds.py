"""Runs the measurements: each in a process of its own, in turns, several times; the median counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from workbench.bench import counts, daemon, peers
from workbench.bench.account import summary
from workbench.clips import CLIPS, clip
from workbench.mosquitto import Mosquitto

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WORKER = Path(__file__).with_name("worker.py")
RUNTIMES = ("litert", "tflite")
TIMED = ("moving", "four", "empty", "still")
"""Clips whose cost is told."""

BESIDE = "moving"
"""The clip on which emoedge stands beside the naive loop and the peers."""

WORKER_TIMEOUT = 900.0
"""Seconds."""


def work(task: str, *arguments: str, runtime: str, pinned: bool) -> dict[str, Any]:
    """One measurement in a process of its own; RuntimeError with its last line where it fails."""
    environment = {**os.environ, "EMOEDGE_RUNTIME": runtime}
    if pinned:
        environment["PINNED"] = "1"
    done = subprocess.run(
        [sys.executable, str(WORKER), task, *arguments], env=environment, capture_output=True, text=True,
        timeout=WORKER_TIMEOUT, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{task} {' '.join(arguments)}: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def middle(rows: Iterable[dict[str, float]]) -> dict[str, float]:
    """Key by key the median of several runs."""
    rows = list(rows)
    return {key: float(median(row[key] for row in rows)) for key in rows[0]}


def frames(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """CPU milliseconds a frame of emoedge, on both runtimes, and of the naive loop, pinned and with defaults."""
    told: dict[str, Any] = {}
    for pinned in (True, False):
        for name in TIMED:
            runs: dict[str, list[dict[str, float]]] = {}
            for _ in range(rounds):
                ours = [("emoedge", each) for each in RUNTIMES]
                for contender, runtime in ours if name != BESIDE else [*ours, ("naive", RUNTIMES[0])]:
                    seen = work("film", contender, name, runtime=runtime, pinned=pinned)
                    row = {**summary(seen["cpu_ms"]), "start_s": seen["start_s"], "rss_mb": seen["rss_mb"]}
                    label = contender if contender == "naive" else f"{contender} ({runtime})"
                    runs.setdefault(label, []).append(row)
            told.setdefault("pinned" if pinned else "defaults", {})[name] = {k: middle(v) for k, v in runs.items()}
            say(f"frames of {name}, {'pinned' if pinned else 'defaults'}")
    return told


def hard(say: Callable[[str], None]) -> dict[str, Any]:
    """Every clip held against its truth, once: the same frames give the same answers."""
    told: dict[str, Any] = {}
    for contender in ("emoedge", "naive", "scan"):
        for each in CLIPS:
            seen = work("film", contender, each.name, runtime=RUNTIMES[0], pinned=True)
            told.setdefault(each.name, {})[contender] = {**seen["account"], "seconds": each.seconds}
        say(f"hard clips, {contender}")
    return told


def crowd(pack: Path, takes: int, say: Callable[[str], None]) -> dict[str, Any]:
    """The hard clips again with other people, and other parts of the motions: sums over `takes` casts."""
    told: dict[str, Any] = {}
    for take in range(1, takes + 1):
        for each in CLIPS:
            if each.name == "empty":
                continue
            for contender in ("emoedge", "scan"):
                seen = work("film", contender, each.name, str(pack), str(take), runtime=RUNTIMES[0], pinned=True)
                row = told.setdefault(each.name, {}).setdefault(contender, {"seconds": 0.0})
                row["seconds"] += each.seconds / 2
                for key, count in seen["account"].items():
                    row[key] = row.get(key, 0) + count
        say(f"hard clips with other people, take {take}")
    return told


def senses(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """CPU milliseconds for a second of sound, and what each stage takes."""
    told: dict[str, Any] = {"sound": {}, "stages": {}, "floors": work("floors", runtime=RUNTIMES[0], pinned=True)}
    for runtime in RUNTIMES:
        for kind in ("voice", "hush"):
            runs = [work("sound", kind, runtime=runtime, pinned=True) for _ in range(rounds)]
            row = middle(summary(run["cpu_ms"]) for run in runs)
            told["sound"].setdefault(kind, {})[runtime] = {**row, "spoken": runs[0]["spoken"]}
        say(f"sound, {runtime}")
    for name in ("moving", "four", "still", "empty", "voice", "hush"):
        runs = [work("stages", name, runtime=RUNTIMES[0], pinned=True) for _ in range(rounds)]
        told["stages"][name] = middle(run["stages"] for run in runs)
    say("stages")
    return told


def daily(rounds: int, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    """The running daemon: start, memory, latency through a broker, and what it costs while nothing happens."""
    told: dict[str, Any] = {"start": {}, "idle": {}, "latency": {}, "installed_mb": daemon.installed()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder).start()
        try:
            for runtime in RUNTIMES:
                places = [folder / runtime / str(n) for n in range(rounds)]
                runs = [daemon.start(broker.port, place, runtime, whole=True) for place in places]
                told["start"][runtime] = middle(runs)
            say("start")
            told["publish_ms"] = median(
                work("publish", str(broker.port), str(folder / f"publish-{n}"), runtime=RUNTIMES[0], pinned=True)[
                    "publish_ms"
                ]
                for n in range(rounds)
            )
            for kind in ("empty", "still", "visitors"):
                lives = [
                    work("live", kind, str(seconds), str(broker.port), str(folder / f"{kind}-{n}"), runtime=RUNTIMES[0],
                         pinned=True)
                    for n in range(rounds)
                ]  # fmt: skip
                told["idle"][kind] = median(live["core_share"] for live in lives)
                if kind == "visitors":
                    told["latency"] = middle(live["latency_ms"] for live in lives)
            say("live")
        finally:
            broker.stop()
    return told


def counted(say: Callable[[str], None]) -> dict[str, Any]:
    """Instructions a frame and a second of sound."""
    told = counts.count("moving", "four", "still", "empty", "voice", "hush", "naive")
    say("instructions")
    return told


def others(names: Iterable[str], folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """What the named peers cost on the clip `moving`, or why they could not be measured."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    film = folder / "moving.raw"
    if not film.exists():
        np.stack([picture for _, picture, _ in clip(BESIDE).frames()]).tofile(film)
    told: dict[str, Any] = {}
    for name in names:
        what = peers.peer(name)
        told[name] = {"packages": list(what.packages), "repairs": what.repairs}
        try:
            place = peers.build(what, folder)
            for pinned in (True, False):
                seen = peers.run(what, place, film, pinned=pinned)
                row = {**summary(seen.pop("cpu_ms")), **seen}
                told[name]["pinned" if pinned else "defaults"] = row
        except peers.PeerError as error:
            told[name]["failed"] = str(error)
        say(f"peer {name}: {told[name].get('failed', 'measured')}")
    return told
