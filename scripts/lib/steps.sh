# The checks, in order: the cheap ones first. Sourced by scripts/check.

step "rust format" cargo fmt --all --check
step "rust lints" cargo clippy --workspace --all-targets --locked -- -D warnings
step "rust lints of the module" scripts/lint-wasm
step "rust tests" cargo test --workspace --locked --no-fail-fast
step "rust lints of the stores" cargo clippy -p scopegate-stores --all-targets --all-features --locked -- -D warnings
step "stores on services" scripts/with-services cargo test --locked -p scopegate-stores --all-features --no-fail-fast
step "authorization server on services" scripts/with-services cargo test --locked -p scopegate-server --test oauth races
step "code flow of the README" scripts/code-flow
step "rust operate" scripts/test-operate
step "rust example" scripts/check-example
step "rust features" scripts/check-features
step "rust fuzz" cargo test --locked --manifest-path fuzz/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}/fuzz"
step "rust docs" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --lib --no-deps --locked
step "openapi" scripts/check-openapi
step "oauth clients" scripts/test-clients

source scripts/lib/steps-js.sh
