//! Movements of stock: received, moved, used for a ticket and given back, written off, corrected after counting.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use chrono::{DateTime, Utc};
use sea_orm::{Condition, QueryOrder as _, QuerySelect as _, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    balance,
    place::{self, KEEPERS},
};
use crate::{
    Code, Error, Result, Scope, Time,
    auth::Role,
    db::Reader,
    feed::EntityKind,
    id::{MaterialId, MovementId, OrganizationId, PlaceId, TicketId, UsageId},
    journal::{Subject, SubjectKind},
    material::{self, Quantity, store::READERS},
    page::{Page, PageRequest},
    text::{Line, Text},
    write::{Act, Journaling, Row, Table, Touch, Touched, Tx},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "stock_movement")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MovementId,
    pub organization_id: OrganizationId,
    pub kind: MovementKind,
    pub material_id: MaterialId,
    pub from_place_id: Option<PlaceId>,
    pub to_place_id: Option<PlaceId>,
    pub quantity_milli: i64,
    pub reason: Option<String>,
    pub ticket_id: Option<TicketId>,
    pub usage_id: Option<UsageId>,
    pub short: bool,
    pub moved_by: Uuid,
    pub moved_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "stock_movement",
        journaling: Journaling { plain: &["kind"], personal: &["reason"], silent: &[] },
        entity: Some(EntityKind::VanStock),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    /// What was used for a ticket stands with the ticket, which is locked; everything else with the place it came from,
    /// or went to.
    fn subject(&self) -> Subject {
        match (self.ticket_id, self.from_place_id.or(self.to_place_id)) {
            (Some(ticket), _) => Subject::new(SubjectKind::Ticket, ticket),
            (None, place) => {
                Subject::new(SubjectKind::StockPlace, place.map_or(Uuid::nil(), |place| place.0))
            }
        }
    }

    fn touch(_: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after {
            touched.add(row.organization_id, Touch::Topic("stock"));
            for place in [row.from_place_id, row.to_place_id].into_iter().flatten() {
                touched.add(row.organization_id, Touch::Document(EntityKind::VanStock, place.0));
            }
        }
    }
}

/// Why stock moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumIter, DeriveActiveEnum, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum MovementKind {
    /// It came from a supplier.
    Receive,
    /// From one place to another.
    Move,
    /// Used for a ticket; made by the line of used material.
    Use,
    /// Back from a ticket; made when the line is taken off.
    GiveBack,
    /// Broken, lost, out of date.
    WriteOff,
    /// What counting found.
    Correct,
}

/// A movement.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MovementDocument {
    /// Identifier.
    pub id: MovementId,
    /// Why.
    pub kind: MovementKind,
    /// Of what.
    pub material_id: MaterialId,
    /// From where.
    pub from_place_id: Option<PlaceId>,
    /// To where.
    pub to_place_id: Option<PlaceId>,
    /// How much.
    pub quantity: Quantity,
    /// The reason that was given.
    pub reason: Option<String>,
    /// For which ticket.
    pub ticket_id: Option<TicketId>,
    /// The place had less than was used: somebody looks.
    pub short: bool,
    /// When.
    pub moved_at: DateTime<Utc>,
}

impl MovementDocument {
    fn of(row: Model) -> Result<Self> {
        let wrong = || Error::internal(format!("stock_movement {}, column quantity_milli", row.id));
        let quantity = Quantity::from_milli(row.quantity_milli).ok_or_else(wrong)?;
        let Model {
            id,
            kind,
            material_id,
            from_place_id,
            to_place_id,
            reason,
            ticket_id,
            short,
            moved_at,
            ..
        } = row;
        Ok(Self {
            id,
            kind,
            material_id,
            from_place_id,
            to_place_id,
            quantity,
            reason,
            ticket_id,
            short,
            moved_at,
        })
    }
}

/// What moves from where to where.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMovement {
    /// Made by the client (UUIDv7), or else by the server.
    #[serde(default)]
    pub id: Option<MovementId>,
    /// `receive`, `move`, `write_off` or `correct`: the others are made with the lines of used material.
    pub kind: MovementKind,
    /// Of what.
    pub material_id: MaterialId,
    /// How much.
    pub quantity: Quantity,
    /// The unit the client counts in; another than that of the price list is refused.
    #[serde(default)]
    pub unit: Option<Line<20>>,
    /// From where: for `move` and `write_off`; for `correct` where there is less.
    #[serde(default)]
    pub from_place_id: Option<PlaceId>,
    /// To where: for `receive` and `move`; for `correct` where there is more.
    #[serde(default)]
    pub to_place_id: Option<PlaceId>,
    /// Why: for `write_off` and `correct`.
    #[serde(default)]
    pub reason: Option<Text<500>>,
}

impl NewMovement {
    /// The places that go with the kind.
    fn check(&self) -> Result<()> {
        let (from, to) = (self.from_place_id.is_some(), self.to_place_id.is_some());
        let (fits, which) = match self.kind {
            MovementKind::Receive => (!from && to, "receive goes to a place and comes from none"),
            MovementKind::Move => {
                (from && to && self.from_place_id != self.to_place_id, "move has two places")
            }
            MovementKind::WriteOff => (from && !to, "write_off comes from a place and goes to none"),
            MovementKind::Correct => (from != to, "correct has one place"),
            MovementKind::Use | MovementKind::GiveBack => {
                return Err(Error::field("kind", "is made with the lines of used material of a ticket"));
            }
        };
        if !fits {
            return Err(Error::field(if from { "to_place_id" } else { "from_place_id" }, which));
        }
        let reasoned = matches!(self.kind, MovementKind::WriteOff | MovementKind::Correct);
        if reasoned && self.reason.is_none() {
            return Err(Error::field("reason", "say why"));
        }
        Ok(())
    }
}

/// Moves stock. The same movement again is the same movement.
#[derive(Clone, Debug)]
pub struct MoveStock {
    /// What moves.
    pub args: NewMovement,
}

impl Act for MoveStock {
    const NAME: &'static str = "stock.move";
    type Out = MovementDocument;

    async fn run(&self, tx: &mut Tx) -> Result<MovementDocument> {
        let args = &self.args;
        let id = match args.id {
            Some(id) => MovementId::from_client(id.0, "id")?,
            None => MovementId::new(tx.clock()),
        };
        args.check()?;
        let scope = *tx.scope();
        scope.require(&[Role::Technician, Role::Dispatcher, Role::Manager, Role::Admin])?;
        let ids: Vec<Uuid> = args.from_place_id.into_iter().chain(args.to_place_id).map(|id| id.0).collect();
        tx.lock_rows(crate::write::LockRank::Tickets, "stock_place", "id", ids).await?;
        let mut own = false;
        for place in args.from_place_id.into_iter().chain(args.to_place_id) {
            let place = place::find(&tx.reader(), &scope, place).await?;
            if !place.active {
                return Err(Error::new(Code::IllegalMove, "the place is not used any more")
                    .with("place_id", place.id)
                    .with("legal", Vec::<&str>::new()));
            }
            own |= scope.technician().is_some() && place.technician_id == scope.technician();
        }
        // A technician loads and unloads his own van.
        if !(own && args.kind == MovementKind::Move) {
            scope.require(KEEPERS)?;
        }
        let material = material::store::find(&tx.reader(), &scope, args.material_id).await?;
        material.check_quantity(args.quantity, args.unit.as_ref(), "quantity")?;
        let row = Model {
            id,
            organization_id: scope.organization(),
            kind: args.kind,
            material_id: material.id,
            from_place_id: args.from_place_id,
            to_place_id: args.to_place_id,
            quantity_milli: args.quantity.milli(),
            reason: args.reason.clone().map(Text::into_string),
            ticket_id: None,
            usage_id: None,
            short: false,
            moved_by: scope.actor_id(),
            moved_at: tx.at(),
        };
        if let Some(same) = Entity::find_by_id(id).one(&tx.reader()).await? {
            let taken = || Error::new(Code::AlreadyExists, "another movement has this identifier");
            let equal = (same.organization_id, same.kind, same.material_id, same.quantity_milli)
                == (row.organization_id, row.kind, row.material_id, row.quantity_milli)
                && (same.from_place_id, same.to_place_id) == (row.from_place_id, row.to_place_id);
            return if equal { MovementDocument::of(same) } else { Err(taken()) };
        }
        tx.insert(&row).await?;
        balance::apply(tx, &row, false).await?;
        MovementDocument::of(row)
    }
}

/// Which movements are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct MovementFilter {
    /// From or to this place.
    pub place_id: Option<PlaceId>,
    /// Of this material.
    pub material_id: Option<MaterialId>,
}

/// The key of a page of movements.
#[derive(Serialize, Deserialize)]
struct ById(MovementId);

/// Movements of the organization, the newest first. For staff.
///
/// # Errors
/// `forbidden` for residents; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &MovementFilter,
    page: &PageRequest,
) -> Result<Page<MovementDocument>> {
    scope.require(READERS)?;
    let mut query = Entity::find().filter(Column::OrganizationId.eq(scope.organization()));
    if let Some(place) = filter.place_id {
        let either = Condition::any().add(Column::FromPlaceId.eq(place)).add(Column::ToPlaceId.eq(place));
        query = query.filter(either);
    }
    if let Some(material) = filter.material_id {
        query = query.filter(Column::MaterialId.eq(material));
    }
    if let Some(ById(id)) = page.after()? {
        query = query.filter(Column::Id.lt(id));
    }
    let rows = query.order_by_desc(Column::Id).limit(page.limit() as u64 + 1).all(reader).await?;
    let items = rows.into_iter().map(MovementDocument::of).collect::<Result<Vec<_>>>()?;
    page.cut(items, |movement| ById(movement.id))
}
