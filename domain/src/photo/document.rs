//! The photos of a ticket, as they are shown.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, Select};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    PhotoFlag, PhotoPosition,
    row::{Column, Entity, Model, PhotoState, PreviewState},
};
use crate::{
    Error, Result, Scope,
    blob::Sha256Hash,
    catalogue::PhotoKind,
    db::Reader,
    id::{PhotoId, ReviewId, TicketId, VisitId},
};

/// A photo of a ticket. The bytes are at `/v1/photos/{id}`, once it is received.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PhotoDocument {
    /// Which one.
    pub id: PhotoId,
    /// What it shows.
    pub kind: PhotoKind,
    /// Whether the bytes are here.
    pub state: PhotoState,
    /// How many bytes it has.
    #[schema(minimum = 1)]
    pub bytes: i64,
    /// Their SHA-256.
    pub sha256: Sha256Hash,
    /// What the bytes are, by themselves; once received.
    pub media_type: Option<String>,
    /// The visit on which it was taken.
    pub visit_id: Option<VisitId>,
    /// When it was taken, by the phone.
    pub taken_at: Option<DateTime<Utc>>,
    /// Where the phone was then. Shown to staff only.
    pub position: Option<PhotoPosition>,
    /// When it was added to the ticket.
    pub added_at: DateTime<Utc>,
    /// When the last byte came.
    pub received_at: Option<DateTime<Utc>>,
    /// Why it was refused: `not_a_photo`, or what its decoder says: `truncated`, `too_many_pixels`, `undecodable`.
    pub refused_reason: Option<String>,
    /// Whether there are small pictures, at `?size=1280` and `?size=320`.
    pub preview: PreviewState,
    /// The width of the picture when held upright, in pixels.
    pub width: Option<i64>,
    /// The height of the picture when held upright, in pixels.
    pub height: Option<i64>,
    /// The photo of the same place before the work.
    pub pair_of: Option<PhotoId>,
    /// When it was taken, by the file itself. Shown to staff only.
    pub exif_at: Option<DateTime<Utc>>,
    /// The camera, by the file itself. Shown to staff only.
    pub camera: Option<String>,
    /// What makes it doubtful. Shown to desks only.
    pub flags: Vec<PhotoFlag>,
}

impl PhotoDocument {
    /// The photo as the scope may see it.
    ///
    /// # Errors
    /// `internal` when the row holds what it should not.
    pub fn of(scope: &Scope, photo: &Model) -> Result<Self> {
        let staff = !scope.is_resident();
        Ok(Self {
            id: photo.id,
            kind: photo.kind,
            state: photo.state,
            bytes: photo.bytes,
            sha256: photo.sha256,
            media_type: photo.media_type.clone(),
            visit_id: photo.visit_id,
            taken_at: photo.taken_at,
            position: PhotoPosition::of(photo).filter(|_| staff),
            added_at: photo.added_at,
            received_at: photo.received_at,
            refused_reason: photo.refused_reason.clone(),
            preview: photo.preview,
            width: photo.width,
            height: photo.height,
            pair_of: photo.pair_of,
            exif_at: photo.exif_at.filter(|_| staff),
            camera: photo.camera.clone().filter(|_| staff),
            flags: PhotoFlag::shown(scope, photo)?,
        })
    }
}

/// The photos of a ticket, in the order in which they were added. The caller has seen the ticket through the scope.
///
/// # Errors
/// The database cannot be read.
pub async fn of_ticket(reader: &Reader<'_>, scope: &Scope, ticket: TicketId) -> Result<Vec<PhotoDocument>> {
    Ok(of_tickets(reader, scope, &[ticket]).await?.remove(&ticket).unwrap_or_default())
}

/// What stands with these tickets, in the order in which it was added. What came with held work stands beside them until
/// somebody has decided.
fn standing(tickets: &[TicketId]) -> Select<Entity> {
    Entity::find()
        .filter(Column::TicketId.is_in(tickets.iter().copied()))
        .filter(Column::ReviewId.is_null())
        .order_by_asc(Column::AddedAt)
        .order_by_asc(Column::Id)
}

/// The photos that came with work which waits for a decision. The caller has seen the review through its scope.
///
/// # Errors
/// The database cannot be read.
pub async fn of_review(reader: &Reader<'_>, scope: &Scope, review: ReviewId) -> Result<Vec<PhotoDocument>> {
    let query = Entity::find().filter(Column::ReviewId.eq(review)).order_by_asc(Column::AddedAt);
    let photos = query.order_by_asc(Column::Id).all(reader).await?;
    photos.iter().map(|photo| PhotoDocument::of(scope, photo)).collect()
}

/// The photos of each of these tickets, in one statement. The caller has seen the tickets through the scope.
///
/// # Errors
/// The database cannot be read.
pub async fn of_tickets(
    reader: &Reader<'_>,
    scope: &Scope,
    tickets: &[TicketId],
) -> Result<BTreeMap<TicketId, Vec<PhotoDocument>>> {
    let mut photos: BTreeMap<TicketId, Vec<PhotoDocument>> = BTreeMap::new();
    for row in standing(tickets).all(reader).await? {
        photos.entry(row.ticket_id).or_default().push(PhotoDocument::of(scope, &row)?);
    }
    Ok(photos)
}

/// How many of these photos count as evidence, by kind: received or still to come, for closing never waits for bytes, and
/// not refused.
pub fn counted(photos: impl IntoIterator<Item = (PhotoKind, PhotoState)>) -> BTreeMap<PhotoKind, u32> {
    let mut counts = BTreeMap::new();
    for (kind, _) in photos.into_iter().filter(|(_, state)| *state != PhotoState::Refused) {
        *counts.entry(kind).or_insert(0) += 1;
    }
    counts
}

/// How many photos of a ticket count as evidence, by kind. The caller has seen the ticket through its scope.
///
/// # Errors
/// The database cannot be read.
pub async fn counts(reader: &Reader<'_>, ticket: TicketId) -> Result<BTreeMap<PhotoKind, u32>> {
    let photos = standing(&[ticket]).all(reader).await?;
    Ok(counted(photos.iter().map(|photo| (photo.kind, photo.state))))
}

/// How many of these photos are announced and not here yet.
pub fn pending(photos: &[PhotoDocument]) -> u32 {
    let expected = photos.iter().filter(|photo| photo.state == PhotoState::Expected).count();
    u32::try_from(expected).unwrap_or(u32::MAX)
}

/// Passes a photo of the ticket. The caller has seen the ticket through its scope.
///
/// # Errors
/// `not_found` for the others.
pub(crate) async fn require_of_ticket(reader: &Reader<'_>, ticket: TicketId, id: PhotoId) -> Result<()> {
    let photo = Entity::find_by_id(id).filter(Column::TicketId.eq(ticket)).one(reader).await?;
    photo.filter(|photo| photo.review_id.is_none()).map(drop).ok_or_else(|| Error::not_found("photo"))
}
