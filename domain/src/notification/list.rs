//! Messages as their readers see them.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Ladder, NotificationKind, NotificationState, Rung,
    row::{Column, Entity, Model},
};
use crate::{
    Error, Result, Scope,
    db::Reader,
    id::{NotificationId, OrganizationId, ResidentId, TicketId, UserId, VisitId},
    page::{Page, PageRequest},
    scope::Actor,
};

/// A message to a person.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NotificationDocument {
    /// Identifier.
    pub id: NotificationId,
    /// Who tells it.
    pub organization_id: OrganizationId,
    /// What is told.
    pub kind: NotificationKind,
    /// The ticket it is about.
    pub ticket_id: Option<TicketId>,
    /// The visit it is about.
    pub visit_id: Option<VisitId>,
    /// Whom, if one of the staff.
    pub user_id: Option<UserId>,
    /// Whom, if a resident.
    pub resident_id: Option<ResidentId>,
    /// Whom, if nobody we know: a phone.
    pub phone: Option<String>,
    /// The same: an address.
    pub email: Option<String>,
    /// How far it has come.
    pub state: NotificationState,
    /// The way it is on, or went last.
    pub rung: Option<Rung>,
    /// One line; null: it is not written yet.
    pub title: Option<String>,
    /// The message.
    pub body: Option<String>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// When something is to be done for it next.
    pub next_at: Option<DateTime<Utc>>,
    /// When it was settled.
    pub settled_at: Option<DateTime<Utc>>,
}

impl From<Model> for NotificationDocument {
    fn from(row: Model) -> Self {
        let ladder = row.ladder.as_ref().and_then(|ladder| Ladder::deserialize(ladder).ok());
        let steps = ladder.map(|ladder| ladder.0).unwrap_or_default();
        let at = usize::try_from(row.rung).unwrap_or_default();
        Self {
            id: row.id,
            organization_id: row.organization_id,
            kind: row.kind,
            ticket_id: row.ticket_id,
            visit_id: row.visit_id,
            user_id: row.user_id,
            resident_id: row.resident_id,
            phone: row.phone,
            email: row.email,
            state: row.state,
            rung: steps.get(at).or(steps.last()).map(|step| step.rung),
            title: row.title,
            body: row.body,
            last_error: row.last_error,
            created_at: row.created_at,
            next_at: row.next_at,
            settled_at: row.settled_at,
        }
    }
}

impl NotificationDocument {
    /// The message as the scope sees it: whoever holds the link to a survey answers it, so the desk does not see it.
    pub(super) fn of(mut row: Model, scope: &Scope) -> Self {
        let link = row.facts.get("link").and_then(|link| link.as_str()).filter(|link| !link.is_empty());
        if let Some(link) = link.map(str::to_owned).filter(|_| !row.is_to(scope)) {
            row.body = row.body.map(|body| body.replace(&link, "…"));
        }
        row.into()
    }
}

/// Something that was tried to bring a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, FromQueryResult)]
pub struct TryDocument {
    /// The way: `push`, `sms`, `mail`, `call`, `app`; `house`: nothing outside.
    pub rung: String,
    /// What came of it: `taken`, `delivered`, `read`, `told`, `dead`, `busy`, `down`, `refused`, `no_sign`...
    pub outcome: String,
    /// What the provider said, or what it calls the message.
    pub detail: Option<String>,
    /// When.
    pub tried_at: DateTime<Utc>,
}

/// A message, and how it was brought.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NotificationDetail {
    /// The message.
    #[serde(flatten)]
    pub notification: NotificationDocument,
    /// What was tried, oldest first.
    pub tries: Vec<TryDocument>,
}

/// Which messages are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct NotificationFilter {
    /// Only those of a ticket.
    pub ticket_id: Option<TicketId>,
    /// Only those that stand so.
    pub state: Option<NotificationState>,
    /// Only those of a kind.
    pub kind: Option<NotificationKind>,
    /// The board: only those that did not arrive, where somebody is to call or nothing can be done.
    pub undelivered: Option<bool>,
    /// Only those to the caller.
    pub mine: Option<bool>,
}

/// Whether it is to whoever asks.
fn to(scope: &Scope) -> Condition {
    match scope.actor() {
        Actor::Staff { user, .. } => Condition::all().add(Column::UserId.eq(user)),
        Actor::Resident { resident, .. } => Condition::all().add(Column::ResidentId.eq(resident)),
        Actor::Link { .. } | Actor::System => Condition::all().add(Column::Id.is_null()),
    }
}

/// The desk sees those of its organization, everybody his own.
pub(super) fn visible(scope: &Scope) -> Condition {
    let of_house = Condition::all().add(Column::OrganizationId.eq(scope.organization()));
    if scope.is_desk() { Condition::any().add(of_house).add(to(scope)) } else { to(scope) }
}

impl Model {
    pub(super) fn is_to(&self, scope: &Scope) -> bool {
        match scope.actor() {
            Actor::Staff { user, .. } => self.user_id == Some(user),
            Actor::Resident { resident, .. } => self.resident_id == Some(resident),
            Actor::Link { .. } | Actor::System => false,
        }
    }
}

/// Messages, newest first: those of the organization for the desk, and to the caller for everybody.
///
/// # Errors
/// The database cannot be read.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &NotificationFilter,
    page: &PageRequest,
) -> Result<Page<NotificationDocument>> {
    let mine = filter.mine.unwrap_or(!scope.is_desk());
    let side = match mine {
        true => to(scope),
        false if scope.is_desk() => Condition::all().add(Column::OrganizationId.eq(scope.organization())),
        false => to(scope),
    };
    let board = [NotificationState::Call, NotificationState::Failed];
    let rows = Entity::find()
        .filter(side)
        .filter(
            Condition::all()
                .add_option(filter.ticket_id.map(|ticket| Column::TicketId.eq(ticket)))
                .add_option(filter.state.map(|state| Column::State.eq(state)))
                .add_option(filter.kind.map(|kind| Column::Kind.eq(kind)))
                .add_option(filter.undelivered.map(|wanted| match wanted {
                    true => Column::State.is_in(board),
                    false => Column::State.is_not_in(board),
                }))
                .add_option(page.after::<NotificationId>()?.map(|after| Column::Id.lt(after))),
        )
        .order_by_desc(Column::Id)
        .limit(page.limit() as u64 + 1)
        .all(reader)
        .await?;
    page.cut(rows.into_iter().map(|row| NotificationDocument::of(row, scope)).collect(), |one| one.id)
}

/// A message, with what was tried to bring it.
///
/// # Errors
/// `not_found`: there is none, or it is out of sight.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: NotificationId) -> Result<NotificationDetail> {
    let row = Entity::find_by_id(id).filter(visible(scope)).one(reader).await?;
    let row = row.ok_or_else(|| Error::not_found("notification"))?;
    let sql =
        "SELECT rung, outcome, detail, tried_at FROM notification_try WHERE notification_id = $1 ORDER BY id";
    let tries = reader.all::<TryDocument>(sql, [id.0.into()]).await?;
    Ok(NotificationDetail { notification: NotificationDocument::of(row, scope), tries })
}
