//! The rows of streams.

use sea_orm::FromQueryResult;

use super::DeliveryKey;
use crate::{
    Code, Error, Result, Time,
    db::Reader,
    id::{DeviceId, OrganizationId, StreamId, UserId},
    write::{LockRank, Tx},
};

/// A stream.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct Stream {
    /// Identifier, made by the phone.
    pub stream_id: StreamId,
    /// The organization of its owner.
    pub organization_id: OrganizationId,
    /// The device on which it was made.
    pub device_id: DeviceId,
    /// Its owner.
    pub user_id: UserId,
    /// Whether its owner still works here.
    pub user_active: bool,
    /// The last number that was answered for.
    pub last_seq: i64,
    /// The highest number the phone has said it has.
    pub declared_seq: i64,
    /// How many acts wait on the phone, as it said last.
    pub waiting_mutations: i64,
    /// How many photos wait on the phone, as it said last.
    pub waiting_photos: i64,
    /// How many acts the phone has lost: it had declared them, and came back without.
    pub lost_mutations: i64,
    /// When it was heard of last.
    pub last_seen_at: Time,
    /// When it last asked what is new, to a minute.
    pub pulled_at: Option<Time>,
}

/// What every read of a [`Stream`] begins with.
const STREAM: &str = "SELECT s.stream_id, s.organization_id, s.device_id, s.user_id, u.active AS user_active, s.last_seq,
                             s.declared_seq, s.waiting_mutations, s.waiting_photos, s.lost_mutations, s.last_seen_at,
                             s.pulled_at
                      FROM sync_stream s JOIN app_user u ON u.id = s.user_id";

/// The stream of this identifier, whoever's it is: the caller compares.
///
/// # Errors
/// The database cannot be read.
pub async fn find(reader: &Reader<'_>, id: StreamId) -> Result<Option<Stream>> {
    reader.one(&format!("{STREAM} WHERE s.stream_id = $1"), [id.0.into()]).await
}

/// The stream of a delivery key.
///
/// # Errors
/// The database cannot be read.
pub async fn by_key(reader: &Reader<'_>, key: &DeliveryKey) -> Result<Option<Stream>> {
    reader.one(&format!("{STREAM} WHERE s.key_hash = $1"), [key.hash().to_vec().into()]).await
}

/// Locks a stream and reads it: what is sent on it comes one after another.
///
/// # Errors
/// `stream_of_another` when it is not registered.
pub async fn hold(tx: &mut Tx, id: StreamId) -> Result<Stream> {
    tx.lock_rows(LockRank::Stream, "sync_stream", "stream_id", [id.0]).await?;
    let found = find(&tx.reader(), id).await?;
    found.ok_or_else(|| Error::new(Code::StreamOfAnother, "the stream is not registered"))
}
