"""What tools/setup.sh asks of apt, with the system's programs replaced."""

import os
import re
import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "setup.sh"

FAKES = {
    "id": "echo 1000",
    "dpkg-query": "exit 1",
    "apt-get": 'echo "${DEBIAN_FRONTEND:-asks} $*" >>"$LOG"',
    # As sudo's env_reset has it: no variable but what its own command line names.
    "sudo": 'exec env -i PATH="$PATH" LOG="$LOG" "$@"',
}


def part(name):
    """A function of the script, by itself."""
    return re.search(rf"^{name}\(\) \{{.*?^\}}$", SCRIPT.read_text(), re.MULTILINE | re.DOTALL)[0]


def test_no_package_asks_a_question_behind_sudo(tmp_path):
    for name, body in FAKES.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    log = tmp_path / "log"
    words = f"say() {{ :; }}\ndie() {{ exit 1; }}\n{part('missing')}\n{part('apt_install')}\napt_install gcc make"
    subprocess.run(
        ["bash", "-euc", words], check=True, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(log)}
    )  # fmt: skip
    assert "noninteractive -qq install -y --no-install-recommends gcc make" in log.read_text().splitlines()


def test_shellcheck_agrees_with_the_set_up():
    checker = shutil.which("shellcheck")
    assert checker, "make test installs shellcheck"
    done = subprocess.run([checker, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
