//! Pull: what changed for a phone since it last asked, with the documents, from one moment of the database.
//!
//! Which feeds a phone reads follows from who asks, never from what it sends. A pull costs its changes, not the table.

mod cursor;
mod feeds;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use naryad_domain::{
    Code, Error, Result, Scope,
    alert::{self, NewAlert},
    auth::ServerSecret,
    db::{Db, Reader},
    feed::EntityKind,
    id::{DeviceId, StreamId},
    incarnation::{self, Renew},
    stream::{self, Seen, Stream, Waiting},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use self::{
    cursor::{Cursor, Place, resync},
    feeds::Feed,
};
use crate::document::{self, PhoneDocument};

/// The protocols that are spoken here.
pub const PROTOCOLS: &[i64] = &[1];
/// Changes in one answer when the phone does not say.
const DEFAULT_LIMIT: u32 = 200;
/// Changes in one answer at most.
pub const MOST: u32 = 500;

/// The reason of a resync that tells of a restored database.
const AHEAD: &str = "ahead_of_head";

/// What a phone asks.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct PullRequest {
    /// Which protocol it speaks.
    #[schema(example = 1)]
    pub protocol: i64,
    /// The newest schema of documents that it reads.
    #[schema(example = 1)]
    pub schema: i64,
    /// The device.
    pub device_id: DeviceId,
    /// Its stream.
    pub stream_id: StreamId,
    /// Where it stands: as the last answer said; null: it begins.
    pub cursor: Option<String>,
    /// How many changes at most.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// What waits on the phone.
    #[serde(default)]
    pub waiting: Option<Waiting>,
    /// What it held did not add up to the digest of the last answer: it begins anew, and the desk is told.
    #[serde(default)]
    pub mismatch: bool,
}

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOp {
    /// The phone has the entity, as in `data`.
    Put,
    /// The phone lets it go; `reason` says why.
    Remove,
}

/// A change of a feed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PulledChange {
    /// The feed.
    pub feed: Uuid,
    /// What happens.
    pub op: ChangeOp,
    /// What kind of entity: `ticket`, `premises`...
    pub entity: String,
    /// Which one.
    pub id: Uuid,
    /// The version of its document.
    pub doc_version: i64,
    /// The document, of the kind that `entity` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub data: Option<PhoneDocument>,
    /// Why it leaves: `unassigned`, `cancelled`, `expired`, `released`, `retired`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a feed holds: what the phone must hold of it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeedSum {
    /// The feed.
    pub feed: Uuid,
    /// How far it goes.
    pub head: i64,
    /// How many entities.
    pub count: i64,
    /// Their digest, a whole number of 64 bits in decimal digits.
    #[schema(example = "-4571283791823")]
    pub digest: String,
}

/// The answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PullAnswer {
    /// Where the phone stands after this answer.
    pub cursor: String,
    /// Whether there is more: pull again at once.
    pub has_more: bool,
    /// The clock of the service.
    pub server_time: DateTime<Utc>,
    /// The changes, in their order.
    pub changes: Vec<PulledChange>,
    /// What the feeds hold; only where there is no more.
    pub feeds: Vec<FeedSum>,
    /// Feeds that are the phone's no longer: it lets go of all it has of them.
    pub dropped_feeds: Vec<Uuid>,
    /// The highest number of the stream that is answered for.
    pub acked_seq: i64,
    /// Another one after every restore of the database from a backup: a phone that sees a new one sends again everything it
    /// keeps, for another may have used its stream meanwhile.
    pub incarnation: Uuid,
}

/// Answers a pull. The scope is a technician's.
///
/// # Errors
/// `protocol_unknown`; `invalid_field` for the limit; `stream_of_another`; `user_inactive` for one who was let go or is
/// no technician any more; `resync_required` with the reason.
pub async fn pull(db: &Db, scope: Scope, secret: &ServerSecret, request: &PullRequest) -> Result<PullAnswer> {
    if !PROTOCOLS.contains(&request.protocol) {
        return Err(
            Error::new(Code::ProtocolUnknown, Code::ProtocolUnknown.title()).with("supported", PROTOCOLS)
        );
    }
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 || limit > MOST {
        return Err(Error::field("limit", format!("must be from 1 to {MOST}")));
    }
    let asked_at = db.clock().now();
    let snapshot = db.snapshot().await?;
    let answered = answer(&snapshot.reader(), &scope, secret, request, limit as usize, asked_at).await;
    snapshot.close().await;
    if let Err(error) = &answered
        && error.details().get("reason").and_then(Value::as_str) == Some(AHEAD)
    {
        // The phone holds what this database has never said: an older one was put in its place.
        let seen = request.cursor_incarnation(secret);
        let why = "a phone has a signed place beyond the head of a feed";
        db.write(Scope::system(scope.organization()), Renew { why, seen }).await?;
    }
    let (answer, stream) = answered?;
    if request.mismatch && request.cursor.is_none() {
        tracing::warn!(stream = %request.stream_id, "what a phone held did not add up to its feed; it begins anew");
        let organization = scope.organization();
        let alert = NewAlert { kind: "phone_mismatch", organization, executor: None, ticket: None };
        db.write(Scope::system(organization), alert::Raise { alert }).await?;
    }
    if stream.is_behind(asked_at) || stream.is_news(request.waiting, asked_at) {
        let Stream { stream_id: stream, .. } = stream;
        db.write(scope, Seen { stream, waiting: request.waiting, pulled_at: Some(asked_at) }).await?;
    }
    Ok(answer)
}

impl PullRequest {
    fn cursor_incarnation(&self, secret: &ServerSecret) -> Option<Uuid> {
        Some(Cursor::open(self.cursor.as_deref()?, secret).ok()?.incarnation)
    }
}

async fn answer(
    reader: &Reader<'_>,
    scope: &Scope,
    secret: &ServerSecret,
    request: &PullRequest,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<(PullAnswer, Stream)> {
    let user = scope.actor_id();
    let stream = stream::find(reader, request.stream_id).await?;
    let Some(stream) = stream.filter(|stream| stream.user_id.0 == user) else {
        return Err(Error::new(Code::StreamOfAnother, Code::StreamOfAnother.title()));
    };
    if !stream.user_active {
        return Err(Error::new(Code::UserInactive, Code::UserInactive.title()));
    }
    let incarnation = incarnation::current(reader).await?;
    let feeds = feeds::of(reader, scope).await?;
    let before = match &request.cursor {
        Some(text) => Some(Cursor::open(text, secret)?),
        None => None,
    };
    let (mut places, dropped_feeds) = places(&feeds, before, user, incarnation)?;
    let mut changes = Vec::new();
    let mut has_more = false;
    for feed in &feeds {
        let Some(place) = places.get_mut(&feed.feed_id) else { continue };
        if place.seq >= feed.head {
            continue;
        }
        let left = limit - changes.len();
        if left == 0 {
            has_more = true;
            break;
        }
        let found = feeds::changes(reader, feed.feed_id, place, left).await?;
        match found.last() {
            Some(last) if found.len() == left && last.seq < feed.head => {
                place.seq = last.seq;
                has_more = true;
            }
            _ => place.seq = feed.head,
        }
        if place.seq >= place.fresh_until {
            place.fresh_until = 0;
        }
        changes.extend(found.into_iter().map(|change| (feed.feed_id, change)));
    }
    let sums = feeds.iter().map(|feed| FeedSum {
        feed: feed.feed_id,
        head: feed.head,
        count: feed.live_count,
        digest: feed.digest.to_string(),
    });
    let answer = PullAnswer {
        has_more,
        server_time: now,
        feeds: if has_more { Vec::new() } else { sums.collect() },
        changes: with_documents(reader, scope, changes).await?,
        dropped_feeds,
        acked_seq: stream.last_seq,
        incarnation,
        cursor: Cursor { user, incarnation, feeds: places }.seal(secret)?,
    };
    Ok((answer, stream))
}

/// Where to go on in each feed, and which are the phone's no longer.
fn places(
    feeds: &[Feed],
    before: Option<Cursor>,
    user: Uuid,
    incarnation: Uuid,
) -> Result<(BTreeMap<Uuid, Place>, Vec<Uuid>)> {
    let known = match before {
        None => BTreeMap::new(),
        Some(cursor) if cursor.user != user => return Err(resync("other_user")),
        Some(cursor) if cursor.incarnation != incarnation => return Err(resync("epoch_changed")),
        Some(cursor) => cursor.feeds,
    };
    let mut places = BTreeMap::new();
    for feed in feeds {
        let place = match known.get(&feed.feed_id) {
            None => Place { epoch: feed.epoch, seq: 0, fresh_until: feed.head },
            Some(place) if place.epoch != feed.epoch => return Err(resync("epoch_changed")),
            Some(place) if place.seq > feed.head => return Err(resync(AHEAD)),
            Some(place) if place.seq.max(place.fresh_until) < feed.floor => {
                return Err(resync("cursor_expired"));
            }
            Some(place) => *place,
        };
        places.insert(feed.feed_id, place);
    }
    let dropped = known.into_keys().filter(|feed| !places.contains_key(feed)).collect();
    Ok((places, dropped))
}

/// The changes with the documents of what is put, read in batches.
async fn with_documents(
    reader: &Reader<'_>,
    scope: &Scope,
    changes: Vec<(Uuid, crate::Change)>,
) -> Result<Vec<PulledChange>> {
    let mut wanted: BTreeMap<(Uuid, EntityKind), BTreeSet<Uuid>> = BTreeMap::new();
    for (feed, change) in &changes {
        if matches!(change.op, crate::Op::Put { .. }) {
            wanted.entry((*feed, change.entity)).or_default().insert(change.id);
        }
    }
    let mut documents = BTreeMap::new();
    for ((feed, kind), ids) in wanted {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        documents.insert((feed, kind), document::load(reader, scope, feed, kind, &ids).await?);
    }
    let told = changes.into_iter().map(|(feed, change)| {
        let name = change.entity.name();
        let (op, doc_version, data, reason) = match change.op {
            crate::Op::Put { doc_version } => {
                let all = documents.get_mut(&(feed, change.entity));
                match all.and_then(|all| all.remove(&change.id)) {
                    Some(data) => (ChangeOp::Put, doc_version, Some(data), None),
                    // The feed says more than there is. The phone goes on without it; its digest will say so.
                    None => {
                        tracing::error!(%feed, entity = name, id = %change.id, "a feed holds what has no document");
                        (ChangeOp::Remove, doc_version, None, Some("gone".to_owned()))
                    }
                }
            }
            crate::Op::Remove { reason, doc_version } => (ChangeOp::Remove, doc_version, None, Some(reason)),
        };
        PulledChange { feed, op, entity: name.to_owned(), id: change.id, doc_version, data, reason }
    });
    Ok(told.collect())
}
