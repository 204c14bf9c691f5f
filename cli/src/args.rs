//! The arguments of the command.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use scopegate::key::format::KeyFormat;
use scopegate::time::UnixSeconds;
use scopegate_cli::decide::DecideOptions;
use scopegate_cli::error::Misuse;
use scopegate_cli::input::instant;
use scopegate_cli::keys::{NewKey, format};

use crate::expiring::ExpiringArgs;
use crate::imports::ImportArgs;
use crate::serve::ServeArgs;
use crate::site::{OauthKeysCommand, UsersCommand};

/// Does this credential, with these scopes, satisfy this route?
#[derive(Parser)]
#[command(
    name = "scopegate",
    version,
    about,
    after_help = "Exit codes: 0 fine or allow, 1 a test failed, a key was found or a row was refused, 2 misuse or a broken file, 10 deny."
)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Start the reference server on the Jobiflow policy; the default
    #[command(after_help = "Example: scopegate serve --listen 127.0.0.1:0 --ready-file ready.json")]
    Serve(ServeArgs),
    /// Decide on one request; exit code 0 for allow, 10 for deny
    #[command(
        after_help = "Example: scopegate decide --keys keys.json --key-file - --request 'GET /public/v1/job-listings' <key.txt"
    )]
    Decide(Box<DecideArgs>),
    /// Run decision cases and the tests of policies
    #[command(after_help = "Example: scopegate test examples/jobiflow/cases.json examples/jobiflow/policy.json")]
    Test {
        /// Case files, or policies with tests
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Print every decision as a line of JSON instead of judging it
        #[arg(long)]
        decisions: bool,
    },
    /// Compile policies and say what is wrong with them; exit code 2 when something is
    #[command(after_help = "Example: scopegate check policy.json")]
    Check {
        /// Policies, JSON or TOML
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Add, change and remove the users of the authorization server
    Users {
        #[command(subcommand)]
        command: UsersCommand,
    },
    /// List and change the keys that the authorization server signs with
    OauthKeys {
        #[command(subcommand)]
        command: OauthKeysCommand,
    },
    /// Make, inspect, hash and find API keys
    Keys {
        #[command(subcommand)]
        command: Box<KeysCommand>,
    },
    /// Make records of the hashes that another system stored; exit code 1 when a row was refused
    #[command(after_help = "Example: scopegate import --from unkey --policy policy.json --db sqlite:keys.db keys.json")]
    Import(Box<ImportArgs>),
}

#[derive(ClapArgs)]
pub struct DecideArgs {
    /// The policy; the built-in Jobiflow policy when absent
    #[arg(long)]
    policy: Option<PathBuf>,
    /// Key records: a JSON list, or an object with a list "keys"
    #[arg(long)]
    keys: Option<PathBuf>,
    /// A key set for a bearer credential
    #[arg(long, value_name = "CREDENTIAL=FILE")]
    jwks: Vec<String>,
    /// Peppers: a JSON object of base64url by name; "current" may name one
    #[arg(long)]
    peppers: Option<PathBuf>,
    /// HMAC secrets: a JSON object of base64url by credential
    #[arg(long)]
    secrets: Option<PathBuf>,
    /// Method and target, like 'GET /public/v1/job-listings'
    #[arg(long, value_name = "'METHOD TARGET'", required_unless_present = "target", conflicts_with_all = ["method", "target"])]
    request: Option<String>,
    /// The method, where the target is given alone; GET when absent
    #[arg(long, requires = "target")]
    method: Option<String>,
    /// The target alone
    #[arg(long)]
    target: Option<String>,
    /// A header line that is no credential
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// A file with the API key; - is standard input
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// A file with the bearer token; - is standard input
    #[arg(long)]
    bearer_file: Option<PathBuf>,
    /// The request came over plain HTTP
    #[arg(long)]
    http: bool,
    /// The client's address
    #[arg(long)]
    client_ip: Option<IpAddr>,
    /// The time: Unix seconds or RFC 3339; the clock's when absent
    #[arg(long, value_parser = instant)]
    now: Option<UnixSeconds>,
    /// Say how the decision came about
    #[arg(long)]
    explain: bool,
    /// Print the decision as JSON
    #[arg(long)]
    json: bool,
}

impl DecideArgs {
    pub fn into_options(self) -> Result<DecideOptions, Misuse> {
        let (method, target) = match (&self.request, &self.target) {
            (Some(request), _) => request.split_once(' ').ok_or_else(|| {
                Misuse::argument("--request: expected a method, a space and a target, like 'GET /jobs'")
            })?,
            (None, target) => (self.method.as_deref().unwrap_or("GET"), target.as_deref().unwrap_or_default()),
        };
        let pairs = |list: &[String], separator: &str, what: &str| {
            list.iter()
                .map(|text| match text.split_once(separator) {
                    Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
                    None => Err(Misuse::argument(what)),
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let jwks = pairs(&self.jwks, "=", "--jwks: expected CREDENTIAL=FILE")?;
        Ok(DecideOptions {
            policy: self.policy,
            keys: self.keys,
            jwks: jwks.into_iter().map(|(name, path)| (name, path.into())).collect(),
            peppers: self.peppers,
            secrets: self.secrets,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: pairs(&self.headers, ":", "--header: expected NAME: VALUE")?,
            key_file: self.key_file,
            bearer_file: self.bearer_file,
            http: self.http,
            client_ip: self.client_ip,
            now: self.now,
            explain: self.explain,
            json: self.json,
        })
    }
}

#[derive(Subcommand)]
pub enum KeysCommand {
    /// Make a key: its record to standard output, the key itself to standard error, once
    #[command(
        after_help = "Example: scopegate keys new --product jbf --owner company-1 --label CI --scopes jobs:read --expires 90d --key-out key.txt"
    )]
    New {
        #[command(flatten)]
        wanted: NewKeyArgs,
        /// Write the record here instead
        #[arg(long)]
        record_out: Option<PathBuf>,
        /// Write the key here instead, readable by its owner only
        #[arg(long)]
        key_out: Option<PathBuf>,
    },
    /// Say what a key is, without its secret
    #[command(after_help = "Example: scopegate keys inspect <key.txt")]
    Inspect {
        /// The file with the key; - is standard input
        #[arg(default_value = "-")]
        key: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Compute the stored hash of a key
    #[command(after_help = "Example: scopegate keys hash --pepper-file pepper.txt <key.txt")]
    Hash {
        /// The file with the key; - is standard input
        #[arg(default_value = "-")]
        key: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
        #[command(flatten)]
        pepper: PepperArgs,
        /// The record that the hash is for, when it is sealed
        #[arg(long)]
        record: Option<PathBuf>,
    },
    /// List the keys in a database that end soon, a line of JSON each
    #[command(after_help = "Example: scopegate keys expiring --db sqlite:keys.db --within 14d")]
    Expiring(ExpiringArgs),
    /// Write a rule that finds the keys of a product
    #[command(after_help = "Example: scopegate keys scanner-rules --for gitleaks --product jbf >>.gitleaks.toml")]
    ScannerRules {
        /// gitleaks, trufflehog or github
        #[arg(long = "for")]
        scanner: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Look for keys in files; exit code 1 when one is found
    #[command(after_help = "Example: scopegate keys leak-check .env, or git diff --cached | scopegate keys leak-check")]
    LeakCheck {
        /// Files; - is standard input
        #[arg(default_value = "-")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(ClapArgs)]
pub struct FormatArgs {
    /// The product part of the keys
    #[arg(long, default_value = "jbf")]
    product: String,
    /// An environment of the keys; may be given again
    #[arg(long = "env", default_values = ["live", "test"])]
    environments: Vec<String>,
}

impl FormatArgs {
    pub fn format(&self) -> Result<KeyFormat, Misuse> {
        format(&self.product, &self.environments)
    }
}

#[derive(ClapArgs)]
pub struct PepperArgs {
    /// A file with the pepper, base64url of 32 bytes or more, or with several as `scopegate serve` takes them; without one the hash is plain SHA-256
    #[arg(long)]
    pepper_file: Option<PathBuf>,
    /// The name of the pepper, p1 when it stands alone in its file, or which of several
    #[arg(long)]
    pepper_id: Option<String>,
}

impl PepperArgs {
    pub fn pair(self) -> Result<Option<(Option<String>, PathBuf)>, Misuse> {
        Ok(self.pepper_file.map(|path| (self.pepper_id, path)))
    }
}

#[derive(ClapArgs)]
pub struct NewKeyArgs {
    /// The product part of the key
    #[arg(long, default_value = "jbf")]
    product: String,
    /// The environment of the key
    #[arg(long = "env", default_value = "live")]
    environment: String,
    /// Whose key it is
    #[arg(long)]
    owner: String,
    /// What people call it
    #[arg(long)]
    label: String,
    /// What it may do, separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    scopes: Vec<String>,
    /// When it expires: a duration like 90d, or a time like 2027-01-31T00:00:00Z
    #[arg(long, visible_aliases = ["expires-in", "expires-at"], default_value = "90d")]
    expires: String,
    #[command(flatten)]
    pepper: PepperArgs,
}

impl NewKeyArgs {
    pub fn into_new_key(self) -> Result<NewKey, Misuse> {
        Ok(NewKey {
            product: self.product,
            environment: self.environment,
            owner: self.owner,
            label: self.label,
            scopes: self.scopes,
            expires: self.expires,
            pepper: self.pepper.pair()?,
        })
    }
}
