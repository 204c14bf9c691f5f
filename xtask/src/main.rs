//! `xtask bindgen INPUT.wasm OUTPUT_DIR NAME [--names]`: what the command of wasm-bindgen does, without installing it. With `--names` the
//! module keeps the names of its functions, to see where its bytes are.
//!
//! The library must be of the very version of `wasm-bindgen` that the module was compiled with; both are pinned.

use std::error::Error;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["bindgen", input, output, name] => bindgen(input, output, name, false),
        ["bindgen", input, output, name, "--names"] => bindgen(input, output, name, true),
        _ => Err("usage: xtask bindgen INPUT.wasm OUTPUT_DIR NAME [--names]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes NAME.js, NAME.d.ts and NAME_bg.wasm: the glue that every runtime shares, and the module it goes with.
fn bindgen(input: &str, output: &str, name: &str, names: bool) -> Result<(), Box<dyn Error>> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(input)
        .out_name(name)
        .web(true)?
        .typescript(true)
        .omit_default_module_path(true)
        .reset_state_function(true)
        .remove_name_section(!names)
        .remove_producers_section(true);
    bindgen.generate(output)?;
    Ok(())
}
