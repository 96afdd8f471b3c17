"""What tools/setup.sh asks of apt, with the system's programs replaced."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

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


@pytest.fixture
def asked_of_apt(tmp_path):
    """What apt-get is called with where these words run after the script's own `missing` and `apt_install`."""
    for name, body in FAKES.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    log = tmp_path / "log"

    def run(words):
        words = f"say() {{ :; }}\ndie() {{ exit 1; }}\n{part('missing')}\n{part('apt_install')}\n{words}"
        subprocess.run(
            ["bash", "-euc", words], check=True, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(log)}
        )  # fmt: skip
        return log.read_text().splitlines()

    return run


def test_no_package_asks_a_question_behind_sudo(asked_of_apt):
    asked = asked_of_apt("apt_install gcc make")
    assert "noninteractive -qq install -y --no-install-recommends gcc make" in asked


def test_an_interpreter_is_there_before_the_parts_that_look_for_one_are_set_up_side_by_side(asked_of_apt):
    asked = asked_of_apt(f"find_python() {{ return 1; }}\n{part('setup_python')}\nsetup_python")
    assert asked[-1].endswith("install -y --no-install-recommends python3 python3-venv")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    steps = subprocess.run(
        ["make", "-n", "setup-all", "VENV=nowhere"], cwd=SCRIPT.parents[1], env=plain, capture_output=True, text=True, check=True
    ).stdout.splitlines()  # fmt: skip
    parts = [step.rpartition("tools/setup.sh ")[2] for step in steps if "tools/setup.sh " in step]
    assert (parts[0], {"run", "test"} <= set(parts)) == ("python", True)


def test_shellcheck_agrees_with_the_set_up():
    checker = shutil.which("shellcheck")
    assert checker, "make test installs shellcheck"
    done = subprocess.run([checker, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
