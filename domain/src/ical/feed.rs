//! What stands in a calendar: found by the secret of its link, or by a link that this server has signed. Neither needs a
//! scope; what they show names no resident.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, Value};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    link::{self, PREFIX},
    row,
    writer::{self, Event},
};
use crate::{
    Error, Result, Scope, Time,
    auth::{ServerSecret, seal},
    db::Reader,
    id::{OrganizationId, ResidentId, UserId, VisitId},
    people::user,
    ticket, visit,
};

/// What a signed link to a visit begins with.
const VISIT_PREFIX: &str = "nvt_";
/// How long after the planned end a link to a visit stands, in days.
pub const VISIT_LINK_KEPT: i64 = 30;
/// How far back and ahead a technician's feed reaches, in days.
const PAST: i64 = 30;
const AHEAD: i64 = 180;

/// A signed link to a visit.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct VisitLink {
    /// The path of the file, to open or to subscribe to.
    pub path: String,
    /// When the link ends, unless the visit is moved to another time: then it ends so long after that.
    pub expires_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Booked {
    id: Uuid,
    status: visit::VisitStatus,
    version: i64,
    window_kind: visit::WindowKind,
    window_start: Option<Time>,
    window_end: Option<Time>,
    planned_start: Time,
    planned_end: Time,
    number: String,
    updated_at: Time,
    created_at: Time,
    changed_at: Option<Time>,
    resident_id: Option<ResidentId>,
    applicant_phone: Option<String>,
    address: String,
    premises_number: Option<String>,
    place: Option<String>,
    kind: String,
}

const SELECT: &str = "SELECT v.id, v.status, v.version, v.window_kind, v.window_start, v.window_end, v.planned_start,
        v.planned_end, v.created_at, v.changed_at, t.number, t.updated_at, t.resident_id, t.applicant_phone, t.place,
        b.address, p.number AS premises_number, k.name_ru AS kind
    FROM visit v JOIN ticket t ON t.id = v.ticket_id JOIN building b ON b.id = t.building_id
    JOIN request_type_version k ON k.request_type_id = t.request_type_id AND k.number = t.request_type_version
    LEFT JOIN premises p ON p.id = t.premises_id";

impl Booked {
    fn location(&self) -> String {
        match &self.premises_number {
            Some(number) => format!("{}, помещение {number}", self.address),
            None => self.address.clone(),
        }
    }

    fn event(&self, summary: String, (start, end): (Time, Time), description: Option<String>) -> Event {
        Event {
            uid: format!("visit-{}@naryad", self.id),
            // Rises with every change of the visit: a calendar takes the later one.
            sequence: self.version - 1,
            stamp: self.changed_at.unwrap_or(self.created_at).max(self.updated_at),
            start,
            end,
            summary,
            location: self.location(),
            description,
            cancelled: self.status == visit::VisitStatus::Cancelled,
        }
    }
}

/// The calendar behind a token, as text.
///
/// # Errors
/// `not_found` for a token that is unknown, forged, expired or revoked.
pub async fn open(reader: &Reader<'_>, secret: &ServerSecret, token: &str, now: Time) -> Result<String> {
    let token = token.strip_suffix(".ics").unwrap_or(token);
    if token.starts_with(PREFIX) {
        of_technician(reader, token, now).await
    } else if let Some(sealed) = token.strip_prefix(VISIT_PREFIX) {
        of_visit(reader, secret, sealed, now).await
    } else {
        Err(unknown())
    }
}

fn unknown() -> Error {
    Error::not_found("calendar")
}

/// The visits of a technician in a time. What was taken back from a contractor is gone from its calendars too.
fn booked_sql() -> String {
    format!(
        "{SELECT} WHERE v.id IN (SELECT e.visit_id FROM calendar_entry e WHERE e.technician_id = $1
             AND e.kind = 'booking' AND e.planned_end >= $3 AND e.planned_start < $4)
         AND EXISTS (SELECT 1 FROM visit_assignee a WHERE a.visit_id = v.id AND a.technician_id = $1)
         AND (t.organization_id = $2 OR t.executor_organization_id = $2)
         AND v.planned_end >= $3 AND v.planned_start < $4 ORDER BY v.planned_start, v.id LIMIT 5000"
    )
}

fn booked_values(link: &row::Model, now: Time) -> [Value; 4] {
    [
        link.technician_id.0.into(),
        link.organization_id.0.into(),
        (now - TimeDelta::days(PAST)).into(),
        (now + TimeDelta::days(AHEAD)).into(),
    ]
}

async fn of_technician(reader: &Reader<'_>, token: &str, now: Time) -> Result<String> {
    let link = row::Entity::find()
        .filter(row::Column::TokenHash.eq(link::hash(token)))
        .filter(row::Column::RevokedAt.is_null())
        .one(reader)
        .await?
        .ok_or_else(unknown)?;
    let technician = user::Entity::find_by_id(UserId(link.technician_id.0)).one(reader).await?;
    let technician = technician.filter(|user| user.active).ok_or_else(unknown)?;
    let booked: Vec<Booked> = reader.all(&booked_sql(), booked_values(&link, now)).await?;
    let events: Vec<Event> = booked
        .iter()
        .map(|booked| {
            let description = booked.place.as_ref().map(|place| format!("Место: {place}"));
            let summary = format!("{}: {}", booked.number, booked.kind);
            booked.event(summary, (booked.planned_start, booked.planned_end), description)
        })
        .collect();
    Ok(writer::calendar(&format!("Наряды: {}", technician.full_name), &events))
}

/// The signed link to a visit that the scope can see, for the resident to whom it is promised and for the desk.
///
/// # Errors
/// `not_found` when it is out of sight; `forbidden` for technicians, who have a feed of their own.
pub async fn visit_link(
    reader: &Reader<'_>,
    scope: &Scope,
    secret: &ServerSecret,
    id: VisitId,
) -> Result<VisitLink> {
    use crate::auth::Role;
    scope.require(&[Role::Resident, Role::Dispatcher, Role::Manager, Role::Admin])?;
    let ticket = visit::ticket_of(reader, scope, id).await?;
    let ticket = ticket::find(reader, scope, ticket).await?;
    let row =
        visit::row::Entity::find_by_id(id).one(reader).await?.ok_or_else(|| Error::not_found("visit"))?;
    let expires_at = row.planned_end + TimeDelta::days(VISIT_LINK_KEPT);
    let person = person(ticket.resident_id, ticket.applicant_phone.as_deref());
    let bytes = [id.0.as_bytes().as_slice(), ticket.organization_id.0.as_bytes(), &person].concat();
    let token = format!("{VISIT_PREFIX}{}", seal::seal(secret, &bytes));
    Ok(VisitLink { path: format!("/v1/calendars/{token}.ics"), expires_at })
}

/// For whom a link was made: the resident, or else the applicant by his phone. The link ends with him.
fn person(resident: Option<ResidentId>, phone: Option<&str>) -> [u8; 32] {
    match (resident, phone) {
        (Some(resident), _) => Sha256::digest(resident.0.as_bytes()).into(),
        (None, Some(phone)) => Sha256::digest(phone.as_bytes()).into(),
        (None, None) => [0; 32],
    }
}

async fn of_visit(reader: &Reader<'_>, secret: &ServerSecret, sealed: &str, now: Time) -> Result<String> {
    let bytes = seal::open(secret, sealed).map_err(|_| unknown())?;
    let (id, rest) = bytes.split_first_chunk::<16>().ok_or_else(unknown)?;
    let (organization, sealed_for) = rest.split_first_chunk::<16>().ok_or_else(unknown)?;
    let (id, organization) =
        (VisitId(Uuid::from_bytes(*id)), OrganizationId(Uuid::from_bytes(*organization)));
    let sql = format!("{SELECT} WHERE v.id = $1 AND t.organization_id = $2");
    let booked: Option<Booked> = reader.one(&sql, [id.0.into(), organization.0.into()]).await?;
    let booked = booked.ok_or_else(unknown)?;
    let expired = now >= booked.planned_end + TimeDelta::days(VISIT_LINK_KEPT);
    if expired || person(booked.resident_id, booked.applicant_phone.as_deref()) != sealed_for {
        return Err(unknown());
    }
    // The resident is told the window; the plan may move inside it.
    let told = match (booked.window_kind, booked.window_start, booked.window_end) {
        (visit::WindowKind::Promised, Some(start), Some(end)) => (start, end),
        _ => (booked.planned_start, booked.planned_end),
    };
    let event = booked.event(format!("Визит по заявке № {}", booked.number), told, Some(booked.kind.clone()));
    Ok(writer::calendar("Визит исполнителя", &[event]))
}

#[cfg(test)]
mod tests;
