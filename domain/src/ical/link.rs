//! Links to a technician's feed: made and revoked by him or by the desk. The secret is shown once.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::row::{Column, Entity, Model};
use crate::{
    Code, Error, Result, Scope,
    auth::{Role, secret},
    db::Reader,
    id::{CalendarLinkId, TechnicianId, UserId},
    people::user,
    text::Line,
    write::{Act, Tx},
};

/// What a secret of a feed begins with.
pub(super) const PREFIX: &str = "nct_";
/// How many links of a technician may stand at once.
const MOST: usize = 10;

/// A link that stands.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CalendarLinkDocument {
    /// Identifier.
    pub id: CalendarLinkId,
    /// Where it is used.
    pub label: Option<String>,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// A link that was made, with its address.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NewCalendarLink {
    /// Identifier.
    pub id: CalendarLinkId,
    /// Where it is used.
    pub label: Option<String>,
    /// The path to subscribe to. It is shown once: whoever has it reads the bookings until it is revoked.
    pub path: String,
}

/// What the link is for.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCalendarLink {
    /// Where it is used: «телефон Анны».
    #[serde(default)]
    pub label: Option<Line<100>>,
}

pub(super) fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// The technician, if the scope is himself or his organization's desk.
async fn technician(reader: &Reader<'_>, scope: &Scope, id: TechnicianId) -> Result<user::Model> {
    scope.require(&[Role::Technician, Role::Dispatcher, Role::Manager, Role::Admin])?;
    let visible = scope.technician().is_none_or(|own| own == id);
    let row = user::Entity::find_by_id(UserId(id.0))
        .filter(user::Column::OrganizationId.eq(scope.organization()))
        .filter(user::Column::Role.eq(Role::Technician))
        .one(reader)
        .await?;
    row.filter(|_| visible).ok_or_else(|| Error::not_found("technician"))
}

async fn standing(reader: &Reader<'_>, technician: TechnicianId) -> Result<Vec<Model>> {
    let query = Entity::find().filter(Column::TechnicianId.eq(technician));
    Ok(query.filter(Column::RevokedAt.is_null()).order_by_asc(Column::Id).all(reader).await?)
}

/// Makes a link.
#[derive(Clone, Debug)]
pub struct Create {
    /// Whose bookings.
    pub technician: TechnicianId,
    /// What for.
    pub args: CreateCalendarLink,
}

impl Act for Create {
    const NAME: &'static str = "calendar_link.create";
    type Out = NewCalendarLink;

    async fn run(&self, tx: &mut Tx) -> Result<NewCalendarLink> {
        let scope = *tx.scope();
        technician(&tx.reader(), &scope, self.technician).await?;
        tx.lock_calendars([self.technician]).await?;
        if standing(&tx.reader(), self.technician).await?.len() >= MOST {
            return Err(Error::new(Code::AlreadyExists, "there are ten links already; revoke one first"));
        }
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret::random::<32>()?));
        let row = Model {
            id: CalendarLinkId::new(tx.clock()),
            organization_id: scope.organization(),
            technician_id: self.technician,
            token_hash: hash(&token),
            label: self.args.label.clone().map(Line::into_string),
            created_by: scope.actor_id(),
            created_at: tx.now(),
            revoked_at: None,
        };
        tx.insert(&row).await?;
        Ok(NewCalendarLink { id: row.id, label: row.label, path: format!("/v1/calendars/{token}.ics") })
    }
}

/// Revokes a link: from now on it is as if it had never been.
#[derive(Clone, Copy, Debug)]
pub struct Revoke {
    /// Whose bookings.
    pub technician: TechnicianId,
    /// Which link.
    pub link: CalendarLinkId,
}

impl Act for Revoke {
    const NAME: &'static str = "calendar_link.revoke";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let scope = *tx.scope();
        technician(&tx.reader(), &scope, self.technician).await?;
        tx.lock_calendars([self.technician]).await?;
        let links = standing(&tx.reader(), self.technician).await?;
        let before = links.into_iter().find(|link| link.id == self.link);
        let before = before.ok_or_else(|| Error::not_found("calendar link"))?;
        let after = Model { revoked_at: Some(tx.now()), ..before.clone() };
        tx.update(&before, &after).await
    }
}

/// The links of a technician that stand.
///
/// # Errors
/// `not_found` for all but himself and his organization's desk.
pub async fn list(reader: &Reader<'_>, scope: &Scope, id: TechnicianId) -> Result<Vec<CalendarLinkDocument>> {
    technician(reader, scope, id).await?;
    let links = standing(reader, id).await?.into_iter();
    Ok(links
        .map(|row| CalendarLinkDocument { id: row.id, label: row.label, created_at: row.created_at })
        .collect())
}
