//! Uploads that nobody goes on with are ended; slices that belong to none and objects that nobody names are removed.

use naryad_domain::{
    Error, Result, Scope,
    photo::{Transfers, collect_orphans, organizations_to_sweep, sweep_slices, sweep_uploads},
};

use crate::periodic::Services;

/// Uploads ended in one write.
const BATCH: u32 = 50;
/// Folders of slices looked at in one go.
const PAGE: usize = 200;

/// Goes once through everything that is due.
pub(crate) async fn sweep(on: &Services) -> Result<()> {
    let transfers = transfers(on)?;
    for organization in organizations_to_sweep(&on.db).await? {
        let scope = Scope::system(organization);
        while sweep_uploads(transfers, scope, BATCH).await?.more {}
    }
    let mut after = None;
    loop {
        after = sweep_slices(transfers, after, PAGE).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Goes once through all objects. What it costs grows with the store, so it is done once a day.
pub(crate) async fn orphans(on: &Services) -> Result<()> {
    let blobs = transfers(on)?.blobs();
    let mut after = None;
    loop {
        let (last, gone) = collect_orphans(&on.db, blobs, after, PAGE).await?;
        if gone > 0 {
            tracing::info!(gone, "objects that nobody names were removed");
        }
        after = last;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn transfers(on: &Services) -> Result<&Transfers> {
    on.transfers.as_ref().ok_or_else(|| Error::internal("there is no store of bytes"))
}
