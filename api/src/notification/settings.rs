//! Which ways messages take, what they say, and how somebody wants to be told.

use actix_web::{delete, get, post, put};
use naryad_domain::{
    notification::{
        NotificationKind,
        preference::{Prefer, PreferenceDocument, PutPreference, preference},
        rule::{ChangeRule, PutRule, RuleDocument, rules},
        words::{
            ChangeTemplate, DropTemplate, Preview, PreviewDocument, TemplateDocument, Words, preview,
            templates,
        },
    },
    people::locale::Locale,
};

use crate::{
    extract::{Caller, IfMatch, Json, PathId},
    problem::Answer,
    reply::{self, AsJson},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(list_notification_rules).add(put_notification_rule);
    routes.add(list_notification_templates).add(preview_notification_template);
    routes.add(put_notification_template).add(drop_notification_template);
    routes.add(get_notification_preference).add(put_notification_preference);
}

/// Which ways each kind of message takes. For the management.
#[utoipa::path(
    tag = "notifications",
    responses((status = 200, description = "The rules", body = Vec<RuleDocument>)),
)]
#[get("/v1/notification-rules")]
async fn list_notification_rules(app: State, caller: Caller) -> Answer {
    reply::document(&rules(&app.db.reader(), &caller.scope).await?)
}

/// Decides which ways a kind of message takes; `ladder: null` gives it those of the house again. For the management.
#[utoipa::path(
    tag = "notifications",
    params(("kind" = NotificationKind, Path, description = "What is told")),
    responses((status = 200, description = "The rule", body = RuleDocument)),
)]
#[put("/v1/notification-rules/{kind}")]
async fn put_notification_rule(
    app: State,
    caller: Caller,
    kind: PathId<NotificationKind>,
    version: IfMatch,
    args: Json<PutRule>,
) -> Answer {
    let act = ChangeRule { kind: kind.0, version: version.0, args: args.0 };
    app.write(&caller, act, AsJson::ok()).await
}

/// The words of all kinds of messages in all languages. For the management.
#[utoipa::path(
    tag = "notifications",
    responses((status = 200, description = "The words", body = Vec<TemplateDocument>)),
)]
#[get("/v1/notification-templates")]
async fn list_notification_templates(app: State, caller: Caller) -> Answer {
    reply::document(&templates(&app.db.reader(), &caller.scope).await?)
}

/// Tries words with the values of a ticket or with examples; nothing is saved. For the management.
#[utoipa::path(
    tag = "notifications",
    responses((status = 200, description = "What they become", body = PreviewDocument)),
)]
#[post("/v1/notification-templates/preview")]
async fn preview_notification_template(app: State, caller: Caller, args: Json<Preview>) -> Answer {
    reply::document(&preview(&app.db.reader(), &caller.scope, &args.0).await?)
}

/// Gives a kind of message words of the organization's own: plain text, `{variables}`, and `[sections]` that are dropped
/// where a variable of theirs says nothing. For the management.
#[utoipa::path(
    tag = "notifications",
    params(
        ("kind" = NotificationKind, Path, description = "What is told"),
        ("locale" = Locale, Path, description = "In which language"),
    ),
    responses((status = 200, description = "The words", body = TemplateDocument)),
)]
#[put("/v1/notification-templates/{kind}/{locale}")]
async fn put_notification_template(
    app: State,
    caller: Caller,
    path: PathId<(NotificationKind, Locale)>,
    version: IfMatch,
    args: Json<Words>,
) -> Answer {
    let PathId((kind, locale)) = path;
    let act = ChangeTemplate { kind, locale, version: version.0, words: args.0 };
    app.write(&caller, act, AsJson::ok()).await
}

/// Gives a kind of message the words of the house again. For the management.
#[utoipa::path(
    tag = "notifications",
    params(
        ("kind" = NotificationKind, Path, description = "What is told"),
        ("locale" = Locale, Path, description = "In which language"),
    ),
    responses((status = 200, description = "The words", body = TemplateDocument)),
)]
#[delete("/v1/notification-templates/{kind}/{locale}")]
async fn drop_notification_template(
    app: State,
    caller: Caller,
    path: PathId<(NotificationKind, Locale)>,
) -> Answer {
    let PathId((kind, locale)) = path;
    app.write(&caller, DropTemplate { kind, locale }, AsJson::ok()).await
}

/// How the caller wants to be told what can wait.
#[utoipa::path(
    tag = "notifications",
    responses((status = 200, description = "What he wants", body = PreferenceDocument)),
)]
#[get("/v1/me/notification-preference")]
async fn get_notification_preference(app: State, caller: Caller) -> Answer {
    reply::document(&preference(&app.db.reader(), &caller.scope).await?)
}

/// Says how the caller wants to be told what can wait. What is urgent comes nevertheless.
#[utoipa::path(
    tag = "notifications",
    responses((status = 200, description = "What he wants", body = PreferenceDocument)),
)]
#[put("/v1/me/notification-preference")]
async fn put_notification_preference(
    app: State,
    caller: Caller,
    version: IfMatch,
    args: Json<PutPreference>,
) -> Answer {
    app.write(&caller, Prefer { version: version.0, args: args.0 }, AsJson::ok()).await
}
