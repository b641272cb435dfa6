//! Idempotent answers: the effect and its answer are one commit.

use sea_orm::{FromQueryResult, Value};
use sha2::{Digest, Sha256};

use super::{LockRank, Tx};
use crate::{Code, Error, Result};

/// An idempotency key with what it is bound to: organization and actor come from the scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    route: String,
    key: String,
    request: [u8; 32],
}

impl IdempotencyKey {
    /// The key a client sent (1..=255 visible ASCII characters) for a request to `route` with this body.
    ///
    /// # Errors
    /// `invalid_field` when the key is empty, too long or not visible ASCII.
    pub fn new(route: &str, key: &str, body: &[u8]) -> Result<Self> {
        if key.is_empty() || key.len() > 255 || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::field("Idempotency-Key", "must be 1 to 255 visible ASCII characters"));
        }
        Ok(Self { route: route.to_owned(), key: key.to_owned(), request: Sha256::digest(body).into() })
    }
}

/// An answer, opaque to the domain: kept and replayed byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Status of the transport.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

#[derive(FromQueryResult)]
struct Kept {
    request_hash: Vec<u8>,
    status: i64,
    headers: serde_json::Value,
    body: Vec<u8>,
}

fn place(tx: &Tx, key: &IdempotencyKey) -> [Value; 4] {
    let scope = tx.scope();
    [scope.organization().0.into(), scope.actor_id().into(), key.route.clone().into(), key.key.clone().into()]
}

/// Takes the key, or returns the answer that stands under it. A second client with the same key waits here until the
/// first has committed.
pub(super) async fn claim(tx: &mut Tx, key: &IdempotencyKey) -> Result<Option<Reply>> {
    tx.rank(LockRank::Stream)?;
    let mut values = place(tx, key).to_vec();
    values.extend([
        key.request.to_vec().into(),
        0_i64.into(),
        serde_json::json!([]).into(),
        Vec::<u8>::new().into(),
        tx.now().into(),
    ]);
    let taken = tx
        .execute(
            "INSERT INTO idempotency_key
                 (organization_id, actor_id, route, key, request_hash, status, headers, body, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            values,
        )
        .await?;
    if taken.rows_affected() == 1 {
        return Ok(None);
    }
    let kept = tx
        .reader()
        .one::<Kept>(
            "SELECT request_hash, status, headers, body FROM idempotency_key
             WHERE organization_id = $1 AND actor_id = $2 AND route = $3 AND key = $4",
            place(tx, key),
        )
        .await?
        .ok_or_else(|| Error::restart("the idempotency key was swept away"))?;
    if kept.request_hash != key.request {
        return Err(Error::new(Code::IdempotencyMismatch, Code::IdempotencyMismatch.title()));
    }
    Ok(Some(Reply {
        status: u16::try_from(kept.status).map_err(Error::internal)?,
        headers: serde_json::from_value(kept.headers).map_err(Error::internal)?,
        body: kept.body,
    }))
}

/// Keeps the answer under the key.
pub(super) async fn keep(tx: &Tx, key: &IdempotencyKey, reply: &Reply) -> Result<()> {
    let mut values = place(tx, key).to_vec();
    values.extend([
        i64::from(reply.status).into(),
        serde_json::json!(reply.headers).into(),
        reply.body.clone().into(),
    ]);
    tx.execute(
        "UPDATE idempotency_key SET status = $5, headers = $6, body = $7
         WHERE organization_id = $1 AND actor_id = $2 AND route = $3 AND key = $4",
        values,
    )
    .await?;
    Ok(())
}
