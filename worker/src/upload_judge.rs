//! A photo was announced after its bytes had begun to come: they are judged if they are all here.

use naryad_domain::{
    Error, Result, Scope,
    db::Db,
    job::{Claimed, Completing, Nothing},
    photo::{JudgeJob, Transfers, judge_early},
};
use serde::Deserialize as _;

pub(crate) async fn run(db: &Db, transfers: &Transfers, job: &Claimed) -> Result<()> {
    let scope = Scope::system(job.organization);
    let payload = JudgeJob::deserialize(&job.payload).map_err(Error::internal)?;
    judge_early(transfers, scope, payload).await?;
    db.write(scope, Completing { act: Nothing, lease: job.lease }).await
}
