//! What phones have sent, as it was sent, with the answer it got: the same question has the same answer for two years.

use sea_orm::{DeriveActiveEnum, EnumIter, FromQueryResult, Value};

use crate::{
    Error, Result, Time,
    db::{Reader, placeholders},
    id::{MutationId, OrganizationId, ReviewId, StreamId, TicketId},
    write::Tx,
};

/// What became of an act that a phone recorded.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum MutationStatus {
    /// It was done.
    Applied,
    /// It was done although somebody had changed the ticket since the phone last saw it.
    Merged,
    /// It is kept, and a person decides.
    HeldForReview,
    /// It can never be done; it is kept as it came.
    Refused,
}

impl MutationStatus {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Merged => "merged",
            Self::HeldForReview => "held_for_review",
            Self::Refused => "refused",
        }
    }
}

/// An act that a phone recorded, answered.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct Mutation {
    /// Its number in the stream.
    pub seq: i64,
    /// Its identifier, if it had one and nobody else had it.
    pub mutation_id: Option<MutationId>,
    /// What kind of act.
    pub kind: String,
    /// The schema of its arguments.
    pub schema: i64,
    /// The ticket it is about.
    pub ticket_id: Option<TicketId>,
    /// What came, as JSON.
    pub payload: String,
    /// The version of the ticket's document that the phone held.
    pub base_version: Option<i64>,
    /// The version of the ticket's document with it.
    pub after_version: Option<i64>,
    /// Whether somebody else had changed the ticket since the phone last saw it.
    pub stale: bool,
    /// SHA-256 of its canonical form.
    pub sha256: Vec<u8>,
    /// When it took place by the clock of the device.
    pub device_at: Option<Time>,
    /// When it took place, by the best knowledge.
    pub corrected_at: Time,
    /// When it came.
    pub received_at: Time,
    /// What became of it.
    pub status: MutationStatus,
    /// Why it was held or refused.
    pub code: Option<String>,
    /// What it came to, as JSON.
    pub result: Option<String>,
    /// The review it waits in.
    pub review_id: Option<ReviewId>,
}

/// What every read of a [`Mutation`] begins with.
const MUTATION: &str = "SELECT m.seq, m.mutation_id, m.kind, m.schema_version AS schema, m.ticket_id, m.payload,
                               m.base_version, m.after_version, m.stale, m.sha256, m.device_at, m.corrected_at, m.received_at, m.status,
                               m.code, m.result, m.review_id
                        FROM sync_mutation m";

async fn read(reader: &Reader<'_>, rest: &str, values: Vec<Value>) -> Result<Vec<Mutation>> {
    reader.all(&format!("{MUTATION} {rest}"), values).await
}

/// What was answered to these numbers of a stream, in their order.
///
/// # Errors
/// The database cannot be read.
pub async fn answered(reader: &Reader<'_>, stream: StreamId, from: i64, to: i64) -> Result<Vec<Mutation>> {
    let rest = "WHERE m.stream_id = $1 AND m.seq BETWEEN $2 AND $3 ORDER BY m.seq";
    read(reader, rest, vec![stream.0.into(), from.into(), to.into()]).await
}

/// What is known under these identifiers, from whatever stream of the organization.
///
/// # Errors
/// The database cannot be read.
pub async fn known(
    reader: &Reader<'_>,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = MutationId>,
) -> Result<Vec<Mutation>> {
    let mut values: Vec<Value> = vec![organization.0.into()];
    let list = placeholders(ids.into_iter().map(|id| id.0), &mut values);
    read(reader, &format!("WHERE m.organization_id = $1 AND m.mutation_id IN ({list})"), values).await
}

/// The last act of a stream about each of these tickets.
///
/// # Errors
/// The database cannot be read.
pub async fn last_about(
    reader: &Reader<'_>,
    stream: StreamId,
    tickets: impl IntoIterator<Item = TicketId>,
) -> Result<Vec<Mutation>> {
    let mut values: Vec<Value> = vec![stream.0.into()];
    let list = placeholders(tickets.into_iter().map(|id| id.0), &mut values);
    let rest = format!(
        "WHERE m.stream_id = $1 AND m.ticket_id IN ({list}) AND NOT EXISTS
             (SELECT 1 FROM sync_mutation later
              WHERE later.stream_id = m.stream_id AND later.ticket_id = m.ticket_id AND later.seq > m.seq)"
    );
    read(reader, &rest, values).await
}

/// What waits in a review, or waited, in the order in which it was recorded.
///
/// # Errors
/// The database cannot be read.
pub async fn of_review(reader: &Reader<'_>, review: ReviewId) -> Result<Vec<Mutation>> {
    read(
        reader,
        "WHERE m.review_id = $1 AND m.mutation_id IS NOT NULL ORDER BY m.received_at, m.stream_id, m.seq",
        vec![review.0.into()],
    )
    .await
}

/// Keeps what came with the answers it got.
///
/// # Errors
/// The database cannot be written; the write starts again when another stream has brought one of them meanwhile.
pub async fn keep(
    tx: &Tx,
    organization: OrganizationId,
    stream: StreamId,
    mutations: &[Mutation],
) -> Result<()> {
    for chunk in mutations.chunks(25) {
        let mut values: Vec<Value> = vec![stream.0.into(), organization.0.into()];
        let mut rows = Vec::with_capacity(chunk.len());
        for mutation in chunk {
            let first = values.len() + 1;
            values.extend::<[Value; 17]>([
                mutation.seq.into(),
                mutation.mutation_id.map(|id| id.0).into(),
                mutation.kind.clone().into(),
                mutation.schema.into(),
                mutation.ticket_id.map(|id| id.0).into(),
                mutation.payload.clone().into(),
                mutation.base_version.into(),
                mutation.after_version.into(),
                mutation.stale.into(),
                mutation.sha256.clone().into(),
                mutation.device_at.into(),
                mutation.corrected_at.into(),
                mutation.received_at.into(),
                mutation.status.name().into(),
                mutation.code.clone().into(),
                mutation.result.clone().into(),
                mutation.review_id.map(|id| id.0).into(),
            ]);
            let own: Vec<String> = (first..values.len() + 1).map(|number| format!("${number}")).collect();
            rows.push(format!("($1, $2, {})", own.join(", ")));
        }
        let sql = format!(
            "INSERT INTO sync_mutation
                 (stream_id, organization_id, seq, mutation_id, kind, schema_version, ticket_id, payload, base_version,
                  after_version, stale, sha256, device_at, corrected_at, received_at, status, code, result, review_id)
             VALUES {} ON CONFLICT DO NOTHING",
            rows.join(", ")
        );
        let kept = tx.execute(&sql, values).await?.rows_affected();
        if kept != chunk.len() as u64 {
            return Err(Error::restart("another stream has brought the same act meanwhile"));
        }
    }
    Ok(())
}

/// How long what phones have sent is kept, in days.
pub const KEPT_DAYS: i64 = 730;

/// Forgets what was sent too long ago, at most `limit` of it. Returns how many went.
///
/// # Errors
/// The database cannot be written.
pub(crate) async fn forget(tx: &Tx, before: Time, limit: i64) -> Result<u64> {
    let sql = "DELETE FROM sync_mutation WHERE (stream_id, seq) IN
                   (SELECT stream_id, seq FROM sync_mutation WHERE received_at < $1 ORDER BY received_at LIMIT $2)";
    Ok(tx.execute(sql, [before.into(), limit.into()]).await?.rows_affected())
}
