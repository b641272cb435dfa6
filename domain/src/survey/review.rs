//! Somebody looks into a bad answer.

use sea_orm::EntityTrait as _;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer::LOW,
    answer_row::{Entity, FollowUp, Model},
    invitation,
    step::LATE,
};
use crate::{
    Code, Error, Result, alert,
    auth::Role,
    id::InvitationId,
    text::Text,
    write::{Act, Tx},
};

/// What came of it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewAnswer {
    /// In words: what was found, and what was done about it.
    pub word: Text<2000>,
}

/// Notes what came of looking into a bad answer.
#[derive(Clone, Debug)]
pub struct Review {
    /// The invitation that it answers.
    pub invitation: InvitationId,
    /// What came of it.
    pub args: ReviewAnswer,
}

impl Act for Review {
    const NAME: &'static str = "survey.review";
    type Out = InvitationId;

    async fn run(&self, tx: &mut Tx) -> Result<InvitationId> {
        let scope = *tx.scope();
        scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
        invitation::hold(tx, self.invitation).await?;
        let before = Entity::find_by_id(self.invitation).one(&tx.reader()).await?;
        let before = before.ok_or_else(|| Error::not_found("answer"))?;
        if before.follow_up != FollowUp::Review || before.reviewed_at.is_some() {
            return Err(Error::new(Code::ReviewDecided, Code::ReviewDecided.title()));
        }
        let after = Model {
            review_alarm_at: None,
            reviewed_at: Some(tx.now()),
            reviewed_by: Some(scope.actor_id()),
            review_word: Some(self.args.word.as_str().to_owned()),
            version: before.version + 1,
            ..before.clone()
        };
        tx.update(&before, &after).await?;
        if let Some(ticket) = before.ticket_id {
            alert::end(tx, ticket, &[LOW, LATE]).await?;
        }
        Ok(self.invitation)
    }
}
