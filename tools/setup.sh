#!/usr/bin/env bash
# Sets up what emoedge needs on a Debian-like machine: system packages through apt, environments through pip.
# Usage: tools/setup.sh python | run | train | ha | test     (PYTHON names the interpreter; default: the newest that fits)
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

fits() { # INTERPRETER MIN MAX: whether it is a Python from MIN to MAX (3.x minors) that can make environments
  "$1" -c "import sys; sys.exit(not ((3, $2) <= sys.version_info[:2] <= (3, $3)))" 2>/dev/null
}

find_python() { # MIN MAX
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.11 python3.13 python3.12 python3.14 /usr/bin/python3 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[1-4]*/bin/python3; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null && fits "$candidate" "$1" "$2"; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

missing() { # PACKAGES...: those of them that dpkg does not know as installed
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"
  done
}

apt_install() {
  command -v dpkg-query >/dev/null || { say "no dpkg here; make sure that these are installed: $*"; return 0; }
  local wanted sudo=""
  wanted=$(missing "$@")
  [ -n "${wanted// /}" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "these system packages are missing and need root: apt-get install $wanted"
    sudo="sudo"
  fi
  say "installing system packages through apt: $wanted"
  # One at a time, where several parts of this are set up at once; what a package starts does not keep the lock.
  flock -o tools/setup.sh $sudo apt-get -qq update >/dev/null || say "apt-get update failed; trying with the lists that are there"
  # Behind sudo, which passes no variables on: else a package's question would wait behind the output thrown away.
  # shellcheck disable=SC2086 # a list of words
  flock -o tools/setup.sh $sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq install -y --no-install-recommends $wanted >/dev/null
}

make_venv() { # DIRECTORY INTERPRETER
  if [ ! -x "$1/bin/python" ] || ! "$1/bin/python" -m pip --version >/dev/null 2>&1; then
    say "creating $1 with $("$2" --version)"
    "$2" -m venv --clear "$1" 2>/dev/null || {
      apt_install python3-venv
      "$2" -m venv --clear "$1"
    }
  fi
}

pip_install() { # DIRECTORY WHAT...
  local venv=$1
  shift
  say "installing into $venv: $*"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

compile_used() { # DIRECTORY MODULES...: of what pip was told not to compile, what these import
  # pip compiles every file of a package, which takes longer than the rest of the installation.
  local venv=$1
  shift
  env -u PYTHONDONTWRITEBYTECODE TF_CPP_MIN_LOG_LEVEL=3 "$venv/bin/python" - "$@" <<'PY' >/dev/null 2>&1 || true
import contextlib, importlib, sys
for name in sys.argv[1:]:
    with contextlib.suppress(Exception):
        importlib.import_module(name)
PY
}

setup_python() { # before what is set up side by side: each part would settle for none
  find_python 11 99 >/dev/null || apt_install python3 python3-venv
}

setup_run() {
  local python
  setup_python || true
  python=$(find_python 11 99) || die "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"
  # PyAudio has no wheel for Linux: it is built here against PortAudio.
  apt_install portaudio19-dev gcc libc6-dev
  "$python" -c 'import sysconfig, os, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' ||
    apt_install python3-dev
  make_venv .venv "$python"
  local extras="demo,evaluate,test,dev"
  "$python" -c 'import sys; sys.exit(sys.version_info >= (3, 12))' && extras="litert,$extras"
  pip_install .venv -e ".[$extras]"
  touch .venv/.ready
}

setup_train() {
  local python
  if ! python=$(find_python 11 11); then
    say "no Python 3.11 here: TensorFlow 2.15 has no wheel for newer ones, so nothing can be trained or converted"
    mkdir -p .venv-train && touch .venv-train/.ready
    return 0
  fi
  make_venv .venv-train "$python"
  local requirements
  requirements=$("$python" - <<'PY'
import tomllib
print("\n".join(tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["train"]))
PY
  )
  mapfile -t words <<<"$requirements"
  pip_install .venv-train --no-compile "${words[@]}" \
    "numpy>=1.23,<2" "opencv-python-headless>=4.5,<4.12" "PyYAML>=6.0"
  # The tools take every preprocessing step from emoedge; its other run-time packages are not needed here.
  pip_install .venv-train --no-deps -e .
  # On a processor with bfloat16 faces are learned in two thirds of the time with it, elsewhere and without it by
  # TensorFlow. With a GPU, install the build that fits its driver over this one.
  say "installing into .venv-train: torch (its build for processors)"
  .venv-train/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --retries 0 --timeout 20 \
    --index-url https://download.pytorch.org/whl/cpu torch 2>/dev/null ||
    say "no PyTorch for processors here; faces will be learned with TensorFlow"
  compile_used .venv-train tensorflow tensorflow.lite.python.optimize.calibrator keras.src.saving h5py torch.nn.functional \
    sklearn.linear_model librosa scipy.signal matplotlib.pyplot onnxruntime soundfile tqdm cv2 yaml
  touch .venv-train/.ready
}

install_ha() {
  pip_install .venv-ha --no-compile --no-deps "homeassistant==2025.1.4" || return
  # All that it needs but Bluetooth, for which pip compiles one release after another, and another installer.
  .venv-ha/bin/python - >.venv-ha/requirements.txt <<'PY' || return
from importlib.metadata import requires
print("\n".join(line for line in requires("homeassistant") if line.split()[0] not in ("home-assistant-bluetooth", "uv")))
PY
  pip_install .venv-ha --no-compile --no-warn-conflicts -r .venv-ha/requirements.txt "paho-mqtt==1.6.1"
}

setup_ha() {
  local python
  mkdir -p .venv-ha
  if ! python=$(find_python 12 13); then
    say "no Python 3.12 or 3.13 here: Home Assistant's own validation of the discovery message cannot run"
    touch .venv-ha/.ready
    return 0
  fi
  make_venv .venv-ha "$python"
  # The oldest line with device discovery that still installs; its MQTT schemas import without a running instance.
  install_ha || say "Home Assistant could not be installed; its validation is listed as not run"
  compile_used .venv-ha homeassistant.components.mqtt.discovery homeassistant.components.mqtt.event \
    homeassistant.components.mqtt.schemas
  touch .venv-ha/.ready
}

setup_test() {
  apt_install mosquitto mosquitto-clients pulseaudio libasound2-plugins espeak-ng libsndfile1 shellcheck systemd valgrind
  # Not every distribution has it as a package: without it the tests of the page in a browser are left out.
  apt_install chromium chromium-driver || say "Chromium cannot be installed here"
}

case "${1:-}" in
  python) setup_python ;;
  run) setup_run ;;
  train) setup_train ;;
  ha) setup_ha ;;
  test) setup_test ;;
  *) die "usage: tools/setup.sh python|run|train|ha|test" ;;
esac
