"""The unit as systemd itself judges it: no word that it does not know, and no more rights than it needs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "systemd"
UNIT = FOLDER / "emoedge.service"
DROP_INS = sorted((FOLDER / "emoedge.service.d.example").glob("*.conf"))
MOST_EXPOSED = 17
"""Tenths: the score that `systemd-analyze security` may give at most."""

pytestmark = pytest.mark.systemd


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False)


def installed(folder, *drop_ins):
    """The unit beside a program that is there, which `verify` looks for."""
    unit = folder / UNIT.name
    text = UNIT.read_text().replace("/opt/emoedge/current/bin/emoedge", "/bin/true")
    unit.write_text(text)
    (folder / f"{UNIT.name}.d").mkdir()
    for path in drop_ins:
        text = path.read_text().replace("/opt/emoedge/current/bin/emoedge", "/bin/true")
        (folder / f"{UNIT.name}.d" / path.name).write_text(text.replace("/usr/bin/libcamerify", "/bin/true"))
    return unit


@pytest.mark.parametrize("drop_ins", [[], *[[path] for path in DROP_INS]], ids=lambda d: d[0].stem if d else "alone")
def test_verify_has_nothing_to_say(tmp_path, drop_ins):
    done = analyze("verify", installed(tmp_path, *drop_ins))
    assert (done.returncode, done.stderr) == (0, "")


def test_verify_would_say_it(tmp_path):
    unit = installed(tmp_path)
    unit.write_text(unit.read_text().replace("[Service]", "[Service]\nProtectClok=yes"))
    assert "ProtectClok" in analyze("verify", unit).stderr


def test_exposure(tmp_path):
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", UNIT)
    assert done.returncode == 0, done.stdout[-2000:]
    assert float(re.search(r"level for \S+ ([\d.]+)", done.stdout)[1]) * 10 <= MOST_EXPOSED
    naive = tmp_path / "naive.service"
    naive.write_text("[Service]\nExecStart=/bin/true\n")
    assert analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", naive).returncode != 0


def test_never_tied_to_the_broker_or_the_network():
    text = UNIT.read_text()
    for word in ("network-online", "mosquitto", "Requires=", "BindsTo=", "Wants="):
        assert word not in text
    assert "RestartPreventExitStatus=78" in text


def test_the_tools_are_there():
    assert shutil.which("systemd-analyze")
