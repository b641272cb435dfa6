//! What people write back to a text message.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    answer::{self, Answer},
    answer_row::AnswerChannel,
    invitation::{self, InvitationState},
    plan,
    reply_row::{Column, Entity, Model, ReplyOutcome},
    silence::{self, Who},
};
use crate::{
    Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::{InvitationId, ResidentId, SmsReplyId},
    notification::Person,
    page::{Page, PageRequest},
    text::{PhoneNumber, Text},
    write::{Act, LockRank, Tx},
};

/// A text message that somebody wrote back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SmsReply {
    /// Whose phone.
    pub phone: PhoneNumber,
    /// What he wrote.
    pub text: Text<2000>,
}

/// A text message that was written back, and what it did.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SmsReplyDocument {
    /// Identifier.
    pub id: SmsReplyId,
    /// Whose phone.
    pub phone: String,
    /// The resident who has it.
    pub resident_id: Option<ResidentId>,
    /// What he wrote.
    pub text: String,
    /// What it was.
    pub outcome: ReplyOutcome,
    /// The invitation that it answers.
    pub invitation_id: Option<InvitationId>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// When somebody read it.
    pub read_at: Option<DateTime<Utc>>,
}

impl From<Model> for SmsReplyDocument {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            phone: row.phone,
            resident_id: row.resident_id,
            text: row.body,
            outcome: row.outcome,
            invitation_id: row.invitation_id,
            received_at: row.received_at,
            read_at: row.read_at,
        }
    }
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Mark(i64),
    Stop,
    Unknown,
}

/// Reads a mark, and nothing that only begins with one: «5 этаж» is no mark.
pub(super) fn meaning(text: &str) -> Meaning {
    let is_noise = |character: char| character.is_whitespace() || ".,!;:\"'«»()*+".contains(character);
    // Digits as some keyboards write them: wide ones, and those in a key.
    let plain = |character: char| match character {
        '\u{fe0f}' | '\u{20e3}' => None,
        '\u{ff10}'..='\u{ff19}' => char::from_u32(u32::from(character) - 0xff10 + u32::from('0')),
        other => Some(other),
    };
    let text: String = text.chars().filter_map(plain).collect();
    let word = text.trim_matches(is_noise).to_lowercase();
    match word.as_str() {
        "1" | "2" | "3" | "4" | "5" => Meaning::Mark(word.parse().unwrap_or_default()),
        "стоп" | "stop" | "отписка" | "отписаться" | "не спрашивать" | "не беспокоить" => {
            Meaning::Stop
        }
        _ => Meaning::Unknown,
    }
}

/// Takes in what was written back: a mark answers the newest question that is open for this phone, «стоп» is a wish not to
/// be asked, anything else waits for somebody to read it and changes nothing. For the gateway and the desk.
#[derive(Clone, Debug)]
pub struct ReplyBySms {
    /// What came.
    pub reply: SmsReply,
}

impl Act for ReplyBySms {
    const NAME: &'static str = "sms.reply";
    type Out = SmsReplyDocument;

    async fn run(&self, tx: &mut Tx) -> Result<SmsReplyDocument> {
        let scope = *tx.scope();
        scope.require(&[Role::Integration, Role::Dispatcher, Role::Manager, Role::Admin])?;
        let (phone, organization) = (self.reply.phone.as_str(), scope.organization());
        let residents = silence::residents_of(&tx.reader(), organization, phone).await?;
        let mut invitation_id = None;
        let outcome = match meaning(self.reply.text.as_str()) {
            Meaning::Mark(mark) => {
                invitation_id = self.answer(tx, &residents, mark).await?;
                if invitation_id.is_some() { ReplyOutcome::Answer } else { ReplyOutcome::Unread }
            }
            Meaning::Stop => {
                silence::silence(tx, &Who::Phone { phone: self.reply.phone.clone() }, AnswerChannel::Sms)
                    .await?;
                for id in &residents {
                    silence::silence(tx, &Who::Resident { id: *id }, AnswerChannel::Sms).await?;
                }
                ReplyOutcome::Stop
            }
            Meaning::Unknown => ReplyOutcome::Unread,
        };
        let row = Model {
            id: SmsReplyId::new(tx.clock()),
            organization_id: organization,
            resident_id: residents.first().copied(),
            phone: phone.to_owned(),
            body: self.reply.text.as_str().to_owned(),
            outcome,
            invitation_id,
            received_at: tx.now(),
            read_at: None,
            read_by: None,
        };
        tx.insert(&row).await?;
        Ok(row.into())
    }
}

impl ReplyBySms {
    /// Answers the newest question that was put to this phone and is open.
    async fn answer(&self, tx: &mut Tx, residents: &[ResidentId], mark: i64) -> Result<Option<InvitationId>> {
        let mut persons = vec![Person::Phone(self.reply.phone.as_str().to_owned()).key()];
        persons.extend(residents.iter().map(|resident| Person::Resident(*resident).key()));
        let open = Condition::all()
            .add(invitation::Column::OrganizationId.eq(tx.scope().organization()))
            .add(invitation::Column::Person.is_in(persons))
            .add(invitation::Column::State.is_in([InvitationState::Asked, InvitationState::Reminded]))
            .add(invitation::Column::ExpiresAt.gt(tx.now()));
        let newest = invitation::Entity::find().filter(open).order_by_desc(invitation::Column::AskedAt);
        let newest = newest.order_by_desc(invitation::Column::Id).one(&tx.reader()).await?;
        let Some(seen) = newest else { return Ok(None) };
        let before = invitation::hold(tx, seen.id).await?;
        if before != seen {
            return Err(Error::restart("the question was answered meanwhile"));
        }
        if plan::is_over(&tx.reader(), &before).await? {
            return Ok(None);
        }
        let answer = Answer { mark: Some(mark), ..Answer::default() };
        let returner = answer::as_asked(&before);
        answer::record(tx, &before, &answer, AnswerChannel::Sms, returner).await?;
        Ok(Some(before.id))
    }
}

/// Somebody has read what was written back.
#[derive(Clone, Copy, Debug)]
pub struct ReadReply {
    /// Which.
    pub reply: SmsReplyId,
}

impl Act for ReadReply {
    const NAME: &'static str = "sms.read";
    type Out = SmsReplyDocument;

    async fn run(&self, tx: &mut Tx) -> Result<SmsReplyDocument> {
        let scope = *tx.scope();
        scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
        tx.lock_rows(LockRank::Tickets, "sms_reply", "id", [self.reply.0]).await?;
        let found = Entity::find_by_id(self.reply).filter(Column::OrganizationId.eq(scope.organization()));
        let before = found.one(&tx.reader()).await?.ok_or_else(|| Error::not_found("reply"))?;
        if before.outcome != ReplyOutcome::Unread {
            return Ok(before.into());
        }
        let after = Model {
            outcome: ReplyOutcome::Read,
            read_at: Some(tx.now()),
            read_by: Some(scope.actor_id()),
            ..before.clone()
        };
        tx.update(&before, &after).await?;
        Ok(after.into())
    }
}

/// Which replies are listed.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct SmsReplyFilter {
    /// Only those that were this.
    pub outcome: Option<ReplyOutcome>,
}

/// What was written back, newest first. For the desk.
///
/// # Errors
/// `forbidden` for everybody else; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &SmsReplyFilter,
    page: &PageRequest,
) -> Result<Page<SmsReplyDocument>> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let wanted = Condition::all()
        .add(Column::OrganizationId.eq(scope.organization()))
        .add_option(filter.outcome.map(|outcome| Column::Outcome.eq(outcome)))
        .add_option(page.after::<SmsReplyId>()?.map(|after| Column::Id.lt(after)));
    let query = Entity::find().filter(wanted).order_by_desc(Column::Id).limit(page.limit() as u64 + 1);
    let rows = query.all(reader).await?;
    page.cut(rows.into_iter().map(SmsReplyDocument::from).collect(), |reply| reply.id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mark_is_a_mark_and_nothing_else() {
        for (text, expected) in [
            ("5", Meaning::Mark(5)),
            (" 2. ", Meaning::Mark(2)),
            ("«4»", Meaning::Mark(4)),
            ("５", Meaning::Mark(5)),
            ("5\u{fe0f}\u{20e3}", Meaning::Mark(5)),
            ("СТОП", Meaning::Stop),
            ("Stop!", Meaning::Stop),
            ("0", Meaning::Unknown),
            ("6", Meaning::Unknown),
            ("55", Meaning::Unknown),
            ("5 этаж", Meaning::Unknown),
            ("-1", Meaning::Unknown),
            ("не стоп", Meaning::Unknown),
            ("", Meaning::Unknown),
        ] {
            assert_eq!(meaning(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_without_a_panic(text in any::<String>()) {
            if let Meaning::Mark(mark) = meaning(&text) {
                prop_assert!((1..=5).contains(&mark));
            }
        }
    }
}
