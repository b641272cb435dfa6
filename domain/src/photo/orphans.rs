//! Objects that nobody names, and names of objects that are gone.

use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::{FromQueryResult, Value};

use super::stored::{self, REFERENCES};
use crate::{
    Result, Scope,
    blob::{BlobEntry, BlobKey, Blobs, Sha256Hash},
    db::{Db, Reader},
    id::OrganizationId,
    write::{Act, LockRank, Tx},
};

/// An object that nobody names is left alone for so many hours: whoever has just published it may be about to say so.
const GRACE_HOURS: i64 = 24;

/// Goes through at most `limit` objects behind `after` and removes those that nobody names and that were known, or seen
/// here before, longer than the grace. Returns the last one, or `None` at the end of the store, and how many are gone.
///
/// # Errors
/// Database or blob store do not answer.
pub async fn collect_orphans(
    db: &Db,
    blobs: &Arc<dyn Blobs>,
    after: Option<BlobKey>,
    limit: usize,
) -> Result<(Option<BlobKey>, usize)> {
    let page = blobs.list(after.as_ref(), limit).await?;
    let mut gone = 0;
    for entry in &page {
        if is_named(&db.reader(), &entry.key).await? {
            continue;
        }
        let collect =
            Collect { entry: *entry, grace: TimeDelta::hours(GRACE_HOURS), blobs: Arc::clone(blobs) };
        gone += usize::from(db.write(Scope::system(entry.key.organization), collect).await?);
    }
    Ok((page.last().map(|entry| entry.key), gone))
}

/// Removes an object at once, if nobody names it: its records were erased. Returns whether it is gone.
///
/// # Errors
/// Database or blob store do not answer.
pub async fn collect_now(db: &Db, blobs: &Arc<dyn Blobs>, key: BlobKey) -> Result<bool> {
    let Some(bytes) = blobs.length(key.organization, &key.sha256).await? else { return Ok(false) };
    let entry = BlobEntry { key, bytes };
    let collect = Collect { entry, grace: TimeDelta::zero(), blobs: Arc::clone(blobs) };
    db.write(Scope::system(key.organization), collect).await
}

/// Whether a record names the object.
async fn is_named(reader: &Reader<'_>, key: &BlobKey) -> Result<bool> {
    #[derive(FromQueryResult)]
    struct One {
        #[expect(dead_code, reason = "only whether there is one")]
        one: i64,
    }
    let lookups: Vec<String> = REFERENCES
        .iter()
        .map(|table| {
            format!("SELECT CAST(1 AS BIGINT) AS one FROM {table} WHERE organization_id = $1 AND sha256 = $2")
        })
        .collect();
    let sql = format!("SELECT one FROM ({}) AS named LIMIT 1", lookups.join(" UNION ALL "));
    Ok(reader.one::<One>(&sql, [key.organization.0.into(), key.sha256.into()]).await?.is_some())
}

/// Removes an object that nobody names: the row of its content is held, so that nobody comes to rest on it meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Collect {
    pub(crate) entry: BlobEntry,
    /// How long it must have been known.
    pub(crate) grace: TimeDelta,
    pub(crate) blobs: Arc<dyn Blobs>,
}

impl Act for Collect {
    const NAME: &'static str = "blob.collect";
    /// Whether it is gone.
    type Out = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool> {
        let BlobKey { organization, sha256 } = self.entry.key;
        tx.rank(LockRank::Uploads)?;
        let known = stored::seize(tx, organization, sha256, self.entry.bytes).await?;
        if is_named(&tx.reader(), &self.entry.key).await? || known + self.grace > tx.now() {
            return Ok(false);
        }
        self.blobs.remove(organization, &sha256).await?;
        stored::forget(tx, organization, sha256).await?;
        Ok(true)
    }
}

/// What comparing records with objects found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Records of content.
    pub records: u64,
    /// Objects.
    pub objects: u64,
    /// Records whose object is gone.
    pub lost: Vec<BlobKey>,
    /// Records whose object has another length or, where the bytes were read, another hash.
    pub damaged: Vec<BlobKey>,
    /// Objects of which there is no record. They are collected when their grace is over.
    pub unknown: Vec<BlobKey>,
}

#[derive(FromQueryResult)]
struct Record {
    organization_id: OrganizationId,
    sha256: Sha256Hash,
    bytes: i64,
}

/// Compares every record of content with its object, and every object with its record. `deep`: every byte is read and
/// hashed again.
///
/// # Errors
/// Database or blob store do not answer.
pub async fn reconcile(db: &Db, blobs: &dyn Blobs, deep: bool) -> Result<Reconciled> {
    const PAGE: usize = 500;
    let mut found = Reconciled::default();
    let mut after: Option<Record> = None;
    loop {
        let behind = match &after {
            Some(_) => "WHERE (organization_id, sha256) > ($2, $3)",
            None => "",
        };
        let sql = format!(
            "SELECT organization_id, sha256, bytes FROM blob {behind} ORDER BY organization_id, sha256 LIMIT $1"
        );
        let mut values: Vec<Value> = vec![i64::try_from(PAGE).unwrap_or(i64::MAX).into()];
        if let Some(record) = &after {
            values.push(record.organization_id.0.into());
            values.push(record.sha256.into());
        }
        let page = db.reader().all::<Record>(&sql, values).await?;
        for record in &page {
            found.records += 1;
            let key = BlobKey { organization: record.organization_id, sha256: record.sha256 };
            match blobs.length(key.organization, &key.sha256).await? {
                None => found.lost.push(key),
                Some(length) if length != record.bytes.unsigned_abs() => found.damaged.push(key),
                Some(_) if deep && !is_whole(blobs, &key).await? => found.damaged.push(key),
                Some(_) => {}
            }
        }
        after = page.into_iter().last();
        if after.is_none() {
            break;
        }
    }
    let mut behind = None;
    loop {
        let page = blobs.list(behind.as_ref(), PAGE).await?;
        for entry in &page {
            found.objects += 1;
            if !stored::is_known(&db.reader(), entry.key.organization, entry.key.sha256).await? {
                found.unknown.push(entry.key);
            }
        }
        behind = page.last().map(|entry| entry.key);
        if behind.is_none() {
            return Ok(found);
        }
    }
}

/// Reads an object and compares its hash.
async fn is_whole(blobs: &dyn Blobs, key: &BlobKey) -> Result<bool> {
    use futures_util::StreamExt as _;
    use sha2::{Digest as _, Sha256};
    let Some(mut read) = blobs.read(key.organization, &key.sha256, None).await? else { return Ok(false) };
    let mut hasher = Sha256::new();
    while let Some(chunk) = read.stream.next().await {
        hasher.update(chunk.map_err(crate::blob::BlobError::during("reading an object"))?);
    }
    Ok(Sha256Hash(hasher.finalize().into()) == key.sha256)
}
