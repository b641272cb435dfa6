//! What whoever holds a link is shown: what he needs to wait for the crew, and no more.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Result, Scope,
    catalogue::PhotoKind,
    db::Reader,
    id::{PhotoId, TicketId, VisitId},
    photo::PreviewState,
    ticket::{self, Status},
    visit::{VisitStatus, Window},
};

/// A ticket as it is followed by a link.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrackDocument {
    /// Registration number.
    pub number: String,
    /// Where it stands.
    pub status: Status,
    /// The kind of work, in Russian.
    pub kind_ru: String,
    /// The kind of work, in English.
    pub kind_en: String,
    /// The address of the building. The premises are not told: whoever holds the link knows his own.
    pub address: String,
    /// IANA zone of the building.
    pub zone: String,
    /// The planned term.
    pub planned_term: Option<DateTime<Utc>>,
    /// When it was registered.
    pub registered_at: DateTime<Utc>,
    /// When the work was done.
    pub completed_at: Option<DateTime<Utc>>,
    /// The visits that stand, and those that took place, oldest first.
    pub visits: Vec<TrackVisit>,
    /// The photos of the place before and after the work, of which there are previews.
    pub photos: Vec<TrackPhoto>,
    /// Whether the work can be accepted now.
    pub can_accept: bool,
    /// What it all means, in words.
    pub say: String,
}

/// A visit as it is followed by a link.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrackVisit {
    /// Identifier.
    pub id: VisitId,
    /// Where it stands.
    pub status: VisitStatus,
    /// What was promised.
    pub window: Window,
    /// Who comes: the full name of each worker.
    pub workers: Vec<String>,
    /// When it was confirmed.
    pub confirmed_at: Option<DateTime<Utc>>,
}

/// A photo that can be looked at by a link.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrackPhoto {
    /// Identifier.
    pub id: PhotoId,
    /// What it shows.
    pub kind: PhotoKind,
    /// The photo of the same place before the work.
    pub pair_of: Option<PhotoId>,
}

/// The ticket of a link.
///
/// # Errors
/// `not_found` when it is out of sight.
pub async fn document(reader: &Reader<'_>, scope: &Scope, ticket: TicketId) -> Result<TrackDocument> {
    let seen = ticket::document(reader, scope, ticket).await?;
    let visits = seen.visits.into_iter().filter(|visit| visit.status != VisitStatus::Cancelled);
    let photos = seen.photos.into_iter().filter(|photo| {
        photo.preview == PreviewState::Ready && matches!(photo.kind, PhotoKind::Before | PhotoKind::After)
    });
    Ok(TrackDocument {
        can_accept: seen.legal_moves.contains(&ticket::Move::Accept),
        number: seen.number,
        status: seen.status,
        kind_ru: seen.request_type.name_ru,
        kind_en: seen.request_type.name_en,
        address: seen.address,
        zone: seen.zone,
        planned_term: seen.planned_term,
        registered_at: seen.registered_at,
        completed_at: seen.completed_at,
        visits: visits
            .map(|visit| TrackVisit {
                id: visit.id,
                status: visit.status,
                window: visit.window,
                workers: visit.crew.into_iter().map(|member| member.full_name).collect(),
                confirmed_at: visit.confirmed_at,
            })
            .collect(),
        photos: photos
            .map(|photo| TrackPhoto { id: photo.id, kind: photo.kind, pair_of: photo.pair_of })
            .collect(),
        say: seen.say,
    })
}
