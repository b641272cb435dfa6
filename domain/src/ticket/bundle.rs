//! Tickets with everything that stands about them, read for a whole page at once: what the phones of the crews are told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::{
    CommentDocument, RequestTypeBrief, ReturnDocument, Status,
    document::{as_seen_by, comments_on, names_of},
    find::visible,
    kind::Kind,
    returned, row,
};
use crate::{
    Error, Result, Scope,
    catalogue::{Demands, Given, Missing, missing},
    db::Reader,
    handover,
    id::{BuildingId, PremisesId, TechnicianId, TicketId},
    material::usage::{self, UsageDocument},
    paid::{
        self, WorkLineDocument,
        estimate::{self, EstimateDocument, EstimateState},
    },
    photo::{self, PhotoDocument},
    place::{building, premises},
    visit::{self, Visit},
};

/// A ticket and what stands about it, as its reader may see it.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The ticket; what its reader may not know of it is left out.
    pub row: row::Model,
    /// The kind of work.
    pub request_type: RequestTypeBrief,
    /// What closing demands.
    pub demands: Demands,
    /// The address.
    pub address: String,
    /// IANA zone of the building.
    pub zone: String,
    /// Number of the premises, if it is not the building as a whole.
    pub premises_number: Option<String>,
    /// The visits, oldest first.
    pub visits: Vec<Visit>,
    /// Full names of those who are or were of a crew; shared by the tickets of the page.
    pub names: Arc<BTreeMap<TechnicianId, String>>,
    /// The returns, oldest first.
    pub returns: Vec<ReturnDocument>,
    /// The comments, oldest first.
    pub comments: Vec<CommentDocument>,
    /// The photos that stand with the ticket, oldest first.
    pub photos: Vec<PhotoDocument>,
    /// The used materials.
    pub materials: Vec<UsageDocument>,
    /// The works that were done.
    pub works: Vec<WorkLineDocument>,
    /// The estimates that stand, the newest first.
    pub estimates: Vec<EstimateDocument>,
    /// What closing still demands.
    pub missing: Vec<Missing>,
}

/// The tickets among `ids`, at most a page of 500, that the scope can see, in a fixed number of statements: eleven,
/// one more for the crews where there are visits, and one each where a crew is named, work was returned, or a ticket is another organization's.
///
/// # Errors
/// The database cannot be read, or a row holds what it should not.
pub async fn bundles(reader: &Reader<'_>, scope: &Scope, ids: &[TicketId]) -> Result<Vec<Bundle>> {
    let rows = row::Entity::find()
        .filter(row::Column::Id.is_in(ids.iter().copied()))
        .filter(visible(scope))
        .all(reader)
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let foreign = |row: &&row::Model| row.organization_id != scope.organization();
    let passed: Vec<TicketId> = rows.iter().filter(foreign).map(|row| row.id).collect();
    let offers = if passed.is_empty() {
        BTreeMap::new()
    } else {
        handover::last_of(reader, scope.organization(), &passed).await?
    };
    let ids: Vec<TicketId> = rows.iter().map(|row| row.id).collect();
    let kinds = Kind::of_each(reader, &rows).await?;
    let places = Places::of(reader, &rows).await?;
    let mut visits = visit::of_tickets(reader, &ids).await?;
    let names = Arc::new(names_of(reader, visits.values().flatten()).await?);
    let returned: Vec<TicketId> = rows.iter().filter(|row| row.return_count > 0).map(|row| row.id).collect();
    let mut returns =
        if returned.is_empty() { BTreeMap::new() } else { returned::of_tickets(reader, &returned).await? };
    let mut comments = comments_on(reader, &ids, false).await?;
    let mut photos = photo::of_tickets(reader, scope, &ids).await?;
    let mut materials = usage::of_tickets(reader, &ids).await?;
    let mut works = paid::works_of(reader, &ids).await?;
    let mut estimates = estimate::of_tickets(reader, &ids).await?;
    let mut bundles = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.id;
        let wrong = |column: &str| Error::internal(format!("ticket {id}, column {column}"));
        let kind = kinds
            .get(&(row.request_type_id, row.request_type_version))
            .ok_or_else(|| wrong("request_type_version"))?;
        let building = places.buildings.get(&row.building_id).ok_or_else(|| wrong("building_id"))?;
        let mut bundle = Bundle {
            request_type: RequestTypeBrief {
                id: row.request_type_id,
                version: row.request_type_version,
                code: kind.code.clone(),
                name_ru: kind.name_ru.clone(),
                name_en: kind.name_en.clone(),
            },
            demands: kind.rules.demands.clone(),
            address: building.address.clone(),
            zone: building.zone.clone(),
            premises_number: row.premises_id.and_then(|id| places.numbers.get(&id).cloned()),
            visits: visits.remove(&id).unwrap_or_default(),
            names: Arc::clone(&names),
            returns: returns.remove(&id).unwrap_or_default(),
            comments: comments.remove(&id).unwrap_or_default(),
            photos: photos.remove(&id).unwrap_or_default(),
            materials: materials.remove(&id).unwrap_or_default(),
            works: works.remove(&id).unwrap_or_default(),
            estimates: estimates.remove(&id).unwrap_or_default(),
            missing: Vec::new(),
            row: as_seen_by(scope, row, offers.get(&id).map(|offer| offer.state)),
        };
        bundle
            .estimates
            .retain(|estimate| matches!(estimate.state, EstimateState::Offered | EstimateState::Agreed));
        if bundle.row.status < Status::Completed || bundle.row.evidence_missing {
            bundle.missing = missing(&bundle.demands, &bundle.given()?);
        }
        bundles.push(bundle);
    }
    Ok(bundles)
}

impl Bundle {
    /// What the ticket has of what closing demands.
    fn given(&self) -> Result<Given> {
        let agreed = self.estimates.iter().any(|estimate| estimate.state == EstimateState::Agreed);
        Ok(Given {
            photos: photo::counted(self.photos.iter().map(|photo| (photo.kind, photo.state))),
            material_lines: u32::try_from(self.materials.len()).map_err(Error::internal)?,
            fields: self.row.fields.as_object().cloned().unwrap_or_default(),
            checked: visit::checked_on(&self.visits)?,
            agreed: self.demands.paid && agreed,
        })
    }
}

/// Where the tickets of a page are.
struct Places {
    buildings: BTreeMap<BuildingId, building::Model>,
    numbers: BTreeMap<PremisesId, String>,
}

impl Places {
    async fn of(reader: &Reader<'_>, rows: &[row::Model]) -> Result<Self> {
        let ids: BTreeSet<BuildingId> = rows.iter().map(|row| row.building_id).collect();
        let buildings = building::Entity::find().filter(building::Column::Id.is_in(ids)).all(reader).await?;
        let ids: BTreeSet<PremisesId> = rows.iter().filter_map(|row| row.premises_id).collect();
        let premises = premises::Entity::find().filter(premises::Column::Id.is_in(ids)).all(reader).await?;
        Ok(Self {
            buildings: buildings.into_iter().map(|building| (building.id, building)).collect(),
            numbers: premises.into_iter().map(|premises| (premises.id, premises.number)).collect(),
        })
    }
}
