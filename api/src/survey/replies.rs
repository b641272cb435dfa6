//! What people write back to text messages.

use actix_web::{get, post};
use naryad_domain::{
    id::SmsReplyId,
    privacy::ReadSubject,
    survey::reply::{self as replies, ReadReply, ReplyBySms, SmsReply, SmsReplyDocument, SmsReplyFilter},
};

use crate::{
    extract::{Caller, Idempotency, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{AsJson, PageOf},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(take_sms_reply).add(list_sms_replies).add(read_sms_reply);
}

/// Takes in a text message that somebody wrote back: a mark from 1 to 5 answers the newest open question, «стоп» is a wish
/// not to be asked, anything else waits for somebody to read it. For the gateway and the desk.
#[utoipa::path(
    tag = "surveys",
    responses((status = 201, description = "What it was", body = SmsReplyDocument)),
)]
#[post("/v1/sms-replies")]
async fn take_sms_reply(app: State, caller: Caller, key: Idempotency, args: Json<SmsReply>) -> Answer {
    app.write_once(&caller, &key, ReplyBySms { reply: args.0 }, AsJson::created()).await
}

/// What was written back, newest first. For the desk.
#[utoipa::path(
    tag = "surveys",
    params(SmsReplyFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<SmsReplyDocument>)),
)]
#[get("/v1/sms-replies")]
async fn list_sms_replies(
    app: State,
    caller: Caller,
    filter: Query<SmsReplyFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let list = replies::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    let subjects: Vec<_> =
        list.items.iter().filter_map(|reply| reply.resident_id.map(ReadSubject::Resident)).collect();
    app.note_reads(&caller.scope, "list_sms_replies", subjects).await;
    app.page(list)
}

/// Notes that somebody has read it. For the desk.
#[utoipa::path(
    tag = "surveys",
    responses((status = 200, description = "What was written", body = SmsReplyDocument)),
)]
#[post("/v1/sms-replies/{id}/read")]
async fn read_sms_reply(app: State, caller: Caller, id: PathId<SmsReplyId>, key: Idempotency) -> Answer {
    app.write_once(&caller, &key, ReadReply { reply: id.0 }, AsJson::ok()).await
}
