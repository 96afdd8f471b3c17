"""The installer's words: usage, refusals, and the steps that a dry run prints without taking them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "systemd" / "install.sh"

FAKES = {
    # A Debian of the given width; nothing of it is called for real in a dry run.
    "dpkg": 'echo "${FAKE_ARCH:-arm64}"',
    "dpkg-query": 'case "$*" in *"${FAKE_MISSING:-nothing}") exit 1;; *) echo "install ok installed";; esac',
    "apt-get": "exit 0",
    "id": "echo 1000",
    "getconf": 'echo "${FAKE_BITS:-64}"',
}


@pytest.fixture
def install(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in FAKES.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)

    def run(*arguments, script=SCRIPT, **environment):
        return subprocess.run(
            ["bash", str(script), *map(str, arguments)], capture_output=True, text=True, check=False, cwd=tmp_path,
            stdin=subprocess.DEVNULL, env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", **environment},
        )  # fmt: skip

    return run


def steps(done):
    return re.findall(r"would run: (.*)", done.stdout)


def installed():
    return sorted(Path("/opt/emoedge").glob("*"))


def test_a_dry_run_prints_the_steps_in_order(install):
    before = installed()
    done = install("--dry-run", "--context", "home", "--broker", "broker.local")
    assert done.returncode == 0, done.stderr
    told = steps(done)
    order = ["python3 -m venv /opt/emoedge/venv-", "pip install", "--version", "mv -T /opt/emoedge/current.new",
             "systemd/emoedge.service", "/usr/local/bin/emoedge", "systemctl --quiet enable emoedge",
             "doctor --config /etc/emoedge/config.yaml"]  # fmt: skip
    at = [next(i for i, step in enumerate(told) if word in step) for word in order]
    assert at == sorted(at)
    assert installed() == before


@pytest.mark.parametrize("given", [(), ("--context", "home"), ("--broker", "broker.local")])
def test_a_dry_run_starts_nothing_that_would_not_be_started(install, tmp_path, given):
    copy = tmp_path / "checkout"
    copy.mkdir()
    shutil.copy(ROOT / "config.yaml", copy)
    (copy / "systemd").mkdir()
    script = copy / "systemd" / "install.sh"
    script.write_text(SCRIPT.read_text().replace("/etc/emoedge/config.yaml", str(tmp_path / "config.yaml")))
    done = install("--dry-run", *given, script=script)
    assert done.returncode == 0, done.stderr
    assert not any("enable" in step for step in steps(done))
    assert "installed, not started; this is missing:" in done.stdout
    assert ("--context and --broker go together" in done.stdout) == bool(given)
    (tmp_path / "config.yaml").write_text("deployment: {context: home}\n")
    done = install("--dry-run", *given, script=script)
    assert any("enable" in step for step in steps(done)), "a configuration is there"


def test_what_is_missing_comes_from_apt(install):
    told = steps(install("--dry-run", FAKE_MISSING="libportaudio2"))
    assert [step for step in told if "install -y" in step] == [
        "env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends libportaudio2"
    ]


def test_offline_asks_no_index(install, tmp_path):
    assert "no emoedge-*.whl" in install("--dry-run", "--offline", tmp_path).stderr
    (tmp_path / "emoedge-1-py3-none-any.whl").touch()
    told = steps(install("--dry-run", "--offline", tmp_path))
    assert any("--no-index --find-links" in step for step in told)
    assert not any("apt-get" in step for step in told)


@pytest.mark.parametrize(("arch", "bits"), [("armhf", "32"), ("i386", "32"), ("armhf", "64")])
def test_32_bit_is_said_plainly(install, arch, bits):
    done = install("--dry-run", FAKE_ARCH=arch, FAKE_BITS=bits)
    assert done.returncode == 1
    assert "32-bit" in done.stderr
    assert "64-bit edition" in done.stderr
    assert not steps(done)


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--context", "workplace"], 1, "EU AI Act"),
        (["--context", "spaceship"], 1, "expected one of"),
        (["--broker", "a b"], 1, "host name"), (["--broker", "broker.local:1883"], 1, "host name"),
        (["--context"], 2, "usage"),
        (["--frobnicate"], 2, "unknown"),
    ],
)
def test_refusals(install, arguments, code, word):
    done = install("--dry-run", *arguments)
    assert done.returncode == code
    assert word in done.stderr


def test_uninstall_keeps_what_purge_removes(install):
    kept, gone = install("--dry-run", "--uninstall"), install("--dry-run", "--purge")
    assert kept.returncode == gone.returncode == 0
    assert not any("/etc/emoedge" in step or "/var/lib" in step for step in steps(kept))
    purge = " ".join(steps(gone))
    for path in ("/etc/emoedge", "/var/lib/emoedge", "/var/lib/private/emoedge", "emoedge.service.d", "/opt/emoedge"):
        assert path in purge


def part(name):
    """A function of the script, by itself."""
    return re.search(rf"^{name}\(\) \{{.*?^\}}$", SCRIPT.read_text(), re.MULTILINE | re.DOTALL)[0]


@pytest.mark.parametrize("packaged", [False, True])
def test_purge_leaves_what_the_package_needs(tmp_path, packaged):
    there = tmp_path / "emoedge.service"
    if packaged:
        there.touch()
    words = f"""
        PREFIX=/gone/opt CURRENT=/gone/opt/current UNIT=/gone/unit COMMAND=/gone/command CONFIG=/gone/etc/config.yaml
        STATE=(/gone/state) SECRETS=(/gone/secret) action=purge PACKAGED={there}
        say() {{ echo "$*"; }}
        run() {{ echo "would run: $*"; }}
        booted() {{ return 1; }}
        {part("remove")}
        remove"""
    done = subprocess.run(["bash", "-euc", words], capture_output=True, text=True, check=True)
    told = " ".join(steps(done))
    assert "/gone/opt" in told
    for kept in ("/gone/etc", "/gone/state", "/gone/secret", "/gone/unit.d", "multi-user.target.wants"):
        assert (kept in told) is not packaged
    assert ("apt purge emoedge" in done.stdout) is packaged


def test_another_system_is_said_plainly(tmp_path):
    words = f"""
        PACKAGED=/gone
        die() {{ echo "install.sh: $*" >&2; exit 1; }}
        {part("check_machine")}
        check_machine"""
    bash = shutil.which("bash")
    done = subprocess.run([bash, "-euc", words], capture_output=True, text=True, check=False, env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert "no Debian" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_environment_is_made_with_debians_own_python():
    assert "run /usr/bin/python3 -m venv" in part("make_environment")


def test_nothing_is_done_without_root(install):
    done = install()
    assert done.returncode == 1
    assert "needs root" in done.stderr


def test_it_does_not_stand_beside_the_package(install, tmp_path):
    place = re.search(r"readonly PACKAGED=(\S+)", SCRIPT.read_text())[1]
    assert place.removeprefix("/") in (ROOT / "tools" / "deb.sh").read_text()
    (tmp_path / "emoedge.service").touch()
    copy = tmp_path / "install.sh"
    copy.write_text(SCRIPT.read_text().replace(place, str(tmp_path / "emoedge.service")))
    done = install("--dry-run", script=copy)
    assert done.returncode == 1
    assert "apt remove emoedge" in done.stderr
    assert not steps(done)


def test_the_service_may_read_what_a_careful_root_installs():
    lines = SCRIPT.read_text().splitlines()
    assert lines.index("umask 022") < lines.index("usage() {"), "before anything is made"


def test_shellcheck_agrees():
    checker = shutil.which("shellcheck")
    assert checker, "make test installs shellcheck"
    done = subprocess.run([checker, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
