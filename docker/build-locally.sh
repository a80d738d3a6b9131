#!/usr/bin/env bash
# Builds the image without a container registry: the two base images are made here, from Debian's packages and from Node's
# own binary, which is on the npm registry. Then buildah builds docker/Dockerfile on them.
#
#   docker/build-locally.sh [TAG]        TAG is localhost/polyloop:local when none is given
#
# Needs root, buildah and debootstrap (apt-get install buildah debootstrap) and npm. Exits with 77 when one of them is missing.
# POLYLOOP_SUITE is the release of Debian (bookworm), POLYLOOP_MIRROR where its packages are, POLYLOOP_BUILD_CACHE a folder that
# keeps what was made, so that a second run only builds the Dockerfile.
set -euo pipefail
cd "$(dirname "$0")/.."

tag="${1:-localhost/polyloop:local}"
suite="${POLYLOOP_SUITE:-bookworm}"
mirror="${POLYLOOP_MIRROR:-http://deb.debian.org/debian}"
cache="${POLYLOOP_BUILD_CACHE:-/var/cache/polyloop-image}"
base="localhost/polyloop-base:$suite"
node="localhost/polyloop-node:22-$suite"
case "$(uname -m)" in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) arch="$(uname -m)" ;; esac

skip() { echo "skipped: $*" >&2; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
for tool in buildah debootstrap npm; do
  command -v "$tool" >/dev/null || skip "there is no $tool here"
done
mkdir -p "$cache"

# What images called slim leave out too.
make_base() {
  local root="$cache/$suite.root"
  rm -rf "$root"
  debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$cache/debootstrap.log" 2>&1 \
    || { tail -5 "$cache/debootstrap.log" >&2; exit 1; }
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/usr/share/{doc,man,info,locale,lintian}
  commit "$base" "$root" scratch
  rm -rf "$root"
}

# The base with Node and npm. The certificates are those of this machine, for where a proxy ends TLS on the way to the registry.
make_node() {
  local root="$cache/node.root"
  rm -rf "$root"
  mkdir -p "$root/usr/local/lib/node_modules" "$root/usr/local/bin" "$root/etc/ssl/certs"
  (cd "$cache" && npm pack --silent "node-linux-$arch@22" npm@10 >/dev/null)
  tar -xzf "$cache"/node-linux-"$arch"-22.*.tgz -C "$root/usr/local" --strip-components=1 package/bin
  tar -xzf "$cache"/npm-10.*.tgz -C "$root/usr/local/lib/node_modules" --transform 's,^package,npm,'
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  cp "${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}" "$root/etc/ssl/certs/ca-certificates.crt"
  commit "$node" "$root" "$base" NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    npm_config_registry="$(npm config get registry)"
  rm -rf "$root" "$cache"/*.tgz
}

# commit IMAGE FILES FROM [ENV=VALUE ...]
commit() {
  local container setting
  container="$(buildah from "$3")"
  buildah copy --quiet "$container" "$2" / >/dev/null
  for setting in "${@:4}"; do buildah config --env "$setting" "$container"; done
  buildah commit --quiet --rm "$container" "$1" >/dev/null
}

has() { buildah inspect --type image "$1" >/dev/null 2>&1; }
has "$base" || { echo "making $base"; make_base; }
has "$node" || { echo "making $node"; make_node; }

# Docker's format: the OCI's has no HEALTHCHECK. chroot: no namespaces are needed to build.
buildah build --format docker --isolation chroot --file docker/Dockerfile --tag "$tag" \
  --build-arg NODE_IMAGE="$node" --build-arg BASE_IMAGE="$base" \
  --build-arg VERSION="$(node -p 'require("./package.json").version')" \
  --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || true)" .

container="$(buildah from "$tag")"
trap 'buildah rm "$container" >/dev/null' EXIT
files="$(buildah mount "$container")"
megabytes() { du -sm --apparent-size "$@" | tail -1 | cut -f1; }
echo "$tag: $(megabytes "$files") MB, of it node $(megabytes "$files/usr/local/bin/node") MB, polyloop $(megabytes "$files/opt/polyloop") MB"
