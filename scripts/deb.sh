#!/bin/sh
# `make deb`: packs the built program as a Debian package, target/deb/linkway_VERSION_ARCH.deb, and prints its path.
# LINKWAY_BIN names another program, DEB_VERSION another version, DEB_DIR another directory for the package, DEB_LEVEL another level of
# compression (0 to 9), DEB_MAINTAINER whoever builds it for others.
set -eu
cd "$(dirname "$0")/.."
scripts/need.sh dpkg-dev

target=${CARGO_TARGET_DIR:-target}
bin=$(realpath "${LINKWAY_BIN:-$target/release/linkway}")
out=${DEB_DIR:-$target/deb}
version=${DEB_VERSION:-$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)}
maintainer=${DEB_MAINTAINER:-Linkway <linkway@example.org>}
architecture=$(dpkg --print-architecture)
# The same sources give the same package, byte for byte.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
export SOURCE_DATE_EPOCH

mkdir -p "$out"
work=$(mktemp -d "$out/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
umask 022
root=$work/root

# put MODE SOURCE DESTINATION
put() { install -D -m "$1" "$2" "$root/$3"; }

# squeeze FILE...: as Debian's policy wants manual pages and changelogs.
squeeze() { gzip -9 -n "$@"; }

put 0755 "$bin" usr/bin/linkway
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root/usr/bin/linkway"

"$bin" man "$root/usr/share/man/man1"
squeeze "$root"/usr/share/man/man1/*
mkdir -p "$root/usr/share/bash-completion/completions" "$root/usr/share/zsh/vendor-completions" \
    "$root/usr/share/fish/vendor_completions.d"
"$bin" completion bash >"$root/usr/share/bash-completion/completions/linkway"
"$bin" completion zsh >"$root/usr/share/zsh/vendor-completions/_linkway"
"$bin" completion fish >"$root/usr/share/fish/vendor_completions.d/linkway.fish"

for unit in linkway linkway-edge; do
    # The unit of an installation by hand names a program below /usr/local.
    sed 's|/usr/local/bin/linkway|/usr/bin/linkway|' "packaging/$unit.service" >"$work/unit"
    put 0644 "$work/unit" "usr/lib/systemd/system/$unit.service"
done
put 0644 packaging/linkway.sysusers usr/lib/sysusers.d/linkway.conf
put 0644 packaging/linkway-edge.sysctl.conf usr/lib/sysctl.d/60-linkway-edge.conf
put 0644 packaging/config.toml etc/linkway/config.toml
put 0644 packaging/edge.toml etc/linkway/edge.toml

documents=usr/share/doc/linkway
put 0644 packaging/deb/copyright "$documents/copyright"
for document in README.md SECURITY.md docs/operator.md docs/edge.md docs/failures.md docs/tenant.md docs/operations.md; do
    put 0644 "$document" "$documents/$(basename "$document")"
done
for example in examples/*/ packaging/grafana/ packaging/prometheus/; do
    [ -d "$example" ] || continue
    mkdir -p "$root/$documents/examples/$(basename "$example")"
    find "$example" -maxdepth 1 -type f -exec install -m 0644 -t "$root/$documents/examples/$(basename "$example")" {} +
done
put 0644 CHANGELOG.md "$documents/NEWS.md"
squeeze "$root/$documents/NEWS.md"
cat >"$root/$documents/changelog" <<END
linkway ($version) unstable; urgency=medium

  * Changes are listed in /usr/share/doc/linkway/NEWS.md.gz.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
squeeze "$root/$documents/changelog"

# Which libraries the program needs, and from which version on, dpkg knows.
mkdir -p "$work/shlibs/debian"
printf 'Source: linkway\n\nPackage: linkway\nArchitecture: any\n' >"$work/shlibs/debian/control"
depends=$(cd "$work/shlibs" && dpkg-shlibdeps -O 2>/dev/null "../root/usr/bin/linkway" | sed -n 's/^shlibs:Depends=//p')

mkdir -p "$root/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@DEPENDS@/$depends/" \
    -e "s/@MAINTAINER@/$maintainer/" \
    -e "s/@SIZE@/$(du -sk --exclude=DEBIAN "$root" | cut -f1)/" packaging/deb/control >"$root/DEBIAN/control"
install -m 0755 packaging/deb/postinst packaging/deb/prerm packaging/deb/postrm "$root/DEBIAN"
printf '/etc/linkway/config.toml\n/etc/linkway/edge.toml\n' >"$root/DEBIAN/conffiles"
(cd "$root" && find usr etc -type f ! -path 'etc/linkway/*' -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)

package=$out/linkway_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz -z"${DEB_LEVEL:-6}" --build "$root" "$package" >/dev/null
echo "$package"
