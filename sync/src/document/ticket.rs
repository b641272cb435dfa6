//! A ticket as the crew has it in the basement.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use naryad_domain::{
    Error, Result, Scope,
    catalogue::{Demands, Missing},
    db::Reader,
    id::{BuildingId, OrganizationId, PremisesId, TechnicianId, TicketId, VisitId},
    material::usage::UsageDocument,
    paid::{WorkLineDocument, estimate::EstimateDocument, estimate::EstimateState},
    photo::{self, PhotoDocument},
    ticket::{
        Bundle, CommentDocument, CrewMember, Move, RequestTypeBrief, ReturnDocument, Status, WishedRange,
        bundles, crew_of,
        moves::{self, By},
    },
    visit::{self, VisitStatus, Window},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PhoneDocument, under_ids};

/// A ticket on a phone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneTicket {
    /// Identifier.
    pub id: TicketId,
    /// Registration number.
    pub number: String,
    /// Where it stands.
    pub status: Status,
    /// An emergency.
    pub emergency: bool,
    /// The organization that owns it; its reference feed has the materials and works.
    pub organization_id: OrganizationId,
    /// The kind of work, in the version the ticket was born with.
    pub request_type: RequestTypeBrief,
    /// What closing demands.
    pub demands: Demands,
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
    /// Name of the applicant, while there is work to do.
    pub applicant_name: Option<String>,
    /// Phone of the applicant, E.164, while there is work to do.
    pub applicant_phone: Option<String>,
    /// What happened.
    pub description: String,
    /// Cause and nature.
    pub cause: Option<String>,
    /// The list of measures.
    pub measures: Option<String>,
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
    /// The work was reported done, and evidence turned out to be none.
    pub evidence_missing: bool,
    /// The ticket on whose visit this one was asked for.
    pub follows_id: Option<TicketId>,
    /// All visits, oldest first.
    pub visits: Vec<PhoneVisit>,
    /// Those on whose crew the holder of the phone is.
    pub own_visits: Vec<VisitId>,
    /// The comments, oldest first.
    pub comments: Vec<CommentDocument>,
    /// The photos that stand with the ticket.
    pub photos: Vec<PhotoDocument>,
    /// Photos whose bytes have not arrived.
    pub evidence_pending: u32,
    /// The used materials.
    pub materials: Vec<UsageDocument>,
    /// The works that were done.
    pub works: Vec<WorkLineDocument>,
    /// The estimate that stands; the resident's word on it.
    pub estimates: Vec<EstimateDocument>,
    /// What works and materials come to, in kopecks.
    pub total_minor: i64,
    /// What the resident agreed to, in kopecks; absent: he agreed to nothing.
    pub agreed_minor: Option<i64>,
    /// What closing still demands.
    pub missing: Vec<Missing>,
    /// The moves a technician may make now.
    pub legal_moves: Vec<Move>,
}

/// A visit on a phone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneVisit {
    /// Identifier.
    pub id: VisitId,
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
    /// The items of the departure checklist that were confirmed.
    pub checked: BTreeSet<String>,
}

/// As many statements as [`bundles`].
pub(super) async fn load(
    reader: &Reader<'_>,
    scope: &Scope,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, PhoneDocument>> {
    let ids: Vec<TicketId> = ids.iter().copied().map(TicketId).collect();
    let bundles = bundles(reader, scope, &ids).await?;
    let documents = bundles.into_iter().map(|bundle| Ok((bundle.row.id.0, document(scope, bundle)?)));
    Ok(under_ids(documents.collect::<Result<Vec<_>>>()?))
}

fn document(scope: &Scope, bundle: Bundle) -> Result<PhoneTicket> {
    let row = bundle.row;
    let own = |visit: &visit::Visit| scope.technician().is_some_and(|technician| visit.has(technician));
    let own_visits = bundle.visits.iter().filter(|visit| own(visit)).map(|visit| visit.row.id).collect();
    let working = row.status < Status::Completed;
    let too_much = || Error::internal(format!("ticket {} comes to more than can be written down", row.id));
    let works = bundle.works.iter().map(|line| line.total_minor);
    let materials = bundle.materials.iter().map(|line| line.total_minor);
    let total_minor = works.chain(materials).try_fold(0_i64, i64::checked_add).ok_or_else(too_much)?;
    let agreed = bundle.estimates.iter().find(|estimate| estimate.state == EstimateState::Agreed);
    Ok(PhoneTicket {
        id: row.id,
        number: row.number,
        status: row.status,
        emergency: row.emergency,
        organization_id: row.organization_id,
        request_type: bundle.request_type,
        demands: bundle.demands,
        building_id: row.building_id,
        address: bundle.address,
        zone: bundle.zone,
        premises_id: row.premises_id,
        premises_number: bundle.premises_number,
        place: row.place,
        applicant_name: row.applicant_name.filter(|_| working),
        applicant_phone: row.applicant_phone.filter(|_| working),
        description: row.description,
        cause: row.cause,
        measures: row.measures,
        wished: match (row.wished_start, row.wished_end) {
            (Some(start), Some(end)) => Some(WishedRange { start, end }),
            _ => None,
        },
        fields: row.fields,
        planned_term: row.planned_term,
        registered_at: row.registered_at,
        damaged_at: row.damaged_at,
        localized_at: row.localized_at,
        completed_at: row.completed_at,
        closed_at: row.closed_at,
        cancelled_at: row.cancelled_at,
        hold_reason: row.hold_reason,
        hold_until: row.hold_until,
        outcome_reason: row.outcome_reason,
        return_count: row.return_count,
        returns: bundle.returns,
        evidence_missing: row.evidence_missing,
        follows_id: row.follows_id,
        visits: bundle.visits.iter().map(|visit| shown(visit, &bundle.names)).collect::<Result<Vec<_>>>()?,
        own_visits,
        comments: bundle.comments,
        evidence_pending: photo::pending(&bundle.photos),
        photos: bundle.photos,
        materials: bundle.materials,
        works: bundle.works,
        total_minor,
        agreed_minor: agreed.map(|estimate| estimate.total_minor),
        estimates: bundle.estimates,
        missing: bundle.missing,
        legal_moves: moves::legal(row.status, By::Technician),
    })
}

fn shown(visit: &visit::Visit, names: &BTreeMap<TechnicianId, String>) -> Result<PhoneVisit> {
    let row = &visit.row;
    Ok(PhoneVisit {
        id: row.id,
        status: row.status,
        window: row.window()?,
        planned_start: row.planned_start,
        planned_end: row.planned_end,
        crew: crew_of(visit, names),
        en_route_at: row.en_route_at,
        started_at: row.started_at,
        ended_at: row.ended_at,
        reason: row.reason.clone(),
        confirmed_at: row.confirmed_at,
        checked: visit::checked(&visit.row)?,
    })
}
