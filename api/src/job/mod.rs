//! Background jobs, seen by the management, which decides about those that failed for good.

use actix_web::{get, post};
use naryad_domain::{
    id::JobId,
    job::{self, DeadJob, Discard, DiscardJob, JobDocument, JobFilter, JobSummary, Rerun},
};

use crate::{
    extract::{Caller, Idempotency, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, NoContent, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(list_dead_jobs).add(list_jobs).add(get_job).add(rerun_job).add(discard_job);
}

/// Dead letters of the organization, newest first, at most 200.
#[utoipa::path(tag = "jobs", responses((status = 200, description = "The dead letters", body = Vec<DeadJob>)))]
#[get("/v1/jobs/dead")]
async fn list_dead_jobs(app: State, caller: Caller) -> Answer {
    let dead = job::dead(&app.db.reader(), &caller.scope).await?;
    reply::document(&dead)
}

/// Jobs of the organization, newest first. Done ones are kept for a week, discarded ones for 30 days.
#[utoipa::path(
    tag = "jobs",
    params(JobFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<JobSummary>)),
)]
#[get("/v1/jobs")]
async fn list_jobs(app: State, caller: Caller, filter: Query<JobFilter>, page: Query<PageQuery>) -> Answer {
    app.page(job::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?)
}

/// A job: what it is about, how often it was tried, why it failed, what was decided about it.
#[utoipa::path(tag = "jobs", responses((status = 200, description = "The job", body = JobDocument)))]
#[get("/v1/jobs/{id}")]
async fn get_job(app: State, caller: Caller, id: PathId<JobId>) -> Answer {
    reply::document(&job::find(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Puts a dead letter back into the queue.
#[utoipa::path(tag = "jobs", responses((status = 204, description = "It is queued again")))]
#[post("/v1/jobs/{id}/rerun")]
async fn rerun_job(app: State, caller: Caller, id: PathId<JobId>, key: Idempotency) -> Answer {
    app.write_once(&caller, &key, Rerun { job: id.0 }, NoContent).await
}

/// Takes a dead letter from the list: nobody will run it again. A second time changes nothing.
#[utoipa::path(tag = "jobs", responses((status = 200, description = "The job", body = JobDocument)))]
#[post("/v1/jobs/{id}/discard")]
async fn discard_job(
    app: State,
    caller: Caller,
    id: PathId<JobId>,
    key: Idempotency,
    args: Json<DiscardJob>,
) -> Answer {
    app.write_once(&caller, &key, Discard { job: id.0, args: args.0 }, AsJson::ok()).await
}
