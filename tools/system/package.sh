# shellcheck shell=bash
# The Debian package: install, upgrade, remove, purge; read by tools/system_test.sh after tree.sh.

apt() { inside apt-get -qq -y -o Dpkg::Use-Pty=0 "$@" </dev/null; }
files() { # what lies in the tree, but for logs, caches, and the records of dpkg, systemd's timers and Mosquitto
  { inside find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /mnt \
    -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/tmp \
    -o -path /var/lib/systemd/timers -o -path /var/lib/mosquitto \) -prune -o -print || true; } | sort
}

next_version() { # DEB: the same package under a version of its own, with a line added to its template
  rm -rf "$WORK/next"
  dpkg-deb -R "$1" "$WORK/next"
  sed -i 's/^Version: .*/&+next/' "$WORK/next/DEBIAN/control"
  echo "# A template of another version." >>"$WORK/next/usr/share/emoedge/config.yaml"
  sed -i '/ usr.share.emoedge.config.yaml$/d' "$WORK/next/DEBIAN/md5sums"
  (cd "$WORK/next" && md5sum usr/share/emoedge/config.yaml) >>"$WORK/next/DEBIAN/md5sums"
  dpkg-deb --root-owner-group -Znone --build "$WORK/next" "$DEBS/next.deb" >/dev/null
  rm -rf "$WORK/next"
}

rm -f "$DEBS"/*.deb
if [ -z "${PACKAGE:-}" ]; then
  say "the package of this checkout"
  (cd "$SOURCE" && SOURCE_DATE_EPOCH=$(cd "$OLDPWD" && git log -1 --format=%ct) tools/deb.sh) >"$WORK/deb.log" 2>&1 ||
    { cat "$WORK/deb.log"; die "it cannot be built"; }
  grep '^==' "$WORK/deb.log"
  PACKAGE=$(echo "$SOURCE"/dist/emoedge_*.deb)
fi
cp "$PACKAGE" "$DEBS/emoedge.deb"
next_version "$DEBS/emoedge.deb"
boot
files >"$WORK/files-before"

say "apt install, without an answer"
apt install /mnt/debs/emoedge.deb >"$WORK/apt-1.log" 2>&1 || { cat "$WORK/apt-1.log"; die "apt failed"; }
check "installed, not started" inactive
check "the missing line is printed" grep -q 'deployment.context' "$WORK/apt-1.log"
tail -4 "$WORK/apt-1.log"
check "compiled once, at installation" inside test -d "$(site_packages /usr/lib/emoedge)/emoedge/__pycache__"

say "the line is written; the clip instead of a camera"
inside sed -i 's/^  # context: home/  context: home/' /etc/emoedge/config.yaml
play_clip "$(site_packages /usr/lib/emoedge)"
inside dpkg-reconfigure emoedge
check "active" active
check "enabled" enabled
check "events on the broker" events 3
check "doctor beside it opens nothing" quiet_doctor
printf 'resident: %s kB; status: %s\n' "$(inside ps -o rss= -p "$(show MainPID)" | tr -d ' ')" "$(show StatusText)"

say "reboot"
halt
boot
check "up after a reboot" within 60 active

say "upgrade"
before=$(show MainPID)
sum=$(inside sha256sum /etc/emoedge/config.yaml)
apt install /mnt/debs/next.deb >"$WORK/apt-2.log" 2>&1 || { cat "$WORK/apt-2.log"; die "apt failed"; }
check "the next version" inside sh -c "dpkg-query -W emoedge | grep -q '+next'"
check "started anew" within 30 another "$before"
check "the configuration is untouched" unchanged /etc/emoedge/config.yaml "$sum"
check "events again" events 1

say "an upgrade to a version that refuses the configuration"
before=$(show MainPID)
inside sed -i 's/^  fps: .*/  fps: many/' /etc/emoedge/config.yaml
apt install --allow-downgrades /mnt/debs/emoedge.deb >"$WORK/apt-3.log" 2>&1 || { cat "$WORK/apt-3.log"; die "apt failed"; }
check "says why" grep -q 'camera.fps: many' "$WORK/apt-3.log"
check "what runs is left alone" test "$(show MainPID)" = "$before"
inside sed -i 's/^  fps: many/  fps: 10/' /etc/emoedge/config.yaml

say "an upgrade that breaks off"
cp "$DEBS/next.deb" "$DEBS/torn.deb"
truncate -s $(($(stat -c %s "$DEBS/torn.deb") / 2)) "$DEBS/torn.deb"
if apt install /mnt/debs/torn.deb >"$WORK/apt-4.log" 2>&1; then
  die "a torn package was installed"
fi
tail -2 "$WORK/apt-4.log"
check "the old version runs on, undisturbed" test "$(show MainPID)" = "$before"
check "and would start" inside emoedge check --config /etc/emoedge/config.yaml

say "beside systemd/install.sh"
if inside bash /mnt/source/systemd/install.sh </dev/null >"$WORK/beside.log" 2>&1; then
  die "the installer stands beside the package"
fi
tail -1 "$WORK/beside.log"

say "remove"
sum=$(inside sha256sum /etc/emoedge/config.yaml)
apt remove emoedge >/dev/null 2>&1
check "stopped" inactive
check "the program is gone" gone /usr/lib/emoedge
check "the unit is gone" gone /usr/lib/systemd/system/emoedge.service
check "the configuration is kept" unchanged /etc/emoedge/config.yaml "$sum"
check "the state is kept" inside test -d /var/lib/private/emoedge
apt install /mnt/debs/emoedge.deb >/dev/null 2>&1
check "installed again, it starts at once" within 30 active
check "with the configuration of before" unchanged /etc/emoedge/config.yaml "$sum"

say "purge"
apt purge emoedge >/dev/null 2>&1
files >"$WORK/files-after"
# systemd itself makes this folder, for the state of any DynamicUser service.
comm -13 "$WORK/files-before" "$WORK/files-after" | grep -vx '/var/lib/private' >"$WORK/files-left" || true
cat "$WORK/files-left"
check "nothing is left" test ! -s "$WORK/files-left"
check "dpkg knows nothing of it" inside sh -c '! dpkg-query -W emoedge 2>/dev/null'
