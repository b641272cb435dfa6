//! What the crew checks before it sets out (R22).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Visit, acts::take, row, save};
use crate::{
    Code, Error, Result,
    id::{TicketId, VisitId},
    ticket::{At, Kind},
    write::{Act, Occurred, Tx},
};

/// What was checked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmChecklist {
    /// Keys of the checklist of the ticket's kind.
    #[schema(min_items = 1)]
    pub checked: BTreeSet<String>,
    /// By the clock of the device; absent: now.
    #[serde(default)]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Confirms items of the departure checklist on a visit that stands. What was confirmed stays so.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// The visit.
    pub visit: VisitId,
    /// What was checked.
    pub args: ConfirmChecklist,
}

impl Act for Confirm {
    const NAME: &'static str = "visit.checklist";
    type Out = TicketId;

    fn occurred(&self) -> Option<Occurred> {
        At { occurred_at: self.args.occurred_at }.occurred()
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let (held, visit) = take(tx, self.visit, &[]).await?;
        let rules = Kind::of(&tx.reader(), &held.ticket).await?.rules;
        for key in &self.args.checked {
            if !rules.demands.checklist.iter().any(|item| item.key == *key) {
                return Err(Error::field("checked", format!("the checklist has no item {key:?}")));
            }
        }
        if !visit.row.status.is_open() {
            return Err(Error::new(Code::IllegalMove, "the visit has ended")
                .with("status", visit.row.status)
                .with("legal", Vec::<&str>::new()));
        }
        At { occurred_at: self.args.occurred_at }.check(tx, held.ticket.registered_at)?;
        let mut checked = checked(&visit.row)?;
        checked.extend(self.args.checked.iter().cloned());
        let mut after = visit.row.clone();
        after.checklist = Some(serde_json::to_value(&checked).map_err(Error::internal)?);
        after.checklist_at = Some(tx.at());
        save(tx, &visit.row, after).await?;
        Ok(held.ticket.id)
    }
}

/// The keys that were confirmed on a visit.
///
/// # Errors
/// `internal` when the column holds something else.
pub fn checked(visit: &row::Model) -> Result<BTreeSet<String>> {
    let Some(keys) = &visit.checklist else { return Ok(BTreeSet::new()) };
    let unreadable = |cause| Error::internal(format!("visit {}, column checklist: {cause}", visit.id));
    serde_json::from_value(keys.clone()).map_err(unreadable)
}

/// The keys that were confirmed on any of these visits.
///
/// # Errors
/// As [`checked`].
pub(crate) fn checked_on(visits: &[Visit]) -> Result<BTreeSet<String>> {
    visits.iter().try_fold(BTreeSet::new(), |mut all, visit| {
        all.extend(checked(&visit.row)?);
        Ok(all)
    })
}
