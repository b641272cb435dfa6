//! Phones as the desk sees them: how far each is, what waits on it, what it lost, what it sent that could never be done.

use chrono::{DateTime, Utc};
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{MISSED_HOURS, MutationStatus};
use crate::{
    Result, Scope, Time,
    auth::Role,
    db::{Reader, Where},
    id::{DeviceId, MutationId, ReviewId, StreamId, TechnicianId, TicketId},
    page::{Page, PageRequest},
};

/// A phone of a technician: one installation of the app.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PhoneDocument {
    /// Its stream.
    pub stream_id: StreamId,
    /// The device.
    pub device_id: DeviceId,
    /// Whose it is.
    pub technician_id: TechnicianId,
    /// His name.
    pub technician_name: String,
    /// The version of the app.
    pub app_version: String,
    /// Acts that wait on it, as it said last.
    pub waiting_mutations: i64,
    /// Photos that wait on it, as it said last.
    pub waiting_photos: i64,
    /// Acts that it had recorded and came back without.
    pub lost_mutations: i64,
    /// The last number that is answered for.
    pub acked_seq: i64,
    /// When it was heard of last, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// Work waits on it, and nobody has heard of it for a day.
    pub missed: bool,
}

#[derive(FromQueryResult)]
struct PhoneRow {
    stream_id: StreamId,
    device_id: DeviceId,
    user_id: TechnicianId,
    full_name: String,
    app_version: String,
    waiting_mutations: i64,
    waiting_photos: i64,
    lost_mutations: i64,
    last_seq: i64,
    last_seen_at: Time,
}

/// Which phones are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PhoneFilter {
    /// Only those of a technician.
    pub technician_id: Option<TechnicianId>,
    /// Only those on which something waits (true), or nothing (false).
    pub waiting: Option<bool>,
}

/// The key of a page.
#[derive(Serialize, Deserialize)]
struct ByContact(Time, StreamId);

/// The phones of the organization, the one heard of last first. For the desk.
///
/// # Errors
/// `forbidden` for everybody else; `invalid_field` for a cursor of another list.
pub async fn phones(
    reader: &Reader<'_>,
    scope: &Scope,
    now: Time,
    filter: &PhoneFilter,
    page: &PageRequest,
) -> Result<Page<PhoneDocument>> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let mut conditions = Where::new("s.organization_id = ?", [scope.organization().0.into()]);
    if let Some(technician) = filter.technician_id {
        conditions.and("s.user_id = ?", [technician.0.into()]);
    }
    match filter.waiting {
        Some(true) => conditions.and("s.waiting_mutations > 0 OR s.waiting_photos > 0", []),
        Some(false) => conditions.and("s.waiting_mutations = 0 AND s.waiting_photos = 0", []),
        None => {}
    }
    if let Some(ByContact(at, id)) = page.after()? {
        conditions.and("(s.last_seen_at, s.stream_id) < (?, ?)", [at.into(), id.0.into()]);
    }
    let sql = format!(
        "SELECT s.stream_id, s.device_id, s.user_id, u.full_name, s.app_version, s.waiting_mutations, s.waiting_photos,
                s.lost_mutations, s.last_seq, s.last_seen_at
         FROM sync_stream s JOIN app_user u ON u.id = s.user_id WHERE {}
         ORDER BY s.last_seen_at DESC, s.stream_id DESC LIMIT {}",
        conditions,
        page.limit() + 1
    );
    let rows = reader.all::<PhoneRow>(&sql, conditions.values).await?;
    let shown = rows.into_iter().map(|row| {
        let waits = row.waiting_mutations > 0 || row.waiting_photos > 0;
        PhoneDocument {
            stream_id: row.stream_id,
            device_id: row.device_id,
            technician_id: row.user_id,
            technician_name: row.full_name,
            app_version: row.app_version,
            waiting_mutations: row.waiting_mutations,
            waiting_photos: row.waiting_photos,
            lost_mutations: row.lost_mutations,
            acked_seq: row.last_seq,
            last_seen_at: row.last_seen_at,
            missed: waits && now - row.last_seen_at >= chrono::TimeDelta::hours(MISSED_HOURS),
        }
    });
    page.cut(shown.collect(), |phone| ByContact(phone.last_seen_at, phone.stream_id))
}

/// An act that a phone sent.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SentMutation {
    /// Its stream.
    pub stream_id: StreamId,
    /// Its number there.
    pub seq: i64,
    /// Its identifier.
    pub id: Option<MutationId>,
    /// Who recorded it.
    pub technician_id: TechnicianId,
    /// What kind of act.
    #[serde(rename = "type")]
    pub kind: String,
    /// The ticket it is about.
    pub ticket_id: Option<TicketId>,
    /// What became of it.
    pub status: MutationStatus,
    /// Why it was held or refused.
    pub code: Option<String>,
    /// What was said of it.
    #[schema(value_type = Option<Object>)]
    pub result: Option<serde_json::Value>,
    /// The review it waits in.
    pub review_id: Option<ReviewId>,
    /// What came, as it came.
    pub payload: String,
    /// When it took place, by the best knowledge.
    pub corrected_at: DateTime<Utc>,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct SentRow {
    stream_id: StreamId,
    seq: i64,
    mutation_id: Option<MutationId>,
    user_id: TechnicianId,
    kind: String,
    ticket_id: Option<TicketId>,
    status: MutationStatus,
    code: Option<String>,
    result: Option<String>,
    review_id: Option<ReviewId>,
    payload: String,
    corrected_at: Time,
    received_at: Time,
}

/// Which acts are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct SentFilter {
    /// Only those of a stream.
    pub stream_id: Option<StreamId>,
    /// Only those about a ticket.
    pub ticket_id: Option<TicketId>,
    /// Only those that were answered so.
    pub status: Option<MutationStatus>,
}

/// The key of a page.
#[derive(Serialize, Deserialize)]
struct BySent(Time, StreamId, i64);

/// What the phones of the organization have sent, the newest first. For the desk: what was refused is kept here.
///
/// # Errors
/// `forbidden` for everybody else; `invalid_field` for a cursor of another list.
pub async fn sent(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &SentFilter,
    page: &PageRequest,
) -> Result<Page<SentMutation>> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let mut conditions = Where::new("m.organization_id = ?", [scope.organization().0.into()]);
    if let Some(stream) = filter.stream_id {
        conditions.and("m.stream_id = ?", [stream.0.into()]);
    }
    if let Some(ticket) = filter.ticket_id {
        conditions.and("m.ticket_id = ?", [ticket.0.into()]);
    }
    if let Some(status) = filter.status {
        conditions.and("m.status = ?", [status.name().into()]);
    }
    if let Some(BySent(at, stream, seq)) = page.after()? {
        let values: [Value; 3] = [at.into(), stream.0.into(), seq.into()];
        conditions.and("(m.received_at, m.stream_id, m.seq) < (?, ?, ?)", values);
    }
    let sql = format!(
        "SELECT m.stream_id, m.seq, m.mutation_id, s.user_id, m.kind, m.ticket_id, m.status, m.code, m.result, m.review_id,
                m.payload, m.corrected_at, m.received_at
         FROM sync_mutation m JOIN sync_stream s ON s.stream_id = m.stream_id WHERE {}
         ORDER BY m.received_at DESC, m.stream_id DESC, m.seq DESC LIMIT {}",
        conditions,
        page.limit() + 1
    );
    let rows = reader.all::<SentRow>(&sql, conditions.values).await?;
    let shown = rows.into_iter().map(|row| SentMutation {
        stream_id: row.stream_id,
        seq: row.seq,
        id: row.mutation_id,
        technician_id: row.user_id,
        kind: row.kind,
        ticket_id: row.ticket_id,
        status: row.status,
        code: row.code,
        result: row.result.and_then(|text| serde_json::from_str(&text).ok()),
        review_id: row.review_id,
        payload: row.payload,
        corrected_at: row.corrected_at,
        received_at: row.received_at,
    });
    page.cut(shown.collect(), |one| BySent(one.received_at, one.stream_id, one.seq))
}
