//! Duties, and who has them at an instant.

use sea_orm::{ColumnTrait, Condition, DeriveActiveEnum, EntityTrait, EnumIter, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};

use super::on_call_row;
use crate::{
    Result, Time,
    auth::Role,
    db::Reader,
    id::{OrganizationId, UserId},
    people::user,
};

/// In what capacity somebody is told of an alert.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[schema(as = EscalationDuty)]
pub enum Duty {
    /// The technicians who are booked for the ticket; where there are none, the dispatchers.
    Technician,
    /// The dispatchers who are on duty; where no list says who, all of them.
    Dispatcher,
    /// The master who is on duty; where no list says who, the managers.
    Master,
    /// The manager who is on duty; where no list says who, all of them.
    Manager,
    /// The director who is on duty; where no list says who, the managers.
    Director,
}

impl Duty {
    /// Whose lists can be kept: who is booked for a ticket stands with the ticket.
    pub(super) fn has_list(self) -> bool {
        self != Self::Technician
    }
}

/// Who has a duty at an instant. Never nobody: where nobody has it, the managers, and where there is none, the
/// administrators; empty only in an organization that has none of them either.
pub(super) async fn holders(
    reader: &Reader<'_>,
    organization: OrganizationId,
    duty: Duty,
    at: Time,
) -> Result<Vec<UserId>> {
    let listed = on_duty(reader, organization, duty, at).await?;
    if !listed.is_empty() {
        return Ok(listed);
    }
    let first = match duty {
        Duty::Technician | Duty::Dispatcher => {
            user::store::with_role(reader, organization, Role::Dispatcher).await?
        }
        Duty::Manager => user::store::with_role(reader, organization, Role::Manager).await?,
        Duty::Master | Duty::Director => on_duty(reader, organization, Duty::Manager, at).await?,
    };
    if !first.is_empty() {
        return Ok(first);
    }
    let managers = user::store::with_role(reader, organization, Role::Manager).await?;
    if !managers.is_empty() {
        return Ok(managers);
    }
    user::store::with_role(reader, organization, Role::Admin).await
}

/// Who stands on the list of a duty.
async fn on_duty(
    reader: &Reader<'_>,
    organization: OrganizationId,
    duty: Duty,
    at: Time,
) -> Result<Vec<UserId>> {
    use on_call_row::Column;
    if !duty.has_list() {
        return Ok(Vec::new());
    }
    let turns = on_call_row::Entity::find()
        .filter(Column::OrganizationId.eq(organization))
        .filter(Column::Duty.eq(duty))
        .filter(Column::StartsAt.lte(at))
        .filter(Condition::any().add(Column::EndsAt.is_null()).add(Column::EndsAt.gt(at)))
        .all(reader)
        .await?;
    if turns.is_empty() {
        return Ok(Vec::new());
    }
    active(reader, turns.into_iter().map(|turn| turn.user_id)).await
}

/// Those of them who still work here.
pub(super) async fn active(
    reader: &Reader<'_>,
    users: impl IntoIterator<Item = UserId>,
) -> Result<Vec<UserId>> {
    let found = user::Entity::find()
        .filter(user::Column::Id.is_in(users))
        .filter(user::Column::Active.eq(true))
        .order_by_asc(user::Column::Id)
        .all(reader)
        .await?;
    Ok(found.into_iter().map(|user| user.id).collect())
}
