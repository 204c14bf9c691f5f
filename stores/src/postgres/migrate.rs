//! The schema of the tables, step by step.

use sqlx::{Connection, PgConnection, query, query_scalar, raw_sql};

use super::in_schema;

/// The steps, in order. A step that was released is never edited.
const MIGRATIONS: [&str; 4] = [
    include_str!("../../migrations/postgres/0001_keys.sql"),
    include_str!("../../migrations/postgres/0002_grants.sql"),
    include_str!("../../migrations/postgres/0003_grants_of.sql"),
    include_str!("../../migrations/postgres/0004_documents.sql"),
];

/// The lock that instances which migrate at the same time wait for: "scopegat" as a number.
const LOCK: i64 = 0x7363_6F70_6567_6174;

/// A standby answers with what was: a key that was revoked a moment ago would still be found alive.
pub(super) async fn is_standby(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    query_scalar("SELECT pg_is_in_recovery()").fetch_one(connection).await
}

/// Brings the schema up to date, all of it or nothing. What is up to date is not written to, so that a user who may not can start.
pub(super) async fn run(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    if done(connection, schema).await? >= i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX) {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    // Another instance may have been faster.
    let done = done(&mut transaction, schema).await?;
    if done == 0 {
        // "IF NOT EXISTS" asks for the right to make one even where there is one.
        let named: bool = query_scalar("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1)")
            .bind(schema)
            .fetch_one(&mut *transaction)
            .await?;
        if !named {
            raw_sql(in_schema("CREATE SCHEMA {schema}", schema)).execute(&mut *transaction).await?;
        }
        let steps = in_schema("CREATE TABLE IF NOT EXISTS {schema}.migrations (step bigint PRIMARY KEY)", schema);
        raw_sql(steps).execute(&mut *transaction).await?;
    }
    for (step, migration) in (1_i64..).zip(MIGRATIONS).filter(|(step, _)| *step > done) {
        raw_sql(in_schema(migration, schema)).execute(&mut *transaction).await?;
        query(in_schema("INSERT INTO {schema}.migrations (step) VALUES ($1)", schema))
            .bind(step)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

/// The last step that is done. The catalog is read as tables are: `to_regclass` would answer from a cache that does not hear of what was
/// made while this session waited for the lock.
async fn done(connection: &mut PgConnection, schema: &str) -> Result<i64, sqlx::Error> {
    let known: bool = query_scalar(
        "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'migrations')",
    )
    .bind(schema)
    .fetch_one(&mut *connection)
    .await?;
    if !known {
        return Ok(0);
    }
    query_scalar(in_schema("SELECT coalesce(max(step), 0) FROM {schema}.migrations", schema))
        .fetch_one(connection)
        .await
}
