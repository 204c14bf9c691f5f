# The tools that scripts/build-wasm needs. Sourced; sets WASM_RUSTC, WASM_CARGO, WASM_ENV, WASM_EXTRA, WASM_FLAGS and WASM_OPT_FEATURES.

# What rustc turns on for wasm32-unknown-unknown, and vectors; wasm-opt refuses a module whose features it was not told of.
WASM_OPT_FEATURES=(--enable-bulk-memory --enable-bulk-memory-opt --enable-nontrapping-float-to-int --enable-sign-ext
  --enable-mutable-globals --enable-reference-types --enable-multivalue --enable-simd)
debian_packages=(rustc-web cargo-web rust-web-src lld-22)

# Whether somebody ran `rustup target add wasm32-unknown-unknown`; this script does not, it changes no toolchain.
has_rustup_target() {
  [[ -d $(rustc --print sysroot 2>/dev/null)/lib/rustlib/wasm32-unknown-unknown/lib ]]
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# ensure_wasm_toolchain [MORE_DEBIAN_PACKAGES…]
ensure_wasm_toolchain() {
  if [[ ${SCOPEGATE_WASM_TOOLCHAIN:-} != debian ]]; then
    if has_rustup_target; then
      WASM_RUSTC=$(rustup which rustc 2>/dev/null || command -v rustc)
      WASM_CARGO=$(rustup which cargo 2>/dev/null || command -v cargo)
      WASM_EXTRA=() WASM_ENV=() WASM_FLAGS=()
      return
    fi
  fi
  local missing=() package
  for package in "${debian_packages[@]}" "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if ((${#missing[@]})); then
    echo "build-wasm: installing ${missing[*]} with apt-get"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  fi
  WASM_RUSTC=/usr/bin/rustc
  WASM_CARGO=/usr/bin/cargo
  # The library is compiled here, so it can be the small one, and a panic can be the trap alone, without the text nobody would see.
  WASM_EXTRA=(-Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size)
  WASM_FLAGS=(-Zunstable-options -Cpanic=immediate-abort)
  WASM_ENV=(RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-22)
}

ensure_wasm_opt() {
  [[ -x node_modules/.bin/wasm-opt ]] && return
  echo "build-wasm: installing the npm development packages"
  npm ci --no-audit --no-fund
}

# compile_wasm TARGET_DIR CARGO_ARGUMENTS…: the library as a cdylib, with no path of this machine inside.
compile_wasm() {
  wasm_cargo "$1" rustc "${@:2}" --crate-type cdylib
}

# wasm_cargo TARGET_DIR COMMAND ARGUMENTS…: cargo as the module is built with it.
wasm_cargo() {
  local target=$1 command=$2 home=${CARGO_HOME:-$HOME/.cargo} sysroot crates
  shift 2
  sysroot=$("$WASM_RUSTC" --print sysroot)
  local flags=(
    "--remap-path-prefix=$PWD=/scopegate" "--remap-path-prefix=$target=/target" "--remap-path-prefix=$home=/cargo"
    "--remap-path-prefix=$sysroot=/rust" "${WASM_FLAGS[@]}"
  )
  # SHA-2 in vectors: 20 KB smaller than unrolled, a tenth of a key decision faster, and in every runtime of the tests.
  flags+=(-Ctarget-feature=+simd128)
  # The last prefix that fits wins. The folder of a registry is called after its host.
  for crates in "$home"/registry/src/*; do flags+=("--remap-path-prefix=$crates=/crates"); done
  env "${WASM_ENV[@]}" CARGO_ENCODED_RUSTFLAGS="$(IFS=$'\x1f'; echo "${flags[*]}")" RUSTC="$WASM_RUSTC" \
    "$WASM_CARGO" "$command" --quiet --locked "${WASM_EXTRA[@]}" --target wasm32-unknown-unknown --target-dir "$target" "$@"
}
