//! On-call lists: who has which duty from when to when.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Duty,
    on_call_row::{Column, Entity, Model},
};
use crate::{
    Error, Result, Scope,
    auth::Role,
    calendar::is_plausible,
    db::Reader,
    id::{OnCallId, UserId},
    page::{Page, PageRequest},
    people::user,
    write::{Act, Tx},
};

/// Who sees the lists.
const READERS: &[Role] = &[Role::Dispatcher, Role::Manager, Role::Admin];
/// Who keeps them.
const KEEPERS: &[Role] = &[Role::Manager, Role::Admin];
/// A turn with an end lasts at most so long.
const LONGEST: TimeDelta = TimeDelta::days(366);

/// Somebody has a duty.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OnCallDocument {
    /// Identifier.
    pub id: OnCallId,
    /// The duty.
    pub duty: Duty,
    /// Who has it.
    pub user_id: UserId,
    /// His name.
    pub full_name: String,
    /// His phone.
    pub phone: Option<String>,
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when, excluded; absent: until further notice.
    pub until: Option<DateTime<Utc>>,
}

/// Which turns are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct OnCallFilter {
    /// Of this duty.
    #[param(inline)]
    pub duty: Option<Duty>,
    /// That are under way at this instant.
    pub at: Option<DateTime<Utc>>,
}

/// The turns of duty, newest first; for the desk.
///
/// # Errors
/// `forbidden` for everybody else.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &OnCallFilter,
    page: &PageRequest,
) -> Result<Page<OnCallDocument>> {
    scope.require(READERS)?;
    let under_way = |at: DateTime<Utc>| {
        let open = Condition::any().add(Column::EndsAt.is_null()).add(Column::EndsAt.gt(at));
        Condition::all().add(Column::StartsAt.lte(at)).add(open)
    };
    let wanted = Condition::all()
        .add(Column::OrganizationId.eq(scope.organization()))
        .add_option(filter.duty.map(|duty| Column::Duty.eq(duty)))
        .add_option(filter.at.map(under_way))
        .add_option(page.after::<OnCallId>()?.map(|after| Column::Id.lt(after)));
    let query = Entity::find().filter(wanted).order_by_desc(Column::Id).limit(page.limit() as u64 + 1);
    let cut = page.cut(query.all(reader).await?, |row| row.id)?;
    Ok(Page { items: documents(reader, cut.items).await?, next: cut.next })
}

async fn documents(reader: &Reader<'_>, rows: Vec<Model>) -> Result<Vec<OnCallDocument>> {
    let users = user::Entity::find()
        .filter(user::Column::Id.is_in(rows.iter().map(|row| row.user_id)))
        .all(reader)
        .await?;
    let document = |row: Model| {
        let user = users.iter().find(|user| user.id == row.user_id);
        let user = user.ok_or_else(|| Error::internal(format!("on_call {}, column user_id", row.id)))?;
        Ok(OnCallDocument {
            id: row.id,
            duty: row.duty,
            user_id: row.user_id,
            full_name: user.full_name.clone(),
            phone: user.phone.clone(),
            from: row.starts_at,
            until: row.ends_at,
        })
    };
    rows.into_iter().map(document).collect()
}

/// A turn of duty.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOnCall {
    /// The duty; technicians have shifts instead.
    pub duty: Duty,
    /// Who has it: an active member of staff.
    pub user_id: UserId,
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when, excluded, within 366 days; absent: until further notice.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
}

/// Puts somebody on the list of a duty. Several may have it at once: all are told. For the management.
#[derive(Clone, Debug)]
pub struct Create {
    /// The turn.
    pub args: CreateOnCall,
}

impl Act for Create {
    const NAME: &'static str = "on_call.create";
    type Out = OnCallDocument;

    async fn run(&self, tx: &mut Tx) -> Result<OnCallDocument> {
        let (scope, args) = (*tx.scope(), &self.args);
        scope.require(KEEPERS)?;
        if !args.duty.has_list() {
            return Err(Error::field(
                "duty",
                "has no list: technicians are told of what they are booked for",
            ));
        }
        if !is_plausible(args.from) {
            return Err(Error::field("from", "is not a plausible date"));
        }
        let ends = |until: DateTime<Utc>| args.from < until && until - args.from <= LONGEST;
        if args.until.is_some_and(|until| !is_plausible(until) || !ends(until)) {
            return Err(Error::field("until", "must be after the begin, within 366 days"));
        }
        let user = user::store::find(&tx.reader(), &scope, args.user_id).await?;
        if !user.active || user.role == Role::Integration {
            return Err(Error::field("user_id", "is no active member of staff"));
        }
        let row = Model {
            id: OnCallId::new(tx.clock()),
            organization_id: scope.organization(),
            duty: args.duty,
            user_id: args.user_id,
            starts_at: args.from,
            ends_at: args.until,
            created_by: scope.actor_id(),
            created_at: tx.now(),
        };
        tx.insert(&row).await?;
        documents(&tx.reader(), vec![row]).await?.pop().ok_or_else(|| Error::not_found("on_call"))
    }
}

/// Takes somebody off the list: a turn that has begun ends now and stays to be read, one that has not is gone. For the
/// management.
#[derive(Clone, Copy, Debug)]
pub struct Remove {
    /// The turn.
    pub id: OnCallId,
}

impl Act for Remove {
    const NAME: &'static str = "on_call.remove";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let scope = *tx.scope();
        scope.require(KEEPERS)?;
        let turn = Entity::find_by_id(self.id).filter(Column::OrganizationId.eq(scope.organization()));
        let before = turn.one(&tx.reader()).await?.ok_or_else(|| Error::not_found("on_call"))?;
        let now = tx.now();
        if before.starts_at >= now {
            return tx.delete(&before).await;
        }
        if before.ends_at.is_some_and(|end| end <= now) {
            return Ok(());
        }
        let after = Model { ends_at: Some(now), ..before.clone() };
        tx.update(&before, &after).await
    }
}
