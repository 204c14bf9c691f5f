//! A database of many keys, made by the real issuer, with the tables of a server that was started on it once.

use std::path::Path;

use scopegate::key::format::{ENTROPY_BYTES, KeyFormat};
use scopegate::key::lifecycle::{IssueRequest, IssueRules, issue};
use scopegate::time::UnixSeconds;
use scopegate_server::peppers::Peppers;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

/// How many of the keys are written to the sample.
const SAMPLE: usize = 100_000;

/// Issues keys under a pepper and stores them all; writes some of them to a file, spread over all.
pub fn fill(database: &str, pepper: &str, keys: usize, sample: &str) {
    let peppers = Peppers::from_file(Path::new(pepper)).unwrap();
    let format = KeyFormat::new("jbf", &["live", "test"]).unwrap();
    let seconds = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let now = UnixSeconds::new(i64::try_from(seconds).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shown = runtime.block_on(async {
        let mut connection = SqliteConnectOptions::new().filename(database).connect().await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        let mut shown = String::new();
        for number in 0..keys {
            let owner = format!("company-{}", number % 1_000);
            let request = IssueRequest {
                label: "Load",
                scopes: &["jobs:read"],
                environment: "live",
                owner: &owner,
                expires_at: Some(now.saturating_add(90 * 86_400)),
                ip_allow: &[],
            };
            let rules = IssueRules { declared: &["jobs:read"], expiry_required: true, ..IssueRules::default() };
            let mut entropy = [0; ENTROPY_BYTES];
            getrandom::fill(&mut entropy).unwrap();
            let issued = issue(&request, &rules, &format, peppers.keyring(), &entropy, now).unwrap();
            sqlx::query("INSERT INTO api_keys (id, owner, created_at, version, record) VALUES (?, ?, ?, ?, ?)")
                .bind(issued.record.id.as_str())
                .bind(&owner)
                .bind(issued.record.created_at.get())
                .bind(i64::try_from(issued.record.version).unwrap())
                .bind(serde_json::to_string(&issued.record).unwrap())
                .execute(&mut *transaction)
                .await
                .unwrap();
            if number % (keys / SAMPLE).max(1) == 0 {
                shown.push_str(issued.raw_key.expose());
                shown.push('\n');
            }
        }
        transaction.commit().await.unwrap();
        shown
    });
    std::fs::write(sample, shown).unwrap();
}
