//! `scopegate check`: does this policy compile, and if not, where and why.

use std::path::{Path, PathBuf};

use scopegate::policy::Policy;

use crate::error::Misuse;
use crate::input::{parse_policy, read, standard_input_once};
use crate::place::{excerpt, explain};

/// Checks one policy file.
///
/// # Errors
/// [`Misuse`] when the file cannot be read. Mistakes of the policy come back as `Ok(Err(text))`.
pub fn check(path: &Path) -> Result<Result<String, String>, Misuse> {
    let text = read(path)?;
    let document = match parse_policy(path, &text) {
        Ok(document) => document,
        Err(error) => return Ok(Err(with_excerpt(&error, &text))),
    };
    Ok(match Policy::compile(&document) {
        Ok(policy) => Ok(format!(
            "{}: ok: {:?}, {} routes, {} scopes, {} credentials, {} tests",
            path.display(),
            policy.name(),
            policy.routes().len(),
            policy.scopes().len(),
            policy.credentials().len(),
            policy.tests().len()
        )),
        Err(errors) => Err(explain(path, &text, &errors.0)),
    })
}

/// The mistake, and the line of the text that it is in.
fn with_excerpt(error: &Misuse, text: &str) -> String {
    match error.place {
        Some((line, column)) => format!("{error}\n{}", excerpt(text, line, column)),
        None => error.to_string(),
    }
}

/// Checks files and reports each. Returns whether all compile.
///
/// # Errors
/// [`Misuse`] for the first file that cannot be read.
pub fn run(files: &[PathBuf], mut report: impl FnMut(&str)) -> Result<bool, Misuse> {
    standard_input_once(files)?;
    let mut good = true;
    for file in files {
        match check(file)? {
            Ok(line) => report(&line),
            Err(text) => {
                good = false;
                report(&text);
            }
        }
    }
    Ok(good)
}
