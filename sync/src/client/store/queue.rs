//! The queue of mutations, and what the server said to each.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use uuid::{Uuid, fmt::Hyphenated};

use super::{
    json,
    streams::{self, Standing, Stream},
    uuid,
};
use crate::client::{
    Answered, Mutation, Waiting,
    error::{Error, Result},
};

/// A mutation as it is sent: it says the same every time.
#[derive(Clone, Debug, Serialize)]
pub(in crate::client) struct Queued {
    pub(in crate::client) seq: i64,
    pub(in crate::client) id: Uuid,
    #[serde(rename = "type")]
    kind: String,
    schema: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_version: Option<i64>,
    occurred_at: String,
    boot_id: Uuid,
    mono_ms: i64,
    args: Value,
}

/// A mutation that is to be recorded.
#[derive(Clone, Debug)]
pub(in crate::client) struct NewMutation {
    pub(in crate::client) id: Uuid,
    pub(in crate::client) kind: String,
    pub(in crate::client) ticket_id: Option<Uuid>,
    pub(in crate::client) base_version: Option<i64>,
    pub(in crate::client) occurred_at: String,
    pub(in crate::client) boot_id: Uuid,
    pub(in crate::client) mono_ms: i64,
    pub(in crate::client) args: Value,
}

/// What the server said to a mutation.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::client) struct ResultLine {
    seq: i64,
    /// Null when the server could not read it.
    id: Option<Uuid>,
    pub(in crate::client) status: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    review_id: Option<Uuid>,
    #[serde(default)]
    pub(in crate::client) replayed: bool,
}

/// The identifiers of a stream that is to be.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) struct NewStream {
    pub(in crate::client) id: Uuid,
    pub(in crate::client) device: Uuid,
    pub(in crate::client) rotation: Uuid,
}

/// How a queue was put in order with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Went {
    /// The stream goes on at an earlier number.
    Back,
    /// Another stream has taken over what waits.
    Over(Uuid),
    /// That would need somebody signed in: it waits for him.
    Broken,
}

fn queued(row: &SqliteRow) -> Result<Queued> {
    Ok(Queued {
        seq: row.try_get("seq")?,
        id: uuid(row.try_get::<Hyphenated, _>("id")?),
        kind: row.try_get("type")?,
        schema: row.try_get("schema")?,
        ticket_id: row.try_get::<Option<Hyphenated>, _>("ticket_id")?.map(uuid),
        base_version: row.try_get("base_version")?,
        occurred_at: row.try_get("occurred_at")?,
        boot_id: uuid(row.try_get::<Hyphenated, _>("boot_id")?),
        mono_ms: row.try_get("mono_ms")?,
        args: json(row.try_get("args")?)?,
    })
}

fn mutation(row: &SqliteRow) -> Result<Mutation> {
    let answer = match row.try_get::<Option<String>, _>("status")? {
        Some(status) => Some(Answered {
            status,
            code: row.try_get("code")?,
            result: row.try_get::<Option<String>, _>("result")?.map(|text| json(&text)).transpose()?,
            review_id: row.try_get::<Option<Hyphenated>, _>("review_id")?.map(uuid),
            at_ms: row.try_get("answered_ms")?,
        }),
        None => None,
    };
    let line = queued(row)?;
    Ok(Mutation {
        stream_id: uuid(row.try_get::<Hyphenated, _>("stream_id")?),
        user_id: uuid(row.try_get::<Hyphenated, _>("user_id")?),
        seq: line.seq,
        id: line.id,
        kind: line.kind,
        ticket_id: line.ticket_id,
        base_version: line.base_version,
        occurred_at: line.occurred_at,
        args: line.args,
        waits: line.seq > row.try_get::<i64, _>("acked_seq")?,
        answer,
    })
}

/// Records a mutation at the end of a stream; its number.
pub(in crate::client) async fn append(
    tx: &mut SqliteConnection,
    stream: &Stream,
    new: &NewMutation,
) -> Result<i64> {
    let seq = last(tx, stream).await? + 1;
    sqlx::query(
        "INSERT INTO mutation (id, stream_id, seq, type, schema, ticket_id, base_version, occurred_at, boot_id, mono_ms,
             args)
         VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10)",
    )
    .bind(new.id.hyphenated())
    .bind(stream.id.hyphenated())
    .bind(seq)
    .bind(&new.kind)
    .bind(new.ticket_id.map(Uuid::hyphenated))
    .bind(new.base_version)
    .bind(&new.occurred_at)
    .bind(new.boot_id.hyphenated())
    .bind(new.mono_ms)
    .bind(new.args.to_string())
    .execute(tx)
    .await?;
    Ok(seq)
}

/// What waits in a stream, in order, at most `limit`.
pub(in crate::client) async fn waiting(
    tx: &mut SqliteConnection,
    stream: &Stream,
    limit: i64,
) -> Result<Vec<Queued>> {
    let rows = sqlx::query("SELECT * FROM mutation WHERE stream_id = $1 AND seq > $2 ORDER BY seq LIMIT $3")
        .bind(stream.id.hyphenated())
        .bind(stream.acked)
        .bind(limit)
        .fetch_all(tx)
        .await?;
    rows.iter().map(queued).collect()
}

/// Mutations and photos that wait: those of one person, or of everybody on this phone.
pub(in crate::client) async fn count(tx: &mut SqliteConnection, user: Option<Uuid>) -> Result<Waiting> {
    let user = user.map(Uuid::hyphenated);
    let mutations = sqlx::query_scalar(
        "SELECT count(*) FROM mutation JOIN stream USING (stream_id)
         WHERE ($1 IS NULL OR stream.user_id = $1) AND mutation.seq > stream.acked_seq",
    )
    .bind(user)
    .fetch_one(&mut *tx)
    .await?;
    let photos = sqlx::query_scalar(
        "SELECT count(*) FROM photo JOIN mutation ON mutation.id = photo.mutation_id
         JOIN stream USING (stream_id)
         WHERE ($1 IS NULL OR stream.user_id = $1) AND photo.state IN ('queued', 'sent')",
    )
    .bind(user)
    .fetch_one(tx)
    .await?;
    Ok(Waiting { mutations, photos })
}

/// Keeps what the server said to the next of a stream; the stream stands behind them then.
pub(in crate::client) async fn answer(
    tx: &mut SqliteConnection,
    stream: &mut Stream,
    results: &[&ResultLine],
    now_ms: i64,
) -> Result<()> {
    for line in results {
        // What the server has dealt with so long ago that it no longer knows how keeps the answer it had.
        let forgotten = line.code.as_deref() == Some("forgotten");
        sqlx::query(
            "UPDATE mutation SET status = $3, code = $4, result = $5, review_id = $6, answered_ms = $7
             WHERE stream_id = $1 AND seq = $2 AND ($8 = 0 OR status IS NULL)",
        )
        .bind(stream.id.hyphenated())
        .bind(line.seq)
        .bind(&line.status)
        .bind(line.code.as_deref())
        .bind(line.result.as_ref().map(Value::to_string))
        .bind(line.review_id.map(Uuid::hyphenated))
        .bind(now_ms)
        .bind(forgotten)
        .execute(&mut *tx)
        .await?;
        stream.acked = line.seq;
    }
    streams::save(tx, stream).await
}

/// The server says how far it knows a stream. One that knows less than it had answered for, or that was restored since,
/// is sent again what is kept; `None` when nothing is to be done.
pub(in crate::client) async fn meet(
    tx: &mut SqliteConnection,
    stream: &Stream,
    incarnation: Uuid,
    acked: i64,
    new: NewStream,
) -> Result<Option<Went>> {
    let restored = stream.incarnation.is_some_and(|known| known != incarnation);
    let stream = Stream { incarnation: Some(incarnation), ..stream.clone() };
    streams::save(tx, &stream).await?;
    if acked >= stream.acked && !restored {
        return Ok(None);
    }
    go_back(tx, &stream, acked.min(stream.acked) + 1, new).await.map(Some)
}

/// The server knows the stream only up to before `seq`. Everything that is kept is sent again, not only what is missing:
/// where another phone has used the stream meanwhile, its acts stand under numbers of ours, and only the content tells. When
/// the phone no longer has everything from `seq` on, a new stream takes over what it has.
pub(in crate::client) async fn go_back(
    tx: &mut SqliteConnection,
    stream: &Stream,
    seq: i64,
    new: NewStream,
) -> Result<Went> {
    let next = stream.acked + 1;
    let kept = sqlx::query_scalar::<_, i64>(
        "SELECT seq FROM mutation WHERE stream_id = $1 AND seq <= $2 ORDER BY seq DESC",
    )
    .bind(stream.id.hyphenated())
    .bind(stream.acked)
    .fetch_all(&mut *tx)
    .await?;
    let unbroken = (1..next).rev().zip(&kept).take_while(|(wanted, seq)| wanted == *seq).count();
    let first = next - i64::try_from(unbroken).unwrap_or_default();
    if seq < first || seq > next {
        return take_over(tx, stream, seq.clamp(1, next), new).await;
    }
    forget_uploads(tx, stream, first).await?;
    streams::save(tx, &Stream { acked: first - 1, ..stream.clone() }).await?;
    Ok(Went::Back)
}

/// Another stream takes over everything from `seq` on; the identifiers stay. It is the one by which its owner works on this
/// phone now, or a new one, numbered from 1, with a new device: where two phones share a stream, they share the device too.
pub(in crate::client) async fn take_over(
    tx: &mut SqliteConnection,
    stream: &Stream,
    seq: i64,
    new: NewStream,
) -> Result<Went> {
    let current = streams::current(tx).await?.filter(|current| current.user == stream.user);
    let (target, next) = match current {
        Some(current) if current.id != stream.id => {
            let next = last(tx, &current).await? + 1;
            (current, next)
        }
        _ if stream.access.is_none() => {
            streams::save(tx, &Stream { broken: true, ..stream.clone() }).await?;
            return Ok(Went::Broken);
        }
        _ => {
            let NewStream { id, device, rotation } = new;
            let new = Stream { id, device, rotation, key: None, broken: false, acked: 0, ..stream.clone() };
            (new, 1)
        }
    };
    forget_uploads(tx, stream, seq).await?;
    let old = Stream {
        standing: Standing::Retired,
        broken: false,
        access: None,
        refresh: None,
        refresh_rotation: None,
        acked: stream.acked.min(seq - 1),
        ..stream.clone()
    };
    streams::save(tx, &old).await?;
    streams::save(tx, &target).await?;
    let moved = sqlx::query_scalar::<_, String>(
        "SELECT id FROM mutation WHERE stream_id = $1 AND seq >= $2 ORDER BY seq",
    )
    .bind(stream.id.hyphenated())
    .bind(seq)
    .fetch_all(&mut *tx)
    .await?;
    for (at, mutation) in (next..).zip(&moved) {
        sqlx::query("UPDATE mutation SET stream_id = $2, seq = $3 WHERE id = $1")
            .bind(mutation)
            .bind(target.id.hyphenated())
            .bind(at)
            .execute(&mut *tx)
            .await?;
    }
    Ok(Went::Over(target.id))
}

/// The last number that was used in a stream.
async fn last(tx: &mut SqliteConnection, stream: &Stream) -> Result<i64> {
    let last: Option<i64> = sqlx::query_scalar("SELECT max(seq) FROM mutation WHERE stream_id = $1")
        .bind(stream.id.hyphenated())
        .fetch_one(tx)
        .await?;
    Ok(last.unwrap_or_default().max(stream.acked))
}

/// Photos of what is sent again are offered again: the server may have lost them too. What it has, it says at once.
async fn forget_uploads(tx: &mut SqliteConnection, stream: &Stream, seq: i64) -> Result<()> {
    sqlx::query(
        "UPDATE photo SET state = 'queued', upload = NULL, upload_offset = 0, done_ms = NULL
         WHERE state IN ('sent', 'done')
           AND mutation_id IN (SELECT id FROM mutation WHERE stream_id = $1 AND seq >= $2)",
    )
    .bind(stream.id.hyphenated())
    .bind(seq)
    .execute(tx)
    .await?;
    Ok(())
}

/// Every mutation that is kept, stream by stream, in order.
pub(in crate::client) async fn all(tx: &mut SqliteConnection) -> Result<Vec<Mutation>> {
    let rows = sqlx::query(
        "SELECT mutation.*, stream.user_id, stream.acked_seq FROM mutation JOIN stream USING (stream_id)
         ORDER BY stream.rowid, seq",
    )
    .fetch_all(tx)
    .await?;
    rows.iter().map(mutation).collect()
}

/// Lets go of what was answered before `before_ms` and has no photo that is still kept.
pub(in crate::client) async fn purge(tx: &mut SqliteConnection, before_ms: i64) -> Result<()> {
    sqlx::query(
        "DELETE FROM mutation WHERE answered_ms < $1
           AND seq <= (SELECT acked_seq FROM stream WHERE stream.stream_id = mutation.stream_id)
           AND NOT EXISTS (SELECT 1 FROM photo WHERE photo.mutation_id = mutation.id)",
    )
    .bind(before_ms)
    .execute(tx)
    .await?;
    Ok(())
}

impl ResultLine {
    /// That this is an answer to `queued`.
    pub(in crate::client) fn check(&self, queued: &Queued) -> Result<()> {
        let known = matches!(self.status.as_str(), "applied" | "merged" | "held_for_review" | "refused");
        if known && self.seq == queued.seq && self.id.is_none_or(|id| id == queued.id) {
            return Ok(());
        }
        Err(Error::Unreachable(format!("{} {} is no answer to {}", self.seq, self.status, queued.seq)))
    }
}
