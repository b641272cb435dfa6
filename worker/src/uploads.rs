//! Uploads that nobody goes on with are ended; slices that belong to none and objects that nobody names are removed.

use naryad_domain::{
    Result, Scope,
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
