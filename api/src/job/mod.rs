//! Background jobs that failed for good: seen, and run again, by the management.

use actix_web::{get, post};
use naryad_domain::{
    id::JobId,
    job::{self, DeadJob, Rerun},
};

use crate::{
    extract::{Caller, Idempotency, PathId},
    problem::Answer,
    reply::{self, NoContent},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(list_dead_jobs).add(rerun_job);
}

/// Dead letters of the organization, newest first, at most 200.
#[utoipa::path(tag = "jobs", responses((status = 200, description = "The dead letters", body = Vec<DeadJob>)))]
#[get("/v1/jobs/dead")]
async fn list_dead_jobs(app: State, caller: Caller) -> Answer {
    let dead = job::dead(&app.db.reader(), &caller.scope).await?;
    reply::document(&dead)
}

/// Puts a dead letter back into the queue.
#[utoipa::path(tag = "jobs", responses((status = 204, description = "It is queued again")))]
#[post("/v1/jobs/{id}/rerun")]
async fn rerun_job(app: State, caller: Caller, id: PathId<JobId>, key: Idempotency) -> Answer {
    app.write_once(&caller, &key, Rerun { job: id.0 }, NoContent).await
}
