//! Photos of the past: a few pictures of each kind, sent once and shown on many tickets.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use futures_util::stream;
use naryad_domain::{
    Clock, Result, Scope,
    blob::{Blobs, Sha256Hash},
    catalogue::PhotoKind,
    clock::ManualClock,
    db::Db,
    id::{PhotoId, TicketId, VisitId},
    photo::{AddPhoto, NewUpload, PhotoState, Transfers},
};
use serde_json::json;

use crate::demo::{
    names::Dice,
    photos::{Photos, Picture},
    world::read,
};

/// So many pictures of a kind are made.
const OF_A_KIND: usize = 4;

/// Takes photos and sends them.
pub(super) struct Camera<'a> {
    db: &'a Db,
    clock: &'a ManualClock,
    transfers: Transfers,
    photos: &'a mut Photos,
    taken: BTreeMap<PhotoKind, Vec<Picture>>,
}

impl<'a> Camera<'a> {
    pub(super) fn new(
        db: &'a Db,
        clock: &'a ManualClock,
        blobs: Arc<dyn Blobs>,
        photos: &'a mut Photos,
    ) -> Self {
        let transfers = Transfers::new(db.clone(), blobs);
        Self { db, clock, transfers, photos, taken: BTreeMap::new() }
    }

    /// A photo of the work, announced and received.
    pub(super) async fn shoot(
        &mut self,
        scope: Scope,
        (ticket, visit): (TicketId, VisitId),
        kind: PhotoKind,
        dice: &mut Dice,
    ) -> Result<()> {
        let taken = self.taken.entry(kind).or_default();
        if taken.len() < OF_A_KIND {
            taken.push(self.photos.take(kind)?);
        }
        let picture = &taken[dice.below(taken.len())];
        let length = picture.bytes.len() as u64;
        let photo_id = PhotoId::new(self.clock);
        let args = read(json!({
            "photo_id": photo_id, "kind": kind, "sha256": hex::encode(picture.sha256()), "bytes": length,
            "taken_at": self.clock.now(), "visit_id": visit,
        }))?;
        let added = self.db.write(scope, AddPhoto { ticket, args, review: None }).await?;
        if added.photo.state == PhotoState::Received {
            return Ok(());
        }
        let sha256: Sha256Hash = added.photo.sha256;
        let upload = self.transfers.create(scope, NewUpload { photo: photo_id, sha256, length }).await?;
        let bytes = Bytes::from(picture.bytes.clone());
        let body = Box::pin(stream::iter([Ok(bytes)]));
        self.transfers.append(scope, upload.upload, upload.offset, None, body).await.map(drop)
    }
}
