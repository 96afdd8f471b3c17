"""The fault test itself, in full: a real Mosquitto that is restarted and killed, a daemon that is killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = Path(__file__).parents[2] / "tools" / "faults.py"


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_event_is_lost_or_out_of_order():
    done = subprocess.run([sys.executable, str(FAULTS)], capture_output=True, text=True, timeout=850, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts["sent"] >= 200
    assert (counts["lost"], counts["out_of_order"]) == (0, 0)
    assert (counts["broker_restarts"], counts["daemon_kills"]) == (50, 20)
    assert counts["late"] >= 60, "what came after the outage says so"
