#!/usr/bin/env bash
# Boots a Debian bookworm tree with systemd-nspawn and installs emoedge in it for real: start, kill, hang, reboot,
# broken configuration, upgrade, failed upgrade, uninstall. Needs root, debootstrap, systemd-container, Python 3.11.
# Usage: tools/system_test.sh [FOLDER]     (FOLDER keeps the tree and the wheels for the next time)
set -euo pipefail
cd "$(dirname "$0")/.."

WORK=${1:-$(mktemp -d)}
TREE=$WORK/tree
WHEELS=$WORK/wheels
SHARED=$WORK/shared
MACHINE=emoedge-test-$$
PYTHON=${PYTHON:-.venv/bin/python}
passed=0 nspawn=""

say() { printf '== %s\n' "$*"; }
die() { printf 'system_test: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" -eq 0 ] || die "this needs root"
for command in debootstrap systemd-nspawn nsenter; do
  command -v "$command" >/dev/null || die "$command is not installed: apt-get install debootstrap systemd-container"
done

make_tree() {
  [ ! -e "$TREE/etc/os-release" ] || return 0
  say "a bookworm tree in $TREE"
  debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,python3,python3-venv,libportaudio2,mosquitto,mosquitto-clients,procps \
    bookworm "$TREE" >"$WORK/debootstrap.log" 2>&1 || die "see $WORK/debootstrap.log"
}

make_wheels() {
  mkdir -p "$WHEELS"
  say "wheels of this checkout and of what it needs"
  rm -f "$WHEELS"/emoedge-*.whl
  local copy
  copy=$(mktemp -d)
  git archive HEAD | tar -x -C "$copy"
  "$PYTHON" -m pip wheel -q --no-deps -w "$WHEELS" "$copy" 2>/dev/null
  rm -rf "$SHARED" && mkdir -p "$SHARED" && mv "$copy" "$SHARED/source"
  "$PYTHON" -m pip wheel -q --find-links "$WHEELS" -w "$WHEELS" "emoedge[litert]" 2>/dev/null
}

boot() {
  local begun=$SECONDS
  systemd-nspawn -q -D "$TREE" --machine="$MACHINE" --register=no --keep-unit -b --console=pipe --private-network \
    --bind-ro="$WHEELS:/mnt/wheels" --bind-ro="$SHARED/source:/mnt/source" >"$WORK/console.log" 2>&1 </dev/null &
  nspawn=$!
  until inside systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded'; do
    [ $((SECONDS - begun)) -lt 90 ] || die "the tree does not boot; see $WORK/console.log"
    kill -0 "$nspawn" 2>/dev/null || die "the tree ended; see $WORK/console.log"
    sleep 0.5
  done
  say "booted in $((SECONDS - begun)) s"
}

leader() { pgrep -P "$nspawn" | head -1; }

inside() {
  local init
  init=$(leader)
  [ -n "$init" ] || return 1
  nsenter --target "$init" --mount --uts --ipc --net --pid --cgroup --root --wd -- \
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}

halt() {
  [ -n "$nspawn" ] || return 0
  inside systemctl --no-block poweroff 2>/dev/null || true
  for _ in $(seq 60); do
    kill -0 "$nspawn" 2>/dev/null || { nspawn=""; return 0; }
    sleep 0.5
  done
  kill -9 "$nspawn" 2>/dev/null || true
  nspawn=""
}
trap halt EXIT

show() { inside systemctl show emoedge --property "$1" --value; }

check() { # WHAT COMMAND...: must succeed
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    printf 'ok   %s\n' "$what"
  else
    printf 'FAIL %s\n' "$what"
    inside journalctl -u emoedge -n 30 --no-pager || true
    inside systemctl status emoedge --no-pager || true
    exit 1
  fi
}

within() { # SECONDS COMMAND...: succeeds as soon as the command does
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep 0.2
  done
}

active() { [ "$(show ActiveState)" = active ]; }
another() { [ "$(show MainPID)" != "$1" ] && [ "$(show MainPID)" != 0 ] && active; }
refused() { [ "$(show ActiveState)" = failed ] && [ "$(show ExecMainStatus)" = 78 ]; }
gone() { ! inside test -e "$1"; }
events() { # COUNT: so many events reach Mosquitto within half a minute
  [ "$(inside timeout 40 mosquitto_sub -h 127.0.0.1 -t 'emoedge/+/event' -C "$1" 2>/dev/null | wc -l)" -ge "$1" ]
}
installer() { inside bash /mnt/source/systemd/install.sh --offline /mnt/wheels "$@" </dev/null; }

make_tree
make_wheels
if [ -e "$TREE/opt/emoedge" ] || [ -e "$TREE/etc/emoedge" ]; then
  rm -rf "$TREE"/opt/emoedge "$TREE"/etc/emoedge "$TREE"/var/lib/private/emoedge "$TREE"/etc/systemd/system/emoedge.service*
fi
boot

say "install without an answer: everything but the start"
installer >"$WORK/install-1.log" 2>&1 || { cat "$WORK/install-1.log"; die "the installer failed"; }
check "installed, not started" test "$(show ActiveState)" = inactive
check "the missing line is printed" grep -q 'deployment.context' "$WORK/install-1.log"

say "install with --context and --broker"
installer --context home --broker 127.0.0.1 >"$WORK/install-2.log" 2>&1 || { cat "$WORK/install-2.log"; die "failed"; }
check "active" active
check "enabled" test "$(inside systemctl is-enabled emoedge)" = enabled
check "ends with the doctor's screen" grep -q '^broker .*reached' "$WORK/install-2.log"
sed -n '/^machine/,$p' "$WORK/install-2.log"
printf 'status: %s\n' "$(show StatusText)"

say "the bundled clip instead of a camera"
clip=$(inside bash -c 'echo /opt/emoedge/current/lib/python3*/site-packages/emoedge/assets')
inside sed -i -e "s|^  source: /dev/video0|  source: $clip/demo.mp4|" -e "s|^  source: default|  source: $clip/demo.wav|" \
  -e 's/^  loop: false/  loop: true/' /etc/emoedge/config.yaml
# The hook that makes the loop hang while a file is there; only this installation has it.
inside bash -c "cat >> $clip/../vision/eye.py" <<'PY'


def _hang(self, frame, look=Vision.look):
    import os
    import time

    while os.path.exists("/run/emoedge/hang"):
        time.sleep(0.1)
    return look(self, frame)


Vision.look = _hang
PY
inside systemctl restart emoedge
check "active with the clip" active
check "events on the broker" events 3
check "resident memory is below 250 MB" test "$(inside ps -o rss= -p "$(show MainPID)")" -lt 256000
printf 'resident: %s kB; status: %s\n' "$(inside ps -o rss= -p "$(show MainPID)" | tr -d ' ')" "$(show StatusText)"
uid=$(inside ps -o uid= -p "$(show MainPID)" | tr -d ' ')
# systemd.exec(5): where DynamicUser= takes its users from.
check "runs as a user made for it" test "$uid" -ge 61184 -a "$uid" -le 65519
check "doctor beside it opens nothing" bash -c "$(declare -f inside leader); nspawn=$nspawn; inside emoedge doctor | grep -q 'in use by the service'"

say "kill -9"
before=$(show MainPID)
begun=$(date +%s%N)
inside kill -9 "$before"
check "back within 5 s" within 5 another "$before"
printf 'took %s ms\n' $((($(date +%s%N) - begun) / 1000000))

say "an inference that hangs"
before=$(show MainPID)
begun=$SECONDS
inside touch /run/emoedge/hang
check "the watchdog starts it anew" within 60 another "$before"
printf 'took %s s; %s\n' $((SECONDS - begun)) "$(inside journalctl -u emoedge --no-pager -o cat | grep -i 'watchdog timeout' | tail -1)"

say "the broker goes"
inside systemctl stop mosquitto
sleep 8
check "still active without a broker" active
printf 'status: %s\n' "$(show StatusText)"
inside systemctl start mosquitto
check "events again" events 1

say "reboot"
halt
boot
check "up after a reboot" within 60 active

say "a broken configuration"
inside cp /etc/emoedge/config.yaml /root/good.yaml
inside sed -i 's/^  fps: .*/  fps: many/' /etc/emoedge/config.yaml
inside systemctl restart emoedge 2>/dev/null || true
check "exit code 78" within 20 refused
restarts=$(show NRestarts)
sleep 5
check "no loop" test "$(show NRestarts)" = "$restarts"
check "the reason stands in systemctl status" bash -c "$(declare -f inside leader); nspawn=$nspawn; inside systemctl status emoedge --no-pager | grep -q 'camera.fps: many'"
inside systemctl status emoedge --no-pager | grep 'camera.fps: many' || true
inside cp /root/good.yaml /etc/emoedge/config.yaml
inside systemctl reset-failed emoedge
inside systemctl start emoedge

say "upgrade in place"
old=$(inside readlink /opt/emoedge/current)
sum=$(inside sha256sum /etc/emoedge/config.yaml)
installer >"$WORK/install-3.log" 2>&1 || { cat "$WORK/install-3.log"; die "the upgrade failed"; }
check "active after the upgrade" active
check "another environment is in use" test "$(inside readlink /opt/emoedge/current)" != "$old"
check "the old one is gone" gone "$old"
check "the configuration is untouched" test "$(inside sha256sum /etc/emoedge/config.yaml)" = "$sum"

say "an upgrade that fails"
before=$(show MainPID)
old=$(inside readlink /opt/emoedge/current)
inside mkdir -p /root/poor
inside bash -c 'cp /mnt/wheels/emoedge-*.whl /root/poor/'
if inside bash /mnt/source/systemd/install.sh --offline /root/poor </dev/null >"$WORK/install-4.log" 2>&1; then
  die "an installation without its dependencies did not fail"
fi
tail -1 "$WORK/install-4.log"
check "the old version runs on, undisturbed" test "$(show MainPID)" = "$before"
check "and is the one in use" test "$(inside readlink /opt/emoedge/current)" = "$old"

say "uninstall and purge"
installer --uninstall >/dev/null
check "the program is gone" gone /opt/emoedge
check "the unit is gone" gone /etc/systemd/system/emoedge.service
check "the configuration is kept" inside test -e /etc/emoedge/config.yaml
check "the state is kept" inside test -d /var/lib/private/emoedge
installer --purge >/dev/null
for path in /etc/emoedge /var/lib/emoedge /var/lib/private/emoedge /opt/emoedge /usr/local/bin/emoedge; do
  check "purged: $path" gone "$path"
done
say "$passed checks passed"
