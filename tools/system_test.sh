#!/usr/bin/env bash
# Boots a Debian tree with systemd-nspawn and installs emoedge in it for real. Needs root, debootstrap,
# systemd-container, and for wheels and packages the Python of the tree (3.11 for bookworm).
# Usage: tools/system_test.sh [--deb | --online [--suite trixie]] [FOLDER]
#   without a word: systemd/install.sh without network: start, kill, hang, reboot, broken configuration, upgrade, purge
#   --deb:          the Debian package: install, upgrade, remove, purge (PACKAGE=FILE: that one, else it is built)
#   --online:       systemd/install.sh on a bare system: prompts, missing packages, an upgrade that fails
#   FOLDER keeps trees, wheels and logs for the next time.
set -euo pipefail
cd "$(dirname "$0")/.."

scenario=installer SUITE=bookworm KIND=full NETWORK=""
while [ $# -gt 0 ]; do
  case $1 in
    --deb) scenario=package ;;
    --online) scenario=online KIND=bare NETWORK=yes ;;
    --suite) SUITE=${2:?--suite bookworm or trixie}; shift ;;
    -*) printf 'system_test: %s: unknown\n' "$1" >&2; exit 2 ;;
    *) break ;;
  esac
  shift
done
WORK=${1:-$(mktemp -d)}
PYTHON=${PYTHON:-.venv/bin/python}
mkdir -p "$WORK"

# shellcheck source=tools/system/tree.sh
. tools/system/tree.sh

[ "$(id -u)" -eq 0 ] || die "this needs root"
[ "$scenario" = online ] || [ "$SUITE" = bookworm ] || die "--suite: only with --online; the wheels are for bookworm"
for command in debootstrap systemd-nspawn nsenter; do
  command -v "$command" >/dev/null || die "$command is not installed: apt-get install debootstrap systemd-container"
done

trap halt EXIT
make_tree
take_source
# shellcheck source=tools/system/installer.sh
. "tools/system/$scenario.sh"
say "$passed checks passed"
