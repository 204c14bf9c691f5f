//! The command `scopegate`.

mod args;
mod expiring;
mod imports;
mod serve;
mod site;

use std::io::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::Parser;
use scopegate_cli::error::Misuse;
use scopegate_cli::input::{read_policy, read_record, standard_input_once};
use scopegate_cli::secrecy::holds_credential;
use scopegate_cli::{cases, check, decide, keys};

use self::args::{Args, Command, KeysCommand};
use self::serve::ServeArgs;

const MISUSE: u8 = 2;

/// Prints a line; a closed pipe is no reason to panic.
fn say(line: &str) {
    let _ = writeln!(anstream::stdout(), "{line}");
}

fn say_aside(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

fn coloured(line: &str) -> String {
    let style = |colour: AnsiColor| Style::new().bold().fg_color(Some(colour.into()));
    for (word, colour) in [
        ("ALLOW", AnsiColor::Green),
        ("DENY", AnsiColor::Red),
        ("PREFLIGHT", AnsiColor::Yellow),
        ("FAILED", AnsiColor::Red),
    ] {
        if let Some(rest) = line.strip_prefix(word) {
            let style = style(colour);
            return format!("{style}{word}{style:#}{rest}");
        }
    }
    line.to_owned()
}

/// Arguments stay in the shell's history and in the list of processes. Looked at before clap, which repeats what it does not know.
fn refuse_credentials() -> Result<(), Misuse> {
    if std::env::args_os().any(|argument| holds_credential(&argument.to_string_lossy())) {
        return Err(Misuse::argument(
            "an argument holds an API key or a token, and arguments stay in the shell's history: give it by --key-file or --bearer-file \
             (for `keys`, as a file), where - is standard input; revoke it if others can read that history",
        ));
    }
    Ok(())
}

fn main() -> ExitCode {
    match refuse_credentials().and_then(|()| run(Args::parse())) {
        Ok(code) => ExitCode::from(code),
        Err(misuse) => {
            let style = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
            say_aside(&format!("{style}error{style:#}: {misuse}"));
            ExitCode::from(MISUSE)
        }
    }
}

fn run(args: Args) -> Result<u8, Misuse> {
    let report = |line: &str| say(&coloured(line));
    match args.command {
        None => serve(ServeArgs::default()),
        Some(Command::Serve(options)) => serve(options),
        Some(Command::Decide(options)) => {
            let (text, code) = decide::run(&options.into_options()?)?;
            say(coloured(&text).trim_end());
            Ok(code)
        }
        Some(Command::Test { files, decisions: true }) => {
            standard_input_once(&files)?;
            for file in &files {
                for result in cases::run_file(file)? {
                    let line = serde_json::json!({ "name": result.name, "decision": result.decision });
                    say(&line.to_string());
                }
            }
            Ok(0)
        }
        Some(Command::Test { files, decisions: false }) => Ok(u8::from(!cases::run(&files, report)?)),
        Some(Command::Check { files }) => Ok(if check::run(&files, report)? { 0 } else { MISUSE }),
        Some(Command::Users { command }) => site::run(command.into_task()?, say),
        Some(Command::OauthKeys { command }) => site::run(command.into_task()?, say),
        Some(Command::Keys { command }) => run_keys(*command),
        Some(Command::Import(options)) => imports::run(*options),
    }
}

fn serve(args: ServeArgs) -> Result<u8, Misuse> {
    let config = args.into_config()?;
    // The server names members; here they have lines.
    if let Some(path) = &config.policy {
        read_policy(path)?;
    }
    scopegate_server::run(&config).map(|()| 0).map_err(|error| Misuse::argument(error.to_string()))
}

fn run_keys(command: KeysCommand) -> Result<u8, Misuse> {
    match command {
        KeysCommand::Expiring(options) => expiring::run(&options),
        KeysCommand::New { wanted, record_out, key_out } => {
            let issued = keys::new_key(&wanted.into_new_key()?)?;
            let record = keys::record_json(&issued.record)?;
            // First the key: a record without one is of no use, and would be stored all the same.
            match key_out {
                Some(path) => write_private(&path, issued.raw_key.expose())?,
                None => say_aside(&format!("The key, shown this once only:\n{}", issued.raw_key.expose())),
            }
            match record_out {
                Some(path) => write_private(&path, &record)?,
                None => say(&record),
            }
            Ok(0)
        }
        KeysCommand::Inspect { key, format } => {
            say(&keys::inspect(&key, &format.format()?)?);
            Ok(0)
        }
        KeysCommand::Hash { key, format, pepper, record } => {
            let pepper = pepper.pair()?;
            standard_input_once([&key].into_iter().chain(&record).chain(pepper.iter().map(|(_, path)| path)))?;
            let record = match record {
                Some(path) => read_record(&path)?,
                None => keys::unsealed()?,
            };
            say(&keys::hash(&key, &format.format()?, &keys::pepper(pepper.as_ref())?, &record)?);
            Ok(0)
        }
        KeysCommand::ScannerRules { scanner, format } => {
            say(&keys::rules(&scanner, &format.format()?)?);
            Ok(0)
        }
        KeysCommand::LeakCheck { files, format } => {
            let found = keys::leak_check(&files, &[format.format()?], say)?;
            Ok(u8::from(found > 0))
        }
    }
}

/// Writes a file that only its owner may read, and that must not be there yet.
fn write_private(path: &std::path::Path, text: &str) -> Result<(), Misuse> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let outcome = options.open(path).and_then(|mut file| writeln!(file, "{text}"));
    outcome.map_err(|error| Misuse::file(path, format!("cannot be written: {error}")))
}
