//! A received picture is looked at: previews, facts, doubts. What is no picture after all is refused.

use std::sync::Arc;

use bytes::Bytes;
use naryad_picture::{Examined, Picture, Refusal};
use sea_orm::EntityTrait as _;

use super::{
    content::Format,
    flag::{self, PhotoFlag, Scene},
    row::{Entity, Model, PhotoState, PreviewState},
    stored,
};
use crate::{
    Code, Error, Result, Scope,
    blob::{Blobs, Sha256Hash},
    db::Reader,
    id::PhotoId,
    job::NewJob,
    people::organization,
    place::{Position, building},
    ticket,
    write::{Act, LockRank, Tx},
};

/// The kind of the job that looks at a received picture.
pub const EXAMINE_JOB: &str = "photo_examine";

/// A photo that has its bytes: what follows from that. The row is not written yet.
pub(super) fn received(tx: &mut Tx, photo: &mut Model, media_type: &str) {
    photo.state = PhotoState::Received;
    photo.media_type = Some(media_type.to_owned());
    photo.received_at = Some(tx.now());
    if Format::of_media_type(media_type).is_some_and(Format::is_picture) {
        photo.preview = PreviewState::Pending;
        tx.enqueue(NewJob {
            organization: photo.organization_id,
            kind: EXAMINE_JOB,
            payload: serde_json::json!({ "photo": photo.id }),
            run_at: tx.now(),
            dedup_key: Some(format!("{EXAMINE_JOB}:{}", photo.id)),
        });
    }
}

/// The photo that a job is to look at; `None`: it has been looked at, or is gone.
///
/// # Errors
/// The database cannot be read.
pub async fn to_examine(reader: &Reader<'_>, scope: &Scope, id: PhotoId) -> Result<Option<Model>> {
    let photo = Entity::find_by_id(id).one(reader).await?;
    Ok(photo.filter(|photo| photo.organization_id == scope.organization() && waits(photo)))
}

fn waits(photo: &Model) -> bool {
    photo.state == PhotoState::Received && photo.preview == PreviewState::Pending
}

/// A preview whose object is published.
#[derive(Clone, Copy, Debug)]
struct Published {
    side: u32,
    sha256: Sha256Hash,
    bytes: i64,
    width: u32,
    height: u32,
}

/// Writes down what was seen of a picture.
#[derive(Clone, Debug)]
pub struct Examine {
    photo: PhotoId,
    seen: Seen,
    previews: Vec<Published>,
    blobs: Arc<dyn Blobs>,
}

#[derive(Clone, Debug)]
enum Seen {
    Picture(Box<Examined>),
    Refused(Refusal),
}

impl Examine {
    /// Publishes the previews of what was seen, so that it can be written down.
    ///
    /// # Errors
    /// The blob store does not answer.
    pub async fn publish(
        blobs: Arc<dyn Blobs>,
        photo: &Model,
        seen: std::result::Result<Examined, Refusal>,
    ) -> Result<Self> {
        let mut examined = match seen {
            Ok(examined) => examined,
            Err(refusal) => {
                return Ok(Self {
                    photo: photo.id,
                    seen: Seen::Refused(refusal),
                    previews: Vec::new(),
                    blobs,
                });
            }
        };
        let mut previews = Vec::new();
        if let Some(Picture { previews: made, .. }) = &mut examined.picture {
            for (preview, side) in made.iter_mut().zip(naryad_picture::SIDES) {
                let content = Bytes::from(std::mem::take(&mut preview.jpeg));
                let (sha256, bytes) = (Sha256Hash::of(&content), content.len());
                blobs.put(photo.organization_id, &sha256, content).await?;
                let bytes = i64::try_from(bytes).map_err(Error::internal)?;
                previews.push(Published {
                    side,
                    sha256,
                    bytes,
                    width: preview.width,
                    height: preview.height,
                });
            }
        }
        Ok(Self { photo: photo.id, seen: Seen::Picture(Box::new(examined)), previews, blobs })
    }

    /// Keeps the previews; the collector of orphans may have been faster.
    async fn keep(&self, tx: &mut Tx, photo: &Model) -> Result<()> {
        for preview in &self.previews {
            let Published { sha256, bytes, .. } = *preview;
            let organization = photo.organization_id;
            if !stored::keep_content(tx, organization, sha256, bytes, Format::Jpeg, &*self.blobs).await? {
                return Err(Error::new(Code::Unavailable, "a preview was collected before it was known"));
            }
            tx.execute(
                "INSERT INTO photo_preview (photo_id, side, organization_id, sha256, bytes, width, height)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
                [
                    photo.id.0.into(),
                    i64::from(preview.side).into(),
                    photo.organization_id.0.into(),
                    preview.sha256.into(),
                    preview.bytes.into(),
                    i64::from(preview.width).into(),
                    i64::from(preview.height).into(),
                ],
            )
            .await?;
        }
        Ok(())
    }
}

impl Act for Examine {
    const NAME: &'static str = "photo.examine";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let gone = || Error::not_found("photo");
        // The ticket of a photo never changes.
        let ticket = Entity::find_by_id(self.photo).one(&tx.reader()).await?.ok_or_else(gone)?.ticket_id;
        let ticket = ticket::hold(tx, ticket).await?;
        tx.lock_rows(LockRank::Uploads, "photo", "id", [self.photo.0]).await?;
        let before = Entity::find_by_id(self.photo).one(&tx.reader()).await?.ok_or_else(gone)?;
        if !waits(&before) {
            return Ok(());
        }
        let mut after = before.clone();
        match &self.seen {
            Seen::Refused(refusal) => {
                after.state = PhotoState::Refused;
                after.preview = PreviewState::None;
                after.refused_reason = Some(refusal.name().to_owned());
                tx.update(&before, &after).await?;
                return ticket::evidence_lost(tx, &ticket, before.kind).await;
            }
            Seen::Picture(examined) => {
                let building = building::Entity::find_by_id(ticket.building_id).one(&tx.reader()).await?;
                let zone = building.as_ref().map_or("UTC", |building| building.zone.as_str());
                let facts = &examined.facts;
                let local = || facts.taken_local.and_then(|local| flag::instant(local, zone));
                after.exif_at = facts.taken_at.or_else(local).filter(|at| crate::calendar::is_plausible(*at));
                after.exif_latitude_e7 = facts.position.map(|point| point.latitude_e7.into());
                after.exif_longitude_e7 = facts.position.map(|point| point.longitude_e7.into());
                after.camera.clone_from(&facts.device);
                after.preview = PreviewState::None;
                if let Some(picture) = &examined.picture {
                    after.preview = PreviewState::Ready;
                    after.width = Some(picture.width.into());
                    after.height = Some(picture.height.into());
                }
                let settings = organization::settings_of(&tx.reader(), ticket.organization_id).await?;
                let scene = Scene {
                    settings: &settings,
                    registered_at: ticket.registered_at,
                    completed_at: ticket.completed_at,
                    building: building
                        .and_then(|building| Position::from_e7(building.latitude_e7, building.longitude_e7)),
                };
                let mut flags = flag::of_time_and_place(&after, &scene);
                flags.extend(flag::same_bytes(&tx.reader(), &after).await?);
                let same = matches!(flags.last(), Some(PhotoFlag::SameBytes { .. }));
                if let Some(hash) = examined.picture.as_ref().and_then(|picture| picture.hash) {
                    // The same bytes are near too; that is said once.
                    if !same {
                        flags.extend(flag::near_duplicate(&tx.reader(), &after, hash).await?);
                    }
                    let [a, b, c, d] = hash.bands().map(i64::from);
                    tx.execute(
                        "INSERT INTO photo_hash (photo_id, organization_id, hash, band_0, band_1, band_2, band_3)
                         VALUES ($1, $2, $3, $4, $5, $6, $7)",
                        [
                            after.id.0.into(),
                            after.organization_id.0.into(),
                            flag::column(hash).into(),
                            a.into(),
                            b.into(),
                            c.into(),
                            d.into(),
                        ],
                    )
                    .await?;
                }
                if examined.damaged {
                    flags.push(PhotoFlag::Damaged {});
                }
                after.flagged = !flags.is_empty();
                if after.flagged {
                    after.flags = Some(serde_json::to_value(&flags).map_err(Error::internal)?);
                }
            }
        }
        self.keep(tx, &before).await?;
        tx.update(&before, &after).await
    }
}
