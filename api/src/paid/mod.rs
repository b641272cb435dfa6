//! Works that cost money: the price list, estimates, works done, payments.

use actix_web::{delete, get, patch, post};
use naryad_domain::{
    id::{EstimateId, MaterialId, TicketId, WorkId, WorkLineId},
    material,
    page::Page,
    paid::{
        self, PriceVersion,
        estimate::{Answer as AnswerAct, AnswerEstimate, MakeEstimate, Offer},
        line::{DoWork, DoWorkArgs, RemoveWork},
        payment::{Note, NotePayment},
        work::{self, Change, Create, CreateWork, PatchWork, WorkDocument, WorkFilter},
    },
    ticket::TicketDocument,
};

use crate::{
    extract::{Caller, Idempotency, IfMatch, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, PageOf},
    routes::Routes,
    state::State,
    ticket::{changed, created},
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(create_work).add(list_works).add(get_work).add(change_work);
    routes.add(work_versions).add(material_versions);
    routes.add(offer_estimate).add(answer_estimate).add(do_work).add(remove_work).add(note_payment);
}

/// Adds a work to the price list. Administrators only.
#[utoipa::path(
    tag = "works",
    request_body = CreateWork,
    responses((status = 201, description = "The work", body = WorkDocument)),
)]
#[post("/v1/works")]
async fn create_work(app: State, caller: Caller, key: Idempotency, args: Json<CreateWork>) -> Answer {
    app.write_once(&caller, &key, Create { args: args.0 }, AsJson::created()).await
}

/// Works by their codes. For staff.
#[utoipa::path(
    tag = "works",
    params(WorkFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<WorkDocument>)),
)]
#[get("/v1/works")]
async fn list_works(app: State, caller: Caller, filter: Query<WorkFilter>, page: Query<PageQuery>) -> Answer {
    app.page(work::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?)
}

/// A work of the price list. For staff.
#[utoipa::path(tag = "works", responses((status = 200, description = "The work", body = WorkDocument)))]
#[get("/v1/works/{id}")]
async fn get_work(app: State, caller: Caller, id: PathId<WorkId>) -> Answer {
    reply::document(&work::get(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Changes a work; what was agreed or done keeps the price it had. Administrators only.
#[utoipa::path(
    tag = "works",
    request_body = PatchWork,
    responses((status = 200, description = "The work", body = WorkDocument)),
)]
#[patch("/v1/works/{id}")]
async fn change_work(
    app: State,
    caller: Caller,
    id: PathId<WorkId>,
    version: IfMatch,
    args: Json<PatchWork>,
) -> Answer {
    app.write(&caller, Change { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}

/// What a work was, from when on, the newest first. For staff.
#[utoipa::path(
    tag = "works",
    responses((status = 200, description = "All of them", body = PageOf<PriceVersion>)),
)]
#[get("/v1/works/{id}/versions")]
async fn work_versions(app: State, caller: Caller, id: PathId<WorkId>) -> Answer {
    let reader = app.db.reader();
    let work = work::get(&reader, &caller.scope, id.0).await?;
    app.page(Page { items: paid::versions(&reader, work.id.0).await?, next: None })
}

/// What a material was, from when on, the newest first. For staff.
#[utoipa::path(
    tag = "catalogue",
    responses((status = 200, description = "All of them", body = PageOf<PriceVersion>)),
)]
#[get("/v1/materials/{id}/versions")]
async fn material_versions(app: State, caller: Caller, id: PathId<MaterialId>) -> Answer {
    let reader = app.db.reader();
    let material = material::store::get(&reader, &caller.scope, id.0).await?;
    app.page(Page { items: paid::versions(&reader, material.id.0).await?, next: None })
}

/// Offers an estimate to the resident; the one that stood is replaced, and its agreement with it. The crew and the desk.
#[utoipa::path(
    tag = "works",
    request_body = MakeEstimate,
    responses((status = 201, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/estimates")]
async fn offer_estimate(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<MakeEstimate>,
) -> Answer {
    app.write_once(&caller, &key, Offer { ticket: id.0, args: args.0 }, created()).await
}

/// The resident's word on an estimate: his own, or as the crew or the desk was told.
#[utoipa::path(
    tag = "works",
    request_body = AnswerEstimate,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/estimates/{estimate_id}/answer")]
async fn answer_estimate(
    app: State,
    caller: Caller,
    ids: PathId<(TicketId, EstimateId)>,
    key: Idempotency,
    args: Json<AnswerEstimate>,
) -> Answer {
    let PathId((ticket, estimate)) = ids;
    app.write_once(&caller, &key, AnswerAct { ticket, estimate, args: args.0 }, changed()).await
}

/// Writes down work that was done, at the price that was agreed to, or else that of today. The crew and the desk.
#[utoipa::path(
    tag = "works",
    request_body = DoWorkArgs,
    responses((status = 201, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/works")]
async fn do_work(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<DoWorkArgs>,
) -> Answer {
    app.write_once(&caller, &key, DoWork { ticket: id.0, args: args.0 }, created()).await
}

/// Takes a line of work off again. The crew and the desk.
#[utoipa::path(tag = "works", responses((status = 200, description = "The ticket", body = TicketDocument)))]
#[delete("/v1/tickets/{id}/works/{line_id}")]
async fn remove_work(app: State, caller: Caller, ids: PathId<(TicketId, WorkLineId)>) -> Answer {
    let PathId((ticket, line)) = ids;
    app.write(&caller, RemoveWork { ticket, line }, changed()).await
}

/// Notes a payment; a refund is the desk's. The crew and the desk.
#[utoipa::path(
    tag = "works",
    request_body = NotePayment,
    responses((status = 201, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/payments")]
async fn note_payment(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<NotePayment>,
) -> Answer {
    app.write_once(&caller, &key, Note { ticket: id.0, args: args.0 }, created()).await
}
