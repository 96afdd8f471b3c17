#!/usr/bin/env bash
# Installs emoedge as a systemd service on Raspberry Pi OS or Debian (bookworm, trixie; 64-bit), or upgrades it.
set -euo pipefail
# The service is nobody, and must be able to read and run what root lays down here, whatever root's own umask is.
umask 022

usage() {
  cat <<'TEXT'
usage: sudo systemd/install.sh [--context CONTEXT] [--broker HOST] [--offline WHEELDIR] [--dry-run]
       sudo systemd/install.sh --uninstall | --purge [--dry-run]

  --context CONTEXT   where the device is used: demo home vehicle kiosk research
  --broker HOST       the MQTT broker's name or address
  --offline WHEELDIR  use no network: take emoedge and all it needs from the wheels in this folder
  --uninstall         remove everything but configuration and state
  --purge             remove those too
  --dry-run           print the steps and change nothing

Without --context and --broker they are asked for on a terminal; else all is installed and nothing is started.
Running it again upgrades in place: configuration and state stay, and a step that fails leaves the old version
running.
TEXT
}

readonly PREFIX=/opt/emoedge
readonly CURRENT=$PREFIX/current
readonly CONFIG=/etc/emoedge/config.yaml
readonly UNIT=/etc/systemd/system/emoedge.service
readonly COMMAND=/usr/local/bin/emoedge
readonly PACKAGED=/usr/lib/systemd/system/emoedge.service
readonly STATE=(/var/lib/emoedge /var/lib/private/emoedge)
readonly SECRETS=(/etc/credstore/emoedge.mqtt-password)
readonly CONTEXTS=" demo home vehicle kiosk research "
HERE=$(cd "$(dirname "$0")" && pwd)
readonly HERE
readonly SOURCE=$HERE/..

context="" broker="" offline="" dry="" action=install
fresh="" old="" switched="" work=""

say() { printf '== %s\n' "$*"; }
die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

run() { # COMMAND...: do it, or with --dry-run print it
  if [ -n "$dry" ]; then
    printf '   would run: %s\n' "$*"
  else
    "$@"
  fi
}

value() { # OPTION VALUE...: the value of an option, which must be there
  if [ -z "${2:-}" ]; then
    usage >&2
    exit 2
  fi
  printf '%s' "$2"
}

while [ $# -gt 0 ]; do
  case $1 in
    --context) context=$(value "$@"); shift ;;
    --broker) broker=$(value "$@"); shift ;;
    --offline) offline=$(value "$@"); shift ;;
    --uninstall) action=uninstall ;;
    --purge) action=purge ;;
    --dry-run) dry=yes ;;
    -h | --help) usage; exit 0 ;;
    *) printf 'install.sh: %s: unknown\n' "$1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done

booted() { [ -d /run/systemd/system ]; }
active() { booted && systemctl --quiet is-active emoedge; }

check_words() {
  case $context in
    workplace | education)
      die "--context $context: the EU AI Act bans emotion inference there but for medical or safety reasons;" \
        "write the reason into $CONFIG yourself, as deployment.justification" ;;
  esac
  [ -z "$context" ] || [[ $CONTEXTS == *" $context "* ]] || die "--context $context: expected one of$CONTEXTS"
  [ -z "$broker" ] || [[ $broker =~ ^[A-Za-z0-9._:-]+$ && ! $broker =~ ^[^:]*:[^:]*$ ]] ||
    die "--broker $broker: expected a host name or address"
  if [ -n "$offline" ]; then
    [ -d "$offline" ] || die "--offline $offline: no such folder"
    offline=$(cd "$offline" && pwd)
    compgen -G "$offline/emoedge-*.whl" >/dev/null || die "--offline $offline: no emoedge-*.whl in it"
  fi
}

check_machine() {
  local codename="" command
  for command in dpkg-query apt-get; do
    command -v "$command" >/dev/null ||
      die "$command is missing: this is no Debian, for which this is made. Elsewhere: tools/setup.sh run, and a unit of your own"
  done
  if [ -e "$PACKAGED" ]; then
    die "emoedge is installed as a Debian package here; upgrade it with apt, or remove it first: apt remove emoedge"
  fi
  if [ "$(getconf LONG_BIT)" != 64 ] || [[ " armhf armel i386 " == *" $(dpkg --print-architecture) "* ]]; then
    die "this is a 32-bit system ($(dpkg --print-architecture)): NumPy, OpenCV and the TFLite runtime have no" \
      "wheels for it. Install the 64-bit edition of Raspberry Pi OS or Debian."
  fi
  # shellcheck disable=SC1091 # belongs to the system
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-unknown}")
  case $codename in
    bookworm | trixie) ;;
    *) say "this is $codename; emoedge is made for bookworm and trixie and may miss something here" ;;
  esac
}

ask() { # on a terminal, for what was not said and no configuration answers
  [ -t 0 ] && [ -z "$dry" ] && ! [ -e "$CONFIG" ] || return 0
  if [ -z "$context" ]; then
    read -r -p "Where is this device used (${CONTEXTS# })? " context
  fi
  if [ -z "$broker" ]; then
    read -r -p "Which MQTT broker should it tell (host name or address)? " broker
  fi
  check_words
}

install_packages() {
  local wanted=() package packages=(python3 python3-venv libportaudio2)
  # PyAudio has no wheel for Linux and is built here against PortAudio.
  [ -n "$offline" ] || packages+=(portaudio19-dev gcc libc6-dev python3-dev)
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || wanted+=("$package")
  done
  [ ${#wanted[@]} -gt 0 ] || return 0
  [ -z "$offline" ] || [ -n "$dry" ] || die "these system packages are missing, and --offline downloads none: ${wanted[*]}"
  say "system packages: ${wanted[*]}"
  run apt-get -qq update
  run env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${wanted[@]}"
}

make_environment() {
  fresh=$PREFIX/venv-$(date +%Y%m%d-%H%M%S)
  say "a new environment in $fresh, beside the one in use"
  run install -d -m 755 "$PREFIX"
  # Debian's own: another one that comes first in PATH lacks what apt installed, or lies where the service may not look.
  run /usr/bin/python3 -m venv "$fresh"
  if [ -n "$offline" ]; then
    run "$fresh/bin/python" -m pip install --quiet --disable-pip-version-check --no-index \
      --find-links "$offline" "emoedge[litert]"
  else
    # Built from a copy, so that the checkout is left as it is.
    work=$(mktemp -d)
    run cp -a "$SOURCE/pyproject.toml" "$SOURCE/README.md" "$SOURCE/LICENSE" "$SOURCE/emoedge" "$SOURCE/models" "$work/"
    run "$fresh/bin/python" -m pip install --quiet --disable-pip-version-check "${work}[litert]"
  fi
  run "$fresh/bin/emoedge" --version
  if active; then
    run "$fresh/bin/emoedge" check --config "$CONFIG" ||
      die "the new version refuses the configuration that is in use, see above"
  fi
}

template() { # CONTEXT BROKER: the configuration; without a context it lacks the one line that it needs
  if [ -n "$1" ]; then
    sed -e "s/^  context: .*/  context: $1/" -e "s/^  host: localhost$/  host: ${2:-localhost}/" "$SOURCE/config.yaml"
  else
    sed -e "s/^  context: .*/  # context: home/" -e "s/^  host: localhost$/  host: ${2:-localhost}/" "$SOURCE/config.yaml"
  fi
}

blank() { # whether the configuration is still to be written
  ! [ -e "$CONFIG" ] || template "" "" | cmp -s - "$CONFIG"
}

answered() { [ -n "$context" ] && [ -n "$broker" ]; }

write_config() {
  if ! blank; then
    say "$CONFIG is there and stays as it is"
    [ -z "$context$broker" ] || say "--context and --broker are not applied to it; edit it where they differ"
    return 0
  fi
  say "writing $CONFIG"
  [ -z "$context$broker" ] || answered || say "--context and --broker go together: neither is written there alone"
  [ -z "$dry" ] || return 0
  install -d -m 755 "$(dirname "$CONFIG")"
  if answered; then
    template "$context" "$broker" >"$CONFIG.new"
  else
    template "" "" >"$CONFIG.new"
  fi
  chmod 644 "$CONFIG.new"
  mv "$CONFIG.new" "$CONFIG"
}

point() { # TARGET: make it the version in use, at once
  run ln -sfn "$1" "$CURRENT.new"
  run mv -T "$CURRENT.new" "$CURRENT"
}

complete() { # a dry run only knows it of what it would write
  if [ -n "$dry" ]; then
    answered || ! blank
  else
    "$fresh/bin/emoedge" check --config "$CONFIG" >/dev/null 2>&1
  fi
}

put_unit() { # FILE
  run install -m 644 "$1" "$UNIT.new"
  run mv "$UNIT.new" "$UNIT"
  ! booted || run systemctl daemon-reload
}

switch() {
  old=$(readlink "$CURRENT" 2>/dev/null || true)
  if [ -e "$UNIT" ] && [ -z "$dry" ]; then
    work=${work:-$(mktemp -d)}
    cp "$UNIT" "$work/old.service"
  fi
  say "switching to the new version"
  point "$fresh"
  switched=yes
  put_unit "$HERE/emoedge.service"
  run install -d -m 755 "$(dirname "$COMMAND")"
  run ln -sfn "$CURRENT/bin/emoedge" "$COMMAND"
}

start() {
  if ! complete; then
    say "installed, not started; this is missing:"
    [ -z "$dry" ] || printf '   %s: where the device is used, and its broker\n' "$CONFIG"
    [ -n "$dry" ] || "$fresh/bin/emoedge" check --config "$CONFIG" 2>&1 | sed 's/^/   /' || true
    say "write it there, or run this again with --context home --broker HOST; then: systemctl enable --now emoedge"
    return 0
  fi
  run systemctl --quiet enable emoedge
  booted || { say "systemd is not running here: the service starts with the next boot"; return 0; }
  say "starting the service"
  run systemctl reset-failed emoedge || true
  run systemctl restart emoedge
}

clear_old() {
  local venv
  for venv in "$PREFIX"/venv-*; do
    if [ -d "$venv" ] && [ "$venv" != "$fresh" ]; then
      run rm -rf "$venv"
    fi
  done
}

go_back() { # on every exit: what was begun and not finished is undone
  local code=$?
  trap - EXIT
  if [ "$code" -ne 0 ] && [ -n "$fresh" ] && [ -z "$dry" ]; then
    if [ -n "$switched" ] && [ -n "$old" ] && [ -d "$old" ]; then
      say "that failed; going back to the version before"
      point "$old"
      [ ! -e "$work/old.service" ] || put_unit "$work/old.service"
      ! booted || systemctl restart emoedge || true
      rm -rf "$fresh"
    elif [ -z "$switched" ]; then
      rm -rf "$fresh"
      [ ! -e "$CURRENT" ] || say "that failed; the version before stays in use"
    fi
  fi
  [ -z "$work" ] || rm -rf "$work"
  exit "$code"
}

remove() {
  say "removing the service, its environments and its command"
  if booted && [ -e "$UNIT" ]; then
    run systemctl --quiet disable --now emoedge
  fi
  run rm -f "$UNIT"
  [ -e "$PACKAGED" ] || run rm -f /etc/systemd/system/multi-user.target.wants/emoedge.service
  [ "$(readlink "$COMMAND" 2>/dev/null || true)" != "$CURRENT/bin/emoedge" ] || run rm -f "$COMMAND"
  run rm -rf "$PREFIX"
  ! booted || run systemctl daemon-reload
  if [ -e "$PACKAGED" ]; then
    say "configuration and state belong to the Debian package now and are kept: apt purge emoedge removes them"
  elif [ "$action" = purge ]; then
    run rm -rf "$(dirname "$CONFIG")" "$UNIT.d" "${STATE[@]}" "${SECRETS[@]}"
  else
    say "configuration ($(dirname "$CONFIG")) and state (${STATE[0]}) are kept; --purge removes them"
  fi
}

check_words
[ -n "$dry" ] || [ "$(id -u)" -eq 0 ] || die "this needs root: sudo $0"
[ -z "$dry" ] || say "a dry run: nothing is changed"
if [ "$action" != install ]; then
  remove
  exit 0
fi
check_machine
ask
trap go_back EXIT
install_packages
make_environment
write_config
switch
start
clear_old
say "how it stands:"
run "$CURRENT/bin/emoedge" doctor --config "$CONFIG" || true
