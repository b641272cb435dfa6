//! Somebody looks into a bad answer.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer::LOW,
    answer_row::{Column, Entity, FollowUp, Model},
    invitation,
    step::LATE,
};
use crate::{
    Code, Error, Result, alert,
    auth::Role,
    id::{InvitationId, OrganizationId},
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
        match before.ticket_id {
            Some(ticket) => alert::end(tx, ticket, &[LOW, LATE]).await?,
            None if !waits(tx, scope.organization()).await? => {
                alert::end_of_house(tx, scope.organization(), &[LOW, LATE]).await?;
            }
            None => {}
        }
        Ok(self.invitation)
    }
}

/// Whether an answer to a poll waits for somebody to look into it.
async fn waits(tx: &Tx, organization: OrganizationId) -> Result<bool> {
    let waiting = Entity::find()
        .filter(Column::OrganizationId.eq(organization))
        .filter(Column::TicketId.is_null())
        .filter(Column::ReviewBy.is_not_null())
        .filter(Column::ReviewedAt.is_null());
    Ok(waiting.one(&tx.reader()).await?.is_some())
}
