//! What a store refuses to open.
#![cfg(any(feature = "postgres", feature = "redis"))]
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use scopegate_stores::{ServiceOptions, StoreError, StoreErrorKind};

const SECRET: &str = "hunter2hunter2";

fn tells_nothing(error: &StoreError) {
    assert!(
        !error.to_string().contains(SECRET) && !format!("{error:?}").contains(SECRET),
        "an error tells the password"
    );
}

/// What never answers is not waited for.
fn impatient() -> ServiceOptions<'static> {
    let limit = Duration::from_secs(2);
    ServiceOptions { connect_timeout: limit, query_timeout: limit, ..support::options("wrong") }
}

/// URLs that cannot be read, and namespaces that are none.
const URLS: [&str; 4] = ["", "hunter2hunter2", "http://user:hunter2hunter2@localhost/", "://:hunter2hunter2@:99999/ x"];
const NAMESPACES: [&str; 7] =
    ["", "A", "a-b", "1a", "a\"; DROP TABLE api_keys; --", "ä", "a23456789012345678901234567890123"];

#[cfg(feature = "postgres")]
mod postgres {
    use scopegate_stores::PostgresStore;

    use super::*;

    #[tokio::test]
    async fn urls_and_namespaces_that_are_none() {
        for url in URLS {
            let error = PostgresStore::open(url).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unsuitable, "{url}");
            tells_nothing(&error);
        }
        for namespace in NAMESPACES {
            let options = ServiceOptions { namespace, ..ServiceOptions::default() };
            let error = PostgresStore::open_with("postgres://localhost/", &options).await.unwrap_err();
            assert_eq!(error.code(), "store_unsuitable", "{namespace}");
        }
        let none = ServiceOptions { connections: 0, ..ServiceOptions::default() };
        assert!(PostgresStore::open_with("postgres://localhost/", &none).await.is_err(), "a pool of nothing");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn wrong_passwords_and_lines_without_tls() {
        let Some(url) = support::service("SCOPEGATE_POSTGRES_URL") else { return };
        let (before, after) = url.split_once('@').unwrap();
        let user = before.rsplit_once(':').unwrap().0;
        let error = PostgresStore::open_with(&format!("{user}:{SECRET}@{after}"), &impatient()).await;
        tells_nothing(&error.unwrap_err());
        let plain = PostgresStore::open_with(&format!("{url}?sslmode=require"), &impatient()).await;
        assert!(plain.is_err(), "a line without TLS, where TLS is required");
    }

    /// A server that becomes a standby, as a failover does it: here a function that comes first says which it is.
    #[tokio::test(flavor = "multi_thread")]
    async fn standbys_at_the_start_and_later() {
        use scopegate_stores::{KeyStore, kit};
        use sqlx::postgres::PgPool;
        use sqlx::{AssertSqlSafe, raw_sql};

        let Some(url) = support::service("SCOPEGATE_POSTGRES_URL") else { return };
        let pool = PgPool::connect(&url).await.unwrap();
        let schema = format!("standby_{}", std::process::id());
        let run = |text: String| {
            let pool = pool.clone();
            async move { raw_sql(AssertSqlSafe(text)).execute(&pool).await.map(|_| ()).unwrap() }
        };
        let says = |standby: bool| {
            run(format!(
                "CREATE OR REPLACE FUNCTION {schema}.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT {standby}'"
            ))
        };
        run(format!("CREATE SCHEMA {schema}")).await;
        says(true).await;
        let url = format!("{url}?options=-c%20search_path%3D{schema}%2Cpg_catalog");
        let options = ServiceOptions { connections: 1, ..impatient() };
        let options = ServiceOptions { namespace: support::options("standby").namespace, ..options };
        let error = PostgresStore::open_with(&url, &options).await.unwrap_err();
        assert_eq!((error.code(), error.to_string().contains("standby")), ("store_unsuitable", true));
        says(false).await;
        let patient = ServiceOptions { connections: 1, ..support::options("standby") };
        let store = PostgresStore::open_with(&url, &patient).await.unwrap();
        let impatient = PostgresStore::open_with(&url, &options).await.unwrap();
        let record = kit::sample("standby", 1).unwrap();
        store.insert(&record).await.unwrap();
        assert!(impatient.find(&record.id).await.unwrap().is_some());
        says(true).await;
        // A demotion ends every connection.
        run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'scopegate' AND pid <> pg_backend_pid() \
             AND query LIKE '%standby%'".to_owned()).await;
        while impatient.find(&record.id).await.is_ok() {}
        assert_eq!(
            impatient.find(&record.id).await.unwrap_err().code(),
            "store_unsuitable",
            "what it finds is what was"
        );
        says(false).await;
        while impatient.find(&record.id).await.is_err() {}
        run(format!("DROP SCHEMA {schema} CASCADE")).await;
    }

    /// Instances that start at once make the tables once.
    #[tokio::test(flavor = "multi_thread")]
    async fn many_may_start_at_once() {
        let Some(url) = support::service("SCOPEGATE_POSTGRES_URL") else { return };
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let url = url.clone();
                let options = ServiceOptions { connections: 1, ..support::options("start") };
                tokio::spawn(async move { PostgresStore::open_with(&url, &options).await.map(|_| ()) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    }
}

#[cfg(feature = "redis")]
mod redis {
    use scopegate_stores::RedisStore;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn urls_and_namespaces_that_are_none() {
        for url in URLS {
            let error = RedisStore::open(url).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unsuitable, "{url}");
            tells_nothing(&error);
        }
        for namespace in NAMESPACES {
            let options = ServiceOptions { namespace, ..ServiceOptions::default() };
            let error = RedisStore::open_with("redis://localhost/", &options).await.unwrap_err();
            assert_eq!(error.code(), "store_unsuitable", "{namespace}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn wrong_passwords_and_lines_without_tls() {
        let Some(url) = support::service("SCOPEGATE_REDIS_URL") else { return };
        let (before, after) = url.split_once('@').unwrap();
        let user = before.rsplit_once(':').unwrap().0;
        let error = RedisStore::open_with(&format!("{user}:{SECRET}@{after}"), &impatient()).await;
        tells_nothing(&error.unwrap_err());
        let tls = url.replacen("redis://", "rediss://", 1);
        assert!(RedisStore::open_with(&tls, &impatient()).await.is_err(), "TLS to a line without");
    }

    /// A server that says of itself what a test wants, and to everything else OK.
    async fn server_with(info: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        let info = format!("${}\r\n{info}\r\n", info.len());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let info = info.clone();
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    while let Some(name) = command(&mut stream).await {
                        let answer = if name == "INFO" { info.as_str() } else { "+OK\r\n" };
                        stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        url
    }

    /// The name of the next command.
    async fn command(stream: &mut BufReader<tokio::net::TcpStream>) -> Option<String> {
        let parts = number(stream).await?;
        let mut name = None;
        for _ in 0..parts {
            let mut part = vec![0; number(stream).await?.checked_add(2)?];
            stream.read_exact(&mut part).await.ok()?;
            name.get_or_insert_with(|| String::from_utf8_lossy(&part).trim_end().to_owned());
        }
        name
    }

    async fn number(stream: &mut BufReader<tokio::net::TcpStream>) -> Option<usize> {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        line.trim_end().get(1..)?.parse().ok()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn replicas_and_servers_that_evict() {
        let cases = [
            ("role:master\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n", None),
            ("role:master\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n", None),
            ("role:master\r\nmaxmemory:1000\r\nmaxmemory_policy:volatile-lru\r\n", None),
            ("role:slave\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n", Some("replica")),
            ("role:replica\r\nmaxmemory:0\r\n", Some("replica")),
            ("role:master\r\nmaxmemory:1000\r\nmaxmemory_policy:allkeys-lru\r\n", Some("evicts")),
            ("role:master\r\nmaxmemory:1000\r\nmaxmemory_policy:allkeys-random\r\n", Some("evicts")),
        ];
        for (info, refused) in cases {
            let url = server_with(info).await;
            let opened = RedisStore::open_with(&url, &support::options("fake")).await.map(|_| ());
            match refused {
                None => opened.unwrap(),
                Some(why) => {
                    let error = opened.unwrap_err();
                    assert_eq!(error.kind(), StoreErrorKind::Unsuitable, "{info}");
                    assert!(error.to_string().contains(why), "{info}: {error}");
                }
            }
        }
    }
}
