//! The arguments of `scopegate import`, and what it tells.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use scopegate::key::foreign::ForeignIssuer;
use scopegate::key::record::KeyRecord;
use scopegate_cli::error::Misuse;
use scopegate_cli::import::{Fault, Import, ImportOptions, Stored, import, store};
use scopegate_cli::input::read_secret;
use scopegate_cli::keys::record_line;
use scopegate_server::config::{Database, has_password};
use scopegate_server::store::AnyStore;
use scopegate_stores::StoreError;

use crate::say_aside;

#[derive(Args)]
pub struct ImportArgs {
    /// The system that stored the hashes: seam, unkey, better-auth, keypal or sha256
    #[arg(long, value_parser = issuer)]
    from: ForeignIssuer,
    /// A JSON list, JSON lines, or CSV with a head; - is standard input
    file: PathBuf,
    /// The environment of the keys
    #[arg(long = "env", default_value = "live")]
    environment: String,
    /// Whose keys they are, where a row does not say
    #[arg(long)]
    owner: Option<String>,
    /// What a key may do, separated by commas, where its row does not say
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<String>,
    /// What a scope is called here; may be given again
    #[arg(long, value_name = "OLD=NEW")]
    rename_scope: Vec<String>,
    /// A policy that must take these keys and declare their scopes
    #[arg(long)]
    policy: Option<PathBuf>,
    /// Import keys with a limited number of uses without the limit
    #[arg(long)]
    drop_limits: bool,
    /// Store the records there: sqlite:FILE, postgres://… or redis://…, without a password; without it they are printed, one a line
    #[arg(long, conflicts_with = "db_file")]
    db: Option<String>,
    /// A file that holds what --db would, with its password
    #[arg(long)]
    db_file: Option<PathBuf>,
    /// Read everything, store and print nothing
    #[arg(long)]
    dry_run: bool,
}

fn issuer(name: &str) -> Result<ForeignIssuer, String> {
    let known = || ForeignIssuer::ALL.map(ForeignIssuer::name).join(", ");
    ForeignIssuer::from_name(name).ok_or_else(|| format!("expected one of {}", known()))
}

/// Imports. Exit code 1 when a row was refused.
pub fn run(args: ImportArgs) -> Result<u8, Misuse> {
    let mut renamed = Vec::new();
    for pair in &args.rename_scope {
        let (old, new) = pair.split_once('=').ok_or_else(|| Misuse::argument("--rename-scope: expected OLD=NEW"))?;
        renamed.push((old.to_owned(), new.to_owned()));
    }
    let options = ImportOptions {
        from: args.from,
        file: args.file,
        environment: args.environment,
        owner: args.owner,
        scopes: args.scopes,
        renamed,
        policy: args.policy,
        drop_limits: args.drop_limits,
    };
    let Import { records, mut faults } = import(&options)?;
    let database = database(args.db.as_deref(), args.db_file.as_deref())?;
    let stored = match database {
        Some(database) => into_database(&database, &records, args.dry_run)?,
        None => {
            if !args.dry_run {
                let mut out = std::io::stdout().lock();
                for (_, record) in &records {
                    // A closed pipe is no reason to panic.
                    let _ = writeln!(out, "{}", record_line(record)?);
                }
            }
            Stored { new: records.len(), ..Stored::default() }
        }
    };
    let Stored { new, already, faults: taken } = stored;
    faults.extend(taken);
    faults.sort_by_key(|fault| fault.line);
    faults.iter().for_each(|fault| tell(&options, fault));
    let done = if args.dry_run { "would be imported" } else { "imported" };
    say_aside(&format!("{new} {done}, {already} already there, {} refused", faults.len()));
    Ok(u8::from(!faults.is_empty()))
}

fn tell(options: &ImportOptions, fault: &Fault) {
    say_aside(&format!("{}:{fault}", options.file.display()));
}

/// The database that the arguments name.
pub fn database(url: Option<&str>, file: Option<&Path>) -> Result<Option<Database>, Misuse> {
    const EXPECTED: &str = "expected sqlite:FILE, postgres://… or redis://…";
    let parsed = |text: &str| Database::parse(text).filter(|database| *database != Database::Memory);
    match (url, file) {
        (Some(url), _) if has_password(url) => Err(Misuse::argument(
            "--db: holds a password, which others can read here: write the whole URL to a file and name it by --db-file",
        )),
        (Some(url), _) => parsed(url).map(Some).ok_or_else(|| Misuse::argument(format!("--db: {EXPECTED}"))),
        (None, Some(file)) => parsed(&read_secret(file)?).map(Some).ok_or_else(|| Misuse::file(file, EXPECTED)),
        (None, None) => Ok(None),
    }
}

fn into_database(database: &Database, records: &[(usize, KeyRecord)], dry: bool) -> Result<Stored, Misuse> {
    in_database(database, async |opened: &AnyStore| store(opened, records, dry).await)
}

/// Does something with the keys of a database.
pub fn in_database<T>(
    database: &Database,
    work: impl AsyncFnOnce(&AnyStore) -> Result<T, StoreError>,
) -> Result<T, Misuse> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Misuse::argument(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        let told = |error: StoreError| Misuse::argument(format!("the database: {error}"));
        let opened = AnyStore::open(database).await.map_err(told)?;
        let outcome = work(&opened).await.map_err(told);
        opened.close().await;
        outcome
    })
}
