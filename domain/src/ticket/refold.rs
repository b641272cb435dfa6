//! Tickets are found by the address of their building and the number of their premises: when one is corrected, their
//! search column is folded anew, in batches, each of which leaves the next one as a job.

use std::collections::BTreeMap;

use chrono::DateTime;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};
use serde::{Deserialize, Serialize};

use super::row::{Column, Entity};
use crate::{
    Error, Result, Time,
    id::{BuildingId, OrganizationId, PremisesId, TicketId},
    job::NewJob,
    place::{building, premises},
    write::{Act, Tx},
};

/// The kind of the job that folds the tickets of a building anew.
pub const REFOLD_JOB: &str = "ticket_refold";

/// The job that folds the tickets of a building anew, after its address or a number in it has changed. Every change is
/// followed from the first ticket on.
pub(crate) fn refold_job(organization: OrganizationId, building: BuildingId, now: Time) -> NewJob {
    NewJob {
        organization,
        kind: REFOLD_JOB,
        payload: serde_json::json!({ "building": building }),
        run_at: now,
        dedup_key: None,
    }
}

/// Where a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, FromQueryResult)]
pub struct RefoldKey {
    registered_at: Time,
    id: TicketId,
}

/// Folds the search column of the next tickets of a building anew, and leaves a job for those after them.
#[derive(Clone, Copy, Debug)]
pub struct Refold {
    /// Whose tickets.
    pub building: BuildingId,
    /// The last ticket that was folded.
    pub after: Option<RefoldKey>,
    /// How many tickets at once.
    pub limit: u16,
}

impl Act for Refold {
    const NAME: &'static str = "ticket.refold";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let batch = self.next(tx).await?;
        let ids: Vec<TicketId> = batch.iter().map(|key| key.id).collect();
        tx.lock_tickets(ids.iter().copied()).await?;
        self.fold(tx, &ids).await?;
        if batch.len() == usize::from(self.limit) {
            tx.enqueue(NewJob {
                organization: tx.scope().organization(),
                kind: REFOLD_JOB,
                payload: serde_json::json!({ "building": self.building, "after": batch.last() }),
                run_at: tx.now(),
                dedup_key: None,
            });
        }
        Ok(())
    }
}

impl Refold {
    /// The next tickets, in the order of the index.
    async fn next(&self, tx: &Tx) -> Result<Vec<RefoldKey>> {
        let sql = "SELECT registered_at, id FROM ticket
                   WHERE building_id = $1 AND organization_id = $2 AND (registered_at, id) > ($3, $4)
                   ORDER BY registered_at, id LIMIT $5";
        let (at, id) = match self.after {
            Some(key) => (key.registered_at, key.id.0),
            None => (DateTime::UNIX_EPOCH, uuid::Uuid::nil()),
        };
        let values = [
            self.building.0.into(),
            tx.scope().organization().0.into(),
            at.into(),
            id.into(),
            i64::from(self.limit).into(),
        ];
        tx.reader().all(sql, values).await
    }

    /// Only the search column is written: the journal does not tell of it, and the version of the ticket stays as it is.
    async fn fold(&self, tx: &Tx, ids: &[TicketId]) -> Result<()> {
        let reader = tx.reader();
        let building = building::Entity::find_by_id(self.building).one(&reader).await?;
        let building = building.ok_or_else(|| Error::not_found("building"))?;
        let tickets = Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(&reader).await?;
        let premises = premises::Entity::find()
            .filter(premises::Column::Id.is_in(tickets.iter().filter_map(|ticket| ticket.premises_id)))
            .all(&reader)
            .await?;
        let numbers: BTreeMap<PremisesId, String> =
            premises.into_iter().map(|premises| (premises.id, premises.number)).collect();
        for ticket in tickets {
            let number = ticket.premises_id.and_then(|id| numbers.get(&id));
            let search = ticket.search_column(&building.address, number.map(String::as_str));
            if search != ticket.search {
                let values = [search.into(), ticket.id.0.into()];
                tx.execute("UPDATE ticket SET search = $1 WHERE id = $2", values).await?;
            }
        }
        Ok(())
    }
}
