//! What phones no longer need to be told is forgotten in small batches: a phone that was away longer begins anew.

use chrono::TimeDelta;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::{
    Result, Scope, Time,
    db::Db,
    id::OrganizationId,
    stream,
    write::{Act, LockRank, Tx},
};

/// How long it is told that something has left a feed, in days.
pub const TOMBSTONE_DAYS: i64 = 90;

/// Rows forgotten in one write.
const BATCH: i64 = 500;

/// Forgets the oldest removes of a feed; the floor rises to the last of them.
struct ForgetRemoves {
    feed: Uuid,
    before: Time,
}

impl Act for ForgetRemoves {
    const NAME: &'static str = "feed.forget";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        #[derive(FromQueryResult)]
        struct Last {
            seq: Option<i64>,
        }
        tx.lock_rows(LockRank::Heads, "sync_feed", "feed_id", [self.feed]).await?;
        let oldest = "SELECT seq FROM sync_change WHERE feed_id = $1 AND op = 'remove' AND changed_at < $2
                      ORDER BY seq LIMIT $3";
        let values = [self.feed.into(), self.before.into(), BATCH.into()];
        let sql = format!("SELECT MAX(seq) AS seq FROM ({oldest}) old");
        let last = tx.reader().one::<Last>(&sql, values).await?.and_then(|last| last.seq);
        let Some(last) = last else { return Ok(()) };
        tx.execute(
            "DELETE FROM sync_change WHERE feed_id = $1 AND op = 'remove' AND changed_at < $2 AND seq <= $3",
            [self.feed.into(), self.before.into(), last.into()],
        )
        .await?;
        let sql = "UPDATE sync_feed SET floor = $2 WHERE feed_id = $1 AND floor < $2";
        tx.execute(sql, [self.feed.into(), last.into()]).await?;
        Ok(())
    }
}

/// Forgets the oldest of what phones have sent.
struct ForgetSent {
    before: Time,
}

impl Act for ForgetSent {
    const NAME: &'static str = "sync.forget";
    type Out = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        stream::forget(tx, self.before, BATCH).await
    }
}

/// Forgets what has served its time. Costs what is forgotten.
///
/// # Errors
/// The database does not answer.
pub async fn forget(db: &Db) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Feed {
        feed_id: Uuid,
        organization_id: OrganizationId,
    }
    let now = db.clock().now();
    let before: Time = now - TimeDelta::days(TOMBSTONE_DAYS);
    let sql = "SELECT DISTINCT f.feed_id, f.organization_id FROM sync_feed f
               WHERE f.feed_id IN (SELECT feed_id FROM sync_change WHERE op = 'remove' AND changed_at < $1 LIMIT 500)";
    loop {
        let feeds = db.reader().all::<Feed>(sql, [before.into()]).await?;
        if feeds.is_empty() {
            break;
        }
        for Feed { feed_id, organization_id } in feeds {
            db.write(Scope::system(organization_id), ForgetRemoves { feed: feed_id, before }).await?;
        }
    }
    let before: Time = now - TimeDelta::days(stream::KEPT_DAYS);
    let nobody = Scope::system(OrganizationId(Uuid::nil()));
    while db.write(nobody, ForgetSent { before }).await? > 0 {}
    Ok(())
}
