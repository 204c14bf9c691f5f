//! What an authorization server keeps, one call after the other.

use scopegate::time::UnixSeconds;

use super::{expect, told};
use crate::{GrantRow, GrantStore, Inserted, MAX_NAME_BYTES, MAX_ROW_BYTES, Put, StoreErrorKind, Updated};

/// An instant that has passed, by every clock: what ends then has ended.
const PAST: UnixSeconds = UnixSeconds::clamped(1_000_000_000);

/// A name of this run.
pub(super) fn name(seed: u64, what: &str) -> String {
    format!("kit-{seed}-{what}")
}

async fn insert<S: GrantStore>(store: &S, id: &str, row: &[u8], end: UnixSeconds) -> Result<Inserted, String> {
    store.grant_insert(id, "sub", row, end).await.map_err(told)
}

async fn swap<S: GrantStore>(store: &S, id: &str, version: u64, row: &[u8]) -> Result<Updated, String> {
    store.grant_swap(id, version, row, UnixSeconds::MAX).await.map_err(told)
}

async fn get<S: GrantStore>(store: &S, id: &str) -> Result<Option<GrantRow>, String> {
    store.grant_get(id).await.map_err(told)
}

async fn stored<S: GrantStore>(store: &S, id: &str) -> Result<GrantRow, String> {
    get(store, id).await?.ok_or_else(|| "a stored grant is not found".to_owned())
}

pub(super) async fn inserts<S: GrantStore>(one: &S, other: &S, seed: u64) -> Result<(), String> {
    let id = name(seed, "insert");
    expect(get(other, &id).await?.is_none(), "an unknown grant is found")?;
    // Bytes that are no text, none at all, and as many as there may be.
    let rows = [vec![0, 0xFF, b'\'', 0xC3], Vec::new(), vec![0xA5; MAX_ROW_BYTES]];
    for (number, row) in rows.iter().enumerate() {
        let id = format!("{id}-{number}");
        let fresh = insert(one, &id, row, UnixSeconds::MAX).await?;
        expect(fresh == Inserted::Done, "a fresh grant is not inserted")?;
        expect(stored(other, &id).await?.row == *row, "what is found is not what was inserted")?;
        let again = insert(other, &id, b"thief", UnixSeconds::MAX).await?;
        expect(again == Inserted::Exists, "a taken id is inserted again")?;
        expect(stored(one, &id).await?.row == *row, "a refused insert changed the grant")?;
    }
    Ok(())
}

pub(super) async fn swaps<S: GrantStore>(one: &S, other: &S, seed: u64) -> Result<(), String> {
    let id = name(seed, "swap");
    expect(swap(one, &id, 1, b"none").await? == Updated::Missing, "an unknown grant is swapped")?;
    expect(get(other, &id).await?.is_none(), "a swap made a grant")?;
    insert(one, &id, b"first", UnixSeconds::MAX).await?;
    let first = stored(other, &id).await?;
    let wrong = first.version.wrapping_add(7);
    expect(swap(other, &id, wrong, b"wrong").await? == Updated::Conflict, "a swap of another version goes through")?;
    expect(swap(other, &id, first.version, b"second").await? == Updated::Done, "a swap is refused")?;
    let second = stored(one, &id).await?;
    expect(second.row == b"second", "what was swapped in on one handle is not read on the other")?;
    expect(second.version != first.version, "a swap kept the version")?;
    // A stale read, on either handle.
    for handle in [one, other] {
        let stale = swap(handle, &id, first.version, b"stale").await?;
        expect(stale == Updated::Conflict, "a swap of a version that was read before goes through")?;
    }
    // A row that is swapped back to what it was is another one all the same.
    expect(swap(one, &id, second.version, b"first").await? == Updated::Done, "a swap is refused")?;
    let third = stored(other, &id).await?;
    expect(third.version != first.version && third.version != second.version, "a version came back")?;
    let stale = swap(other, &id, first.version, b"stale").await?;
    expect(stale == Updated::Conflict && stored(one, &id).await? == third, "a version that came back is swapped")
}

/// What can be no name is found nowhere, and stored nowhere.
pub(super) async fn names<S: GrantStore>(store: &S, seed: u64) -> Result<(), String> {
    let longest = format!("{:x<MAX_NAME_BYTES$}", name(seed, "long"));
    let space = longest.clone();
    expect(insert(store, &longest, b"row", UnixSeconds::MAX).await? == Inserted::Done, "a long id is refused")?;
    expect(stored(store, &longest).await?.row == b"row", "a long id is not found")?;
    expect(put(store, &space, &[1; 64]).await? == Put::Fresh, "a long space is refused")?;
    let too_long = format!("{longest}x");
    for id in ["", "a\0b", &too_long] {
        expect(get(store, id).await?.is_none(), "a name that is none is found")?;
        expect(swap(store, id, 1, b"row").await? == Updated::Missing, "a name that is none is swapped")?;
        expect(store.grants_of(id, None, 10).await.map_err(told)?.is_empty(), "a name that is none has grants")?;
        expect(store.consent_get(id, "client").await.map_err(told)?.is_empty(), "a name that is none has consented")?;
        let refused = [
            store.grant_insert(id, "sub", b"row", UnixSeconds::MAX).await.err(),
            store.grant_insert(&name(seed, "row"), id, b"row", UnixSeconds::MAX).await.err(),
            store.put_once(id, &[1], UnixSeconds::MAX).await.err(),
            store.consent_save(id, "client", &["openid"]).await.err(),
            store.consent_save("sub", id, &["openid"]).await.err(),
        ];
        let unsuitable =
            |error: Option<crate::StoreError>| error.is_some_and(|error| error.kind() == StoreErrorKind::Unsuitable);
        expect(refused.into_iter().all(unsuitable), "something is stored under a name that is none")?;
    }
    let long_row = store.grant_insert(&name(seed, "row"), "sub", &[0; MAX_ROW_BYTES + 1], UnixSeconds::MAX).await;
    expect(long_row.is_err(), "a row that is too long is stored")
}

/// The ids of a subject's grants, read page by page.
async fn listed<S: GrantStore>(store: &S, sub: &str, limit: usize) -> Result<Vec<String>, String> {
    let mut ids: Vec<String> = Vec::new();
    loop {
        let page = store.grants_of(sub, ids.last().map(String::as_str), limit).await.map_err(told)?;
        expect(page.len() <= limit, "a page is longer than its limit")?;
        if page.is_empty() {
            return Ok(ids);
        }
        ids.extend(page);
        expect(ids.is_sorted() && ids.len() < 100, "the ids of a subject are not in order, or have no end")?;
    }
}

/// What is found by its subject, until it is purged.
pub(super) async fn subjects<S: GrantStore>(one: &S, other: &S, seed: u64) -> Result<(), String> {
    let (sub, stranger) = (name(seed, "of-süb'"), name(seed, "of-süb"));
    let ids: Vec<String> = ["A", "Z", "_", "a", "é"].map(|id| name(seed, &format!("of-{id}"))).into();
    let (foreign, ended) = (name(seed, "of-B"), name(seed, "of-b"));
    expect(listed(other, &sub, 10).await?.is_empty(), "nobody has grants, and yet")?;
    for id in ids.iter().rev() {
        one.grant_insert(id, &sub, b"row", UnixSeconds::MAX).await.map_err(told)?;
    }
    one.grant_insert(&foreign, &stranger, b"row", UnixSeconds::MAX).await.map_err(told)?;
    one.grant_insert(&ended, &sub, b"row", PAST).await.map_err(told)?;
    // A refused insert gives no grant away.
    one.grant_insert(&foreign, &sub, b"row", UnixSeconds::MAX).await.map_err(told)?;
    for handle in [one, other] {
        for limit in [1, 2, 10] {
            let mut found = listed(handle, &sub, limit).await?;
            found.retain(|id| *id != ended);
            expect(found == ids, "the ids of a subject are not those that were inserted")?;
        }
        expect(listed(handle, &stranger, 10).await? == [foreign.clone()], "a grant is another subject's")?;
    }
    for id in &ids {
        expect(swap(other, id, stored(one, id).await?.version, b"next").await? == Updated::Done, "a swap is refused")?;
    }
    expect(other.grants_of(&sub, None, 0).await.map_err(told)?.is_empty(), "a page of none has ids")?;
    one.purge(PAST).await.map_err(told)?;
    expect(listed(other, &sub, 2).await? == ids, "a swap or a purge changed whose a grant is")
}

async fn put<S: GrantStore>(store: &S, space: &str, hash: &[u8]) -> Result<Put, String> {
    store.put_once(space, hash, UnixSeconds::MAX).await.map_err(told)
}

pub(super) async fn once<S: GrantStore>(one: &S, other: &S, seed: u64) -> Result<(), String> {
    let (space, second) = (name(seed, "once"), name(seed, "once2"));
    // Hashes and spaces that would run together if they were only joined.
    let fresh =
        [(&*space, &b"2hash"[..]), (&*second, b"hash"), (&*space, b"hash"), (&*space, b"HASH"), (&*space, b"\0")];
    for (space, hash) in fresh {
        expect(put(one, space, hash).await? == Put::Fresh, "what nobody has put is seen")?;
        for handle in [one, other] {
            expect(put(handle, space, hash).await? == Put::Seen, "what was put once is fresh again")?;
        }
    }
    Ok(())
}

async fn consent<S: GrantStore>(store: &S, sub: &str, client: &str) -> Result<Vec<String>, String> {
    store.consent_get(sub, client).await.map_err(told)
}

pub(super) async fn consents<S: GrantStore>(one: &S, other: &S, seed: u64) -> Result<(), String> {
    let (sub, client) = (name(seed, "süb'"), name(seed, "client"));
    expect(consent(other, &sub, &client).await?.is_empty(), "nobody consented, and yet")?;
    for scopes in [&["openid", "email"][..], &["openid"], &[], &["jobs:read"]] {
        one.consent_save(&sub, &client, scopes).await.map_err(told)?;
        expect(consent(other, &sub, &client).await? == scopes, "a consent is not what was saved last")?;
    }
    expect(consent(other, &client, &sub).await?.is_empty(), "a subject is taken for a client")?;
    expect(consent(other, &sub, &format!("{client}2")).await?.is_empty(), "a consent is another client's")
}

/// What has ended may be found until it is purged, and never comes back.
pub(super) async fn expiry<S: GrantStore>(one: &S, other: &S, seed: u64) -> Result<(), String> {
    let (ended, alive) = (name(seed, "ended"), name(seed, "alive"));
    let (spent, kept) = (name(seed, "spent"), name(seed, "kept"));
    insert(one, &ended, b"row", PAST).await?;
    insert(one, &alive, b"row", UnixSeconds::MAX).await?;
    one.put_once(&spent, b"hash", PAST).await.map_err(told)?;
    put(one, &kept, b"hash").await?;
    // Found or not, as the store likes; but of one mind.
    match get(other, &ended).await? {
        None => {
            let swapped = other.grant_swap(&ended, 1, b"late", PAST).await.map_err(told)?;
            expect(swapped == Updated::Missing, "a swap brought back what had ended")?;
        }
        Some(row) => {
            let swapped = other.grant_swap(&ended, row.version, b"late", PAST).await.map_err(told)?;
            expect(swapped == Updated::Done, "a grant that is found cannot be swapped")?;
        }
    }
    one.purge(PAST).await.map_err(told)?;
    expect(get(other, &ended).await?.is_none(), "what had ended is found after a purge")?;
    expect(swap(other, &ended, 1, b"late").await? == Updated::Missing, "a swap brought back what was purged")?;
    expect(swap(other, &ended, 2, b"late").await? == Updated::Missing, "a swap brought back what was purged")?;
    expect(get(one, &ended).await?.is_none(), "a swap brought back what was purged")?;
    expect(put(other, &spent, b"hash").await? == Put::Fresh, "what was purged is still seen")?;
    expect(stored(other, &alive).await?.row == b"row", "a purge took what had not ended")?;
    expect(put(other, &kept, b"hash").await? == Put::Seen, "a purge took what had not ended")?;
    expect(other.purge(PAST).await.map_err(told)? == 0, "what was purged is purged again")
}
