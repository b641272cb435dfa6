//! The document of a ticket: what an answer about it carries.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    Executor, InformedHow, Source, Status, comment,
    find::find,
    kind::Kind,
    moves::{self, By, Move},
    outcome::missing_of,
    register::WishedRange,
    returned::{self, ReturnDocument},
    row, say,
};
use crate::{
    Result, Scope,
    catalogue::Missing,
    db::Reader,
    handover::{self, HandoverState},
    id::{
        BuildingId, CommentId, OrganizationId, PremisesId, RequestTypeId, ResidentId, TechnicianId, TicketId,
        UserId, VisitId,
    },
    journal::{self, Subject, SubjectKind},
    material::usage::UsageDocument,
    paid::{self, TicketTotal, estimate, estimate::EstimateDocument},
    people::user,
    photo::{self, PhotoDocument},
    place::{building, premises},
    slot::{self, Reschedule},
    visit::{self, Visit, VisitStatus, Window, assignee},
};

/// A ticket as its reader may see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TicketDocument {
    /// Identifier.
    pub id: TicketId,
    /// Registration number, told to the applicant.
    pub number: String,
    /// Where it stands.
    pub status: Status,
    /// The organization that owns it.
    pub organization_id: OrganizationId,
    /// Who executes it.
    pub executor: Executor,
    /// The kind of work, in the version the ticket was born with.
    pub request_type: RequestTypeBrief,
    /// An emergency.
    pub emergency: bool,
    /// Where it came from.
    pub source: Source,
    /// The building.
    pub building_id: BuildingId,
    /// Its address.
    pub address: String,
    /// IANA zone of the building.
    pub zone: String,
    /// The premises, if it is not the building as a whole.
    pub premises_id: Option<PremisesId>,
    /// Number of the premises.
    pub premises_number: Option<String>,
    /// Where exactly.
    pub place: Option<String>,
    /// Who asked, if known.
    pub resident_id: Option<ResidentId>,
    /// Name of the applicant.
    pub applicant_name: Option<String>,
    /// Phone of the applicant, E.164.
    pub applicant_phone: Option<String>,
    /// What happened.
    pub description: String,
    /// What the resident wrote, where it was mended.
    pub original_words: Option<String>,
    /// Cause and nature.
    pub cause: Option<String>,
    /// The list of measures.
    pub measures: Option<String>,
    /// Whether a repair crew is needed.
    pub crew_needed: Option<bool>,
    /// The precondition of the kind was told and is met.
    pub precondition_confirmed: bool,
    /// When the resident wishes the visit.
    pub wished: Option<WishedRange>,
    /// Own fields of the kind.
    #[schema(value_type = Object)]
    pub fields: Value,
    /// The planned term told to the applicant.
    pub planned_term: Option<DateTime<Utc>>,
    /// When it was registered.
    pub registered_at: DateTime<Utc>,
    /// When the damage happened.
    pub damaged_at: Option<DateTime<Utc>>,
    /// When it was localised.
    pub localized_at: Option<DateTime<Utc>>,
    /// When the applicant was told the planned term.
    pub informed_at: Option<DateTime<Utc>>,
    /// How he was told.
    pub informed_how: Option<InformedHow>,
    /// When the work was done.
    pub completed_at: Option<DateTime<Utc>>,
    /// When it was accepted.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it was cancelled.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// What it waits for.
    pub hold_reason: Option<String>,
    /// Until when.
    pub hold_until: Option<DateTime<Utc>>,
    /// On whose report it was closed, why it was returned or cancelled.
    pub outcome_reason: Option<String>,
    /// How often the work was not accepted.
    pub return_count: i64,
    /// The returns, oldest first.
    pub returns: Vec<ReturnDocument>,
    /// The work was reported done, and evidence that its kind demands turned out to be none: `missing` names it.
    pub evidence_missing: bool,
    /// The visits, oldest first.
    pub visits: Vec<VisitDocument>,
    /// The last offer of it to a contractor; for the desks and crews of both sides.
    pub handover: Option<HandoverBrief>,
    /// The comments its reader may see, oldest first.
    pub comments: Vec<CommentDocument>,
    /// The photos.
    pub photos: Vec<PhotoDocument>,
    /// Photos whose bytes have not arrived.
    pub evidence_pending: u32,
    /// The used materials.
    pub materials: Vec<UsageDocument>,
    /// The estimates, the newest first.
    pub estimates: Vec<EstimateDocument>,
    /// The works that were done, what all comes to, what was paid.
    pub total: TicketTotal,
    /// What closing still demands.
    pub missing: Vec<Missing>,
    /// The moves its reader may make now.
    pub legal_moves: Vec<Move>,
    /// The sentence to read to the applicant.
    pub say: String,
    /// What he is told of a visit for which the premises must be entered.
    pub access_notice: Option<AccessNotice>,
    /// Hash of the last event of its journal: a receipt.
    pub journal_head: Option<String>,
    /// For `If-Match`.
    pub version: i64,
    /// The version of this document on the phones.
    pub doc_version: i64,
}

/// What is told of a planned visit for which the premises must be entered (R21): when, why, and who comes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccessNotice {
    /// The visit.
    pub visit_id: VisitId,
    /// From when; what was promised, where something was.
    pub start: DateTime<Utc>,
    /// Until when.
    pub end: DateTime<Utc>,
    /// The address with the premises.
    pub address: String,
    /// Why the premises must be entered.
    pub reason: String,
    /// The full name of each worker, the lead first.
    pub workers: Vec<String>,
    /// The notice in words.
    pub text: String,
}

/// The kind of work, briefly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RequestTypeBrief {
    /// Identifier.
    pub id: RequestTypeId,
    /// The version the ticket was born with.
    pub version: i64,
    /// Stable code.
    pub code: String,
    /// Name in Russian.
    pub name_ru: String,
    /// Name in English.
    pub name_en: String,
}

/// An offer to a contractor, briefly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HandoverBrief {
    /// The contractor.
    pub contractor_id: OrganizationId,
    /// Where the offer stands.
    pub state: HandoverState,
    /// Until when the contractor can answer.
    pub answer_by: DateTime<Utc>,
    /// Why it was declined.
    pub reason: Option<String>,
}

/// A visit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VisitDocument {
    /// Identifier.
    pub id: VisitId,
    /// Its ticket.
    pub ticket_id: TicketId,
    /// Where it stands.
    pub status: VisitStatus,
    /// What the resident expects.
    pub window: Window,
    /// Planned begin of the work.
    pub planned_start: DateTime<Utc>,
    /// Planned end of the work.
    pub planned_end: DateTime<Utc>,
    /// The crew, lead first.
    pub crew: Vec<CrewMember>,
    /// When the crew set out.
    pub en_route_at: Option<DateTime<Utc>>,
    /// When the work began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it ended so.
    pub reason: Option<String>,
    /// When the resident confirmed the time.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// The items of the departure checklist that were confirmed; for staff.
    pub checked: BTreeSet<String>,
    /// Why it was booked against a shift, a trade, an area or the reserve; for staff.
    pub override_reason: Option<String>,
    /// From where to where it was moved, oldest first.
    pub reschedules: Vec<Reschedule>,
    /// Version.
    pub version: i64,
}

/// A member of a crew.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CrewMember {
    /// The technician.
    pub technician_id: TechnicianId,
    /// His full name: the notice names every worker.
    pub full_name: String,
    /// Whether he leads.
    pub lead: bool,
}

/// A comment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommentDocument {
    /// Identifier.
    pub id: CommentId,
    /// Who reads it.
    pub audience: comment::Audience,
    /// Who wrote it: staff or the resident.
    pub author_kind: comment::AuthorKind,
    /// His name.
    pub author_name: String,
    /// What it says.
    pub body: String,
    /// When it was written.
    pub written_at: DateTime<Utc>,
}

/// The document of a ticket that the scope can see.
///
/// # Errors
/// `not_found` when it is out of sight.
pub async fn document(reader: &Reader<'_>, scope: &Scope, id: TicketId) -> Result<TicketDocument> {
    let row = find(reader, scope, id).await?;
    let resident = scope.is_resident();
    let handover = handover::of_ticket(reader, scope, &row).await?;
    let row = as_seen_by(scope, row, handover.as_ref().map(|handover| handover.state));
    let kind = Kind::of(reader, &row).await?;
    let building = building::Entity::find_by_id(row.building_id).one(reader).await?;
    let premises = match row.premises_id {
        Some(id) => premises::Entity::find_by_id(id).one(reader).await?,
        None => None,
    };
    let visits = visits(reader, &row, resident).await?;
    let missing = if row.status < Status::Completed || row.evidence_missing {
        missing_of(reader, &row, &kind).await?
    } else {
        Vec::new()
    };
    let photos = photo::of_ticket(reader, scope, id).await?;
    let materials = crate::material::usage::of_ticket(reader, id).await?;
    let zone = building.as_ref().map_or_else(|| "UTC".to_owned(), |building| building.zone.clone());
    let mut document = TicketDocument {
        id,
        number: row.number.clone(),
        status: row.status,
        organization_id: row.organization_id,
        executor: row.executor()?,
        request_type: RequestTypeBrief {
            id: row.request_type_id,
            version: row.request_type_version,
            code: kind.code,
            name_ru: kind.name_ru,
            name_en: kind.name_en,
        },
        emergency: row.emergency,
        source: row.source,
        building_id: row.building_id,
        address: building.map(|building| building.address).unwrap_or_default(),
        zone,
        premises_id: row.premises_id,
        premises_number: premises.map(|premises| premises.number),
        place: row.place,
        resident_id: row.resident_id,
        applicant_name: row.applicant_name,
        applicant_phone: row.applicant_phone,
        description: row.description,
        original_words: row.original_words,
        cause: row.cause,
        measures: row.measures,
        crew_needed: row.crew_needed,
        precondition_confirmed: row.precondition_confirmed,
        wished: match (row.wished_start, row.wished_end) {
            (Some(start), Some(end)) => Some(WishedRange { start, end }),
            _ => None,
        },
        fields: row.fields,
        planned_term: row.planned_term,
        registered_at: row.registered_at,
        damaged_at: row.damaged_at,
        localized_at: row.localized_at,
        informed_at: row.informed_at,
        informed_how: row.informed_how,
        completed_at: row.completed_at,
        closed_at: row.closed_at,
        cancelled_at: row.cancelled_at,
        hold_reason: row.hold_reason,
        hold_until: row.hold_until,
        outcome_reason: row.outcome_reason,
        return_count: row.return_count,
        returns: if row.return_count > 0 { returned::of_ticket(reader, id).await? } else { Vec::new() },
        evidence_missing: row.evidence_missing,
        visits,
        handover: handover.map(|handover| HandoverBrief {
            contractor_id: handover.contractor_id,
            state: handover.state,
            answer_by: handover.answer_by,
            reason: handover.reason,
        }),
        comments: comments_on(reader, &[id], resident).await?.remove(&id).unwrap_or_default(),
        evidence_pending: photo::pending(&photos),
        photos,
        estimates: estimate::of_ticket(reader, id).await?,
        total: paid::of_ticket(reader, id, &materials).await?,
        materials,
        missing,
        legal_moves: By::of(scope).map(|by| moves::legal(row.status, by)).unwrap_or_default(),
        say: String::new(),
        access_notice: None,
        journal_head: journal::head(reader, Subject::new(SubjectKind::Ticket, id)).await?,
        version: row.version,
        doc_version: row.doc_version,
    };
    document.say = say::about(&document);
    document.access_notice = say::access_notice(&document);
    Ok(document)
}

/// A contractor is told of the applicant what the work needs: his name and phone from the acceptance until the work is
/// done. Who he is in the owner's books, and what he wrote before it was mended, is the owner's.
pub(super) fn as_seen_by(scope: &Scope, mut row: row::Model, offer: Option<HandoverState>) -> row::Model {
    if row.organization_id == scope.organization() {
        return row;
    }
    row.resident_id = None;
    row.original_words = None;
    if !is_working(&row, offer) {
        row.applicant_name = None;
        row.applicant_phone = None;
    }
    row
}

fn is_working(row: &row::Model, offer: Option<HandoverState>) -> bool {
    offer.is_none_or(|state| state == HandoverState::Accepted) && row.status < Status::Completed
}

/// Whether the name and the phone of the applicant are shown to whoever sees the ticket.
///
/// # Errors
/// What the database says.
pub(crate) async fn shows_applicant(reader: &Reader<'_>, scope: &Scope, row: &row::Model) -> Result<bool> {
    if row.organization_id == scope.organization() {
        return Ok(true);
    }
    let handover = handover::of_ticket(reader, scope, row).await?;
    Ok(is_working(row, handover.map(|handover| handover.state)))
}

async fn visits(reader: &Reader<'_>, ticket: &row::Model, resident: bool) -> Result<Vec<VisitDocument>> {
    let visits = visit::of_ticket(reader, ticket.id).await?;
    let names = names_of(reader, &visits).await?;
    let moves = if visits.is_empty() { Vec::new() } else { slot::history(reader, ticket.id).await? };
    visits
        .into_iter()
        .map(|visit| {
            let crew = crew_of(&visit, &names);
            let reschedules =
                moves.iter().filter(|(id, _)| *id == visit.row.id).map(|(_, moved)| moved.clone()).collect();
            Ok(VisitDocument {
                id: visit.row.id,
                ticket_id: visit.row.ticket_id,
                status: visit.row.status,
                window: visit.row.window()?,
                planned_start: visit.row.planned_start,
                planned_end: visit.row.planned_end,
                crew,
                en_route_at: visit.row.en_route_at,
                started_at: visit.row.started_at,
                ended_at: visit.row.ended_at,
                confirmed_at: visit.row.confirmed_at,
                checked: if resident { BTreeSet::new() } else { visit::checked(&visit.row)? },
                reason: visit.row.reason,
                override_reason: visit.row.override_reason.filter(|_| !resident),
                reschedules,
                version: visit.row.version,
            })
        })
        .collect()
}

/// The full names of all who are or were in the crews of these visits.
pub(super) async fn names_of(
    reader: &Reader<'_>,
    visits: impl IntoIterator<Item = &Visit>,
) -> Result<BTreeMap<TechnicianId, String>> {
    let members: BTreeSet<UserId> =
        visits.into_iter().flat_map(Visit::technicians).map(|id| UserId(id.0)).collect();
    if members.is_empty() {
        return Ok(BTreeMap::new());
    }
    let users = user::Entity::find().filter(user::Column::Id.is_in(members)).all(reader).await?;
    Ok(users.into_iter().map(|user| (TechnicianId(user.id.0), user.full_name)).collect())
}

/// The crew of a visit by its names, lead first.
pub fn crew_of(visit: &Visit, names: &BTreeMap<TechnicianId, String>) -> Vec<CrewMember> {
    let member = |member: &assignee::Model| CrewMember {
        technician_id: member.technician_id,
        full_name: names.get(&member.technician_id).cloned().unwrap_or_default(),
        lead: member.lead,
    };
    visit.crew.iter().map(member).collect()
}

/// The comments on each of these tickets that a resident, or staff, may read, oldest first, in one statement.
pub(super) async fn comments_on(
    reader: &Reader<'_>,
    tickets: &[TicketId],
    resident: bool,
) -> Result<BTreeMap<TicketId, Vec<CommentDocument>>> {
    let mut query = comment::Entity::find().filter(comment::Column::TicketId.is_in(tickets.iter().copied()));
    if resident {
        query = query.filter(comment::Column::Audience.eq(comment::Audience::Resident));
    }
    let rows =
        query.order_by_asc(comment::Column::WrittenAt).order_by_asc(comment::Column::Id).all(reader).await?;
    let mut comments: BTreeMap<TicketId, Vec<CommentDocument>> = BTreeMap::new();
    for row in rows {
        comments.entry(row.ticket_id).or_default().push(row.into());
    }
    Ok(comments)
}

impl From<comment::Model> for CommentDocument {
    fn from(row: comment::Model) -> Self {
        let comment::Model { id, audience, author_kind, author_name, body, written_at, .. } = row;
        Self { id, audience, author_kind, author_name, body, written_at }
    }
}

/// The document of one visit that the scope can see.
///
/// # Errors
/// `not_found` when it is out of sight.
pub async fn visit_document(reader: &Reader<'_>, scope: &Scope, id: VisitId) -> Result<VisitDocument> {
    let ticket = visit::ticket_of(reader, scope, id).await?;
    let row = find(reader, scope, ticket).await?;
    visits(reader, &row, scope.is_resident())
        .await?
        .into_iter()
        .find(|visit| visit.id == id)
        .ok_or_else(|| crate::Error::not_found("visit"))
}
