#!/usr/bin/env bash
# Builds dist/emoedge_VERSION_ARCH.deb from this checkout: a Python environment below /usr/lib/emoedge with all that
# emoedge needs, for this machine's architecture and Debian's own Python, the unit, and nothing else.
# Needs python3-venv, binutils, and to build PyAudio gcc, python3-dev, portaudio19-dev.
# Usage: tools/deb.sh     (pip's own variables work: PIP_NO_INDEX=1 PIP_FIND_LINKS=WHEELDIR builds without network)
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PYTHON=/usr/bin/python3
readonly PREFIX=/usr/lib/emoedge
readonly FORMS=$PWD/systemd/deb
readonly DOC=usr/share/doc/emoedge

say() { printf '== %s\n' "$*"; }
die() { printf 'deb: %s\n' "$*" >&2; exit 1; }

for command in dpkg-deb objdump "$PYTHON"; do
  command -v "$command" >/dev/null || die "$command is missing: apt-get install binutils python3"
done
"$PYTHON" -c 'import ensurepip' 2>/dev/null || die "venv is missing: apt-get install python3-venv"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
arch=$(dpkg --print-architecture)
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' emoedge/__init__.py)
minor=$("$PYTHON" -c 'import sys; print(sys.version_info.minor)')
package=dist/emoedge_${version}_$arch.deb
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
maintainer="${DEBFULLNAME:-emoedge contributors} <${DEBEMAIL:-maintainers@emoedge.invalid}>"

pathless() { sed "s|/opt/emoedge/current/bin/|$PREFIX/bin/|g" "$1"; } # FILE: for the package's own place

# Without its one required line: where the device is used is for its user to say.
template() { sed "s/^  context: .*/  # context: home/" config.yaml; }

make_environment() {
  local venv=$root$PREFIX source=$work/source
  say "an environment with $("$PYTHON" --version) for $arch"
  mkdir -p "$(dirname "$venv")" "$source"
  # Built from a copy, so that the checkout is left as it is.
  cp -a pyproject.toml README.md LICENSE emoedge models "$source/"
  "$PYTHON" -m venv "$work/pip"
  "$PYTHON" -m venv --without-pip "$venv"
  # PyAudio is built by this very Python: a build in pip's cache may be another one's and point at its libraries.
  "$work/pip/bin/pip" --quiet --disable-pip-version-check \
    wheel --no-cache-dir --no-deps --wheel-dir "$work/wheels" pyaudio
  "$work/pip/bin/pip" --quiet --disable-pip-version-check --python "$venv/bin/python3" \
    install --no-compile --no-warn-script-location --find-links "$work/wheels" "${source}[litert]"
  find "$venv/bin" -mindepth 1 ! -name python3 ! -name emoedge -delete
  ln -sfn ../../../bin/python3 "$venv/bin/python3"
  sed -i "1s|.*|#!$PREFIX/bin/python3|" "$venv/bin/emoedge"
  sed -i '/^command = /d' "$venv/pyvenv.cfg"
  rm -rf "$venv/include"
  find "$venv" -name __pycache__ -prune -exec rm -rf {} +
  # Adapters to neural processors whose drivers Debian does not have; nothing here asks for them.
  rm -rf "$venv"/lib/python3*/site-packages/ai_edge_litert/{vendors,tools/apply_plugin_main}
  find "$venv" -name direct_url.json -delete # names the folder that this was built in
}

lay_out() {
  local name
  mkdir -p "$root/usr/bin" "$root/usr/lib/systemd/system" "$root/usr/share/emoedge" "$root/$DOC/examples" \
    "$root/usr/share/lintian/overrides" "$root/DEBIAN"
  ln -s ../lib/emoedge/bin/emoedge "$root/usr/bin/emoedge"
  pathless systemd/emoedge.service >"$root/usr/lib/systemd/system/emoedge.service"
  for name in systemd/emoedge.service.d.example/*.conf; do
    pathless "$name" >"$root/$DOC/examples/$(basename "$name")"
  done
  template >"$root/usr/share/emoedge/config.yaml"
  cp "$FORMS/copyright" "$root/$DOC/copyright"
  cp "$FORMS/lintian-overrides" "$root/usr/share/lintian/overrides/emoedge"
  printf 'emoedge (%s) unstable; urgency=medium\n\n  * What changed: CHANGELOG.md of emoedge.\n\n -- %s  %s\n' \
    "$version" "$maintainer" "$(date -R -u -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$root/$DOC/changelog.gz"
}

dependencies() { # what the binaries inside need from Debian, beside the Python they are made for
  local own libraries name multiarch glibc
  multiarch=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_config_var("MULTIARCH"))')
  own=$(find "$root$PREFIX" -name '*.so*' -printf '%f\n' | sort -u)
  find "$root$PREFIX" -name '*.so*' -type f -exec objdump -p {} + 2>/dev/null >"$work/objects"
  libraries=$(sed -n 's/^ *NEEDED *//p' "$work/objects" | sort -u | grep -vxF "$own" | grep -v '^ld-linux')
  glibc=$(grep -o 'GLIBC_[0-9.]*' "$work/objects" | cut -d_ -f2 | sort -V | tail -1)
  printf 'python3 (>= 3.%s), python3 (<< 3.%s), libc6 (>= %s)' "$minor" $((minor + 1)) "$glibc"
  for name in $libraries; do
    dpkg-query -S "*/$multiarch/$name" | cut -d: -f1 | head -1 || die "no package has $name"
  done | sort -u | sed -e '/^libc6$/d' -e 's/^/, /' | tr -d '\n'
}

control() {
  local name depends
  depends=$(dependencies)
  sed -e "s|@VERSION@|$version|" -e "s|@ARCH@|$arch|" -e "s|@MAINTAINER@|$maintainer|" \
    -e "s|@SIZE@|$(du -sk --apparent-size "$root" | cut -f1)|" -e "s|@DEPENDS@|$depends|" \
    "$FORMS/control.in" >"$root/DEBIAN/control"
  for name in preinst postinst prerm postrm; do
    install -m 755 "$FORMS/$name" "$root/DEBIAN/$name"
  done
  (cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
}

finish() { # the same bytes for the same commit and the same wheels
  find "$root" -type d -exec chmod 755 {} +
  find "$root/usr" -type f -exec chmod 644 {} +
  chmod 755 "$root$PREFIX/bin/emoedge"
  find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  mkdir -p dist
  say "packing $package"
  dpkg-deb --root-owner-group -Zxz -z1 --build "$root" "$package.new" >/dev/null
  mv "$package.new" "$package"
}

make_environment
lay_out
control
finish
say "$(dpkg-deb --field "$package" Package Version Architecture Depends | tr '\n' ' ')"
say "$package, $(du -m "$package" | cut -f1) MB"
