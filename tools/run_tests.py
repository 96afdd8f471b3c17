#!/usr/bin/env python3
"""Runs the tests that this machine can run, and lists those it cannot, with the reason.

No test ends as skipped: a mark whose needs are not met is deselected before the run and printed under
`not run here:`. The marks `broker` and `microphone` are never deselected: what they need is installed by
`make test`. Arguments are passed on to pytest.

Without arguments those that measure time run first and alone; then the tests of the daemon and those of the programs in
`tools/` run side by side: the ones mostly wait for brokers and clocks, the others compute, two files at a time, and
give way to them. What a file prints comes when it has ended.
"""

from __future__ import annotations

import contextlib
import os
import platform
import queue
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALONE = "tests/performance/test_hot_path.py"
PROGRAMS = "tests/tools"
INSTRUCTIONS = "tests/performance/test_instructions.py"
"""Counts, which a busy machine does not blur: among PROGRAMS."""
LONG = {
    "test_classic_systems.py", "test_convert_keras.py", "test_instructions.py", "test_soak.py", "test_train_face.py",
}  # fmt: skip
"""Of these: they begin first, so that none of them is left over at the end."""
PATIENCE = ("--timeout=900",)
NOTHING = 5
"""Exit code of pytest where a file has no test that this machine can run."""


def train_reason(*more: str) -> str | None:
    """Why the training environment cannot be used, if it cannot; it must have these modules beside TensorFlow."""
    python = os.environ.get("EMOEDGE_TRAIN_PYTHON", str(ROOT / ".venv-train/bin/python"))
    if not Path(python).exists():
        return "TensorFlow 2.15 needs Python 3.11, and there is no .venv-train here (make setup-train)"
    for module in ("tensorflow", *more):
        probe = subprocess.run(
            [python, "-c", f"import {module}"], capture_output=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            check=False,
        )  # fmt: skip
        if probe.returncode:
            return f"{module} cannot be imported in .venv-train"
    return None


def home_assistant_reason() -> str | None:
    """Why Home Assistant's own validation cannot be used, if it cannot."""
    python = os.environ.get("EMOEDGE_HA_PYTHON", str(ROOT / ".venv-ha/bin/python"))
    if not Path(python).exists():
        return "Home Assistant needs Python 3.12 or newer, and there is no .venv-ha here (make setup-ha)"
    probe = subprocess.run([python, "-c", "import homeassistant"], capture_output=True, check=False)
    return None if probe.returncode == 0 else "Home Assistant cannot be imported in .venv-ha"


def namespaces_reason() -> str | None:
    """Why nobody may have a mount namespace of their own, if so."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "true"]
    if missing := command_reason(command[0], "findmnt"):
        return missing
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"user namespaces are not allowed: {done.stderr.strip()}"


def callgrind_reason() -> str | None:
    """Why instructions cannot be counted, if they cannot."""
    if platform.machine() != "x86_64":
        return "the counts that are compared with are those of x86-64"
    return command_reason("valgrind", "callgrind_control")


def command_reason(*commands: str) -> str | None:
    """Which of the commands are missing, if any."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [c for c in commands if shutil.which(c, path=path) is None]
    return f"{', '.join(missing)} not installed" if missing else None


def all_of_them(command: list[str], environment: dict[str, str]) -> int:
    """Run ALONE, then the files of PROGRAMS at a low priority beside all others; returns the exit code of a failure."""
    files: queue.SimpleQueue[Path] = queue.SimpleQueue()
    found = [*sorted((ROOT / PROGRAMS).glob("test_*.py")), ROOT / INSTRUCTIONS]
    for path in sorted(found, key=lambda path: path.name not in LONG):
        files.put(path)
    codes = {ALONE: _run([*command, ALONE], environment)}

    def daemon() -> None:
        others = [f"--ignore={path}" for path in (ALONE, INSTRUCTIONS, PROGRAMS)]
        codes["the tests of the daemon"] = _run([*command, *others], environment)

    def programs() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                name = str(files.get_nowait().relative_to(ROOT))
                codes[name] = _run(["nice", "-n", "10", *command, name, *PATIENCE, "-o",
                                    f"cache_dir=.pytest_cache/{Path(name).stem}"], environment, title=name)  # fmt: skip

    lanes = (daemon, programs, programs)
    with ThreadPoolExecutor(len(lanes)) as workers:
        running = [workers.submit(lane) for lane in lanes]
        try:
            for each in running:
                each.result()
        except KeyboardInterrupt:
            with contextlib.suppress(queue.Empty):
                while True:
                    files.get_nowait()
            raise
    failed = [name for name, code in codes.items() if code not in (0, NOTHING)]
    print(f"failed, see above: {', '.join(failed)}" if failed else "all tests passed", flush=True)
    return max((codes[name] for name in failed), key=abs, default=0)


def _run(words: list[str], environment: dict[str, str], title: str = "") -> int:
    """Exit code of pytest; with a title its output comes in one piece under it, when it has ended."""
    if not title:
        return subprocess.run(words, cwd=ROOT, env=environment, check=False).returncode
    began = time.monotonic()
    done = subprocess.run(
        words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    sys.stdout.write(f"\n{title}, {time.monotonic() - began:.0f} s:\n{done.stdout}")
    sys.stdout.flush()
    return done.returncode


def main() -> int:
    """Deselect by mark what cannot run here, run the rest, return pytest's exit code."""
    # A shell that runs this in the background has it ignore Ctrl-C, and so would the programs under test.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    reasons = {
        "train": train_reason(),
        "torch": train_reason("torch"),
        "homeassistant": home_assistant_reason(),
        "chromium": command_reason("chromium", "chromedriver"),
        "systemd": command_reason("systemd-analyze"),
        "namespaces": namespaces_reason(),
        "callgrind": callgrind_reason(),
    }
    unmet = {mark: reason for mark, reason in reasons.items() if reason}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    for mark, commands in {"broker": ("mosquitto",), "microphone": ("pulseaudio", "paplay")}.items():
        reason = command_reason(*commands)
        if reason:
            print(f"error: tests marked {mark} must run, but {reason}; run `make test`")
            return 1
    print("not run here:")
    for mark, reason in unmet.items():
        print(f"  tests marked {mark}: {reason}")
    if not unmet:
        print("  nothing: every test runs")
    command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    if unmet:
        command += ["-m", " and ".join(f"not {mark}" for mark in unmet)]
    sys.stdout.flush()
    if len(sys.argv) == 1:
        return all_of_them(command, environment)
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
