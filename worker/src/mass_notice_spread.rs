//! The next portion of residents gets its messages of a mass notice.

use naryad_domain::{
    Error, Result, Scope,
    db::Db,
    job::{Claimed, Completing},
    notification::mass::Spread,
};
use serde::Deserialize;

pub(crate) async fn run(db: &Db, job: &Claimed) -> Result<()> {
    let act = Spread::deserialize(&job.payload).map_err(Error::internal)?;
    db.write(Scope::system(job.organization), Completing { act, lease: job.lease }).await
}
