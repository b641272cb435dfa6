//! Push: a phone delivers what it recorded. Each act gets exactly one terminal answer, kept with it; nothing but a failing
//! infrastructure stops the queue.

mod act;
mod chunk;
mod clock;
mod envelope;
mod judge;
mod schema;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use naryad_domain::{
    Code, Error, Result, Scope,
    db::Db,
    id::{DeviceId, MutationId, ReviewId, StreamId},
    incarnation,
    stream::{self, MutationStatus, Seen, Stream, Waiting},
    text::Line,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::envelope::PushedMutation;
pub(crate) use self::{act::Recorded, clock::drifted};
use self::{chunk::Chunk, envelope::Envelope};

/// Acts in one push.
pub const MOST: usize = 100;
/// Acts in one write.
const CHUNK: usize = 25;

/// What a phone delivers: at most 100 acts, at most 1 MiB.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct PushRequest {
    /// Which protocol the phone speaks; every number is answered.
    #[schema(example = 1)]
    pub protocol: i64,
    /// The device.
    pub device_id: DeviceId,
    /// The stream.
    pub stream_id: StreamId,
    /// The version of the app.
    #[serde(default)]
    pub app_version: Option<Line<40>>,
    /// What the clock of the device shows.
    pub device_now: DateTime<Utc>,
    /// This start of the device.
    pub boot_id: Uuid,
    /// Milliseconds since this start.
    #[schema(minimum = 0)]
    pub mono_ms: i64,
    /// What waits on the phone when this push has been answered.
    #[serde(default)]
    pub waiting: Option<Waiting>,
    /// The acts, in the order of their numbers, without a gap.
    #[schema(value_type = Vec<PushedMutation>, max_items = 100)]
    pub mutations: Vec<Value>,
}

/// What became of one act.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PushResult {
    /// Its number.
    pub seq: i64,
    /// Its identifier, as it was sent.
    pub id: Option<MutationId>,
    /// What became of it.
    pub status: MutationStatus,
    /// Why it was held or refused: a code of the list of errors.
    pub code: Option<String>,
    /// What it came to: the identifier and number of a new ticket, which fields were wrong.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// The review it waits in.
    pub review_id: Option<ReviewId>,
    /// It had been answered before.
    pub replayed: bool,
}

/// Why the rest was not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Stop {
    /// A code of the list of errors.
    pub code: String,
    /// Send the rest again after so many seconds.
    pub retry_after: u64,
}

/// The answers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PushAnswer {
    /// The last number of the stream that is answered for.
    pub acked_seq: i64,
    /// Another one after every restore of the database from a backup: a phone that sees a new one sends again everything it
    /// keeps, for another may have used its stream meanwhile.
    pub incarnation: Uuid,
    /// The answers, in the order of the numbers.
    pub results: Vec<PushResult>,
    /// Absent: all were answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
}

/// A push as it is worked through.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) stream: StreamId,
    pub(crate) device_now: DateTime<Utc>,
    pub(crate) boot_id: Uuid,
    pub(crate) mono_ms: i64,
    pub(crate) waiting: Option<Waiting>,
    pub(crate) app_version: Option<String>,
    pub(crate) items: Vec<Envelope>,
}

/// Takes in what a phone delivers. The scope is that of the stream's owner.
///
/// # Errors
/// `stream_of_another` for a stream that is not the scope's; `expected_seq` for a gap; `stream_forked` when another phone
/// has used the numbers; `invalid_field` for numbers that do not follow each other; `unavailable` when nothing could be
/// looked at.
pub async fn push(db: &Db, scope: Scope, request: PushRequest) -> Result<PushAnswer> {
    let known = stream::find(&db.reader(), request.stream_id).await?;
    let owned = |stream: &Stream| {
        stream.user_id.0 == scope.actor_id() && stream.organization_id == scope.organization()
    };
    let Some(known) = known.filter(owned) else {
        return Err(Error::new(Code::StreamOfAnother, Code::StreamOfAnother.title()));
    };
    let items = envelope::read(request.mutations)?;
    let batch = Arc::new(Batch {
        stream: request.stream_id,
        device_now: request.device_now,
        boot_id: request.boot_id,
        mono_ms: request.mono_ms,
        waiting: request.waiting,
        app_version: request.app_version.map(Line::into_string),
        items,
    });
    let incarnation = incarnation::current(&db.reader()).await?;
    let mut answer = PushAnswer { acked_seq: known.last_seq, incarnation, results: Vec::new(), stop: None };
    if batch.items.is_empty() {
        if known.is_news(request.waiting, db.clock().now()) {
            db.write(scope, Seen { stream: request.stream_id, waiting: request.waiting, pulled_at: None })
                .await?;
        }
        return Ok(answer);
    }
    let mut from = 0;
    while from < batch.items.len() {
        match db.write(scope, Chunk { batch: Arc::clone(&batch), from }).await {
            Ok(done) => {
                from += done.results.len();
                answer.acked_seq = done.acked_seq;
                answer.results.extend(done.results);
            }
            Err(error) if from > 0 && judge::is_infrastructure(&error) => {
                tracing::warn!(stream = %request.stream_id, %error, "a push stops half-way");
                answer.stop = Some(Stop { code: error.code().name().to_owned(), retry_after: 5 });
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(answer)
}
