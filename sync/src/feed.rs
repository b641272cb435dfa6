//! Reading a feed as a phone does: what changed after a place, in the order of the commits.

use naryad_domain::{Error, Result, db::Reader, feed::EntityKind};
use sea_orm::FromQueryResult;
use uuid::Uuid;

/// What a change does to the phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// The phone has the entity, at this version.
    Put {
        /// Version of the document.
        doc_version: i64,
    },
    /// The phone lets the entity go.
    Remove {
        /// Why.
        reason: String,
        /// Version of the document that it had.
        doc_version: i64,
    },
}

/// A change of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Place in the feed.
    pub seq: i64,
    /// What it is about.
    pub entity: EntityKind,
    /// Which one.
    pub id: Uuid,
    /// What happened to it.
    pub op: Op,
}

#[derive(FromQueryResult)]
struct Row {
    seq: i64,
    entity: String,
    entity_id: Uuid,
    op: String,
    reason: Option<String>,
    doc_version: i64,
}

/// Changes of a feed after `cursor`, at most `limit`, in order. Costs what changed, not what there is.
///
/// # Errors
/// The database cannot be read, or a row is not a change.
pub async fn read(reader: &Reader<'_>, feed: Uuid, cursor: i64, limit: i64) -> Result<Vec<Change>> {
    read_fresh(reader, feed, cursor, 0, limit).await
}

/// The same for a phone that begins: removes up to `fresh_until` take away what it has never had.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_fresh(
    reader: &Reader<'_>,
    feed: Uuid,
    cursor: i64,
    fresh_until: i64,
    limit: i64,
) -> Result<Vec<Change>> {
    let rows = reader
        .all::<Row>(
            "SELECT seq, entity, entity_id, op, reason, doc_version FROM sync_change
             WHERE feed_id = $1 AND seq > $2 AND (op = 'put' OR seq > $3) ORDER BY seq LIMIT $4",
            [feed.into(), cursor.into(), fresh_until.into(), limit.into()],
        )
        .await?;
    rows.into_iter()
        .map(|row| {
            let bad =
                |column: &str| Error::internal(format!("sync_change {feed} {}, column {column}", row.seq));
            let entity = EntityKind::from_name(&row.entity).ok_or_else(|| bad("entity"))?;
            let op = match (row.op.as_str(), row.reason) {
                ("put", None) => Op::Put { doc_version: row.doc_version },
                ("remove", Some(reason)) => Op::Remove { reason, doc_version: row.doc_version },
                _ => return Err(bad("op")),
            };
            Ok(Change { seq: row.seq, entity, id: row.entity_id, op })
        })
        .collect()
}
