//! A technician wishes another time for a visit: he is held up elsewhere, or the resident on the spot asks for it. Only
//! the desk moves a visit; the wish stands in the comments and alerts it.

use sea_orm::EntityTrait as _;
use serde::Deserialize;
use utoipa::ToSchema;

use super::acts::take;
use crate::{
    Code, Error, Result,
    alert::{self, NewAlert},
    id::{CommentId, TicketId, VisitId},
    place::{Zone, building},
    text::{Text, when},
    ticket::{
        WishedRange, author,
        comment::{self, Audience},
    },
    write::{Act, Tx},
};

/// What is wished.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WishMove {
    /// Why.
    pub reason: Text<2000>,
    /// When it would suit.
    #[serde(default)]
    pub wished: Option<WishedRange>,
}

/// Wishes another time for a visit that stands.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The visit.
    pub visit: VisitId,
    /// What is wished.
    pub args: WishMove,
}

impl Act for Wish {
    const NAME: &'static str = "visit.wish_move";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        if let Some(wished) = &self.args.wished {
            wished.check("wished")?;
        }
        let (held, visit) = take(tx, self.visit, &[]).await?;
        if !visit.row.status.is_open() {
            return Err(Error::new(Code::IllegalMove, "the visit has ended")
                .with("status", visit.row.status)
                .with("legal", Vec::<&str>::new()));
        }
        let (author_kind, author_name) = author(tx, &held.ticket).await?;
        let building = building::Entity::find_by_id(held.ticket.building_id).one(&tx.reader()).await?;
        let building = building.ok_or_else(|| Error::not_found("building"))?;
        let zone = Zone::stored(&building.zone, building.id)?.tz();
        let wished = match &self.args.wished {
            Some(wished) => format!(" на {}", when::span(wished.start, wished.end, zone)),
            None => String::new(),
        };
        tx.insert(&comment::Model {
            id: CommentId::new(tx.clock()),
            organization_id: held.ticket.organization_id,
            ticket_id: held.ticket.id,
            audience: Audience::Internal,
            author_kind,
            author_id: tx.scope().actor_id(),
            author_name,
            body: format!("Просит перенести визит{wished}: {}", self.args.reason.as_str()),
            written_at: tx.at(),
        })
        .await?;
        let organization = visit.row.staff_organization_id;
        let ticket = Some(held.ticket.id);
        alert::raise(tx, NewAlert { kind: "move_wished", organization, executor: None, ticket }).await?;
        Ok(held.ticket.id)
    }
}
