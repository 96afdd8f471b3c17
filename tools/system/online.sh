# shellcheck shell=bash
# systemd/install.sh on a system that lacks everything, with a network; read by tools/system_test.sh after tree.sh.

answered() { # ANSWER...: the installer on a terminal, with these lines typed
  { for answer in "$@"; do sleep 2; printf '%s\n' "$answer"; done; } |
    inside script -qefc "bash /mnt/source/systemd/install.sh" /dev/null
}

# shellcheck disable=SC2016 # dpkg-query's own word
installed() { inside dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
missing() { ! installed "$1"; }

boot
inside grep PRETTY_NAME /etc/os-release
for package in python3 python3-venv libportaudio2 portaudio19-dev gcc; do
  check "not there yet: $package" missing "$package"
done

say "install, on a terminal, which asks"
begun=$SECONDS
answered home broker.invalid >"$WORK/online-1.log" 2>&1 || { cat "$WORK/online-1.log"; die "the installer failed"; }
printf 'took %s s\n' $((SECONDS - begun))
check "asked for the context" grep -q 'Where is this device used' "$WORK/online-1.log"
check "asked for the broker" grep -q 'Which MQTT broker' "$WORK/online-1.log"
for package in python3 python3-venv libportaudio2 portaudio19-dev gcc; do
  check "installed: $package" installed "$package"
done
check "the answers are in the configuration" inside grep -qx '  context: home' /etc/emoedge/config.yaml
check "both of them" inside grep -qx '  host: broker.invalid' /etc/emoedge/config.yaml
check "active, without its broker" active
check "enabled" enabled
inside /opt/emoedge/current/bin/python3 -c 'import platform, numpy, cv2; from emoedge.inference import runtime
print("Python", platform.python_version(), "NumPy", numpy.__version__, "OpenCV", cv2.__version__, *runtime.installed())'
sed -n '/^machine/,$p' "$WORK/online-1.log"
printf 'status: %s\n' "$(show StatusText)"

say "the bundled clip, replayed"
site=$(site_packages /opt/emoedge/current)
inside emoedge replay "$site/emoedge/assets/demo.mp4" "$site/emoedge/assets/demo.wav" >"$WORK/events-$SUITE.jsonl"
check "events of the clip" grep -q '"emotion_start"' "$WORK/events-$SUITE.jsonl"

say "an upgrade whose downloads fail"
before=$(show MainPID)
old=$(inside readlink /opt/emoedge/current)
sum=$(inside sha256sum /etc/emoedge/config.yaml)
if inside env PIP_INDEX_URL=http://127.0.0.1:9/ PIP_RETRIES=0 bash /mnt/source/systemd/install.sh \
  </dev/null >"$WORK/online-2.log" 2>&1; then
  die "an installation without an index did not fail"
fi
tail -1 "$WORK/online-2.log"
check "the old version runs on, undisturbed" test "$(show MainPID)" = "$before"
check "and is the one in use" test "$(inside readlink /opt/emoedge/current)" = "$old"
check "no half environment is left" test "$(inside bash -c 'ls -d /opt/emoedge/venv-*' | wc -l)" = 1

say "an upgrade, not on a terminal"
inside bash /mnt/source/systemd/install.sh </dev/null >"$WORK/online-3.log" 2>&1 || { cat "$WORK/online-3.log"; die "failed"; }
check "active" active
check "another environment is in use" test "$(inside readlink /opt/emoedge/current)" != "$old"
check "the configuration is untouched" unchanged /etc/emoedge/config.yaml "$sum"

say "purge"
inside bash /mnt/source/systemd/install.sh --purge </dev/null >/dev/null
for path in /etc/emoedge /var/lib/emoedge /var/lib/private/emoedge /opt/emoedge /usr/local/bin/emoedge; do
  check "purged: $path" gone "$path"
done
