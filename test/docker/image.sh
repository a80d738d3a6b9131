#!/usr/bin/env bash
# Builds the image from nothing and runs it as a container. Needs root, buildah, debootstrap and podman (with runc where cgroups are
# of the older kind); says "skipped" and ends well where one of them is missing. The first run takes about a minute.
#
#   test/docker/image.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

tag="localhost/polyloop:test"
status=0
docker/build-locally.sh "$tag" || status=$?
if [ "$status" = 77 ]; then exit 0; fi
if [ "$status" != 0 ]; then exit "$status"; fi
if ! command -v podman >/dev/null; then
  echo "skipped: the image was built, and there is no podman here to run it"
  exit 0
fi
POLYLOOP_TEST_IMAGE="$tag" npx vitest run test/docker/image.test.ts
