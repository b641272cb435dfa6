//! Uploads that nobody goes on with are ended; slices that belong to none and objects that nobody names are removed.

use chrono::TimeDelta;
use naryad_domain::{
    Result, Scope, Time,
    blob::{Blobs, NoteName},
    db::Db,
    photo::{Transfers, collect_orphans, organizations_to_sweep, sweep_slices, sweep_uploads},
};

/// Uploads ended in one write.
const BATCH: u32 = 50;
/// Folders of slices looked at in one go.
const PAGE: usize = 200;

/// Goes once through everything that is due.
pub(crate) async fn sweep(db: &Db, transfers: &Transfers) -> Result<()> {
    for organization in organizations_to_sweep(db).await? {
        let scope = Scope::system(organization);
        while sweep_uploads(transfers, scope, BATCH).await?.more {}
    }
    let mut after = None;
    loop {
        after = sweep_slices(transfers, after, PAGE).await?;
        if after.is_none() {
            break;
        }
    }
    if !daily(db, &**transfers.blobs()).await? {
        return Ok(());
    }
    let mut after = None;
    loop {
        let (last, gone) = collect_orphans(db, transfers.blobs(), after, PAGE).await?;
        if gone > 0 {
            tracing::info!(gone, "objects that nobody names were removed");
        }
        after = last;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Whether the day's walk through all objects is due, and takes it on. What it costs grows with the store, so it is taken
/// once a day, whatever the number of processes: a note in the store tells when the last one began.
async fn daily(db: &Db, blobs: &dyn Blobs) -> Result<bool> {
    let note = NoteName::new("orphans-swept")?;
    let now = db.clock().now();
    let before = blobs.get_note(&note).await?;
    let before = before.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse::<Time>().ok());
    if before.is_some_and(|at| now < at + TimeDelta::days(1)) {
        return Ok(false);
    }
    blobs.put_note(&note, now.to_rfc3339().into()).await?;
    Ok(true)
}
