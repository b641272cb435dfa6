//! What the database tells to the store of photos, and how it is compared.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::store::{Found, Settle, Settled};
use crate::{
    Result, Scope,
    blob::{BlobError, Blobs, NoteName},
    db::Db,
    id::OrganizationId,
};

/// The note in the store.
const NOTE: &str = "beacon";
/// A start does not wait longer than this for a store that does not answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How far a database has come: the note in the store of photos, as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beacon {
    /// The incarnation.
    pub incarnation: Uuid,
    /// How often it has beaten.
    pub beat: i64,
}

impl Beacon {
    /// Whether a database that stands at `other` cannot know of this: it is a later beat of the same life, or a life that
    /// began after that one.
    pub(super) fn is_ahead_of(&self, other: &Self) -> bool {
        if self.incarnation == other.incarnation {
            self.beat > other.beat
        } else {
            self.incarnation > other.incarnation
        }
    }
}

/// Before a node serves or works: makes the incarnation where there is none, and begins another one where the database is
/// behind what it had told to the store. A store that does not answer does not keep a node from starting: the first beat
/// that reaches it compares too.
///
/// # Errors
/// The database cannot be written.
pub async fn check_at_start(db: &Db, blobs: &dyn Blobs) -> Result<()> {
    let told = match tokio::time::timeout(PATIENCE, told(blobs)).await {
        Ok(Ok(told)) => told,
        Ok(Err(error)) => {
            tracing::warn!(%error, "whether the database was restored is not known: the store of photos does not answer");
            None
        }
        Err(_) => {
            tracing::warn!(
                "whether the database was restored is not known: the store of photos does not answer"
            );
            None
        }
    };
    let Settled { life, found } = settle(db, told, false).await?;
    if found == Found::Renewed
        && let Err(error) = tell(blobs, &life).await
    {
        // The next beat tells it.
        tracing::warn!(%error, "the new incarnation could not be told to the store of photos");
    }
    Ok(())
}

/// Raises the beat of the database and, when that is committed, tells it to the store. To be called once a minute by every
/// worker; several that do so harm nothing: a beat that is told late is lower than what the database has. What
/// [`check_at_start`] compares is compared here too, because it may not have been able to.
///
/// # Errors
/// Database or store do not answer. What stands in the store unread is never written over.
pub async fn beat(db: &Db, blobs: &dyn Blobs) -> Result<()> {
    let told = told(blobs).await?;
    let Settled { life, found } = settle(db, told, true).await?;
    if found == Found::Again {
        tracing::warn!(
            incarnation = %life.incarnation,
            told = ?told.map(|told| told.incarnation),
            "another database tells its beats to the same store of photos"
        );
        return Ok(());
    }
    Ok(tell(blobs, &life).await?)
}

async fn settle(db: &Db, told: Option<Beacon>, beats: bool) -> Result<Settled> {
    // The whole database, and so no organization.
    db.write(Scope::system(OrganizationId(Uuid::nil())), Settle { told, beats }).await
}

/// What stands in the store. A note that is not ours says nothing.
async fn told(blobs: &dyn Blobs) -> Result<Option<Beacon>, BlobError> {
    let Some(note) = blobs.get_note(&NoteName::new(NOTE)?).await? else { return Ok(None) };
    let beacon = serde_json::from_slice::<Beacon>(&note).ok();
    let beacon = beacon.filter(|beacon| beacon.incarnation.get_version_num() == 7);
    if beacon.is_none() {
        tracing::warn!("the beacon in the store of photos cannot be read, and is written anew");
    }
    Ok(beacon)
}

async fn tell(blobs: &dyn Blobs, life: &Beacon) -> Result<(), BlobError> {
    let note = serde_json::json!({ "incarnation": life.incarnation, "beat": life.beat });
    blobs.put_note(&NoteName::new(NOTE)?, note.to_string().into()).await
}
