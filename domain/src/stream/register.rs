//! A phone registers the stream that it will number its acts in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{DeliveryKey, find};
use crate::{
    Code, Error, Result,
    id::{DeviceId, StreamId},
    write::Tx,
};

/// The stream of an installation of the technicians' app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterStream {
    /// Its identifier (UUIDv7), made by the phone: one for each person on each installation.
    pub stream_id: StreamId,
    /// Made (version 4 or 7) and saved by the phone before it asks: the same question with the same identifier gives the
    /// same key, another replaces it.
    pub rotation_id: Uuid,
}

/// How a phone delivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryDocument {
    /// The stream.
    pub stream_id: StreamId,
    /// The key that permits to push this stream and to upload what it announces: `Authorization: Delivery <key>`. Keep it
    /// with the queue; it is shown to nobody else.
    pub key: String,
    /// The last number of the stream that is answered for.
    pub acked_seq: i64,
}

/// Registers a stream of the technician who acts, or gives it another key. Returns how far it is answered for. The row of
/// the stream, if there is one, is locked.
///
/// # Errors
/// `stream_of_another` when somebody else has it.
pub(crate) async fn register(
    tx: &mut Tx,
    stream: StreamId,
    device: DeviceId,
    app_version: &str,
    key: &DeliveryKey,
) -> Result<i64> {
    StreamId::from_client(stream.0, "delivery.stream_id")?;
    let scope = *tx.scope();
    let Some(known) = find(&tx.reader(), stream).await? else {
        let inserted = tx
            .execute(
                "INSERT INTO sync_stream
                     (stream_id, organization_id, device_id, user_id, key_hash, last_seq, declared_seq, waiting_mutations,
                      waiting_photos, lost_mutations, app_version, last_seen_at, missed_at, created_at)
                 VALUES ($1, $2, $3, $4, $5, 0, 0, 0, 0, 0, $6, $7, NULL, $7) ON CONFLICT DO NOTHING",
                [
                    stream.0.into(),
                    scope.organization().0.into(),
                    device.0.into(),
                    scope.actor_id().into(),
                    key.hash().to_vec().into(),
                    app_version.into(),
                    tx.now().into(),
                ],
            )
            .await?;
        if inserted.rows_affected() != 1 {
            return Err(Error::restart("the stream was registered meanwhile"));
        }
        return Ok(0);
    };
    if known.user_id.0 != scope.actor_id() {
        return Err(Error::new(Code::StreamOfAnother, Code::StreamOfAnother.title()));
    }
    tx.execute(
        "UPDATE sync_stream SET key_hash = $2, app_version = $3, last_seen_at = $4 WHERE stream_id = $1",
        [stream.0.into(), key.hash().to_vec().into(), app_version.into(), tx.now().into()],
    )
    .await?;
    Ok(known.last_seq)
}
