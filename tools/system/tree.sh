# shellcheck shell=bash
# A Debian tree that is booted with systemd-nspawn, and checks inside it; read by tools/system_test.sh.
# Wants: WORK (a folder), SUITE, KIND (bare: systemd alone; full: all that emoedge needs of Debian, and Mosquitto),
# PYTHON (makes wheels), and NETWORK (empty: the tree has none).

TREE=$WORK/tree
WHEELS=$WORK/wheels
DEBS=$WORK/debs
SOURCE=$WORK/source
MACHINE=emoedge-test-$$
passed=0 nspawn=""

say() { printf '== %s\n' "$*"; }
die() { printf 'system_test: %s\n' "$*" >&2; exit 1; }

make_tree() { # a fresh copy of a tree that is made once
  local base=$WORK/$SUITE-$KIND log=$WORK/debootstrap-$SUITE-$KIND.log include=systemd,systemd-sysv,procps
  if [ ! -e "$base.complete" ]; then
    say "a $SUITE tree in $base"
    rm -rf "$base"
    [ "$KIND" = bare ] || include+=,python3,python3-venv,libportaudio2,mosquitto,mosquitto-clients
    [ -z "$NETWORK" ] || include+=,ca-certificates
    mkdir -p "$WORK/cache"
    # In namespaces of its own: what it mounts goes with it.
    unshare --mount --pid --fork --kill-child --mount-proc debootstrap --variant=minbase \
      --cache-dir="$(realpath "$WORK/cache")" --include="$include" "$SUITE" "$base" >"$log" 2>&1 || die "see $log"
    touch "$base.complete"
  fi
  rm -rf "$TREE"
  cp -a "$base" "$TREE"
  # Every installed Debian has these lines; a bare tree lacks the file.
  [ -e "$TREE/etc/hosts" ] || printf '127.0.0.1 localhost\n::1 localhost\n' >"$TREE/etc/hosts"
}

take_source() { # what is committed
  rm -rf "$SOURCE"
  mkdir -p "$SOURCE" "$WHEELS" "$DEBS"
  git archive HEAD | tar -x -C "$SOURCE"
}

make_wheels() {
  say "wheels of this checkout and of what it needs"
  rm -f "$WHEELS"/emoedge-*.whl
  local copy
  copy=$(mktemp -d)
  cp -a "$SOURCE/." "$copy"
  "$PYTHON" -m pip wheel -q --no-deps -w "$WHEELS" "$copy" 2>/dev/null
  rm -rf "$copy"
  "$PYTHON" -m pip wheel -q --find-links "$WHEELS" -w "$WHEELS" "emoedge[litert]" 2>/dev/null
}

boot() {
  local begun=$SECONDS options=()
  if [ -n "$NETWORK" ]; then
    options+=(--resolv-conf=replace-host)
    [ -z "${PIP_CERT:-}" ] || options+=(--bind-ro="$PIP_CERT:/mnt/ca.crt")
  else
    options+=(--private-network)
  fi
  systemd-nspawn -q -D "$TREE" --machine="$MACHINE" --register=no --keep-unit -b --console=pipe "${options[@]}" \
    --bind-ro="$WHEELS:/mnt/wheels" --bind-ro="$SOURCE:/mnt/source" --bind-ro="$DEBS:/mnt/debs" \
    >"$WORK/console.log" 2>&1 </dev/null &
  nspawn=$!
  until { inside systemctl is-system-running 2>/dev/null || true; } | grep -E 'running|degraded' >/dev/null; do
    [ $((SECONDS - begun)) -lt 180 ] || die "the tree does not boot; see $WORK/console.log"
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
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive \
    ${PIP_CERT:+PIP_CERT=/mnt/ca.crt} "$@"
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
inactive() { [ "$(show ActiveState)" = inactive ]; }
enabled() { [ "$(inside systemctl is-enabled emoedge)" = enabled ]; }
another() { [ "$(show MainPID)" != "$1" ] && [ "$(show MainPID)" != 0 ] && active; }
refused() { [ "$(show ActiveState)" = failed ] && [ "$(show ExecMainStatus)" = 78 ]; }
gone() { ! inside test -e "$1"; }
unchanged() { [ "$(inside sha256sum "$1")" = "$2" ]; } # FILE SUM
# Both programs end with a code of their own for what they have to tell; here their words count.
said() { { inside systemctl status emoedge --no-pager || true; } | grep "$1" >/dev/null; }
quiet_doctor() { { inside emoedge doctor || true; } | grep 'in use by the service' >/dev/null; }
events() { # COUNT: so many events reach Mosquitto within half a minute
  [ "$(inside timeout 40 mosquitto_sub -h 127.0.0.1 -t 'emoedge/+/event' -C "$1" 2>/dev/null | wc -l)" -ge "$1" ]
}

play_clip() { # SITE-PACKAGES: the bundled clip instead of camera and microphone
  inside sed -i -e "s|^  source: /dev/video0|  source: $1/emoedge/assets/demo.mp4|" \
    -e "s|^  source: default|  source: $1/emoedge/assets/demo.wav|" -e 's/^  loop: false/  loop: true/' \
    /etc/emoedge/config.yaml
}

site_packages() { inside bash -c "echo $1/lib/python3*/site-packages"; } # ENVIRONMENT
