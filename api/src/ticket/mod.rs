//! Tickets: registered, listed, read, changed, moved.

mod moves;

use actix_web::{get, patch, post};
use naryad_domain::{
    id::TicketId,
    journal::{self, Entry, Subject, SubjectKind},
    page::{Page, PageRequest},
    privacy::ReadSubject,
    ticket::{
        self, Comment, Edit, EditTicket, Register, RegisterTicket, TicketDocument, TicketFilter, TicketLine,
        WriteComment,
    },
    write::Render,
};

use crate::{
    extract::{Caller, Idempotency, IfMatch, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, Document, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(register_ticket).add(list_tickets).add(get_ticket).add(edit_ticket);
    routes.add(comment_ticket).add(ticket_events);
    moves::routes(routes);
}

/// The ticket as the act left it, read inside the transaction.
pub(crate) fn changed() -> impl Render<TicketId> {
    Document::ok(|tx, id| Box::pin(async move { ticket::document(&tx.reader(), tx.scope(), *id).await }))
}

/// The same for a ticket or a visit that is new.
pub(crate) fn created() -> impl Render<TicketId> {
    Document::created(|tx, id| Box::pin(async move { ticket::document(&tx.reader(), tx.scope(), *id).await }))
}

/// Registers a ticket: it has its number, and the answer carries the sentence to read to the applicant.
#[utoipa::path(
    tag = "tickets",
    request_body = RegisterTicket,
    responses((status = 201, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets")]
async fn register_ticket(app: State, caller: Caller, key: Idempotency, args: Json<RegisterTicket>) -> Answer {
    app.limits.ticket(&caller.scope)?;
    app.write_once(&caller, &key, Register { args: args.0 }, created()).await
}

/// Tickets, newest first.
#[utoipa::path(
    tag = "tickets",
    params(TicketFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<TicketLine>)),
)]
#[get("/v1/tickets")]
async fn list_tickets(
    app: State,
    caller: Caller,
    filter: Query<TicketFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let now = app.db.clock().now();
    let page = ticket::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?, now).await?;
    app.note_reads(&caller.scope, "list_tickets", page.items.iter().map(|line| ReadSubject::Ticket(line.id)))
        .await;
    app.page(page)
}

/// A ticket with its visits, comments, photos and materials.
#[utoipa::path(
    tag = "tickets",
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[get("/v1/tickets/{id}")]
async fn get_ticket(app: State, caller: Caller, id: PathId<TicketId>) -> Answer {
    let document = ticket::document(&app.db.reader(), &caller.scope, id.0).await?;
    app.note_reads(&caller.scope, "get_ticket", [ReadSubject::Ticket(id.0)]).await;
    reply::document(&document)
}

/// Changes details of a ticket.
#[utoipa::path(
    tag = "tickets",
    request_body = EditTicket,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[patch("/v1/tickets/{id}")]
async fn edit_ticket(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    version: IfMatch,
    args: Json<EditTicket>,
) -> Answer {
    app.write(&caller, Edit { ticket: id.0, version: version.0, args: args.0 }, changed()).await
}

/// Writes a comment, internal or to the resident.
#[utoipa::path(
    tag = "tickets",
    request_body = WriteComment,
    responses((status = 201, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/comments")]
async fn comment_ticket(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<WriteComment>,
) -> Answer {
    app.write_once(&caller, &key, Comment { ticket: id.0, args: args.0 }, created()).await
}

/// The journal of a ticket, oldest first. Staff of the desk only.
#[utoipa::path(
    tag = "tickets",
    params(PageQuery),
    responses((status = 200, description = "A page", body = PageOf<Entry>)),
)]
#[get("/v1/tickets/{id}/events")]
async fn ticket_events(app: State, caller: Caller, id: PathId<TicketId>, page: Query<PageQuery>) -> Answer {
    let reader = app.db.reader();
    ticket::require_journal_reader(&caller.scope)?;
    ticket::find(&reader, &caller.scope, id.0).await?;
    let request: PageRequest = page.request(&app)?;
    let subject = Subject::new(SubjectKind::Ticket, id.0);
    let after = request.after::<i64>()?.unwrap_or(0);
    let entries = journal::history(&reader, subject, after, request.limit() as u64 + 1).await?;
    let page: Page<Entry> = request.cut(entries, |entry| entry.seq)?;
    app.note_reads(&caller.scope, "ticket_events", [ReadSubject::Ticket(id.0)]).await;
    app.page(page)
}
