"""The Debian package's forms: fields, paths, and what its maintainer scripts do, with systemd's programs replaced."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from emoedge import cli

ROOT = Path(__file__).resolve().parents[2]
FORMS = ROOT / "systemd" / "deb"
BUILD = ROOT / "tools" / "deb.sh"
SCRIPTS = [*(FORMS / name for name in ("preinst", "postinst", "prerm", "postrm")), BUILD,
           *(ROOT / "tools" / name for name in ("arm64.sh", "system_test.sh"))]  # fmt: skip

FAKE = '#!/bin/sh\necho "$(basename "$0") $*" >>"{log}"\n{body}\n'


class Machine:
    """A root directory of its own, in which maintainer scripts run; it notes what they call."""

    def __init__(self, folder):
        self.root, self.log = folder / "root", folder / "called"
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.booted, self.accepts, self.active, self.was_enabled = True, True, False, True
        for path in ("usr/lib/emoedge/bin", "usr/lib/emoedge/lib/x/__pycache__", "usr/share/emoedge", "etc/systemd"):
            (self.root / path).mkdir(parents=True)
        (self.root / "usr/share/emoedge/config.yaml").write_text("new\n")

    @property
    def config(self):
        return self.root / "etc/emoedge/config.yaml"

    def program(self, path, body="exit 0"):
        path.write_text(FAKE.format(log=self.log, body=body))
        path.chmod(0o755)

    def run(self, script, *arguments):
        self.log.write_text("")
        here = self.root / "usr/lib/emoedge/bin"
        self.program(here / "python3")
        self.program(here / "emoedge", "exit 0" if self.accepts else "echo deployment.context: missing; exit 78")
        self.program(self.programs / "systemctl", f"exit {0 if self.active else 3}")
        self.program(self.programs / "deb-systemd-invoke")
        self.program(
            self.programs / "deb-systemd-helper",
            f'case "$*" in *was-enabled*) exit {0 if self.was_enabled else 1};; esac',
        )
        (self.root / "run/systemd").mkdir(parents=True, exist_ok=True)
        if self.booted:
            (self.root / "run/systemd/system").mkdir(exist_ok=True)
        text = re.sub(r"(?<![\w/])/(usr|etc|opt|var|run)/", rf"{self.root}/\1/", (FORMS / script).read_text())
        return subprocess.run(
            ["sh", "-c", text, script, *arguments], capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}"},
        )  # fmt: skip

    def called(self, word):
        return [line for line in self.log.read_text().splitlines() if word in line]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_a_first_installation_enables_and_starts(machine):
    done = machine.run("postinst", "configure", "")
    assert (done.returncode, done.stdout) == (0, "")
    assert machine.config.read_text() == "new\n"
    assert machine.called("helper enable emoedge.service")
    assert machine.called("invoke start emoedge.service")


def test_without_an_answer_nothing_is_started_and_the_line_is_printed(machine):
    machine.accepts = False
    done = machine.run("postinst", "configure", "")
    assert done.returncode == 0
    assert "deployment.context: missing" in done.stdout
    assert "enable --now emoedge" in done.stdout
    assert not machine.called("deb-systemd")


def test_an_upgrade_restarts_and_leaves_the_configuration(machine):
    machine.config.parent.mkdir()
    machine.config.write_text("mine\n")
    machine.run("postinst", "configure", "0.0.9")
    assert machine.config.read_text() == "mine\n"
    assert machine.called("invoke restart emoedge.service")


def test_what_was_disabled_stays_so(machine):
    machine.was_enabled = False
    machine.run("postinst", "configure", "0.0.9")
    assert not machine.called("helper enable")
    assert machine.called("helper update-state emoedge.service")


def test_a_version_that_refuses_the_configuration_leaves_what_runs(machine):
    machine.accepts, machine.active = False, True
    done = machine.run("postinst", "configure", "0.0.9")
    assert done.returncode == 0
    assert "the service that runs is left alone" in done.stdout
    assert not machine.called("invoke")


def test_nothing_is_started_where_systemd_does_not_run(machine):
    machine.booted = False
    assert machine.run("postinst", "configure", "").returncode == 0
    assert machine.called("helper enable")
    assert not machine.called("invoke")
    assert not machine.called("systemctl")


@pytest.mark.parametrize(("word", "stops"), [("remove", True), ("upgrade", False)])
def test_an_upgrade_lets_the_service_run_on(machine, word, stops):
    assert machine.run("prerm", word).returncode == 0
    assert bool(machine.called("invoke stop emoedge.service")) is stops
    assert not list(machine.root.rglob("__pycache__"))


def test_purge_removes_what_the_installer_purges(machine):
    kept = {path: machine.root / path for path in ("var/lib/emoedge", "var/lib/private/emoedge", "etc/emoedge",
                                                   "etc/systemd/system/emoedge.service.d")}  # fmt: skip
    for path in kept.values():
        path.mkdir(parents=True)
        (path / "file").touch()
    password = machine.root / "etc/credstore/emoedge.mqtt-password"
    password.parent.mkdir()
    password.touch()
    machine.run("postrm", "remove")
    assert all(path.exists() for path in kept.values())
    assert password.exists()
    machine.run("postrm", "purge")
    assert not [path for path, there in kept.items() if there.exists()]
    assert not password.exists()
    assert machine.called("helper purge emoedge.service")


def test_purge_leaves_what_another_installation_needs(machine):
    machine.config.parent.mkdir()
    machine.config.write_text("mine\n")
    (machine.root / "opt/emoedge/current").mkdir(parents=True)
    machine.run("postrm", "purge")
    assert machine.config.exists()


def test_it_does_not_stand_beside_the_installer(machine):
    assert machine.run("preinst", "install").returncode == 0
    (machine.root / "opt/emoedge/current").mkdir(parents=True)
    (machine.root / "etc/systemd/system").mkdir()
    (machine.root / "etc/systemd/system/emoedge.service").touch()
    done = machine.run("preinst", "install")
    assert done.returncode == 1
    assert "install.sh --uninstall" in done.stderr


def built(what):
    """What a one-line function of the build makes of a file."""
    functions = "\n".join(line for line in BUILD.read_text().splitlines() if re.match(r"readonly PREFIX|\w+\(\) \{.*\}", line))
    return subprocess.run(["bash", "-c", f"{functions}\n{what}"], capture_output=True, text=True, check=True, cwd=ROOT).stdout


def test_the_unit_differs_in_its_path_alone():
    ours, theirs = (ROOT / "systemd/emoedge.service").read_text(), built("pathless systemd/emoedge.service")
    differ = [pair for pair in zip(ours.splitlines(), theirs.splitlines(), strict=True) if pair[0] != pair[1]]
    assert differ == [("ExecStart=/opt/emoedge/current/bin/emoedge run --config /etc/emoedge/config.yaml",
                       "ExecStart=/usr/lib/emoedge/bin/emoedge run --config /etc/emoedge/config.yaml")]  # fmt: skip


def test_no_drop_in_names_the_other_place():
    for path in (ROOT / "systemd/emoedge.service.d.example").glob("*.conf"):
        assert "/opt/" not in built(f"pathless {path}")


def test_the_template_lacks_one_line(tmp_path, capsys):
    file = tmp_path / "config.yaml"
    file.write_text(built("template"))
    assert cli.main(["check", "--config", str(file)]) == 78
    said = capsys.readouterr().err
    assert "deployment.context" in said
    file.write_text(file.read_text().replace("  # context: home", "  context: home"))
    assert cli.main(["check", "--config", str(file)]) == 0


def test_control_fields():
    text = (FORMS / "control.in").read_text()
    fields = dict(re.findall(r"^(\S+): (.*)$", text, re.MULTILINE))
    assert {"Package", "Version", "Architecture", "Maintainer", "Depends", "Description", "Section", "Priority"} <= set(fields)
    assert set(re.findall(r"@(\w+)@", text)) == set(re.findall(r"s\|@(\w+)@", BUILD.read_text()))
    assert len(fields["Description"]) <= 80
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("script", [*SCRIPTS, *sorted((ROOT / "tools/system").glob("*.sh"))], ids=lambda path: path.name)
def test_shellcheck_agrees_with_it(script):
    checker = shutil.which("shellcheck")
    assert checker, "make test installs shellcheck"
    done = subprocess.run([checker, "-x", str(script)], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "")
