# shellcheck shell=bash
# systemd/install.sh without network; read by tools/system_test.sh after tree.sh.

installer() { inside bash /mnt/source/systemd/install.sh --offline /mnt/wheels "$@" </dev/null; }

make_wheels
boot

say "install without an answer: everything but the start"
installer >"$WORK/install-1.log" 2>&1 || { cat "$WORK/install-1.log"; die "the installer failed"; }
check "installed, not started" inactive
check "the missing line is printed" grep -q 'deployment.context' "$WORK/install-1.log"

say "install with --context and --broker"
installer --context home --broker 127.0.0.1 >"$WORK/install-2.log" 2>&1 || { cat "$WORK/install-2.log"; die "failed"; }
check "active" active
check "enabled" enabled
check "ends with the doctor's screen" grep -q '^broker .*reached' "$WORK/install-2.log"
sed -n '/^machine/,$p' "$WORK/install-2.log"
printf 'status: %s\n' "$(show StatusText)"

say "the bundled clip instead of a camera"
site=$(site_packages /opt/emoedge/current)
play_clip "$site"
# The hook that makes the loop hang while a file is there; only this installation has it.
inside bash -c "cat >> $site/emoedge/vision/eye.py" <<'PY'


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
check "doctor beside it opens nothing" quiet_doctor

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
check "the reason stands in systemctl status" said 'camera.fps: many'
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
check "the configuration is untouched" unchanged /etc/emoedge/config.yaml "$sum"

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
