//! What lies where: the sum of the movements, kept with each of them.

use sea_orm::{EntityTrait as _, FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    movement::{Column, Entity, Model, MovementKind},
    place,
};
use crate::{
    Code, Error, Result, Scope,
    alert::{self, NewAlert},
    db::Reader,
    id::{MaterialId, MovementId, PlaceId},
    material::{price, store::READERS, usage},
    page::{Page, PageRequest},
    write::{LockRank, Tx},
};

/// Changes the balances by a movement. `may_be_short`: what has been used has been used, whatever the books say; returns
/// whether the place it came from holds less than nothing now.
///
/// # Errors
/// `stock_short` telling what there is, where it must not be.
pub(super) async fn apply(tx: &mut Tx, movement: &Model, may_be_short: bool) -> Result<bool> {
    tx.rank(LockRank::Stock)?;
    let mut changes: Vec<(PlaceId, i64)> = Vec::with_capacity(2);
    changes.extend(movement.from_place_id.map(|place| (place, -movement.quantity_milli)));
    changes.extend(movement.to_place_id.map(|place| (place, movement.quantity_milli)));
    // Two movements in opposite directions lock the balances in one order.
    changes.sort_unstable();
    let mut short = false;
    for (place, change) in changes {
        let now = change_by(tx, movement, place, change).await?;
        if change < 0 && now < 0 {
            if !may_be_short {
                return Err(Error::new(Code::StockShort, Code::StockShort.title())
                    .with("place_id", place)
                    .with("material_id", movement.material_id)
                    .with("available", decimal(now - change)));
            }
            short = true;
        }
    }
    Ok(short)
}

async fn change_by(tx: &Tx, movement: &Model, place: PlaceId, change: i64) -> Result<i64> {
    #[derive(FromQueryResult)]
    struct Now {
        quantity_milli: i64,
    }
    let sql = "INSERT INTO stock_balance (place_id, material_id, organization_id, quantity_milli)
               VALUES ($1, $2, $3, $4)
               ON CONFLICT (place_id, material_id)
               DO UPDATE SET quantity_milli = stock_balance.quantity_milli + excluded.quantity_milli
               RETURNING quantity_milli";
    let values: [Value; 4] =
        [place.0.into(), movement.material_id.0.into(), movement.organization_id.0.into(), change.into()];
    let now = tx.execute_returning::<Now>(sql, values).await?;
    now.first().map(|row| row.quantity_milli).ok_or_else(|| Error::internal("a balance was not written"))
}

/// Thousandths as a decimal.
pub fn decimal(milli: i64) -> String {
    let sign = if milli < 0 { "-" } else { "" };
    let (whole, part) = (milli.unsigned_abs() / 1000, milli.unsigned_abs() % 1000);
    let text = format!("{sign}{whole}.{part:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Takes what a line of used material says from `place`, or else from the van of the technician who used it. Where there
/// is none, or stock of the material is not kept, nothing moves. Returns whether the place is short now.
pub(crate) async fn take_for_use(
    tx: &mut Tx,
    line: &usage::Model,
    material: &price::Model,
    place: Option<PlaceId>,
) -> Result<bool> {
    if !material.stocked || tx.scope().organization() != material.organization_id {
        return Ok(false);
    }
    let from = match (place, tx.scope().technician()) {
        (Some(place), _) => Some(place::find(&tx.reader(), tx.scope(), place).await?),
        (None, Some(technician)) => place::van_of(&tx.reader(), technician).await?,
        (None, None) => None,
    };
    let Some(from) = from else { return Ok(false) };
    let mut movement = Model {
        id: MovementId::new(tx.clock()),
        organization_id: material.organization_id,
        kind: MovementKind::Use,
        material_id: material.id,
        from_place_id: Some(from.id),
        to_place_id: None,
        quantity_milli: line.quantity_milli,
        reason: None,
        ticket_id: Some(line.ticket_id),
        usage_id: Some(line.id),
        short: false,
        moved_by: tx.scope().actor_id(),
        moved_at: tx.at(),
    };
    movement.short = apply(tx, &movement, true).await?;
    tx.insert(&movement).await?;
    if movement.short {
        alert::raise(
            tx,
            NewAlert {
                kind: "stock_short",
                organization: material.organization_id,
                executor: None,
                ticket: Some(line.ticket_id),
            },
        )
        .await?;
    }
    Ok(movement.short)
}

/// Gives back what a line that is taken off had taken.
pub(crate) async fn give_back(tx: &mut Tx, line: &usage::Model) -> Result<()> {
    use sea_orm::{ColumnTrait as _, QueryFilter as _};
    let taken = Entity::find().filter(Column::UsageId.eq(line.id)).all(&tx.reader()).await?;
    let back = taken.iter().any(|movement| movement.kind == MovementKind::GiveBack);
    let Some(used) = taken.into_iter().find(|movement| movement.kind == MovementKind::Use && !back) else {
        return Ok(());
    };
    let movement = Model {
        id: MovementId::new(tx.clock()),
        kind: MovementKind::GiveBack,
        from_place_id: None,
        to_place_id: used.from_place_id,
        short: false,
        moved_by: tx.scope().actor_id(),
        moved_at: tx.at(),
        ..used
    };
    apply(tx, &movement, true).await?;
    tx.insert(&movement).await
}

/// Whether a place holds anything, or owes anything.
pub(super) async fn holds_something(reader: &Reader<'_>, place: PlaceId) -> Result<bool> {
    #[derive(FromQueryResult)]
    struct One {
        #[expect(dead_code, reason = "only whether there is one")]
        quantity_milli: i64,
    }
    let sql = "SELECT quantity_milli FROM stock_balance WHERE place_id = $1 AND quantity_milli <> 0 LIMIT 1";
    Ok(reader.one::<One>(sql, [place.0.into()]).await?.is_some())
}

/// What lies where.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BalanceDocument {
    /// The place.
    pub place_id: PlaceId,
    /// The material.
    pub material_id: MaterialId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// How much, as a decimal; below nothing where more was used than was known of.
    #[schema(example = "-1.5")]
    pub quantity: String,
}

/// Which balances are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct BalanceFilter {
    /// Of this place.
    pub place_id: Option<PlaceId>,
    /// Of this material.
    pub material_id: Option<MaterialId>,
    /// Only what is short: more was used than was known of.
    pub short: Option<bool>,
}

#[derive(FromQueryResult)]
struct Line {
    place_id: PlaceId,
    material_id: MaterialId,
    code: String,
    name: String,
    unit: String,
    quantity_milli: i64,
}

/// The balances of the organization, by place and material. For staff.
///
/// # Errors
/// `forbidden` for residents; `invalid_field` for a cursor of another list.
pub async fn balances(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &BalanceFilter,
    page: &PageRequest,
) -> Result<Page<BalanceDocument>> {
    scope.require(READERS)?;
    let mut values: Vec<Value> = vec![scope.organization().0.into()];
    let mut conditions = String::new();
    for (column, id) in
        [("place_id", filter.place_id.map(|id| id.0)), ("material_id", filter.material_id.map(|id| id.0))]
    {
        if let Some(id) = id {
            values.push(id.into());
            conditions.push_str(&format!(" AND b.{column} = ${}", values.len()));
        }
    }
    match filter.short {
        Some(true) => conditions.push_str(" AND b.quantity_milli < 0"),
        Some(false) => conditions.push_str(" AND b.quantity_milli >= 0"),
        None => {}
    }
    if let Some((place, material)) = page.after::<(PlaceId, MaterialId)>()? {
        values.push(place.0.into());
        values.push(material.0.into());
        let at = values.len();
        conditions.push_str(&format!(" AND (b.place_id, b.material_id) > (${}, ${at})", at - 1));
    }
    let sql = format!(
        "SELECT b.place_id, b.material_id, m.code, m.name, m.unit, b.quantity_milli
         FROM stock_balance b JOIN material m ON m.id = b.material_id
         WHERE b.organization_id = $1{conditions} ORDER BY b.place_id, b.material_id LIMIT {}",
        page.limit() + 1
    );
    let lines = reader.all::<Line>(&sql, values).await?;
    let shown = |line: Line| BalanceDocument {
        place_id: line.place_id,
        material_id: line.material_id,
        code: line.code,
        name: line.name,
        unit: line.unit,
        quantity: decimal(line.quantity_milli),
    };
    page.cut(lines.into_iter().map(shown).collect(), |line| (line.place_id, line.material_id))
}
