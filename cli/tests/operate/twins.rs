//! Two servers over one database: what one revokes the other refuses at once (V17).

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::process::{Client, READ, Site, service};

#[test]
fn revoked_on_one_is_refused_on_the_other_at_once_sqlite() {
    let site = Site::new("twins");
    let db = format!("sqlite:{}", site.path("keys.db"));
    twins(&site, &[("db", &db)]);
}

#[test]
fn revoked_on_one_is_refused_on_the_other_at_once_postgres() {
    beside("SCOPEGATE_POSTGRES_URL");
}

#[test]
fn revoked_on_one_is_refused_on_the_other_at_once_redis() {
    beside("SCOPEGATE_REDIS_URL");
}

fn beside(variable: &str) {
    let Some(url) = service(variable) else { return };
    let site = Site::new("twins");
    std::fs::write(site.path("db"), url).unwrap();
    twins(&site, &[("db-file", &site.path("db"))]);
}

fn twins(site: &Site, flags: &[(&str, &str)]) {
    let (one, other) = (site.start("one", flags), site.start("other", flags));
    for round in 0..40_u32 {
        let (here, there) =
            if round.is_multiple_of(2) { (one.client(), other.client()) } else { (other.client(), one.client()) };
        let (id, key) = here.create().unwrap();
        // Both have seen it alive, so that any memory of it would be a stale one.
        assert_eq!((here.with_key(&key, READ).unwrap().status, there.with_key(&key, READ).unwrap().status), (200, 200));
        here.revoke(&id).unwrap();
        let answer = there.with_key(&key, READ).unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (401, "key_revoked"), "round {round}");
    }
    for round in 0..20 {
        under_load(&one.client(), &other.client(), round);
    }
}

/// Four callers decide with a key on both servers while one revokes it: what begins after the revocation was acknowledged is refused.
fn under_load(one: &Client, other: &Client, round: usize) {
    let (id, key) = one.create().unwrap();
    let (reads, returned) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for client in [one, other, one, other] {
            scope.spawn(|| {
                loop {
                    let after = returned.load(Ordering::SeqCst);
                    let answer = client.with_key(&key, READ).unwrap();
                    reads.fetch_add(1, Ordering::SeqCst);
                    if after {
                        assert_eq!((answer.status, answer.code().as_str()), (401, "key_revoked"), "round {round}");
                        return;
                    }
                }
            });
        }
        // A different moment in each round.
        while reads.load(Ordering::SeqCst) < 8 + round % 5 {
            std::thread::yield_now();
        }
        let revoking = if round.is_multiple_of(2) { one } else { other };
        revoking.revoke(&id).unwrap();
        returned.store(true, Ordering::SeqCst);
    });
}
