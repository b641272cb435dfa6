//! What a phone says of itself with each contact: how far it has recorded, and how much still waits. So the desk sees a
//! phone that came back empty, or never came back.

use chrono::TimeDelta;
use sea_orm::FromQueryResult;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Stream, hold};
use crate::{
    Result, Time,
    alert::{self, NewAlert},
    db::{Db, placeholders},
    id::{OrganizationId, StreamId},
    write::{Act, Tx},
};

/// What still waits on the phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// Acts that nobody has answered for.
    #[schema(minimum = 0)]
    pub mutations: u32,
    /// Photos whose bytes have not all been taken.
    #[schema(minimum = 0)]
    pub photos: u32,
    /// The highest number the phone has given to an act of this stream; absent: it does not say.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub recorded_seq: Option<u32>,
}

/// A phone with waiting work that has not been heard of for so long is missed, in hours.
pub const MISSED_HOURS: i64 = 24;

/// Notes how far the stream is answered for, and what the phone says of itself. A phone that has recorded less than it
/// had has lost work: its desk is alerted.
///
/// # Errors
/// The database cannot be written.
pub async fn advance(
    tx: &mut Tx,
    stream: &Stream,
    last_seq: i64,
    waiting: Option<Waiting>,
    app_version: Option<&str>,
) -> Result<()> {
    let said = waiting.and_then(|waiting| waiting.recorded_seq).map(i64::from);
    let recorded = said.map_or(stream.declared_seq, |said| said.max(last_seq)).max(last_seq);
    let lost = (stream.declared_seq - recorded).max(0);
    tx.execute(
        "UPDATE sync_stream SET last_seq = $2, declared_seq = $3, lost_mutations = lost_mutations + $4,
             waiting_mutations = $5, waiting_photos = $6, last_seen_at = $7, missed_at = NULL,
             app_version = COALESCE($8, app_version)
         WHERE stream_id = $1",
        [
            stream.stream_id.0.into(),
            last_seq.into(),
            recorded.into(),
            lost.into(),
            waiting.map_or(stream.waiting_mutations, |waiting| waiting.mutations.into()).into(),
            waiting.map_or(stream.waiting_photos, |waiting| waiting.photos.into()).into(),
            tx.now().into(),
            app_version.map(str::to_owned).into(),
        ],
    )
    .await?;
    if lost > 0 {
        tracing::warn!(stream = %stream.stream_id, lost, "a phone came back with less than it had recorded");
        let organization = stream.organization_id;
        let alert = NewAlert { kind: "phone_lost_work", organization, executor: None, ticket: None };
        alert::raise(tx, alert).await?;
    }
    Ok(())
}

/// A phone was heard of without sending anything.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Its stream.
    pub stream: StreamId,
    /// What it says of itself.
    pub waiting: Option<Waiting>,
    /// When it asked what is new, if it did.
    pub pulled_at: Option<Time>,
}

impl Act for Seen {
    const NAME: &'static str = "sync.seen";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let stream = hold(tx, self.stream).await?;
        advance(tx, &stream, stream.last_seq, self.waiting, None).await?;
        if let Some(at) = self.pulled_at {
            let sql = "UPDATE sync_stream SET pulled_at = $2 WHERE stream_id = $1";
            tx.execute(sql, [stream.stream_id.0.into(), at.into()]).await?;
        }
        Ok(())
    }
}

/// A stream is heard of without a word in the database this often at most, in seconds.
const NOTED_EVERY: i64 = 60;

impl Stream {
    /// Whether what the phone says is news, or it was not noted for a while.
    pub fn is_news(&self, waiting: Option<Waiting>, now: Time) -> bool {
        let same = waiting.is_none_or(|waiting| {
            i64::from(waiting.mutations) == self.waiting_mutations
                && i64::from(waiting.photos) == self.waiting_photos
                && waiting.recorded_seq.is_none_or(|said| i64::from(said) == self.declared_seq)
        });
        !same || now - self.last_seen_at >= TimeDelta::seconds(NOTED_EVERY)
    }

    /// Whether no pull was noted for a while.
    pub fn is_behind(&self, now: Time) -> bool {
        self.pulled_at.is_none_or(|at| now - at >= TimeDelta::seconds(NOTED_EVERY))
    }
}

/// Phones with waiting work that nobody has heard of for a day: their desks are alerted, once.
struct Miss {
    streams: Vec<StreamId>,
}

impl Act for Miss {
    const NAME: &'static str = "sync.miss";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        #[derive(FromQueryResult)]
        struct Missed {
            #[expect(dead_code, reason = "only counted")]
            stream_id: StreamId,
        }
        let before = tx.now() - TimeDelta::hours(MISSED_HOURS);
        let mut values = vec![tx.now().into(), before.into()];
        let list = placeholders(self.streams.iter().map(|id| id.0), &mut values);
        let sql = format!(
            "UPDATE sync_stream SET missed_at = $1
             WHERE stream_id IN ({list}) AND missed_at IS NULL AND last_seen_at < $2 RETURNING stream_id"
        );
        let organization = tx.scope().organization();
        for _ in tx.execute_returning::<Missed>(&sql, values).await? {
            let alert = NewAlert { kind: "phone_missed", organization, executor: None, ticket: None };
            alert::raise(tx, alert).await?;
        }
        Ok(())
    }
}

/// Looks for phones that have not come back. Costs what is missed.
///
/// # Errors
/// The database does not answer.
pub async fn miss_phones(db: &Db) -> Result<u64> {
    #[derive(FromQueryResult)]
    struct Row {
        stream_id: StreamId,
        organization_id: OrganizationId,
    }
    let sql = "SELECT stream_id, organization_id FROM sync_stream
               WHERE missed_at IS NULL AND (waiting_mutations > 0 OR waiting_photos > 0) AND last_seen_at < $1
               ORDER BY organization_id, stream_id LIMIT 100";
    let before: Time = db.clock().now() - TimeDelta::hours(MISSED_HOURS);
    let rows = db.reader().all::<Row>(sql, [before.into()]).await?;
    for of_one in rows.chunk_by(|a, b| a.organization_id == b.organization_id) {
        let Some(first) = of_one.first() else { continue };
        let streams = of_one.iter().map(|row| row.stream_id).collect();
        db.write(crate::Scope::system(first.organization_id), Miss { streams }).await?;
    }
    Ok(rows.len() as u64)
}
