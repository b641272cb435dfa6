//! The moves of a ticket: each is one act, legal or refused by the move table.

use actix_web::post;
use naryad_domain::{
    id::TicketId,
    slot::{AssignBest, FindBest},
    ticket::{
        self, Accept, At, Cancel, ChooseExecutor, Complete, CompleteTicket, Fill, FillFields, FollowUp,
        FollowUpTicket, Hold, HoldTicket, Inform, InformApplicant, Localize, Plan, PlanVisit, Resume, Return,
        ReturnTicket, SetExecutor, TicketDocument, Unplan, Why,
    },
};

use serde::Serialize;
use utoipa::ToSchema;

use super::changed;
use crate::{
    extract::{Caller, Idempotency, Json, PathId},
    problem::Answer,
    reply::Document,
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(choose_executor).add(plan_ticket).add(assign_best).add(unplan_ticket).add(localize_ticket);
    routes.add(inform_applicant).add(hold_ticket).add(resume_ticket).add(complete_ticket);
    routes.add(fill_fields).add(follow_up);
    routes.add(accept_ticket).add(return_ticket).add(cancel_ticket);
}

/// Chooses who executes: own staff, a contractor, nobody.
#[utoipa::path(
    tag = "tickets",
    request_body = ChooseExecutor,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/executor")]
async fn choose_executor(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<ChooseExecutor>,
) -> Answer {
    app.write_once(&caller, &key, SetExecutor { ticket: id.0, args: args.0 }, changed()).await
}

/// Books a crew: a further visit of the ticket.
#[utoipa::path(
    tag = "tickets",
    request_body = PlanVisit,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/plan")]
async fn plan_ticket(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<PlanVisit>,
) -> Answer {
    app.write_once(&caller, &key, Plan { ticket: id.0, args: args.0 }, changed()).await
}

/// Takes the booked visits of a planned ticket away.
#[utoipa::path(
    tag = "tickets",
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/unplan")]
async fn unplan_ticket(app: State, caller: Caller, id: PathId<TicketId>, key: Idempotency) -> Answer {
    app.write_once(&caller, &key, Unplan { ticket: id.0 }, changed()).await
}

/// Marks the damage as localised.
#[utoipa::path(
    tag = "tickets",
    request_body = At,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/localize")]
async fn localize_ticket(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<At>,
) -> Answer {
    app.write_once(&caller, &key, Localize { ticket: id.0, args: args.0 }, changed()).await
}

/// Notes that the applicant was told the planned term; the first time counts. For the desk.
#[utoipa::path(
    tag = "tickets",
    request_body = InformApplicant,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/inform")]
async fn inform_applicant(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<InformApplicant>,
) -> Answer {
    app.write_once(&caller, &key, Inform { ticket: id.0, args: args.0 }, changed()).await
}

/// Puts a ticket on hold; its visits are taken away.
#[utoipa::path(
    tag = "tickets",
    request_body = HoldTicket,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/hold")]
async fn hold_ticket(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<HoldTicket>,
) -> Answer {
    app.write_once(&caller, &key, Hold { ticket: id.0, args: args.0 }, changed()).await
}

/// Goes on after a hold.
#[utoipa::path(
    tag = "tickets",
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/resume")]
async fn resume_ticket(app: State, caller: Caller, id: PathId<TicketId>, key: Idempotency) -> Answer {
    app.write_once(&caller, &key, Resume { ticket: id.0 }, changed()).await
}

/// Completes a ticket; what closing demands and is missing is listed in the refusal.
#[utoipa::path(
    tag = "tickets",
    request_body = CompleteTicket,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/complete")]
async fn complete_ticket(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<CompleteTicket>,
) -> Answer {
    app.write_once(&caller, &key, Complete { ticket: id.0, args: args.0 }, changed()).await
}

/// Accepts completed work.
#[utoipa::path(
    tag = "tickets",
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/accept")]
async fn accept_ticket(app: State, caller: Caller, id: PathId<TicketId>, key: Idempotency) -> Answer {
    app.write_once(&caller, &key, Accept { ticket: id.0 }, changed()).await
}

/// Returns work that is not accepted, with photos that show why. Closed tickets within the term of return.
#[utoipa::path(
    tag = "tickets",
    request_body = ReturnTicket,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/return")]
async fn return_ticket(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<ReturnTicket>,
) -> Answer {
    app.write_once(&caller, &key, Return { ticket: id.0, args: args.0 }, changed()).await
}

/// Cancels a ticket.
#[utoipa::path(
    tag = "tickets",
    request_body = Why,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/cancel")]
async fn cancel_ticket(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<Why>,
) -> Answer {
    app.write_once(&caller, &key, Cancel { ticket: id.0, args: args.0 }, changed()).await
}

/// Books the best time among those that a search would list; the answer carries the sentence to read to the resident.
#[utoipa::path(
    tag = "tickets",
    request_body = FindBest,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/assign-best")]
async fn assign_best(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<FindBest>,
) -> Answer {
    app.write_once(&caller, &key, AssignBest { ticket: id.0, args: args.0 }, changed()).await
}

/// Fills in own fields of the kind: readings and whatever else closing asks for. By the crew or the desk, until the work
/// is accepted.
#[utoipa::path(
    tag = "tickets",
    request_body = FillFields,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/fields")]
async fn fill_fields(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<FillFields>,
) -> Answer {
    app.write_once(&caller, &key, Fill { ticket: id.0, args: args.0 }, changed()).await
}

/// Another fault was found on the spot: a ticket of its own at the same place, for the same applicant. By the crew or the
/// desk.
#[utoipa::path(
    tag = "tickets",
    request_body = FollowUpTicket,
    responses((status = 201, description = "The new ticket, briefly", body = FollowedUp)),
)]
#[post("/v1/tickets/{id}/follow-up")]
async fn follow_up(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<FollowUpTicket>,
) -> Answer {
    let act = FollowUp { ticket: id.0, args: args.0 };
    // Nobody has it in hand yet, so the technician who found it does not see it.
    let brief = Document::created(|tx, id| {
        Box::pin(async move {
            let number = ticket::number_of(&tx.reader(), *id).await?;
            Ok(FollowedUp { id: *id, number })
        })
    });
    app.write_once(&caller, &key, act, brief).await
}

/// A ticket that was found on the spot.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FollowedUp {
    /// Identifier.
    pub id: TicketId,
    /// Registration number.
    pub number: String,
}
