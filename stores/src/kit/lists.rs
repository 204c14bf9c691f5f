//! Lists and counts: complete, in order, page by page.

use scopegate::key::lifecycle::{relabel, revoke};
use scopegate::key::record::KeyRecord;
use scopegate::time::UnixSeconds;

use super::keys::{found, put};
use super::{NOW, expect, sample, told};
use crate::{Cursor, ExpiryCursor, KeyStore, MAX_PAGE, Updated};

async fn change<S: KeyStore>(store: &S, record: &KeyRecord) -> Result<(), String> {
    let before = record.version.saturating_sub(1);
    let done = store.update(before, record).await.map_err(told)?;
    expect(done == Updated::Done, "an update on the stored version is refused")
}

fn revoked(record: &KeyRecord) -> Result<KeyRecord, String> {
    revoke(record, NOW).map_err(told)
}

fn in_order(mut records: Vec<KeyRecord>) -> Vec<KeyRecord> {
    records.sort_by_key(|record| (record.created_at, record.id));
    records
}

/// All pages of an owner, or of what of it is active at an instant.
async fn pages<S: KeyStore>(
    store: &S,
    owner: &str,
    active_at: Option<UnixSeconds>,
    limit: usize,
) -> Result<Vec<KeyRecord>, String> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = match active_at {
            None => store.list(owner, after, limit).await.map_err(told)?,
            Some(at) => store.list_active(owner, at, after, limit).await.map_err(told)?,
        };
        expect(page.len() <= limit.min(MAX_PAGE), "a page is longer than its limit")?;
        let Some(last) = page.last() else { return Ok(seen) };
        after = Some(Cursor::after(last));
        seen.extend(page);
    }
}

pub(super) async fn lists<S: KeyStore>(one: &S, other: &S, seed: u64, base: u64) -> Result<(), String> {
    // Owners that a careless query would confuse.
    let owner = format!("kit-{seed}-ü'\"%_*:{{x}}");
    let strangers = [owner.to_uppercase(), format!("{owner} "), format!("{owner}:"), "kit-".to_owned()];
    let mut all = Vec::new();
    for number in 0..105 {
        let record = sample(&owner, base.wrapping_add(number))?;
        put(one, &record).await?;
        all.push(record);
    }
    for (stranger, number) in strangers.iter().zip(200..) {
        put(one, &sample(stranger, base.wrapping_add(number))?).await?;
    }
    all = in_order(all);
    for limit in [10, 35, 100, 1_000] {
        let seen = pages(other, &owner, None, limit).await?;
        expect(seen == all, "the pages of an owner are not its records in order")?;
    }
    expect(other.list(&owner, None, 0).await.map_err(told)?.is_empty(), "a page of nothing holds something")?;
    for nobody in ["", "kit-nobody", "a\0b"] {
        let page = other.list(nobody, None, 10).await.map_err(told)?;
        expect(page.is_empty(), "somebody without keys has some")?;
    }
    // Of what is active, the pages keep the order of the whole list; ends are told by either of two members.
    for (at, record) in all.iter_mut().enumerate().filter(|(at, _)| at % 3 == 0) {
        *record = match at % 2 {
            0 => revoked(record)?,
            _ => KeyRecord { grace_until: Some(NOW), ..relabel(record, "rotated").map_err(told)? },
        };
        change(one, record).await?;
    }
    let active: Vec<KeyRecord> = all.iter().filter(|record| record.is_active(NOW)).cloned().collect();
    for limit in [7, 100] {
        let seen = pages(other, &owner, Some(NOW), limit).await?;
        expect(seen == active, "the pages of what is active are not the active records in order")?;
    }
    expect(pages(other, &owner, None, 50).await? == all, "an update moved a record in the list")
}

pub(super) async fn counts<S: KeyStore>(one: &S, other: &S, seed: u64, base: u64) -> Result<(), String> {
    let owner = format!("kit-{seed}-count");
    let counted = &owner;
    let count = |at| async move { other.count(counted, at).await.map_err(told) };
    expect(count(None).await? == 0 && count(Some(NOW)).await? == 0, "an owner without keys has some")?;
    let mut records = Vec::new();
    for number in 0..6 {
        records.push(sample(&owner, base.wrapping_add(number))?);
    }
    let [forever, short, graced, dead, revoked_later, plain] = records.as_mut_slice() else {
        return Err("six are six".to_owned());
    };
    forever.expires_at = None;
    short.expires_at = Some(NOW.saturating_add(10));
    graced.grace_until = Some(NOW.saturating_add(5));
    dead.revoked_at = Some(NOW);
    for record in [&*forever, &*short, &*graced, &*dead, &*revoked_later, &*plain] {
        put(one, record).await?;
    }
    put(one, &sample(&format!("{owner}-other"), base.wrapping_add(10))?).await?;
    let expected = |at: i64, count: u64| (NOW.saturating_add(at), count);
    expect(count(None).await? == 6, "the keys of an owner are miscounted")?;
    for (at, expected) in
        [expected(0, 5), expected(4, 5), expected(5, 4), expected(9, 4), expected(10, 3), expected(86_400, 1)]
    {
        expect(count(Some(at)).await? == expected, "the active keys of an owner are miscounted")?;
    }
    change(one, &revoked(revoked_later)?).await?;
    change(one, &KeyRecord { grace_until: Some(NOW), ..relabel(plain, "rotated").map_err(told)? }).await?;
    expect(count(None).await? == 6, "an update changed how many keys there are")?;
    expect(count(Some(NOW)).await? == 3, "a key that ended is counted as active")
}

pub(super) async fn expiring<S: KeyStore>(one: &S, other: &S, seed: u64, base: u64) -> Result<(), String> {
    // A window of its own: this list is of all owners.
    let start = UnixSeconds::clamped(
        3_000_000_000_i64.saturating_add(i64::try_from(seed % 1_000_000).unwrap_or(0).saturating_mul(1_000)),
    );
    let until = start.saturating_add(20);
    let mut records = Vec::new();
    for number in 0..24 {
        let mut record = sample(&format!("kit-{seed}-{number}"), base.wrapping_add(number))?;
        let end = Some(start.saturating_add(i64::try_from(number % 6).unwrap_or(0).saturating_mul(5)));
        match number % 4 {
            0 => record.expires_at = end,
            1 => (record.expires_at, record.grace_until) = (None, end),
            2 => (record.expires_at, record.grace_until) = (Some(UnixSeconds::MAX), end),
            _ => (record.expires_at, record.grace_until) = (end, Some(UnixSeconds::MAX)),
        }
        if number % 5 == 4 {
            record.revoked_at = Some(NOW);
        }
        put(one, &record).await?;
        records.push(record);
    }
    let mut forever = sample("kit", base.wrapping_add(50))?;
    forever.expires_at = None;
    put(one, &forever).await?;
    for round in 0..2 {
        let expected = ending(&records, start, until);
        for limit in [4, 100] {
            let seen = expiring_pages(other, start, until, limit).await?;
            expect(seen == expected, "the keys that end soon are not listed in the order of their ends")?;
        }
        if round == 0 {
            end_some(one, &mut records, start).await?;
        }
    }
    Ok(())
}

/// Revokes some of them, and gives others another end.
async fn end_some<S: KeyStore>(store: &S, records: &mut [KeyRecord], start: UnixSeconds) -> Result<(), String> {
    for (at, record) in records.iter_mut().enumerate().filter(|(_, record)| record.revoked_at.is_none()) {
        *record = match at % 3 {
            0 => revoked(record)?,
            1 => KeyRecord { grace_until: Some(start.saturating_add(1)), ..relabel(record, "rotated").map_err(told)? },
            _ => relabel(record, "relabelled").map_err(told)?,
        };
        change(store, record).await?;
        expect(found(store, &record.id).await? == *record, "what is found is not what was updated")?;
    }
    Ok(())
}

fn ending(records: &[KeyRecord], after: UnixSeconds, before: UnixSeconds) -> Vec<KeyRecord> {
    let is_listed = |record: &&KeyRecord| {
        record.revoked_at.is_none() && record.ends_at().is_some_and(|end| after < end && end <= before)
    };
    let mut listed: Vec<KeyRecord> = records.iter().filter(is_listed).cloned().collect();
    listed.sort_by_key(|record| (record.ends_at(), record.id));
    listed
}

async fn expiring_pages<S: KeyStore>(
    store: &S,
    start: UnixSeconds,
    until: UnixSeconds,
    limit: usize,
) -> Result<Vec<KeyRecord>, String> {
    let (mut seen, mut after) = (Vec::new(), ExpiryCursor::start(start));
    loop {
        let page = store.expiring(until, after, limit).await.map_err(told)?;
        expect(page.len() <= limit, "a page is longer than its limit")?;
        let Some(next) = page.last().map(ExpiryCursor::after) else { return Ok(seen) };
        after = next.ok_or("a key that never ends is listed among those that do")?;
        seen.extend(page);
    }
}
