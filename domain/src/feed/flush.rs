//! The end of a write, as the phones see it.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{DbBackend, FromQueryResult, Value};
use uuid::Uuid;

use super::{
    EntityKind, digest_of,
    holders::{Entity, Sets, Standing, everything_for, should_have, standing},
};
use crate::{
    Error, Result,
    db::placeholders,
    id::{OrganizationId, TechnicianId},
    push::{Reached, enqueue_pokes},
    write::{Act, FeedOwner, LockRank, Told, Touch, Tx},
};

/// Feeds whose heads an earlier attempt of the same write found it would need: they are locked with the others, at once.
#[derive(Debug, Default)]
pub(crate) struct Heads(BTreeSet<Uuid>);

/// What the write means to the phones, gathered from its touches.
#[derive(Default)]
struct Plan {
    /// Entities whose document reads differently.
    changed: BTreeSet<Entity>,
    /// Entities born in this write: version 1 stands on the row already.
    born: BTreeSet<Entity>,
    /// Entities whose holders may have changed.
    reach: BTreeSet<Entity>,
    created: Vec<(OrganizationId, Uuid, FeedOwner)>,
    /// What stands in the documents of others, and has changed.
    told: BTreeSet<(Told, Uuid)>,
    opened: BTreeSet<Uuid>,
    dropped: BTreeSet<Uuid>,
}

impl Plan {
    fn of(tx: &Tx) -> Self {
        let mut plan = Self::default();
        for (organization, touch) in tx.log.touched.iter() {
            match touch {
                Touch::Document(kind, id) => {
                    plan.changed.insert((*kind, *id));
                }
                Touch::New(kind, id) => {
                    plan.born.insert((*kind, *id));
                }
                Touch::Reach(kind, id) => {
                    plan.reach.insert((*kind, *id));
                }
                Touch::FeedCreated(feed, owner) => plan.created.push((*organization, *feed, *owner)),
                Touch::FeedOpened(feed) => {
                    plan.opened.insert(*feed);
                }
                Touch::FeedDropped(feed) => {
                    plan.dropped.insert(*feed);
                }
                Touch::Told(what, id) => {
                    plan.told.insert((*what, *id));
                }
                Touch::Ended { .. } | Touch::Watched(_) | Touch::Topic(_) => {}
            }
        }
        plan.changed.retain(|entity| !plan.born.contains(entity));
        plan
    }
}

/// Advances the versions of what changed and writes the feeds.
pub(crate) async fn flush(tx: &mut Tx, heads: &mut Heads) -> Result<()> {
    let mut plan = Plan::of(tx);
    create(tx, &plan.created).await?;
    expand_told(tx, &mut plan).await?;
    let mut versions = raise_versions(tx, &plan.changed).await?;
    drop_feeds(tx, &plan.dropped).await?;
    for technician in &plan.opened {
        plan.reach.extend(everything_for(&tx.reader(), *technician, tx.now()).await?);
    }
    expand_tickets(tx, &mut plan).await?;
    let mut entities: BTreeSet<Entity> = plan.changed.union(&plan.reach).copied().collect();
    // A ticket that was only registered is on no phone: nobody is assigned.
    entities.extend(plan.born.iter().filter(|(kind, _)| *kind != EntityKind::Ticket));
    if entities.is_empty() {
        return Ok(());
    }
    let single_writer = tx.backend() == DbBackend::Sqlite;
    let mut should = should_have(&tx.reader(), &entities, tx.now()).await?;
    let mut has = standing(&tx.reader(), &entities).await?;
    let mut union = involved(&should, &has);
    union.extend(&heads.0);
    if union.is_empty() {
        return Ok(());
    }
    lock_heads(tx, &union).await?;
    if !single_writer {
        should = should_have(&tx.reader(), &entities, tx.now()).await?;
        has = standing(&tx.reader(), &entities).await?;
        let again = involved(&should, &has);
        if !again.is_subset(&union) {
            heads.0.extend(again);
            return Err(Error::restart("a feed came into play while the heads were being locked"));
        }
    }
    read_versions(tx, &entities, &should, &mut versions).await?;
    let told: Vec<(Uuid, Vec<FeedChange>)> = involved(&should, &has)
        .into_iter()
        .map(|feed| (feed, changes_of(feed, &entities, &plan, &should, &has, &versions)))
        .collect();
    let cancelled = cancelled(tx, told.iter().flat_map(|(_, changes)| changes)).await?;
    let mut reached = Vec::new();
    for (feed, changes) in &told {
        reached.extend(write_changes(tx, *feed, changes, &cancelled).await?);
    }
    enqueue_pokes(tx, &reached).await
}

/// Feeds that should have, or have, one of the entities.
fn involved(should: &Sets, has: &BTreeMap<(Entity, Uuid), Standing>) -> BTreeSet<Uuid> {
    let live = has.iter().filter(|(_, standing)| standing.live).map(|((_, feed), _)| *feed);
    should.values().flatten().copied().chain(live).collect()
}

impl Told {
    /// Whose documents tell it: what they are, and the statement that finds them by its identifier. Of tickets only those
    /// that are on phones.
    fn where_it_stands(self) -> &'static [(EntityKind, &'static str)] {
        match self {
            Told::Building => &[
                (EntityKind::Premises, "SELECT id FROM premises WHERE building_id = $1"),
                (
                    EntityKind::Ticket,
                    "SELECT t.id FROM ticket t WHERE t.building_id = $1 AND EXISTS
                         (SELECT 1 FROM sync_change c
                          WHERE c.entity = 'ticket' AND c.entity_id = t.id AND c.op = 'put')",
                ),
            ],
            Told::Person => &[(
                EntityKind::Ticket,
                "SELECT DISTINCT a.ticket_id AS id FROM visit_assignee a WHERE a.technician_id = $1 AND EXISTS
                     (SELECT 1 FROM sync_change c
                      WHERE c.entity = 'ticket' AND c.entity_id = a.ticket_id AND c.op = 'put')",
            )],
            Told::Material => &[(
                EntityKind::VanStock,
                "SELECT b.place_id AS id FROM stock_balance b JOIN stock_place p ON p.id = b.place_id
                 WHERE b.material_id = $1 AND b.quantity_milli <> 0 AND p.technician_id IS NOT NULL",
            )],
        }
    }
}

/// What a document tells of other things reads differently when those change.
async fn expand_told(tx: &Tx, plan: &mut Plan) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Telling {
        id: Uuid,
    }
    for (told, id) in &plan.told {
        for (kind, sql) in told.where_it_stands() {
            let telling = tx.reader().all::<Telling>(sql, [(*id).into()]).await?;
            plan.changed.extend(telling.into_iter().map(|row| (*kind, row.id)));
        }
    }
    plan.changed.retain(|entity| !plan.born.contains(entity));
    Ok(())
}

/// Who has a ticket decides who has its premises and its resident.
async fn expand_tickets(tx: &Tx, plan: &mut Plan) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Around {
        premises_id: Option<Uuid>,
        resident_id: Option<Uuid>,
    }
    let tickets: Vec<Uuid> =
        plan.reach.iter().filter(|(kind, _)| *kind == EntityKind::Ticket).map(|(_, id)| *id).collect();
    for chunk in tickets.chunks(500) {
        let mut values: Vec<Value> = Vec::new();
        let list = placeholders(chunk.iter().copied(), &mut values);
        let sql = format!("SELECT premises_id, resident_id FROM ticket WHERE id IN ({list})");
        for around in tx.reader().all::<Around>(&sql, values).await? {
            plan.reach.extend(around.premises_id.map(|id| (EntityKind::Premises, id)));
            plan.reach.extend(around.resident_id.map(|id| (EntityKind::ResidentContact, id)));
        }
    }
    Ok(())
}

async fn create(tx: &Tx, created: &[(OrganizationId, Uuid, FeedOwner)]) -> Result<()> {
    for (organization, feed, owner) in created {
        let kind = match owner {
            FeedOwner::Technician => "technician",
            FeedOwner::Reference => "reference",
        };
        tx.execute(
            "INSERT INTO sync_feed (feed_id, organization_id, kind, head, floor, epoch, live_count, digest)
             VALUES ($1, $2, $3, 0, 0, 1, 0, 0)",
            [(*feed).into(), organization.0.into(), kind.into()],
        )
        .await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Version {
    id: Uuid,
    doc_version: i64,
}

/// Raises the version of every document that reads differently, and returns the new versions.
async fn raise_versions(tx: &Tx, changed: &BTreeSet<Entity>) -> Result<BTreeMap<Entity, i64>> {
    let mut versions = BTreeMap::new();
    for kind in EntityKind::ALL {
        let ids: Vec<Uuid> = changed.iter().filter(|(k, _)| k == kind).map(|(_, id)| *id).collect();
        for chunk in ids.chunks(500) {
            let (table, key) = kind.root();
            let mut values: Vec<Value> = Vec::new();
            let list = placeholders(chunk.iter().copied(), &mut values);
            let sql = format!(
                "UPDATE {table} SET doc_version = doc_version + 1 WHERE {key} IN ({list})
                 RETURNING {key} AS id, doc_version"
            );
            for row in tx.execute_returning::<Version>(&sql, values).await? {
                versions.insert((*kind, row.id), row.doc_version);
            }
        }
    }
    Ok(versions)
}

/// Reads the versions of what is to be put but has not changed itself.
async fn read_versions(
    tx: &Tx,
    entities: &BTreeSet<Entity>,
    should: &Sets,
    versions: &mut BTreeMap<Entity, i64>,
) -> Result<()> {
    for kind in EntityKind::ALL {
        let ids: Vec<Uuid> = entities
            .iter()
            .filter(|entity| {
                entity.0 == *kind && should.contains_key(*entity) && !versions.contains_key(*entity)
            })
            .map(|(_, id)| *id)
            .collect();
        for chunk in ids.chunks(500) {
            let (table, key) = kind.root();
            let mut values: Vec<Value> = Vec::new();
            let list = placeholders(chunk.iter().copied(), &mut values);
            let sql = format!("SELECT {key} AS id, doc_version FROM {table} WHERE {key} IN ({list})");
            for row in tx.reader().all::<Version>(&sql, values).await? {
                versions.insert((*kind, row.id), row.doc_version);
            }
        }
    }
    Ok(())
}

async fn lock_heads(tx: &mut Tx, feeds: &BTreeSet<Uuid>) -> Result<()> {
    tx.lock_rows(LockRank::Heads, "sync_feed", "feed_id", feeds.iter().copied()).await
}

/// Deactivation drops the feed instead of a thousand removes; a new epoch tells the phone.
async fn drop_feeds(tx: &mut Tx, dropped: &BTreeSet<Uuid>) -> Result<()> {
    for feed in dropped {
        // The head is locked by the UPDATE; a write that drops a feed puts nothing into another.
        tx.execute(
            "UPDATE sync_feed SET epoch = epoch + 1, live_count = 0, digest = 0 WHERE feed_id = $1",
            [(*feed).into()],
        )
        .await?;
        tx.execute("DELETE FROM sync_change WHERE feed_id = $1", [(*feed).into()]).await?;
    }
    Ok(())
}

struct FeedChange {
    entity: Entity,
    before: Option<Standing>,
    after: After,
}

enum After {
    Put { doc_version: i64 },
    Remove,
}

fn changes_of(
    feed: Uuid,
    entities: &BTreeSet<Entity>,
    plan: &Plan,
    should: &Sets,
    has: &BTreeMap<(Entity, Uuid), Standing>,
    versions: &BTreeMap<Entity, i64>,
) -> Vec<FeedChange> {
    let mut changes = Vec::new();
    for entity in entities {
        let before = has.get(&(*entity, feed)).cloned();
        let live = before.as_ref().is_some_and(|standing| standing.live);
        let wanted = should.get(entity).is_some_and(|feeds| feeds.contains(&feed));
        let stale = plan.changed.contains(entity) || plan.born.contains(entity);
        let after = match (wanted, live) {
            (true, true) if !stale => continue,
            (true, _) => match versions.get(entity) {
                Some(doc_version) => After::Put { doc_version: *doc_version },
                None => continue,
            },
            (false, true) => After::Remove,
            (false, false) => continue,
        };
        changes.push(FeedChange { entity: *entity, before, after });
    }
    changes
}

/// Writes the changes of one feed, and says whose phones are to be pushed to for it.
async fn write_changes(
    tx: &mut Tx,
    feed: Uuid,
    changes: &[FeedChange],
    cancelled: &BTreeSet<Uuid>,
) -> Result<Option<Reached>> {
    #[derive(FromQueryResult)]
    struct Head {
        head: i64,
    }
    if changes.is_empty() {
        return Ok(None);
    }
    tx.fed.insert(feed);
    let (mut live, mut digest) = (0_i64, 0_i64);
    for change in changes {
        if let Some(before) = change.before.as_ref().filter(|standing| standing.live) {
            live -= 1;
            digest = digest.wrapping_sub(digest_of(change.entity.0, change.entity.1, before.doc_version));
        }
        if let After::Put { doc_version } = change.after {
            live += 1;
            digest = digest.wrapping_add(digest_of(change.entity.0, change.entity.1, doc_version));
        }
    }
    let count = changes.len() as i64;
    let current = tx
        .reader()
        .one::<Current>(CURRENT, [feed.into()])
        .await?
        .ok_or_else(|| Error::internal(format!("feed {feed} does not exist")))?;
    // The digest is a sum modulo 2^64: it is added up here, where an overflow wraps on both databases.
    let head = tx
        .execute_returning::<Head>(
            "UPDATE sync_feed SET head = head + $2, live_count = live_count + $3, digest = $4
             WHERE feed_id = $1 RETURNING head",
            [feed.into(), count.into(), live.into(), current.digest.wrapping_add(digest).into()],
        )
        .await?
        .pop()
        .map(|row| row.head)
        .ok_or_else(|| Error::internal(format!("feed {feed} does not exist")))?;
    put_changes(tx, feed, head - count, changes, cancelled).await?;
    let Current { organization_id: organization, pushed, .. } = current;
    Ok(pushed.then_some(Reached { technician: TechnicianId(feed), organization }))
}

#[derive(FromQueryResult)]
struct Current {
    digest: i64,
    organization_id: OrganizationId,
    pushed: bool,
}

/// Where a feed stands, and whether a phone of its technician can be pushed to; an organization has no phone.
const CURRENT: &str = "SELECT f.digest, f.organization_id, EXISTS
    (SELECT 1 FROM device d WHERE d.user_id = f.feed_id AND d.active AND d.push_token IS NOT NULL
        AND d.platform <> 'web') AS pushed
    FROM sync_feed f WHERE f.feed_id = $1";

/// Writes the changes after `seq`, a few to a statement.
async fn put_changes(
    tx: &Tx,
    feed: Uuid,
    mut seq: i64,
    changes: &[FeedChange],
    cancelled: &BTreeSet<Uuid>,
) -> Result<()> {
    for chunk in changes.chunks(100) {
        let mut values: Vec<Value> = vec![feed.into(), tx.now().into()];
        let mut rows = Vec::with_capacity(chunk.len());
        for change in chunk {
            let (kind, id) = change.entity;
            let (op, reason, doc_version) = match &change.after {
                After::Put { doc_version } => ("put", None, *doc_version),
                After::Remove => {
                    let last = change.before.as_ref().map_or(0, |standing| standing.doc_version);
                    ("remove", Some(remove_reason(tx, kind, cancelled.contains(&id))), last)
                }
            };
            seq += 1;
            let at = values.len();
            rows.push(format!(
                "($1, ${}, ${}, ${}, ${}, ${}, ${}, $2)",
                at + 1,
                at + 2,
                at + 3,
                at + 4,
                at + 5,
                at + 6
            ));
            values.extend::<[Value; 6]>([
                seq.into(),
                kind.name().into(),
                id.into(),
                op.into(),
                reason.map(str::to_owned).into(),
                doc_version.into(),
            ]);
        }
        let sql = format!(
            "INSERT INTO sync_change (feed_id, seq, entity, entity_id, op, reason, doc_version, changed_at)
             VALUES {}
             ON CONFLICT (feed_id, entity, entity_id) DO UPDATE
             SET seq = excluded.seq, op = excluded.op, reason = excluded.reason,
                 doc_version = excluded.doc_version, changed_at = excluded.changed_at",
            rows.join(", ")
        );
        tx.execute(&sql, values).await?;
    }
    Ok(())
}

/// Which of the tickets that leave a phone are cancelled.
async fn cancelled(tx: &Tx, changes: impl Iterator<Item = &FeedChange>) -> Result<BTreeSet<Uuid>> {
    #[derive(FromQueryResult)]
    struct Ticket {
        id: Uuid,
    }
    let leaves =
        |change: &&FeedChange| change.entity.0 == EntityKind::Ticket && matches!(change.after, After::Remove);
    let leaving: BTreeSet<Uuid> = changes.filter(leaves).map(|change| change.entity.1).collect();
    let leaving: Vec<Uuid> = leaving.into_iter().collect();
    let mut cancelled = BTreeSet::new();
    for chunk in leaving.chunks(500) {
        let mut values: Vec<Value> = Vec::new();
        let list = placeholders(chunk.iter().copied(), &mut values);
        let sql = format!("SELECT id FROM ticket WHERE id IN ({list}) AND status = 'cancelled'");
        cancelled.extend(tx.reader().all::<Ticket>(&sql, values).await?.into_iter().map(|row| row.id));
    }
    Ok(cancelled)
}

/// Why an entity leaves a phone.
fn remove_reason(tx: &Tx, kind: EntityKind, cancelled: bool) -> &'static str {
    if tx.act() == super::Expire::NAME {
        return "expired";
    }
    match kind {
        EntityKind::Ticket if cancelled => "cancelled",
        EntityKind::Ticket => "unassigned",
        EntityKind::RequestType | EntityKind::Material | EntityKind::Work => "retired",
        _ => "released",
    }
}
