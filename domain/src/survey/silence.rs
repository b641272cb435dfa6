//! «Do not ask me».

use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    answer_row::AnswerChannel,
    invitation::{self, InvitationState as State},
    silence_row::{Column, Entity, Model},
};
use crate::{
    Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::{InvitationId, OrganizationId, PremisesId, ResidentId},
    notification::Person,
    people::{account, phone, resident},
    place::premises,
    text::PhoneNumber,
    write::{Act, LockRank, Tx},
};

/// Who is not asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = WhoIsNotAsked)]
pub enum Who {
    /// A resident.
    Resident {
        /// Who.
        id: ResidentId,
    },
    /// Everybody who lives there.
    Premises {
        /// Where.
        id: PremisesId,
    },
    /// Whoever has this phone.
    Phone {
        /// The number.
        phone: PhoneNumber,
    },
}

fn premises_key(premises: PremisesId) -> String {
    format!("premises:{premises}")
}

impl Who {
    pub(super) fn of(person: &Person) -> Result<Self> {
        match person {
            Person::Resident(id) => Ok(Self::Resident { id: *id }),
            Person::Phone(phone) => {
                let phone = PhoneNumber::parse(phone).map_err(Error::internal)?;
                Ok(Self::Phone { phone })
            }
            Person::User(_) | Person::Mail(_) => Err(Error::internal("nobody of these is asked")),
        }
    }

    fn key(&self) -> String {
        match self {
            Self::Resident { id } => Person::Resident(*id).key(),
            Self::Premises { id } => premises_key(*id),
            Self::Phone { phone } => Person::Phone(phone.as_str().to_owned()).key(),
        }
    }
}

/// Whether a person has said that he is not to be asked, or somebody of his flat has.
///
/// # Errors
/// What the database says.
pub(super) async fn is_silent(
    reader: &Reader<'_>,
    invitation: &invitation::Model,
    premises: Option<PremisesId>,
) -> Result<bool> {
    let mut keys = vec![invitation.person.clone()];
    keys.extend(premises.map(premises_key));
    if let Some(resident) = invitation.resident_id {
        keys.extend(keys_of(reader, resident).await?);
        keys.extend(flats_of(reader, resident).await?);
    }
    if let Some(phone) = &invitation.phone {
        let residents = residents_of(reader, invitation.organization_id, phone).await?;
        keys.extend(residents.into_iter().map(|resident| Person::Resident(resident).key()));
    }
    stands(reader, invitation.organization_id, keys).await
}

/// Whether one of these has said it.
async fn stands(reader: &Reader<'_>, organization: OrganizationId, keys: Vec<String>) -> Result<bool> {
    let found =
        Entity::find().filter(Column::OrganizationId.eq(organization)).filter(Column::Person.is_in(keys));
    Ok(found.one(reader).await?.is_some())
}

/// How a resident can have said it: himself, and by each of his phones.
async fn keys_of(reader: &Reader<'_>, resident: ResidentId) -> Result<Vec<String>> {
    let phones = phone::Entity::find().filter(phone::Column::ResidentId.eq(resident)).all(reader).await?;
    let mut keys = vec![Person::Resident(resident).key()];
    keys.extend(phones.into_iter().map(|row| Person::Phone(row.phone).key()));
    Ok(keys)
}

/// The flats for which it can have been said.
async fn flats_of(reader: &Reader<'_>, resident: ResidentId) -> Result<Vec<String>> {
    let accounts =
        account::Entity::find().filter(account::Column::ResidentId.eq(resident)).all(reader).await?;
    Ok(accounts.into_iter().map(|row| premises_key(row.premises_id)).collect())
}

/// The residents of an organization who have a phone.
pub(super) async fn residents_of(
    reader: &Reader<'_>,
    organization: OrganizationId,
    phone: &str,
) -> Result<Vec<ResidentId>> {
    let rows = phone::Entity::find()
        .filter(phone::Column::OrganizationId.eq(organization))
        .filter(phone::Column::Phone.eq(phone))
        .order_by_asc(phone::Column::ResidentId)
        .all(reader)
        .await?;
    Ok(rows.into_iter().map(|row| row.resident_id).collect())
}

/// Notes that somebody is not to be asked. What he is being asked is not asked any more.
///
/// # Errors
/// What the database says.
pub(super) async fn silence(tx: &mut Tx, who: &Who, channel: AnswerChannel) -> Result<()> {
    let organization = tx.scope().organization();
    let mine = Condition::any().add(invitation::Column::Person.eq(who.key())).add_option(match who {
        Who::Premises { id } => Some(
            invitation::Column::ResidentId.in_subquery(
                sea_orm::sea_query::Query::select()
                    .column(account::Column::ResidentId)
                    .from(account::Entity)
                    .and_where(account::Column::PremisesId.eq(*id))
                    .to_owned(),
            ),
        ),
        Who::Resident { .. } | Who::Phone { .. } => None,
    });
    let open = invitation::Entity::find()
        .filter(invitation::Column::OrganizationId.eq(organization))
        .filter(invitation::Column::NextAt.is_not_null())
        .filter(mine)
        .order_by_asc(invitation::Column::Id);
    let seen = open.clone().all(&tx.reader()).await?;
    invitation::lock(tx, &seen).await?;
    for before in open.all(&tx.reader()).await? {
        tx.update(&before, &before.turned(State::Refused, None)).await?;
        invitation::hush(tx, &before).await?;
    }
    let standing = Entity::find_by_id((organization, who.key())).one(&tx.reader()).await?;
    if standing.is_some() {
        return Ok(());
    }
    let row = Model {
        organization_id: organization,
        person: who.key(),
        resident_id: if let Who::Resident { id } = who { Some(*id) } else { None },
        premises_id: if let Who::Premises { id } = who { Some(*id) } else { None },
        channel,
        said_at: tx.now(),
        said_by: tx.scope().actor_id(),
    };
    tx.insert(&row).await
}

/// «Do not ask me», by the link.
#[derive(Clone, Copy, Debug)]
pub struct StopByLink {
    /// The invitation that the link names.
    pub invitation: InvitationId,
}

impl Act for StopByLink {
    const NAME: &'static str = "survey.stop";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let invitation = invitation::find(&tx.reader(), tx.scope().organization(), self.invitation).await?;
        silence(tx, &Who::of(&invitation.who()?)?, AnswerChannel::Link).await
    }
}

/// Whether somebody is asked: a resident says it of himself, the desk of anybody.
#[derive(Clone, Debug)]
pub struct SetSilence {
    /// Who.
    pub who: Who,
    /// He is not asked (true), or asked again.
    pub silent: bool,
}

impl Act for SetSilence {
    const NAME: &'static str = "survey.silence";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let scope = *tx.scope();
        require_own_or_desk(&scope, &self.who)?;
        match &self.who {
            Who::Resident { id } => {
                resident::store::find(&tx.reader(), &scope, *id).await?;
            }
            Who::Premises { id } => {
                premises::store::find(&tx.reader(), &scope, *id).await?;
            }
            Who::Phone { .. } => {}
        }
        if self.silent {
            let channel = if scope.is_resident() { AnswerChannel::App } else { AnswerChannel::Phone };
            return silence(tx, &self.who, channel).await;
        }
        if let Who::Resident { id } = &self.who {
            tx.lock_rows(LockRank::Tickets, "resident", "id", [id.0]).await?;
        }
        // Whoever wants to be asked again wants it whichever way he had said it.
        let keys = match &self.who {
            Who::Resident { id } => keys_of(&tx.reader(), *id).await?,
            Who::Premises { .. } | Who::Phone { .. } => vec![self.who.key()],
        };
        let standing = Entity::find()
            .filter(Column::OrganizationId.eq(scope.organization()))
            .filter(Column::Person.is_in(keys));
        for row in standing.all(&tx.reader()).await? {
            tx.delete(&row).await?;
        }
        Ok(())
    }
}

fn require_own_or_desk(scope: &Scope, who: &Who) -> Result<()> {
    match (scope.resident_id(), who) {
        (Some(own), Who::Resident { id }) if own == *id => Ok(()),
        (Some(_), _) => Err(Error::not_found("resident")),
        (None, _) => scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin]),
    }
}

/// Whether a signed-in resident is asked about the quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskMe {
    /// He is. Where it was said for his whole flat, he is not.
    pub ask: bool,
}

/// Whether the signed-in resident is asked.
///
/// # Errors
/// `forbidden` for staff.
pub async fn ask_me(reader: &Reader<'_>, scope: &Scope) -> Result<AskMe> {
    scope.require(&[Role::Resident])?;
    let id = scope.resident_id().ok_or_else(|| Error::not_found("resident"))?;
    let mut keys = keys_of(reader, id).await?;
    keys.extend(flats_of(reader, id).await?);
    Ok(AskMe { ask: !stands(reader, scope.organization(), keys).await? })
}
