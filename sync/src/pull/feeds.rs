//! Which feeds are a technician's: the reference feed of his organization first, then those of the owners of the tickets
//! he holds, then his own.

use naryad_domain::{Error, Result, Scope, db::Reader};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::cursor::Place;
use crate::{Change, feed::read_fresh};

/// A feed as it stands.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Feed {
    pub(super) feed_id: Uuid,
    pub(super) head: i64,
    pub(super) floor: i64,
    pub(super) epoch: i64,
    pub(super) live_count: i64,
    pub(super) digest: i64,
}

/// The feeds of the one who asks. Only a contractor's crew holds tickets of others.
pub(super) async fn of(reader: &Reader<'_>, scope: &Scope) -> Result<Vec<Feed>> {
    let technician = scope.technician().ok_or_else(|| Error::internal("only a technician has a feed"))?;
    let organization = scope.organization();
    let sql = "SELECT f.feed_id, f.head, f.floor, f.epoch, f.live_count, f.digest FROM sync_feed f
               WHERE f.feed_id IN ($1, $2)
                  OR (EXISTS (SELECT 1 FROM organization o WHERE o.id = $2 AND o.kind = 'contractor') AND f.feed_id IN
                      (SELECT t.organization_id FROM sync_change c JOIN ticket t ON t.id = c.entity_id
                       WHERE c.feed_id = $1 AND c.entity = 'ticket' AND c.op = 'put'))";
    let mut feeds = reader.all::<Feed>(sql, [technician.0.into(), organization.0.into()]).await?;
    feeds.sort_by_key(|feed| (feed.feed_id == technician.0, feed.feed_id != organization.0, feed.feed_id));
    Ok(feeds)
}

/// What follows a place.
pub(super) async fn changes(
    reader: &Reader<'_>,
    feed: Uuid,
    place: &Place,
    limit: usize,
) -> Result<Vec<Change>> {
    let limit = i64::try_from(limit).map_err(Error::internal)?;
    read_fresh(reader, feed, place.seq, place.fresh_until, limit).await
}
