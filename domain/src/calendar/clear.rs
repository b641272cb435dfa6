//! Making room: entries that give way to an absence or to a crew that changes. The calendars are locked by the caller.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{
    Span,
    entry::{Column, Entity, Model},
};
use crate::{
    Result, Time,
    db::Reader,
    id::{AbsenceId, TechnicianId, VisitId},
    write::Tx,
};

/// Active entries of a technician that overlap a span, earliest first.
pub(crate) async fn overlapping(
    reader: &Reader<'_>,
    technician: TechnicianId,
    span: Span,
) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::TechnicianId.eq(technician))
        .filter(Column::Active.eq(true))
        .filter(Column::BusyEnd.gt(span.start))
        .filter(Column::BusyStart.lt(span.end))
        .order_by_asc(Column::BusyStart)
        .all(reader)
        .await?)
}

/// The active entry of an absence or of a break.
pub(crate) async fn of_absence(reader: &Reader<'_>, absence: AbsenceId) -> Result<Option<Model>> {
    Ok(Entity::find()
        .filter(Column::AbsenceId.eq(absence.0))
        .filter(Column::Active.eq(true))
        .one(reader)
        .await?)
}

/// Ends an entry at an instant; what has not begun by then is given up as a whole.
pub(crate) async fn end_entry(tx: &mut Tx, before: &Model, at: Time) -> Result<()> {
    let mut after = before.clone();
    if at > before.busy_start {
        after.busy_end = before.busy_end.min(at);
    } else {
        after.active = false;
    }
    if after == *before {
        return Ok(());
    }
    after.version += 1;
    tx.update(before, &after).await
}

/// Gives an entry up.
pub(crate) async fn give_up(tx: &mut Tx, before: &Model) -> Result<()> {
    let after = Model { active: false, version: before.version + 1, ..before.clone() };
    tx.update(before, &after).await
}

/// Frees the time of one member of the crew of a visit.
pub(crate) async fn free_member(tx: &mut Tx, visit: VisitId, technician: TechnicianId) -> Result<()> {
    let entries = Entity::find()
        .filter(Column::VisitId.eq(visit))
        .filter(Column::TechnicianId.eq(technician))
        .filter(Column::Active.eq(true))
        .all(&tx.reader())
        .await?;
    for entry in entries {
        give_up(tx, &entry).await?;
    }
    Ok(())
}
