#!/usr/bin/env bash
# Runs emoedge on a system that is not this one, and compares its events with this one's: Debian bookworm for arm64
# under qemu-user, or with --trixie Debian trixie (Python 3.13, ai-edge-litert, NumPy 2) for this processor.
# Needs root, debootstrap, .venv and, for arm64, qemu-user-static. Takes 10 to 20 minutes the first time.
# Usage: tools/arm64.sh [--trixie] [FOLDER]     (FOLDER keeps the trees, the wheel and the events)
set -euo pipefail

say() { printf '== %s\n' "$*"; }
die() { printf 'arm64: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" -eq 0 ] || die "this needs root"
if [ -z "${EMOEDGE_ALONE:-}" ]; then
  # Namespaces of its own: whatever happens, no mount and no process of the tree outlives this script.
  EMOEDGE_ALONE=yes exec unshare --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi
cd "$(dirname "$0")/.."

suite=bookworm arch=arm64 machine=aarch64
if [ "${1:-}" = --trixie ]; then
  suite=trixie arch=$(dpkg --print-architecture) machine=$(uname -m)
  shift
fi
WORK=$(realpath -m "${1:-$(mktemp -d)}")
TREE=$WORK/$suite-$arch
SOURCE=$WORK/source
OUT=$WORK/events
PYTHON=$PWD/.venv/bin/python
BINFMT=/proc/sys/fs/binfmt_misc
CLIP=emoedge/assets
export OMP_NUM_THREADS=1
registered="" failed=0

for command in debootstrap "$PYTHON"; do
  command -v "$command" >/dev/null || die "$command is missing: apt-get install debootstrap; make setup"
done

emulate() { # lets the kernel run programs of the other processor through qemu
  local rule=/usr/lib/binfmt.d/qemu-$machine.conf
  [ "$machine" != "$(uname -m)" ] || return 0
  [ -e "$rule" ] || die "qemu-user is missing: apt-get install qemu-user-static"
  [ -e $BINFMT/register ] || mount -t binfmt_misc binfmt_misc $BINFMT
  [ ! -e "$BINFMT/qemu-$machine" ] || return 0
  cat "$rule" >$BINFMT/register
  registered=$BINFMT/qemu-$machine
}

# shellcheck disable=SC2317 # called on exit
forget() { [ -z "$registered" ] || echo -1 >"$registered"; }
trap forget EXIT

make_tree() {
  if [ ! -e "$TREE/.complete" ]; then
    say "a $suite tree for $arch in $TREE"
    rm -rf "$TREE"
    mkdir -p "$TREE"
    # PyAudio has no wheel for Linux and is built against PortAudio: hence the compiler.
    debootstrap --arch="$arch" --variant=minbase \
      --include=python3,python3-venv,python3-dev,gcc,libc6-dev,libportaudio2,portaudio19-dev,ca-certificates \
      "$suite" "$TREE" >"$WORK/debootstrap-$suite-$arch.log" 2>&1 || die "see $WORK/debootstrap-$suite-$arch.log"
    touch "$TREE/.complete"
  fi
  mount -t proc proc "$TREE/proc"
  cp /etc/resolv.conf "$TREE/etc/resolv.conf"
  [ -z "${PIP_CERT:-}" ] || cp "$PIP_CERT" "$TREE/root/ca.crt"
}

inside() {
  chroot "$TREE" env -i PATH=/opt/emoedge/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 OMP_NUM_THREADS=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 ${PIP_CERT:+PIP_CERT=/root/ca.crt} EMOEDGE_RUNTIME="${runtime:-}" "$@"
}

make_wheel() { # of what is committed, and the same files unpacked to run here
  rm -rf "$SOURCE" "$WORK"/emoedge-*.whl
  mkdir -p "$SOURCE" "$OUT"
  git archive HEAD | tar -x -C "$SOURCE"
  "$PYTHON" -m pip wheel -q --no-deps -w "$WORK" "$SOURCE" 2>/dev/null
  wheel=$(basename "$WORK"/emoedge-*.whl)
}

fetch() { # all that the wheel asks for, as built for the other processor: downloading is slow under emulation
  local wheels=$WORK/wheels platforms=() wanted=() release
  [ ! -e "$wheels/.complete" ] || return 0
  say "wheels for $machine"
  mkdir -p "$wheels"
  for release in 17 27 28 31 34 35; do
    platforms+=(--platform "manylinux_2_${release}_$machine")
  done
  "$PYTHON" -m pip wheel -q --no-deps -w "$wheels" python-speech-features==0.6 # pure Python, but has no wheel
  "$PYTHON" -m pip download -q --no-deps --no-binary pyaudio -d "$wheels" pyaudio
  mapfile -t wanted < <("$PYTHON" - "$WORK/$wheel" <<'PY'
import sys, zipfile
from email import message_from_bytes
from pip._vendor.packaging.requirements import Requirement

wheel = zipfile.ZipFile(sys.argv[1])
metadata = message_from_bytes(wheel.read(next(name for name in wheel.namelist() if name.endswith("/METADATA"))))
for line in metadata.get_all("Requires-Dist"):
    asked = Requirement(line)
    here = asked.marker is None or asked.marker.evaluate({"extra": "litert", "python_version": "3.11"})
    if here and asked.name not in ("pyaudio", "python-speech-features"):
        print(f"{asked.name}{asked.specifier}")
PY
  )
  "$PYTHON" -m pip download -q --only-binary=:all: --implementation cp --python-version 3.11 \
    "${platforms[@]}" --platform "manylinux2014_$machine" -d "$wheels" "${wanted[@]}" setuptools wheel
  touch "$wheels/.complete"
}

install_wheel() {
  local from=()
  if [ "$machine" != "$(uname -m)" ]; then
    fetch
    rm -rf "$TREE/root/wheels"
    cp -a "$WORK/wheels" "$TREE/root/"
    from=(--no-index --find-links /root/wheels)
  fi
  say "installing $wheel"
  rm -rf "$TREE/opt/emoedge" "$TREE/root/$wheel"
  cp "$WORK/$wheel" "$TREE/root/"
  cp "$SOURCE/config.yaml" "$TREE/root/"
  inside python3 -m venv /opt/emoedge
  inside pip install -q "${from[@]}" "/root/$wheel" || die "emoedge cannot be installed"
  runtime="" runtimes
  inside pip install -q "${from[@]}" "/root/${wheel}[litert]" || die "the other runtime cannot be installed"
  runtime="" runtimes
  inside pip list 2>/dev/null | grep -iE '^(numpy|opencv|tflite|ai-edge|pyaudio|paho)'
}

runtimes() { inside python3 -c 'from emoedge.inference.runtime import installed; print("runtimes:", *installed())'; }

golden() { # each shipped model on the runtime in use: how far it is from what its converter saw
  "$@" - <<'PY'
from pathlib import Path
import emoedge
from emoedge.inference.model import check_golden
from emoedge.inference.model_file import ModelFile
from emoedge.inference.runtime import Interpreter

for path in sorted(Path(emoedge.__file__).parent.glob("shipped_models/*.tflite")):
    file = ModelFile.read(path)
    interpreter = Interpreter(file.tflite, 1)
    unit = "steps" if interpreter.output.quantized else "(float)"
    vectors, apart = len(file.golden_inputs), check_golden(path, file, interpreter)
    print(f"{path.name}: {vectors} golden vectors, at most {apart:g} {unit} apart on {interpreter.runtime}")
PY
}

compare() { # RUNTIME
  runtime=$1
  say "$runtime: check, golden vectors, replay"
  inside emoedge check --config /root/config.yaml
  golden inside python3
  inside emoedge replay "$(inside python3 -c 'import emoedge; print(emoedge.__path__[0])')/assets/demo.mp4" \
    "$(inside python3 -c 'import emoedge; print(emoedge.__path__[0])')/assets/demo.wav" \
    --jsonl /root/events.jsonl
  cp "$TREE/root/events.jsonl" "$OUT/$suite-$arch-$runtime.jsonl"
  (cd "$SOURCE" && EMOEDGE_RUNTIME=$runtime "$PYTHON" -m emoedge replay $CLIP/demo.mp4 $CLIP/demo.wav \
    --jsonl "$OUT/here-$runtime.jsonl")
  say "$runtime: $(uname -m) here, $suite $machine there"
  "$PYTHON" tools/compare_events.py "$OUT/here-$runtime.jsonl" "$OUT/$suite-$arch-$runtime.jsonl" || failed=1
}

emulate
make_tree
make_wheel
install_wheel
say "$(inside uname -m), $(inside python3 --version), $(inside getconf GNU_LIBC_VERSION)"
for name in $(runtime="" runtimes | cut -d: -f2); do
  compare "$name"
done
exit $failed
