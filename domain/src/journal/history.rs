//! Reading the journal of a subject.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use serde_json::Value;

use super::Subject;
use crate::{Error, Result, db::Reader};

/// One event as a reader sees it: the commitments are replaced by what they stand for, or by `{"erased": true}`.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Entry {
    /// Place in the chain, from 1.
    pub seq: i64,
    /// What was done: `ticket.plan`.
    pub act: String,
    /// Who did it.
    #[schema(value_type = Object)]
    pub actor: Value,
    /// When: by the device, corrected, by the server.
    #[schema(value_type = Object)]
    pub times: Value,
    /// What changed, row by row.
    #[schema(value_type = Vec<Object>)]
    pub changes: Value,
    /// Hash of the event, hex.
    pub hash: String,
    /// Hash of the event before it, hex.
    pub prev_hash: String,
    /// When the server took it in.
    pub recorded_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct EventRow {
    seq: i64,
    act: String,
    recorded_at: DateTime<Utc>,
    prev_hash: Vec<u8>,
    hash: Vec<u8>,
    bytes: Vec<u8>,
}

#[derive(FromQueryResult)]
struct SecretRow {
    seq: i64,
    path: String,
    value: Value,
}

/// Events of a subject after `after`, oldest first, at most `limit`.
///
/// # Errors
/// The database cannot be read.
pub async fn history(reader: &Reader<'_>, subject: Subject, after: i64, limit: u64) -> Result<Vec<Entry>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let key = || -> [sea_orm::Value; 2] { [subject.kind.name().into(), subject.id.into()] };
    let mut values = key().to_vec();
    values.extend([after.into(), limit.into()]);
    let rows = reader
        .all::<EventRow>(
            "SELECT seq, act, recorded_at, prev_hash, hash, bytes FROM event
             WHERE subject_kind = $1 AND subject_id = $2 AND seq > $3 ORDER BY seq LIMIT $4",
            values,
        )
        .await?;
    let last = rows.last().map_or(after, |row| row.seq);
    let mut values = key().to_vec();
    values.extend([after.into(), last.into()]);
    let mut secrets: BTreeMap<(i64, String), Value> = reader
        .all::<SecretRow>(
            "SELECT seq, path, value FROM event_secret
             WHERE subject_kind = $1 AND subject_id = $2 AND seq > $3 AND seq <= $4",
            values,
        )
        .await?
        .into_iter()
        .map(|row| ((row.seq, row.path), row.value))
        .collect();
    rows.into_iter().map(|row| entry(row, &mut secrets)).collect()
}

/// The latest events of a subject that were taken in from a moment on, oldest first, at most `limit`.
///
/// # Errors
/// The database cannot be read.
pub async fn since(
    reader: &Reader<'_>,
    subject: Subject,
    moment: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Entry>> {
    #[derive(FromQueryResult)]
    struct Before {
        seq: Option<i64>,
        last: Option<i64>,
    }
    let sql = "SELECT MAX(CASE WHEN recorded_at < $3 THEN seq END) AS seq, MAX(seq) AS last FROM event
               WHERE subject_kind = $1 AND subject_id = $2";
    let values = [subject.kind.name().into(), subject.id.into(), moment.into()];
    let Some(Before { seq, last }) = reader.one::<Before>(sql, values).await? else { return Ok(Vec::new()) };
    let latest = last.unwrap_or(0) - i64::try_from(limit).unwrap_or(i64::MAX);
    history(reader, subject, seq.unwrap_or(0).max(latest), limit).await
}

fn entry(row: EventRow, secrets: &mut BTreeMap<(i64, String), Value>) -> Result<Entry> {
    let mut body: Value = serde_json::from_slice(&row.bytes).map_err(Error::internal)?;
    if let Some(changes) = body.get_mut("changes").and_then(Value::as_array_mut) {
        for (index, change) in changes.iter_mut().enumerate() {
            for side in ["before", "after"] {
                let Some(columns) = change.get_mut(side).and_then(Value::as_object_mut) else { continue };
                for (column, value) in columns.iter_mut() {
                    if value.get("commitment").is_some() {
                        let path = format!("changes/{index}/{side}/{column}");
                        *value = secrets
                            .remove(&(row.seq, path))
                            .unwrap_or_else(|| serde_json::json!({ "erased": true }));
                    }
                }
            }
        }
    }
    let mut take = |name: &str| body.get_mut(name).map(Value::take).unwrap_or_default();
    Ok(Entry {
        seq: row.seq,
        act: row.act,
        actor: take("actor"),
        times: take("times"),
        changes: take("changes"),
        hash: hex::encode(row.hash),
        prev_hash: hex::encode(row.prev_hash),
        recorded_at: row.recorded_at,
    })
}

/// The hash of the last event of a chain, hex: whoever holds it holds a receipt.
///
/// # Errors
/// The database cannot be read.
pub async fn head(reader: &Reader<'_>, subject: Subject) -> Result<Option<String>> {
    #[derive(FromQueryResult)]
    struct Head {
        hash: Vec<u8>,
    }
    let head = reader
        .one::<Head>(
            "SELECT hash FROM event WHERE subject_kind = $1 AND subject_id = $2 ORDER BY seq DESC LIMIT 1",
            [subject.kind.name().into(), subject.id.into()],
        )
        .await?;
    Ok(head.map(|head| hex::encode(head.hash)))
}
