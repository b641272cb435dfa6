//! The rule: who should have an entity, and who has it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use super::EntityKind;
use crate::{
    Result, Time,
    db::{Reader, placeholders},
};

/// How long a ticket stays on the phone after a visit has ended, in days.
pub const HORIZON_DAYS: i64 = 14;

/// Visits that are still to be done or under way, as SQL.
pub const OPEN_VISIT: &str = "'planned', 'en_route', 'started'";

/// Visits that ended with a man at the door, as SQL; a cancelled one leaves nothing to look at.
pub const WORKED_VISIT: &str = "'done', 'unfinished', 'no_access'";

/// Tickets whose resident's contact the crew still needs, as SQL.
pub const OPEN_TICKET: &str = "'registered', 'planned', 'in_progress', 'on_hold'";

/// Tickets that the technician's organization still owns or executes, as SQL: what passed to another is no longer in sight.
pub(super) const SIDE: &str = "u.organization_id IN (t.organization_id, t.executor_organization_id)";

/// An entity.
pub(super) type Entity = (EntityKind, Uuid);

/// What stands in a feed about an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) live: bool,
    pub(super) doc_version: i64,
}

/// For each entity, the feeds.
pub(super) type Sets = BTreeMap<Entity, BTreeSet<Uuid>>;

#[derive(FromQueryResult)]
struct Pair {
    entity_id: Uuid,
    feed_id: Uuid,
}

/// The feeds that should have each of these entities at `now`.
pub(super) async fn should_have(reader: &Reader<'_>, entities: &BTreeSet<Entity>, now: Time) -> Result<Sets> {
    let mut sets = Sets::new();
    for kind in EntityKind::ALL {
        let ids: Vec<Uuid> = entities.iter().filter(|(k, _)| k == kind).map(|(_, id)| *id).collect();
        for chunk in ids.chunks(500) {
            let mut values: Vec<Value> = vec![(now - TimeDelta::days(HORIZON_DAYS)).into()];
            let list = placeholders(chunk.iter().copied(), &mut values);
            for pair in reader.all::<Pair>(&rule(*kind, &list), values).await? {
                sets.entry((*kind, pair.entity_id)).or_default().insert(pair.feed_id);
            }
        }
    }
    Ok(sets)
}

/// The rule of one kind as SQL over a list of ids; `$1` is the horizon.
pub(super) fn rule(kind: EntityKind, list: &str) -> String {
    let held = |entity: &str, and: &str| {
        format!(
            "SELECT DISTINCT {entity} AS entity_id, a.technician_id AS feed_id
             FROM visit_assignee a
             JOIN visit v ON v.id = a.visit_id
             JOIN ticket t ON t.id = a.ticket_id
             JOIN app_user u ON u.id = a.technician_id
             WHERE {entity} IN ({list}) AND u.active AND {SIDE} {and}
               AND (v.status IN ({OPEN_VISIT}) OR (v.status IN ({WORKED_VISIT}) AND v.ended_at > $1))"
        )
    };
    match kind {
        EntityKind::Ticket => held("a.ticket_id", ""),
        EntityKind::Premises => held("t.premises_id", ""),
        EntityKind::ResidentContact => {
            // Who the applicant is in the owner's books is the owner's: a contractor's crew reads his name on the ticket.
            held(
                "t.resident_id",
                &format!("AND t.status IN ({OPEN_TICKET}) AND u.organization_id = t.organization_id"),
            )
        }
        EntityKind::MyCalendar => format!(
            "SELECT u.id AS entity_id, u.id AS feed_id FROM app_user u
             WHERE u.id IN ({list}) AND u.active AND $1 IS NOT NULL"
        ),
        EntityKind::VanStock => format!(
            "SELECT p.id AS entity_id, p.technician_id AS feed_id FROM stock_place p
             JOIN app_user u ON u.id = p.technician_id
             WHERE p.id IN ({list}) AND p.active AND u.active AND $1 IS NOT NULL"
        ),
        EntityKind::Outcome => format!(
            "SELECT r.id AS entity_id, r.technician_id AS feed_id FROM review r
             JOIN app_user u ON u.id = r.technician_id
             WHERE r.id IN ({list}) AND u.active AND (r.decided_at IS NULL OR r.decided_at > $1)"
        ),
        EntityKind::RequestType => reference("request_type", list),
        EntityKind::Material => reference("material", list),
        EntityKind::Work => reference("work", list),
    }
}

fn reference(table: &str, list: &str) -> String {
    format!(
        "SELECT r.id AS entity_id, r.organization_id AS feed_id FROM {table} r
         WHERE r.id IN ({list}) AND r.active AND $1 IS NOT NULL"
    )
}

#[derive(FromQueryResult)]
struct StandingRow {
    feed_id: Uuid,
    entity: String,
    entity_id: Uuid,
    op: String,
    doc_version: i64,
}

/// What stands about these entities in any feed, live or removed.
pub(super) async fn standing(
    reader: &Reader<'_>,
    entities: &BTreeSet<Entity>,
) -> Result<BTreeMap<(Entity, Uuid), Standing>> {
    let mut found = BTreeMap::new();
    for kind in EntityKind::ALL {
        let ids: Vec<Uuid> = entities.iter().filter(|(k, _)| k == kind).map(|(_, id)| *id).collect();
        for chunk in ids.chunks(500) {
            let mut values: Vec<Value> = vec![kind.name().into()];
            let list = placeholders(chunk.iter().copied(), &mut values);
            let sql = format!(
                "SELECT feed_id, entity, entity_id, op, doc_version FROM sync_change
                 WHERE entity = $1 AND entity_id IN ({list})"
            );
            for row in reader.all::<StandingRow>(&sql, values).await? {
                let Some(kind) = EntityKind::from_name(&row.entity) else { continue };
                let standing = Standing { live: row.op == "put", doc_version: row.doc_version };
                found.insert(((kind, row.entity_id), row.feed_id), standing);
            }
        }
    }
    Ok(found)
}

/// Everything a technician should have at `now`: what a fresh feed is filled with.
pub(super) async fn everything_for(
    reader: &Reader<'_>,
    technician: Uuid,
    now: Time,
) -> Result<BTreeSet<Entity>> {
    #[derive(FromQueryResult)]
    struct Own {
        id: Uuid,
    }
    #[derive(FromQueryResult)]
    struct Held {
        ticket_id: Uuid,
        premises_id: Option<Uuid>,
        resident_id: Option<Uuid>,
    }
    let held = reader
        .all::<Held>(
            &format!(
                "SELECT DISTINCT t.id AS ticket_id, t.premises_id, t.resident_id
                 FROM visit_assignee a JOIN visit v ON v.id = a.visit_id JOIN ticket t ON t.id = a.ticket_id
                 JOIN app_user u ON u.id = a.technician_id
                 WHERE a.technician_id = $2 AND {SIDE}
                   AND (v.status IN ({OPEN_VISIT}) OR (v.status IN ({WORKED_VISIT}) AND v.ended_at > $1))"
            ),
            [(now - TimeDelta::days(HORIZON_DAYS)).into(), technician.into()],
        )
        .await?;
    let mut all = BTreeSet::from([(EntityKind::MyCalendar, technician)]);
    for (kind, sql) in [
        (
            EntityKind::VanStock,
            "SELECT id FROM stock_place WHERE technician_id = $1 AND active AND $2 IS NOT NULL",
        ),
        (
            EntityKind::Outcome,
            "SELECT id FROM review WHERE technician_id = $1 AND (decided_at IS NULL OR decided_at > $2)",
        ),
    ] {
        let values = [technician.into(), (now - TimeDelta::days(HORIZON_DAYS)).into()];
        all.extend(reader.all::<Own>(sql, values).await?.into_iter().map(|own| (kind, own.id)));
    }
    for row in held {
        all.insert((EntityKind::Ticket, row.ticket_id));
        all.extend(row.premises_id.map(|id| (EntityKind::Premises, id)));
        all.extend(row.resident_id.map(|id| (EntityKind::ResidentContact, id)));
    }
    Ok(all)
}
