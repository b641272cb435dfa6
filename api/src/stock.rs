//! Stock: storerooms and vans, movements, balances.

use actix_web::{get, patch, post};
use naryad_domain::{
    id::PlaceId,
    stock::{
        self, BalanceDocument, BalanceFilter,
        movement::{self, MoveStock, MovementDocument, MovementFilter, NewMovement},
        place::{self, Change, Create, CreatePlace, PatchPlace, PlaceDocument},
    },
};

use crate::{
    extract::{Caller, Idempotency, IfMatch, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{AsJson, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(open_place).add(list_places).add(change_place);
    routes.add(move_stock).add(list_movements).add(list_balances);
}

/// Opens a storeroom, or the van of a technician. The desk.
#[utoipa::path(
    tag = "stock",
    request_body = CreatePlace,
    responses((status = 201, description = "The place", body = PlaceDocument)),
)]
#[post("/v1/stock/places")]
async fn open_place(app: State, caller: Caller, key: Idempotency, args: Json<CreatePlace>) -> Answer {
    app.write_once(&caller, &key, Create { args: args.0 }, AsJson::created()).await
}

/// Storerooms and vans, oldest first. For staff.
#[utoipa::path(
    tag = "stock",
    params(PageQuery),
    responses((status = 200, description = "A page", body = PageOf<PlaceDocument>)),
)]
#[get("/v1/stock/places")]
async fn list_places(app: State, caller: Caller, page: Query<PageQuery>) -> Answer {
    app.page(place::list(&app.db.reader(), &caller.scope, &page.request(&app)?).await?)
}

/// Renames a place, or gives it up when it holds nothing. The desk.
#[utoipa::path(
    tag = "stock",
    request_body = PatchPlace,
    responses((status = 200, description = "The place", body = PlaceDocument)),
)]
#[patch("/v1/stock/places/{id}")]
async fn change_place(
    app: State,
    caller: Caller,
    id: PathId<PlaceId>,
    version: IfMatch,
    args: Json<PatchPlace>,
) -> Answer {
    app.write(&caller, Change { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}

/// Receives, moves, writes off, or corrects after counting; never below nothing. The desk; a technician moves from and to
/// his own van.
#[utoipa::path(
    tag = "stock",
    request_body = NewMovement,
    responses((status = 201, description = "The movement", body = MovementDocument)),
)]
#[post("/v1/stock/movements")]
async fn move_stock(app: State, caller: Caller, key: Idempotency, args: Json<NewMovement>) -> Answer {
    app.write_once(&caller, &key, MoveStock { args: args.0 }, AsJson::created()).await
}

/// Movements, the newest first. For staff.
#[utoipa::path(
    tag = "stock",
    params(MovementFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<MovementDocument>)),
)]
#[get("/v1/stock/movements")]
async fn list_movements(
    app: State,
    caller: Caller,
    filter: Query<MovementFilter>,
    page: Query<PageQuery>,
) -> Answer {
    app.page(movement::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?)
}

/// What lies where; `short=true`: where more was used than was known of. For staff.
#[utoipa::path(
    tag = "stock",
    params(BalanceFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<BalanceDocument>)),
)]
#[get("/v1/stock/balances")]
async fn list_balances(
    app: State,
    caller: Caller,
    filter: Query<BalanceFilter>,
    page: Query<PageQuery>,
) -> Answer {
    app.page(stock::balances(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?)
}
