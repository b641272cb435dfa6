//! Links are made and revoked by the desk, and opened by whoever has one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::row::{Column, Entity, Model};
use crate::{
    Code, Error, Result, Scope, Time,
    auth::{Role, secret},
    db::Reader,
    id::{TicketId, TrackId},
    people::organization,
    ticket,
    write::{Act, Tx},
};

/// What a token begins with.
const PREFIX: &str = "ntl_";

/// A link opens for so many days where its ticket does not end.
const LONGEST_DAYS: i64 = 365;

/// How many links to a ticket may stand at once.
const MOST: usize = 10;

/// A link that was made, with its address.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NewTrackLink {
    /// Identifier.
    pub id: TrackId,
    /// The path. It is shown once: whoever has it follows the ticket until it is revoked or its time is over.
    pub path: String,
}

/// A link that stands.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TrackLinkDocument {
    /// Identifier.
    pub id: TrackId,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// Who makes links: the desk of the owner.
const MAKERS: &[Role] = &[Role::Dispatcher, Role::Manager, Role::Admin];

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Makes a link to a ticket.
#[derive(Clone, Copy, Debug)]
pub struct Create {
    /// The ticket.
    pub ticket: TicketId,
}

impl Act for Create {
    const NAME: &'static str = "track.create";
    type Out = NewTrackLink;

    async fn run(&self, tx: &mut Tx) -> Result<NewTrackLink> {
        let ticket = ticket::hold(tx, self.ticket).await?;
        require_desk(tx.scope(), &ticket)?;
        if standing(&tx.reader(), ticket.id).await?.len() >= MOST {
            let message = format!("a ticket has at most {MOST} links; revoke one first");
            return Err(Error::new(Code::AlreadyExists, message).with("limit", MOST));
        }
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret::random::<32>()?));
        let row = Model {
            id: TrackId::new(tx.clock()),
            organization_id: ticket.organization_id,
            ticket_id: ticket.id,
            token_hash: hash(&token),
            created_by: tx.scope().actor_id(),
            created_at: tx.now(),
            revoked_at: None,
        };
        tx.insert(&row).await?;
        Ok(NewTrackLink { id: row.id, path: format!("/v1/track/{token}") })
    }
}

/// Only the owner's desk gives links away.
fn require_desk(scope: &Scope, ticket: &ticket::row::Model) -> Result<()> {
    scope.require(MAKERS)?;
    if scope.organization() == ticket.organization_id {
        return Ok(());
    }
    Err(Error::new(Code::Forbidden, "the organization that owns the ticket gives links to it"))
}

/// Revokes a link. Once more is the same.
#[derive(Clone, Copy, Debug)]
pub struct Revoke {
    /// The ticket.
    pub ticket: TicketId,
    /// The link.
    pub link: TrackId,
}

impl Act for Revoke {
    const NAME: &'static str = "track.revoke";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let ticket = ticket::hold(tx, self.ticket).await?;
        require_desk(tx.scope(), &ticket)?;
        let before =
            Entity::find_by_id(self.link).filter(Column::TicketId.eq(ticket.id)).one(&tx.reader()).await?;
        let before = before.ok_or_else(|| Error::not_found("link"))?;
        if before.revoked_at.is_none() {
            let after = Model { revoked_at: Some(tx.now()), ..before.clone() };
            tx.update(&before, &after).await?;
        }
        Ok(())
    }
}

async fn standing(reader: &Reader<'_>, ticket: TicketId) -> Result<Vec<Model>> {
    let query = Entity::find().filter(Column::TicketId.eq(ticket)).filter(Column::RevokedAt.is_null());
    Ok(query.order_by_asc(Column::Id).all(reader).await?)
}

/// The links to a ticket that stand.
///
/// # Errors
/// `not_found` when the ticket is out of sight, `forbidden` for all but the owner's desk.
pub async fn list(reader: &Reader<'_>, scope: &Scope, ticket: TicketId) -> Result<Vec<TrackLinkDocument>> {
    let ticket = ticket::find(reader, scope, ticket).await?;
    require_desk(scope, &ticket)?;
    let rows = standing(reader, ticket.id).await?;
    Ok(rows.into_iter().map(|row| TrackLinkDocument { id: row.id, created_at: row.created_at }).collect())
}

/// The scope of a link, and its ticket. It takes no scope: whoever holds the token may ask.
///
/// # Errors
/// `not_found` for every token that opens nothing: unknown, revoked, expired.
pub async fn open(reader: &Reader<'_>, token: &str, now: Time) -> Result<(Scope, TicketId)> {
    let unknown = || Error::not_found("link");
    if !token.starts_with(PREFIX) || token.len() > 100 {
        return Err(unknown());
    }
    let row =
        Entity::find().filter(Column::TokenHash.eq(hash(token))).one(reader).await?.ok_or_else(unknown)?;
    let scope = Scope::link(row.organization_id, row.id, row.ticket_id);
    let ticket = ticket::find(reader, &scope, row.ticket_id).await?;
    let settings = organization::settings_of(reader, row.organization_id).await?;
    let until = match ticket.closed_at.or(ticket.cancelled_at) {
        Some(ended) => ended + TimeDelta::days(settings.track_days.into()),
        None => row.created_at + TimeDelta::days(LONGEST_DAYS),
    };
    if row.revoked_at.is_some() || now >= until {
        return Err(unknown());
    }
    Ok((scope, row.ticket_id))
}
