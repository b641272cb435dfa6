//! Alerts that no longer stand: what they told of was met in time or has moved, or their clock has ended.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::row::Model;
use crate::{Result, alert, write::Tx};

/// Takes back what a clock told after the moment at which it was met, as was learned later, and steps that are no longer
/// behind it, because its end has moved; what was told of a promise that was broken stays. What nobody took notice of
/// ends with its clock, and stands again if the clock runs on.
pub(super) async fn take_back(tx: &mut Tx, before: &Model, after: &Model) -> Result<()> {
    let late_news = after.met_at.filter(|met_at| *met_at < tx.now() && before.met_at != after.met_at);
    let moved = after.told < before.told;
    let (was_open, is_open) = (before.state.is_open(), after.state.is_open());
    if after.fired == 0 || (late_news.is_none() && !moved && was_open == is_open) {
        return Ok(());
    }
    let told = alert::row::Entity::find()
        .filter(alert::row::Column::DeadlineId.eq(after.id))
        .filter(alert::row::Column::TakenBackAt.is_null())
        .all(&tx.reader())
        .await?;
    for alert in told {
        let mut next = alert.clone();
        // That the whole term was over is unfounded only where it was kept, however late it was told.
        let unfounded = match alert.percent {
            ..100 => late_news.is_some_and(|met_at| alert.fired_at > met_at),
            _ => late_news.is_some() && after.late_s.is_none(),
        };
        let broken = after.broken_at.is_some() && alert.due_at.is_some_and(|due| due <= tx.at());
        if unfounded || (moved && alert.percent > after.told && !broken) {
            next.taken_back_at = Some(tx.now());
        }
        if !is_open && was_open && alert.acknowledged_at.is_none() && next.taken_back_at.is_none() {
            next.ended_at = Some(tx.now());
        } else if is_open {
            next.ended_at = None;
        }
        if next != alert {
            next.version += 1;
            tx.update(&alert, &next).await?;
        }
    }
    Ok(())
}
