//! A photo is announced: what it shows, of which content, taken when and where. The bytes may come days later.

use chrono::{DateTime, SubsecRound as _, Utc};
use sea_orm::EntityTrait as _;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    PhotoPosition,
    content::{Format, not_taken, takes},
    early, examine,
    row::{Entity, Model, PhotoState, PreviewState},
    stored,
};
use crate::{
    Code, Error, Result, Scope,
    blob::Sha256Hash,
    calendar::is_plausible,
    catalogue::PhotoKind,
    id::{PhotoId, ReviewId, TicketId, VisitId},
    ticket::{
        self, Status,
        moves::{self, By},
    },
    visit,
    write::{Act, Tx},
};

/// The most bytes a photo may have: 25 MiB, which the original of every phone in use stays below.
pub const MAX_PHOTO_BYTES: u64 = 25 * 1024 * 1024;

/// A photo as the phone announces it.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPhotoArgs {
    /// Made by the client: a UUID of version 7.
    pub photo_id: PhotoId,
    /// What it shows, or what it is. A resident adds `before`, `other`, `document` and `voice`.
    pub kind: PhotoKind,
    /// SHA-256 of the very bytes that will be sent.
    pub sha256: Sha256Hash,
    /// Their number, at most 25 MiB.
    #[schema(minimum = 1, maximum = 26_214_400)]
    pub bytes: u64,
    /// When it was taken, by the phone; a moment outside 2000 to 2100 is not kept.
    #[serde(default)]
    pub taken_at: Option<DateTime<Utc>>,
    /// Where the phone was then.
    #[serde(default)]
    pub position: Option<PhotoPosition>,
    /// The visit on which it was taken.
    #[serde(default)]
    pub visit_id: Option<VisitId>,
    /// Of a photo `after` the work: the photo `before` it of the same place, of the same ticket.
    #[serde(default)]
    pub pair_of: Option<PhotoId>,
}

/// Links a photo to a ticket. The same photo again is the same photo.
#[derive(Clone, Debug)]
pub struct AddPhoto {
    /// The ticket.
    pub ticket: TicketId,
    /// The photo.
    pub args: AddPhotoArgs,
    /// It came with work that waits for a decision: it is kept beside the ticket, whatever state that is in, and counts
    /// for nothing until then.
    pub review: Option<ReviewId>,
}

/// A photo that was announced.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    /// The photo.
    pub photo: Model,
    /// `false`: it had been announced before.
    pub fresh: bool,
}

impl Act for AddPhoto {
    const NAME: &'static str = "photo.add";
    type Out = Added;

    async fn run(&self, tx: &mut Tx) -> Result<Added> {
        let args = &self.args;
        PhotoId::from_client(args.photo_id.0, "photo_id")?;
        let bytes = length(args.bytes)?;
        let ticket = ticket::hold(tx, self.ticket).await?;
        let by = adder(tx.scope(), args.kind)?;
        if let Some(photo) = Entity::find_by_id(args.photo_id).one(&tx.reader()).await? {
            let same = photo.ticket_id == ticket.id && photo.sha256 == args.sha256 && photo.bytes == bytes;
            let taken = || Error::new(Code::AlreadyExists, "another photo has this identifier");
            if !same {
                return Err(taken());
            }
            if photo.review_id.is_some() && self.review.is_none() {
                return admit(tx, &ticket, photo).await;
            }
            return Ok(Added { photo, fresh: false });
        }
        match (ticket.status, by) {
            // What shows why the work is not accepted, while it can be returned.
            (Status::Closed, By::Resident) => ticket::returned::within_term(tx, &ticket).await?,
            // What was demanded and turned out to be none.
            (Status::Closed, _) if ticket.evidence_missing => {}
            _ if self.review.is_some() => {}
            (status, by) => still_open(status, by)?,
        }
        if let Some(id) = args.visit_id
            && !visit::of_ticket(&tx.reader(), ticket.id).await?.iter().any(|visit| visit.row.id == id)
        {
            return Err(Error::not_found("visit"));
        }
        if let Some(pair) = args.pair_of {
            check_pair(tx, ticket.id, args.kind, pair).await?;
        }
        let mut photo = Model {
            id: args.photo_id,
            organization_id: ticket.organization_id,
            ticket_id: ticket.id,
            visit_id: args.visit_id,
            kind: args.kind,
            state: PhotoState::Expected,
            refused_reason: None,
            sha256: args.sha256,
            bytes,
            media_type: None,
            // A camera whose clock is lost still brings evidence: what cannot be a date is not kept.
            taken_at: args.taken_at.filter(|at| is_plausible(*at)).map(|at| at.trunc_subsecs(6)),
            latitude_e7: None,
            longitude_e7: None,
            accuracy_m: None,
            added_by: tx.scope().actor_id(),
            added_at: tx.at(),
            received_at: None,
            preview: PreviewState::None,
            width: None,
            height: None,
            exif_at: None,
            exif_latitude_e7: None,
            exif_longitude_e7: None,
            camera: None,
            pair_of: args.pair_of,
            flags: None,
            flagged: false,
            review_id: self.review,
            late_at: None,
        };
        if let Some(position) = args.position {
            position.put(&mut photo)?;
        }
        // Whoever is not of the house sends the bytes: knowing a hash must not be enough to get at a photo.
        if by != By::Resident && tx.scope().organization() == ticket.organization_id {
            rest_on_stored(tx, &mut photo).await?;
        }
        tx.insert(&photo).await?;
        early::follow(tx, &photo).await?;
        if self.review.is_none() {
            ticket::evidence_found(tx, &ticket).await?;
        }
        Ok(Added { photo, fresh: true })
    }
}

/// What was kept beside the ticket stands with it from now on.
async fn admit(tx: &mut Tx, ticket: &ticket::row::Model, photo: Model) -> Result<Added> {
    let after = Model { review_id: None, ..photo.clone() };
    tx.update(&photo, &after).await?;
    ticket::evidence_found(tx, ticket).await?;
    Ok(Added { photo: after, fresh: false })
}

/// The length of a photo, as it is stored.
///
/// # Errors
/// `invalid_field` for nothing, `too_large` over [`MAX_PHOTO_BYTES`].
pub(super) fn length(bytes: u64) -> Result<i64> {
    if bytes == 0 {
        return Err(Error::field("bytes", "a photo has at least one byte"));
    }
    let fits = i64::try_from(bytes).ok().filter(|_| bytes <= MAX_PHOTO_BYTES);
    fits.ok_or_else(|| {
        let message = format!("a photo has at most {MAX_PHOTO_BYTES} bytes");
        Error::new(Code::TooLarge, message).with("limit", MAX_PHOTO_BYTES)
    })
}

/// As what the scope adds a photo of this kind.
fn adder(scope: &Scope, kind: PhotoKind) -> Result<By> {
    match By::of(scope) {
        Some(By::Resident)
            if !matches!(
                kind,
                PhotoKind::Before | PhotoKind::Other | PhotoKind::Document | PhotoKind::Voice
            ) =>
        {
            let message = "residents add photos of the kinds before, other, document and voice";
            Err(Error::new(Code::Forbidden, message))
        }
        Some(by) => Ok(by),
        None => Err(Error::new(Code::Forbidden, Code::Forbidden.title())),
    }
}

/// New photos are taken until the ticket is closed or cancelled: evidence may come after the work was reported done.
fn still_open(status: Status, by: By) -> Result<()> {
    if !matches!(status, Status::Closed | Status::Cancelled) {
        return Ok(());
    }
    let legal: Vec<&str> = moves::legal(status, by).iter().map(|step| step.name()).collect();
    let message = format!("a ticket that is {} takes no new photos", status.name());
    Err(Error::new(Code::IllegalMove, message).with("status", status.name()).with("legal", legal))
}

/// If the organization keeps this content already, the photo is received at once.
async fn rest_on_stored(tx: &mut Tx, photo: &mut Model) -> Result<()> {
    let Some(stored) = stored::hold(tx, photo.organization_id, photo.sha256).await? else { return Ok(()) };
    // Nobody has said what it is: whoever sends the bytes will.
    let Some(format) = Format::of_media_type(&stored.media_type) else { return Ok(()) };
    if stored.bytes != photo.bytes {
        return Err(Error::field("bytes", "the content of this SHA-256 has another length"));
    }
    if !takes(photo.kind, format) {
        return Err(not_taken(photo.kind));
    }
    examine::received(tx, photo, &stored.media_type);
    Ok(())
}

/// A photo after the work names the one before it.
async fn check_pair(tx: &Tx, ticket: TicketId, kind: PhotoKind, pair: PhotoId) -> Result<()> {
    if kind != PhotoKind::After {
        return Err(Error::field("pair_of", "only a photo after the work names the one before it"));
    }
    let before = Entity::find_by_id(pair).one(&tx.reader()).await?;
    match before.filter(|photo| photo.ticket_id == ticket) {
        Some(photo) if photo.kind == PhotoKind::Before => Ok(()),
        Some(_) => Err(Error::field("pair_of", "is not a photo before the work")),
        None => Err(Error::not_found("photo")),
    }
}
