//! Work of phones that waits for a decision.

use actix_web::{get, post};
use naryad_domain::{
    id::ReviewId,
    review::{self, ReviewDocument, ReviewFilter},
};
use naryad_sync::review::{Decide, DecideReview, ReviewDetails, details};

use crate::{
    extract::{Caller, Idempotency, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, Document, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(list_reviews).add(get_review).add(decide_review);
}

/// Work that waits for a decision, or waited, newest first. For the desk.
#[utoipa::path(
    tag = "sync",
    params(ReviewFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<ReviewDocument>)),
)]
#[get("/v1/reviews")]
async fn list_reviews(
    app: State,
    caller: Caller,
    filter: Query<ReviewFilter>,
    page: Query<PageQuery>,
) -> Answer {
    app.page(review::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?)
}

/// One of them with all evidence in hand: what was recorded, the photos, what happened to the ticket meanwhile.
#[utoipa::path(
    tag = "sync",
    responses((status = 200, description = "The review", body = ReviewDetails)),
)]
#[get("/v1/reviews/{id}")]
async fn get_review(app: State, caller: Caller, id: PathId<ReviewId>) -> Answer {
    reply::document(&details(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Decides: the work is done now as it was recorded, or stands with the ticket as evidence, or goes back with a word. As a
/// whole or not at all; the phone learns it at its next pull.
#[utoipa::path(
    tag = "sync",
    request_body = DecideReview,
    responses((status = 200, description = "The review", body = ReviewDetails)),
)]
#[post("/v1/reviews/{id}/decide")]
async fn decide_review(
    app: State,
    caller: Caller,
    id: PathId<ReviewId>,
    key: Idempotency,
    args: Json<DecideReview>,
) -> Answer {
    let shown = Document::ok(|tx, id| Box::pin(async move { details(&tx.reader(), tx.scope(), *id).await }));
    app.write_once(&caller, &key, Decide { review: id.0, args: args.0 }, shown).await
}
