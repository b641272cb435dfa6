//! Alerts that turn out to have had no reason.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::row::Model;
use crate::{Result, alert, write::Tx};

/// Takes back what a clock told after the moment at which it was met, as was learned later, and steps that are no longer
/// behind it, because its end has moved.
pub(super) async fn take_back(tx: &mut Tx, before: &Model, after: &Model) -> Result<()> {
    let late_news = after.met_at.filter(|met_at| *met_at < tx.now() && before.met_at != after.met_at);
    let moved = after.step < before.step;
    if after.fired == 0 || (late_news.is_none() && !moved) {
        return Ok(());
    }
    let told = alert::row::Entity::find()
        .filter(alert::row::Column::DeadlineId.eq(after.id))
        .filter(alert::row::Column::TakenBackAt.is_null())
        .all(&tx.reader())
        .await?;
    for alert in told {
        let unfounded = late_news.is_some_and(|met_at| alert.fired_at > met_at);
        if unfounded || (moved && alert.step > after.step) {
            let mut taken = alert.clone();
            taken.taken_back_at = Some(tx.now());
            taken.version += 1;
            tx.update(&alert, &taken).await?;
        }
    }
    Ok(())
}
