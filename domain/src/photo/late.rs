//! Photos that were announced and whose bytes have not come for a day: the desk is told, once.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait as _, EntityTrait as _, FromQueryResult, QueryFilter as _};

use super::row::{Column, Entity, PhotoState};
use crate::{
    Result, Scope, Time,
    alert::{self, NewAlert},
    db::Db,
    id::{OrganizationId, PhotoId, TicketId},
    ticket,
    write::{Act, Tx},
};

/// After how many hours a photo is late.
pub const LATE_HOURS: i64 = 24;

/// Tells of the late photos of one ticket.
struct TellLate {
    ticket: TicketId,
    photos: Vec<PhotoId>,
}

impl Act for TellLate {
    const NAME: &'static str = "photo.late";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let ticket = ticket::hold(tx, self.ticket).await?;
        let before = tx.now() - TimeDelta::hours(LATE_HOURS);
        let mut told = false;
        let named = Entity::find().filter(Column::Id.is_in(self.photos.iter().copied()));
        for photo in named.all(&tx.reader()).await? {
            if photo.state == PhotoState::Expected && photo.late_at.is_none() && photo.added_at < before {
                let mut after = photo.clone();
                after.late_at = Some(tx.now());
                tx.update(&photo, &after).await?;
                told = true;
            }
        }
        if told {
            let alert = NewAlert {
                kind: "evidence_pending",
                organization: ticket.organization_id,
                executor: ticket.executor_organization_id,
                ticket: Some(ticket.id),
            };
            alert::raise(tx, alert).await?;
        }
        Ok(())
    }
}

/// Looks for photos that are late. Costs what is late. Returns how many there were.
///
/// # Errors
/// The database does not answer.
pub async fn tell_late(db: &Db) -> Result<u64> {
    #[derive(FromQueryResult)]
    struct Row {
        id: PhotoId,
        ticket_id: TicketId,
        organization_id: OrganizationId,
    }
    let sql = "SELECT id, ticket_id, organization_id FROM photo
               WHERE state = 'expected' AND late_at IS NULL AND added_at < $1 ORDER BY added_at LIMIT 200";
    let before: Time = db.clock().now() - TimeDelta::hours(LATE_HOURS);
    let mut rows = db.reader().all::<Row>(sql, [before.into()]).await?;
    rows.sort_by_key(|row| row.ticket_id);
    for of_one in rows.chunk_by(|a, b| a.ticket_id == b.ticket_id) {
        let Some(first) = of_one.first() else { continue };
        let act = TellLate { ticket: first.ticket_id, photos: of_one.iter().map(|row| row.id).collect() };
        db.write(Scope::system(first.organization_id), act).await?;
    }
    Ok(rows.len() as u64)
}
