//! What people say back: a phone has it, somebody has read it, somebody was called.

use sea_orm::{EntityTrait, QueryFilter};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    NotificationDocument, NotificationState,
    list::visible,
    row::{Entity, Model},
};
use crate::{
    Code, Error, Result,
    auth::Role,
    id::{NotificationId, new_uuid},
    ticket::{self, InformedHow},
    write::{Act, Tx},
};

/// How far a message has come, by the word of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeenAs {
    /// The phone has it.
    Delivered,
    /// Its person has opened it.
    Read,
}

/// What an app says of a message.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptOf {
    /// How far it has come.
    pub seen: SeenAs,
}

/// The app of the person has the message: nothing else is tried. A second time changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Receipt {
    /// The message.
    pub notification: NotificationId,
    /// What is said of it.
    pub args: ReceiptOf,
}

impl Act for Receipt {
    const NAME: &'static str = "notification.receipt";
    type Out = NotificationDocument;

    async fn run(&self, tx: &mut Tx) -> Result<NotificationDocument> {
        let message = find(tx, self.notification).await?;
        if !message.is_to(tx.scope()) {
            return Err(Error::new(Code::Forbidden, "only the person it is for has received it"));
        }
        let (state, from, outcome) = match self.args.seen {
            SeenAs::Delivered => (
                NotificationState::Delivered,
                "'queued', 'sent', 'call', 'taken', 'failed', 'superseded'",
                "delivered",
            ),
            SeenAs::Read => (
                NotificationState::Read,
                "'queued', 'sent', 'call', 'taken', 'failed', 'superseded', 'delivered'",
                "read",
            ),
        };
        move_to(tx, &message, state, from, ("app", outcome), Some(InformedHow::App)).await
    }
}

/// How a call went.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallOf {
    /// Whether somebody answered and was told. Otherwise it is to be called again.
    pub reached: bool,
}

/// Somebody of the desk has called instead of a message that did not arrive.
#[derive(Clone, Copy, Debug)]
pub struct LogCall {
    /// The message.
    pub notification: NotificationId,
    /// How it went.
    pub args: CallOf,
}

impl Act for LogCall {
    const NAME: &'static str = "notification.call";
    type Out = NotificationDocument;

    async fn run(&self, tx: &mut Tx) -> Result<NotificationDocument> {
        tx.scope().require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
        let message = find(tx, self.notification).await?;
        let waits = |message: &Model| {
            !matches!(
                message.state,
                NotificationState::Told | NotificationState::Read | NotificationState::Superseded
            )
        };
        if !waits(&message) {
            return Err(
                Error::new(Code::NotificationSettled, "it is settled already").with("state", message.state)
            );
        }
        if self.args.reached {
            let from = "'queued', 'sent', 'call', 'taken', 'failed', 'delivered'";
            let how = Some(InformedHow::Phone);
            return move_to(tx, &message, NotificationState::Told, from, ("call", "told"), how).await;
        }
        log(tx, &message, ("call", "no_answer")).await?;
        Ok(message.into())
    }
}

async fn find(tx: &Tx, id: NotificationId) -> Result<Model> {
    let found = Entity::find_by_id(id).filter(visible(tx.scope())).one(&tx.reader()).await?;
    found.ok_or_else(|| Error::not_found("notification"))
}

async fn move_to(
    tx: &mut Tx,
    message: &Model,
    state: NotificationState,
    from: &str,
    (rung, outcome): (&'static str, &'static str),
    how: Option<InformedHow>,
) -> Result<NotificationDocument> {
    let ticket = match message.ticket_id.filter(|_| message.tells_the_term()) {
        Some(id) => Some(ticket::hold(tx, id).await?),
        None => None,
    };
    let sql = format!(
        "UPDATE notification SET state = $2, next_at = NULL, await_until = NULL, settled_at = $3
         WHERE id = $1 AND state IN ({from})"
    );
    let moved = tx.execute(&sql, [message.id.0.into(), state.into(), tx.now().into()]).await?;
    if moved.rows_affected() > 0 {
        log(tx, message, (rung, outcome)).await?;
        if let (Some(ticket), Some(how)) = (&ticket, how) {
            ticket::informed(tx, ticket, how).await?;
        }
    }
    Ok(find(tx, message.id).await?.into())
}

async fn log(tx: &mut Tx, message: &Model, (rung, outcome): (&'static str, &'static str)) -> Result<()> {
    let sql = "INSERT INTO notification_try (id, notification_id, rung, outcome, tried_at)
               VALUES ($1, $2, $3, $4, $5)";
    let id = new_uuid(tx.clock());
    let values = [id.into(), message.id.0.into(), rung.into(), outcome.into(), tx.now().into()];
    tx.execute(sql, values).await?;
    Ok(())
}
