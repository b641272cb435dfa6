//! What became of work that was held for a decision.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use naryad_domain::{
    Result, Scope,
    db::{Reader, placeholders},
    id::{ReviewId, TicketId},
    review::row::{Column, Entity, ReviewState},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, FromQueryResult, QueryFilter as _, Value as Bound};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PhoneDocument, under_ids};

/// Held work, and what was decided.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneOutcome {
    /// The review.
    pub id: ReviewId,
    /// The ticket it is about.
    pub ticket_id: Option<TicketId>,
    /// What became of it.
    pub state: ReviewState,
    /// Why it was held.
    pub code: String,
    /// How many mutations it holds.
    pub held: i64,
    /// The dispatcher's word.
    pub word: Option<String>,
    /// Since when it waits.
    pub opened_at: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// What was sent.
    pub mutations: Vec<PhoneMutation>,
}

/// A mutation as the phone sent it, and what the server answered.
#[derive(Clone, Debug, Serialize, ToSchema, FromQueryResult)]
pub struct PhoneMutation {
    /// The stream.
    pub stream_id: Uuid,
    /// Its place in the stream.
    pub seq: i64,
    /// Its identifier; absent where the phone sent none that can be read.
    pub mutation_id: Option<Uuid>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the server answered.
    pub status: String,
    /// Why.
    pub code: Option<String>,
    #[serde(skip)]
    #[schema(ignore)]
    review_id: Uuid,
}

/// Two statements.
pub(super) async fn load(
    reader: &Reader<'_>,
    scope: &Scope,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, PhoneDocument>> {
    let reviews = Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::TechnicianId.eq(scope.actor_id()))
        .all(reader)
        .await?;
    let mut values: Vec<Bound> = Vec::new();
    let list = placeholders(ids.iter().copied(), &mut values);
    let sql = format!(
        "SELECT stream_id, seq, mutation_id, kind, status, code, review_id FROM sync_mutation
         WHERE review_id IN ({list}) AND mutation_id IS NOT NULL ORDER BY stream_id, seq"
    );
    let mut mutations: BTreeMap<Uuid, Vec<PhoneMutation>> = BTreeMap::new();
    for mutation in reader.all::<PhoneMutation>(&sql, values).await? {
        mutations.entry(mutation.review_id).or_default().push(mutation);
    }
    Ok(under_ids(reviews.into_iter().map(|review| {
        let id = review.id.0;
        let document = PhoneOutcome {
            id: review.id,
            ticket_id: review.ticket_id,
            state: review.state,
            code: review.code,
            held: review.held,
            word: review.word,
            opened_at: review.opened_at,
            decided_at: review.decided_at,
            mutations: mutations.remove(&id).unwrap_or_default(),
        };
        (id, document)
    })))
}
