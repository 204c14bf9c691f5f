#!/usr/bin/env bash
# What the tests of the package need: the locked npm packages and Debian's Chromium. Installs nothing that is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/lib/wasm-toolchain.sh
if ! cmp -s package-lock.json node_modules/.scopegate-lock.json; then
  echo "installing the npm packages of package-lock.json"
  npm ci --no-audit --no-fund
  cp package-lock.json node_modules/.scopegate-lock.json
fi
if ! command -v chromium >/dev/null; then
  echo "installing chromium with apt-get"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi
