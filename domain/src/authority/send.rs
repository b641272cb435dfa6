//! The desk edits a notice and sends it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    document::{AuthorityNoticeDocument, DESK, document},
    draft::{self, UNSENT},
    row::Model,
};
use crate::{
    Code, Error, Result, alert,
    calendar::is_plausible,
    catalogue::AuthorityNature,
    id::TicketId,
    notification::{self, News, NotificationKind, Person},
    page::expect_version,
    people::email::Email,
    text::Text,
    ticket,
    write::{Act, Tx},
};

/// What the desk says otherwise than the draft; what is left out stays as it stands.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditAuthorityNotice {
    /// What is told.
    #[serde(default)]
    pub text: Option<Text<4000>>,
    /// To whom.
    #[serde(default)]
    pub email: Option<Email>,
    /// When the work is planned to be done. A text of one's own says it by itself.
    #[serde(default)]
    pub planned_term: Option<DateTime<Utc>>,
}

impl EditAuthorityNotice {
    fn apply(&self, notice: &mut Model) -> Result<()> {
        if let Some(text) = &self.text {
            notice.body = Some(text.as_str().to_owned());
        }
        if let Some(email) = &self.email {
            notice.email = Some(email.clone().into());
        }
        if let Some(at) = self.planned_term {
            if !is_plausible(at) {
                return Err(Error::field("planned_term", "is not a plausible date"));
            }
            notice.planned_term = Some(at);
        }
        Ok(())
    }
}

/// Holds the ticket and reads its notice, which has not been sent.
async fn held(tx: &mut Tx, ticket: TicketId) -> Result<(ticket::row::Model, Model)> {
    let scope = *tx.scope();
    scope.require(DESK)?;
    let ticket = ticket::hold(tx, ticket).await?;
    let notice = draft::of_ticket(&tx.reader(), ticket.id).await?;
    let notice = notice.filter(|notice| notice.organization_id == scope.organization());
    let notice = notice.ok_or_else(|| Error::not_found("authority_notice"))?;
    if notice.sent_at.is_some() {
        return Err(
            Error::new(Code::AlreadyExists, "the notice was sent already").with("sent_at", notice.sent_at)
        );
    }
    Ok((ticket, notice))
}

/// Edits the draft.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The ticket.
    pub ticket: TicketId,
    /// The version that was read.
    pub version: i64,
    /// What is otherwise.
    pub args: EditAuthorityNotice,
}

impl Act for Edit {
    const NAME: &'static str = "authority_notice.edit";
    type Out = AuthorityNoticeDocument;

    async fn run(&self, tx: &mut Tx) -> Result<AuthorityNoticeDocument> {
        let (ticket, before) = held(tx, self.ticket).await?;
        expect_version(before.version, self.version)?;
        let mut after = before.clone();
        self.args.apply(&mut after)?;
        if after != before {
            after.version += 1;
            tx.update(&before, &after).await?;
        }
        document(&tx.reader(), &ticket, after).await
    }
}

/// Sends the notice: it is written down as it was sent.
#[derive(Clone, Debug)]
pub struct Send {
    /// The ticket.
    pub ticket: TicketId,
    /// What is otherwise than in the draft.
    pub args: EditAuthorityNotice,
}

impl Act for Send {
    const NAME: &'static str = "authority_notice.send";
    type Out = AuthorityNoticeDocument;

    async fn run(&self, tx: &mut Tx) -> Result<AuthorityNoticeDocument> {
        let (ticket, before) = held(tx, self.ticket).await?;
        let mut after = before.clone();
        self.args.apply(&mut after)?;
        let told = document(&tx.reader(), &ticket, after.clone()).await?;
        let Some(email) = told.email.clone() else {
            return Err(Error::field("email", "the organization has set no address for such notices"));
        };
        let subject = match after.nature {
            AuthorityNature::Water => "Повреждение системы водоснабжения",
            AuthorityNature::Sewage => "Повреждение системы водоотведения",
            AuthorityNature::Heating => "Повреждение системы теплоснабжения",
        };
        let event = format!("authority_notice:{}", after.id);
        let mut news = News::of(&ticket, None, NotificationKind::AuthorityNotice, event);
        news.facts.insert("text".to_owned(), told.text.clone().into());
        news.facts.insert("subject".to_owned(), subject.into());
        let notification = notification::tell(tx, &Person::Mail(email.clone()), news).await?;
        after.email = Some(email);
        after.body = Some(told.text);
        after.planned_term = told.planned_term;
        after.sent_at = Some(tx.now());
        after.sent_by = Some(tx.scope().actor_id());
        after.notification_id = Some(notification);
        after.version += 1;
        tx.update(&before, &after).await?;
        alert::end(tx, ticket.id, &[UNSENT]).await?;
        document(&tx.reader(), &ticket, after).await
    }
}
