//! Two servers over one database: what one revokes the other refuses at once.

use crate::process::{READ, Site, service};

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
    for round in 0..40 {
        let (here, there) =
            if round % 2 == 0 { (one.client(), other.client()) } else { (other.client(), one.client()) };
        let (id, key) = here.create().unwrap();
        // Both have seen it alive, so that any memory of it would be a stale one.
        assert_eq!((here.with_key(&key, READ).unwrap().status, there.with_key(&key, READ).unwrap().status), (200, 200));
        here.revoke(&id).unwrap();
        let answer = there.with_key(&key, READ).unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (401, "key_revoked"), "round {round}");
    }
}
