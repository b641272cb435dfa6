//! The row that says which content an organization keeps.
//!
//! Whoever lets a photo rest on stored content holds this row first, and so does the collector of orphans before it
//! removes anything: it takes (or makes) the row exclusively, looks whether a photo names the content, removes the
//! object, then the row, in one transaction. So content is either seen by both or by neither.

use sea_orm::{DbBackend, FromQueryResult};

use super::content::Format;
use crate::{
    Error, Result, Time,
    blob::{Blobs, Sha256Hash},
    db::Reader,
    id::OrganizationId,
    write::{LockRank, Tx},
};

/// The tables whose rows name content, by their columns `organization_id` and `sha256`. What none of them names is
/// collected: whoever keeps content stands here.
pub(crate) const REFERENCES: &[&str] = &["photo", "photo_preview", "act_document"];

/// The media type of an object that the collector came upon before anybody had said what it is.
const UNSEEN: &str = "application/octet-stream";

/// Content that an organization keeps.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub(super) struct Stored {
    pub(super) bytes: i64,
    pub(super) media_type: String,
}

/// The content under this hash, held until the end of the write so that it cannot be collected.
pub(super) async fn hold(
    tx: &mut Tx,
    organization: OrganizationId,
    sha256: Sha256Hash,
) -> Result<Option<Stored>> {
    tx.rank(LockRank::Uploads)?;
    // On SQLite the one writer holds everything already.
    let lock = if tx.backend() == DbBackend::Postgres { "FOR SHARE" } else { "" };
    let sql = format!("SELECT bytes, media_type FROM blob WHERE organization_id = $1 AND sha256 = $2 {lock}");
    tx.reader().one(&sql, [organization.0.into(), sha256.into()]).await
}

/// Says that the organization keeps this content, and holds it as [`hold`] does. Returns whether it had not been said
/// before.
pub(super) async fn keep(
    tx: &mut Tx,
    organization: OrganizationId,
    sha256: Sha256Hash,
    content: Stored,
) -> Result<bool> {
    tx.rank(LockRank::Uploads)?;
    let inserted = tx
        .execute(
            "INSERT INTO blob (organization_id, sha256, bytes, media_type, created_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (organization_id, sha256) DO UPDATE SET media_type = excluded.media_type
         WHERE blob.media_type = 'application/octet-stream'",
            [
                organization.0.into(),
                sha256.into(),
                content.bytes.into(),
                content.media_type.into(),
                tx.now().into(),
            ],
        )
        .await?;
    match hold(tx, organization, sha256).await? {
        Some(_) => Ok(inserted.rows_affected() == 1),
        None => Err(Error::restart("the content was being collected")),
    }
}

/// Holds the row of content alone, making it if there is none; returns since when the content is known.
pub(super) async fn seize(
    tx: &mut Tx,
    organization: OrganizationId,
    sha256: Sha256Hash,
    bytes: u64,
) -> Result<Time> {
    #[derive(FromQueryResult)]
    struct Known {
        created_at: Time,
    }
    let content =
        Stored { bytes: i64::try_from(bytes).map_err(Error::internal)?, media_type: UNSEEN.to_owned() };
    keep(tx, organization, sha256, content).await?;
    let lock = if tx.backend() == DbBackend::Postgres { "FOR UPDATE" } else { "" };
    let sql = format!("SELECT created_at FROM blob WHERE organization_id = $1 AND sha256 = $2 {lock}");
    let known = tx.reader().one::<Known>(&sql, [organization.0.into(), sha256.into()]).await?;
    known.map(|row| row.created_at).ok_or_else(|| Error::restart("the content was being collected"))
}

/// Whether there is a row of this content.
pub(super) async fn is_known(
    reader: &Reader<'_>,
    organization: OrganizationId,
    sha256: Sha256Hash,
) -> Result<bool> {
    let sql = "SELECT bytes, media_type FROM blob WHERE organization_id = $1 AND sha256 = $2";
    Ok(reader.one::<Stored>(sql, [organization.0.into(), sha256.into()]).await?.is_some())
}

/// Takes back what this write said with [`keep`].
pub(super) async fn forget(tx: &Tx, organization: OrganizationId, sha256: Sha256Hash) -> Result<()> {
    let sql = "DELETE FROM blob WHERE organization_id = $1 AND sha256 = $2";
    tx.execute(sql, [organization.0.into(), sha256.into()]).await?;
    Ok(())
}

/// Says that the organization keeps content of ours whose object is published, and whether the object is there still.
///
/// # Errors
/// Database or blob store do not answer.
pub(crate) async fn keep_content(
    tx: &mut Tx,
    organization: OrganizationId,
    sha256: Sha256Hash,
    bytes: i64,
    format: Format,
    blobs: &dyn Blobs,
) -> Result<bool> {
    let content = Stored { bytes, media_type: format.media_type().to_owned() };
    let fresh = keep(tx, organization, sha256, content).await?;
    if blobs.exists(organization, &sha256).await? {
        return Ok(true);
    }
    if fresh {
        forget(tx, organization, sha256).await?;
    }
    Ok(false)
}
