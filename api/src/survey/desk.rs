//! Polls, calls, answers, reports; the resident's own answer and his wish not to be asked.

use actix_web::{get, post, put};
use naryad_domain::{
    id::{InvitationId, ResidentId, SurveyId, TicketId},
    privacy::ReadSubject,
    survey::{
        self, Answer as SurveyAnswer, AnswerByApp, AnswerByPhone, AnswerDocument, AnswerFilter, Answered,
        CallDocument, CreatePoll, NewPoll, PollDocument, SurveyReport, SurveyReportRange,
        review::{Review, ReviewAnswer},
        silence::{self, AskMe, SetSilence, Who},
    },
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    extract::{Caller, Idempotency, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, Document, NoContent, PageOf},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(create_poll).add(list_polls).add(list_survey_calls).add(list_survey_answers);
    routes.add(set_silence).add(get_poll).add(answer_by_phone).add(review_answer);
    routes.add(survey_report).add(answer_ticket).add(get_ask_me).add(set_ask_me);
}

/// Plans to ask the residents of chosen buildings, each once. Managers and administrators.
#[utoipa::path(
    tag = "surveys",
    responses((status = 201, description = "The poll", body = PollDocument)),
)]
#[post("/v1/surveys")]
async fn create_poll(app: State, caller: Caller, key: Idempotency, args: Json<NewPoll>) -> Answer {
    let shown = Document::created(|tx, id| {
        Box::pin(async move { survey::poll(&tx.reader(), tx.scope(), *id).await })
    });
    app.write_once(&caller, &key, CreatePoll { args: args.0 }, shown).await
}

/// Polls, newest first, with how far they have come. For the desk.
#[utoipa::path(
    tag = "surveys",
    params(PageQuery),
    responses((status = 200, description = "A page", body = PageOf<PollDocument>)),
)]
#[get("/v1/surveys")]
async fn list_polls(app: State, caller: Caller, page: Query<PageQuery>) -> Answer {
    app.page(survey::polls(&app.db.reader(), &caller.scope, &page.request(&app)?).await?)
}

/// Who is to be asked by telephone, because no message has reached him or none was to. For the desk.
#[utoipa::path(
    tag = "surveys",
    params(PageQuery),
    responses((status = 200, description = "A page", body = PageOf<CallDocument>)),
)]
#[get("/v1/surveys/calls")]
async fn list_survey_calls(app: State, caller: Caller, page: Query<PageQuery>) -> Answer {
    let now = app.clock().now();
    let calls = survey::calls(&app.db.reader(), &caller.scope, now, &page.request(&app)?).await?;
    let subjects = calls.items.iter().filter_map(|call| subject(call.resident_id, call.ticket_id));
    app.note_reads(&caller.scope, "list_survey_calls", subjects.collect::<Vec<_>>()).await;
    app.page(calls)
}

/// Who was read of: a resident, or whoever asked for the work of a ticket.
fn subject(resident: Option<ResidentId>, ticket: Option<TicketId>) -> Option<ReadSubject> {
    resident.map(ReadSubject::Resident).or(ticket.map(ReadSubject::Ticket))
}

/// What was answered, newest question first. For the desk.
#[utoipa::path(
    tag = "surveys",
    params(AnswerFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<AnswerDocument>)),
)]
#[get("/v1/surveys/answers")]
async fn list_survey_answers(
    app: State,
    caller: Caller,
    filter: Query<AnswerFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = page.request(&app)?;
    let answers = survey::answers(&app.db.reader(), &caller.scope, &filter, &page).await?;
    let subjects = answers.items.iter().filter_map(|answer| subject(answer.resident_id, answer.ticket_id));
    app.note_reads(&caller.scope, "list_survey_answers", subjects.collect::<Vec<_>>()).await;
    app.page(answers)
}

/// Who is asked no more, or again.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Silence {
    /// Who.
    who: Who,
    /// He is not asked (true), or asked again.
    silent: bool,
}

/// «Do not ask me», said to the desk: by a resident, for a flat, by whoever has a phone. Or that they may be asked again.
#[utoipa::path(tag = "surveys", responses((status = 204, description = "It is noted")))]
#[put("/v1/surveys/silence")]
async fn set_silence(app: State, caller: Caller, args: Json<Silence>) -> Answer {
    let Silence { who, silent } = args.0;
    app.write(&caller, SetSilence { who, silent }, NoContent).await
}

/// A poll with how far it has come. For the desk.
#[utoipa::path(
    tag = "surveys",
    responses((status = 200, description = "The poll", body = PollDocument)),
)]
#[get("/v1/surveys/{id}")]
async fn get_poll(app: State, caller: Caller, id: PathId<SurveyId>) -> Answer {
    reply::document(&survey::poll(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Writes down what somebody answered by telephone. For the desk; the identifier is that of the call.
#[utoipa::path(
    tag = "surveys",
    request_body = SurveyAnswer,
    responses((status = 200, description = "What it did", body = Answered)),
)]
#[post("/v1/surveys/{id}/answer")]
async fn answer_by_phone(
    app: State,
    caller: Caller,
    id: PathId<InvitationId>,
    key: Idempotency,
    args: Json<SurveyAnswer>,
) -> Answer {
    app.write_once(&caller, &key, AnswerByPhone { invitation: id.0, answer: args.0 }, AsJson::ok()).await
}

/// Notes what came of looking into a bad answer. For the desk; the identifier is that of the answer.
#[utoipa::path(
    tag = "surveys",
    responses((status = 200, description = "The answer", body = AnswerDocument)),
)]
#[post("/v1/surveys/{id}/review")]
async fn review_answer(
    app: State,
    caller: Caller,
    id: PathId<InvitationId>,
    key: Idempotency,
    args: Json<ReviewAnswer>,
) -> Answer {
    let shown = Document::ok(|tx, id| {
        Box::pin(async move { survey::answer_of(&tx.reader(), tx.scope(), *id).await })
    });
    app.write_once(&caller, &key, Review { invitation: id.0, args: args.0 }, shown).await
}

/// What the answers come to, by technician, kind of work or building. Managers and administrators.
#[utoipa::path(
    tag = "surveys",
    params(SurveyReportRange),
    responses((status = 200, description = "The figures", body = SurveyReport)),
)]
#[get("/v1/reports/surveys")]
async fn survey_report(app: State, caller: Caller, range: Query<SurveyReportRange>) -> Answer {
    let now = app.clock().now();
    reply::document(&survey::report(&app.db.reader(), &caller.scope, range.0, now).await?)
}

/// The resident says how good the work of his ticket is, whether he was asked or not.
#[utoipa::path(
    tag = "surveys",
    request_body = SurveyAnswer,
    responses((status = 200, description = "What it did", body = Answered)),
)]
#[post("/v1/tickets/{id}/survey")]
async fn answer_ticket(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<SurveyAnswer>,
) -> Answer {
    app.write_once(&caller, &key, AnswerByApp { ticket: id.0, answer: args.0 }, AsJson::ok()).await
}

/// Whether the signed-in resident is asked about the quality.
#[utoipa::path(
    tag = "surveys",
    responses((status = 200, description = "Whether he is", body = AskMe)),
)]
#[get("/v1/me/surveys")]
async fn get_ask_me(app: State, caller: Caller) -> Answer {
    reply::document(&silence::ask_me(&app.db.reader(), &caller.scope).await?)
}

/// «Do not ask me», or ask me again: the signed-in resident.
#[utoipa::path(
    tag = "surveys",
    responses((status = 200, description = "Whether he is", body = AskMe)),
)]
#[put("/v1/me/surveys")]
async fn set_ask_me(app: State, caller: Caller, args: Json<AskMe>) -> Answer {
    let shown =
        Document::ok(|tx, (): &()| Box::pin(async move { silence::ask_me(&tx.reader(), tx.scope()).await }));
    silence::ask_me(&app.db.reader(), &caller.scope).await?;
    let id = caller.scope.resident_id().ok_or_else(|| naryad_domain::Error::not_found("resident"))?;
    app.write(&caller, SetSilence { who: Who::Resident { id }, silent: !args.0.ask }, shown).await
}
