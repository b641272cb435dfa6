//! Slots: searched, kept, given back.

use actix_web::post;
use naryad_domain::{
    Code, Result,
    slot::{
        self, ApplyDisplacement, ApplyRepair, Displace, DisplacementProposal, FindDisplacement, FindRepair,
        Repair, RepairDone, RepairProposal, SearchSlots, SlotsFound,
        hold::{Extend, HoldDocument, HoldSlot, HoldToken, Keep, Release},
    },
    ticket::TicketDocument,
};
use serde::Serialize;

use crate::{
    extract::{Caller, Idempotency, Json, Language},
    problem::{Answer, Problem},
    reply::{self, AsJson, NoContent},
    routes::Routes,
    state::State,
    ticket::changed,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(search_slots).add(hold_slot).add(extend_hold).add(release_hold);
    routes.add(propose_displacement).add(apply_displacement);
    routes.add(propose_repair).add(apply_repair);
}

/// Times at which a ticket can be booked, best first, each with the reasons and the sentence to read to the resident.
#[utoipa::path(
    tag = "slots",
    request_body = SearchSlots,
    responses((status = 200, description = "The times", body = SlotsFound)),
)]
#[post("/v1/slots/search")]
async fn search_slots(app: State, caller: Caller, language: Language, args: Json<SearchSlots>) -> Answer {
    let now = app.clock().now();
    let found = slot::search(&app.db.reader(), &caller.scope, now, &args.0, language.0).await?;
    reply::document(&found)
}

/// Keeps a time while the resident decides; `plan` takes the token. The organization sets for how long.
#[utoipa::path(
    tag = "slots",
    request_body = HoldSlot,
    responses((status = 201, description = "The kept time", body = HoldDocument)),
)]
#[post("/v1/slots/hold")]
async fn hold_slot(
    app: State,
    caller: Caller,
    language: Language,
    key: Idempotency,
    args: Json<HoldSlot>,
) -> Answer {
    app.write_once(&caller, &key, Keep { args: args.0, locale: language.0 }, AsJson::created()).await
}

/// Keeps a kept time for as long again, once.
#[utoipa::path(
    tag = "slots",
    request_body = HoldToken,
    responses((status = 200, description = "The kept time", body = HoldDocument)),
)]
#[post("/v1/slots/extend")]
async fn extend_hold(
    app: State,
    caller: Caller,
    language: Language,
    key: Idempotency,
    args: Json<HoldToken>,
) -> Answer {
    app.write_once(&caller, &key, Extend { args: args.0, locale: language.0 }, AsJson::ok()).await
}

/// Gives a kept time back.
#[utoipa::path(
    tag = "slots",
    request_body = HoldToken,
    responses((status = 204, description = "It is free")),
)]
#[post("/v1/slots/release")]
async fn release_hold(app: State, caller: Caller, key: Idempotency, args: Json<HoldToken>) -> Answer {
    app.write_once(&caller, &key, Release { args: args.0 }, NoContent).await
}

/// Proposes how room can be made for an emergency: the reserve first, else the least harmful displacement.
#[utoipa::path(
    tag = "slots",
    request_body = FindDisplacement,
    responses((status = 200, description = "The proposal", body = DisplacementProposal)),
)]
#[post("/v1/slots/displacement")]
async fn propose_displacement(
    app: State,
    caller: Caller,
    language: Language,
    args: Json<FindDisplacement>,
) -> Answer {
    let now = app.clock().now();
    let proposal = slot::displacement(&app.db.reader(), &caller.scope, now, &args.0, language.0).await?;
    reply::document(&proposal)
}

/// Makes room and books the emergency, as proposed. If anything has changed since, nothing is done and a new proposal is
/// in the refusal.
#[utoipa::path(
    tag = "slots",
    request_body = ApplyDisplacement,
    responses((status = 200, description = "The ticket of the emergency", body = TicketDocument)),
)]
#[post("/v1/slots/displacement/apply")]
async fn apply_displacement(
    app: State,
    caller: Caller,
    language: Language,
    key: Idempotency,
    args: Json<ApplyDisplacement>,
) -> Answer {
    let (now, question) = (app.clock().now(), args.0.question(app.clock().now()));
    let answer = app.write_once(&caller, &key, Displace { args: args.0 }, changed()).await;
    or_anew(answer, async || {
        slot::displacement(&app.db.reader(), &caller.scope, now, &question, language.0).await
    })
    .await
}

/// Proposes the rest of the day: new times for what is to be rebooked and for what can no longer be kept.
#[utoipa::path(
    tag = "slots",
    request_body = FindRepair,
    responses((status = 200, description = "The proposal", body = RepairProposal)),
)]
#[post("/v1/slots/repair")]
async fn propose_repair(app: State, caller: Caller, language: Language, args: Json<FindRepair>) -> Answer {
    let now = app.clock().now();
    let proposal = slot::repair(&app.db.reader(), &caller.scope, now, &args.0, language.0).await?;
    reply::document(&proposal)
}

/// Plans the rest of the day as proposed. If anything has changed since, nothing is done and a new proposal is in the
/// refusal.
#[utoipa::path(
    tag = "slots",
    request_body = ApplyRepair,
    responses((status = 200, description = "What was done", body = RepairDone)),
)]
#[post("/v1/slots/repair/apply")]
async fn apply_repair(
    app: State,
    caller: Caller,
    language: Language,
    key: Idempotency,
    args: Json<ApplyRepair>,
) -> Answer {
    let (now, question) = (app.clock().now(), args.0.question(app.clock().now()));
    let answer = app.write_once(&caller, &key, Repair { args: args.0 }, AsJson::ok()).await;
    or_anew(answer, async || slot::repair(&app.db.reader(), &caller.scope, now, &question, language.0).await)
        .await
}

/// A proposal that was stale is made anew: found when the write has let go of everything.
async fn or_anew<P: Serialize>(answer: Answer, propose: impl AsyncFnOnce() -> Result<P>) -> Answer {
    match answer {
        Err(Problem(stale)) if stale.code() == Code::ProposalStale => {
            Err(stale.with("proposal", propose().await?).into())
        }
        answer => answer,
    }
}
