//! Contractors, what is passed to them, and how well they do it.

use actix_web::{get, patch, post};
use naryad_domain::{
    handover::{
        self, Accept, Decline, HandoverDocument, HandoverFilter, Quality, QualityRange,
        link::{self, Change, ContractorDocument, Link, LinkContractor, PatchContractor},
    },
    id::{OrganizationId, TicketId},
    ticket::{TicketDocument, Why},
};

use crate::{
    extract::{Caller, Idempotency, IfMatch, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, Document, PageOf},
    routes::Routes,
    state::State,
    ticket::changed,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(link_contractor).add(list_contractors).add(get_contractor).add(change_contractor);
    routes.add(contractor_quality).add(list_handovers).add(accept_handover).add(decline_handover);
}

/// Begins to work with a contractor. Managers and administrators.
#[utoipa::path(
    tag = "contractors",
    responses((status = 201, description = "The contractor", body = ContractorDocument)),
)]
#[post("/v1/contractors")]
async fn link_contractor(app: State, caller: Caller, key: Idempotency, args: Json<LinkContractor>) -> Answer {
    app.write_once(&caller, &key, Link { args: args.0 }, AsJson::created()).await
}

/// The contractors of the company.
#[utoipa::path(
    tag = "contractors",
    params(PageQuery),
    responses((status = 200, description = "A page", body = PageOf<ContractorDocument>)),
)]
#[get("/v1/contractors")]
async fn list_contractors(app: State, caller: Caller, page: Query<PageQuery>) -> Answer {
    app.page(link::list(&app.db.reader(), &caller.scope, &page.request(&app)?).await?)
}

/// A contractor of the company, by its organization.
#[utoipa::path(
    tag = "contractors",
    responses((status = 200, description = "The contractor", body = ContractorDocument)),
)]
#[get("/v1/contractors/{id}")]
async fn get_contractor(app: State, caller: Caller, id: PathId<OrganizationId>) -> Answer {
    reply::document(&link::get(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Changes how the company works with a contractor. Managers and administrators.
#[utoipa::path(
    tag = "contractors",
    responses((status = 200, description = "The contractor", body = ContractorDocument)),
)]
#[patch("/v1/contractors/{id}")]
async fn change_contractor(
    app: State,
    caller: Caller,
    id: PathId<OrganizationId>,
    version: IfMatch,
    args: Json<PatchContractor>,
) -> Answer {
    app.write(&caller, Change { contractor: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}

/// How well a contractor does: answers, terms, returns. Managers and administrators.
#[utoipa::path(
    tag = "contractors",
    params(QualityRange),
    responses((status = 200, description = "The figures", body = Quality)),
)]
#[get("/v1/contractors/{id}/quality")]
async fn contractor_quality(
    app: State,
    caller: Caller,
    id: PathId<OrganizationId>,
    range: Query<QualityRange>,
) -> Answer {
    let now = app.clock().now();
    reply::document(&handover::quality(&app.db.reader(), &caller.scope, id.0, range.0, now).await?)
}

/// Tickets offered to contractors, as the owner and the contractor see them, newest first.
#[utoipa::path(
    tag = "contractors",
    params(HandoverFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<HandoverDocument>)),
)]
#[get("/v1/handovers")]
async fn list_handovers(
    app: State,
    caller: Caller,
    filter: Query<HandoverFilter>,
    page: Query<PageQuery>,
) -> Answer {
    app.page(handover::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?)
}

/// The contractor takes the work: from now on its dispatchers book its staff.
#[utoipa::path(
    tag = "contractors",
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/handover/accept")]
async fn accept_handover(app: State, caller: Caller, id: PathId<TicketId>, key: Idempotency) -> Answer {
    app.write_once(&caller, &key, Accept { ticket: id.0 }, changed()).await
}

/// The contractor does not take the work: the ticket is the owner's again.
#[utoipa::path(
    tag = "contractors",
    responses((status = 200, description = "What became of the offer", body = HandoverDocument)),
)]
#[post("/v1/tickets/{id}/handover/decline")]
async fn decline_handover(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<Why>,
) -> Answer {
    let show =
        Document::ok(|tx, id| Box::pin(async move { handover::find(&tx.reader(), tx.scope(), *id).await }));
    app.write_once(&caller, &key, Decline { ticket: id.0, args: args.0 }, show).await
}
