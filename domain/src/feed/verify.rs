//! Recomputes every feed from the business rows and compares.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{EntityKind, HORIZON_DAYS, OPEN_TICKET, OPEN_VISIT, WORKED_VISIT, digest_of, holders::SIDE};
use crate::{Error, Result, db::Db, db::Reader};

/// A feed that does not say what the rows say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The feed.
    pub feed: Uuid,
    /// What is wrong.
    pub what: String,
}

/// What was checked and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Feeds recomputed.
    pub feeds: u64,
    /// Live documents compared.
    pub documents: u64,
    /// What does not agree; empty when all is well.
    pub findings: Vec<Finding>,
}

#[derive(FromQueryResult)]
struct Feed {
    feed_id: Uuid,
    organization_id: Uuid,
    kind: String,
    head: i64,
    live_count: i64,
    digest: i64,
}

#[derive(FromQueryResult)]
struct Change {
    seq: i64,
    entity: String,
    entity_id: Uuid,
    op: String,
    doc_version: i64,
}

#[derive(FromQueryResult)]
struct Document {
    id: Uuid,
    doc_version: i64,
}

type Live = BTreeMap<(EntityKind, Uuid), i64>;

/// Recomputes all feeds, one at a time.
///
/// # Errors
/// The database cannot be read. A disagreement is a finding, not an error.
pub async fn verify(db: &Db) -> Result<Report> {
    let reader = db.reader();
    let mut report = Report::default();
    let feeds = reader
        .all::<Feed>(
            "SELECT feed_id, organization_id, kind, head, live_count, digest FROM sync_feed ORDER BY feed_id",
            [],
        )
        .await?;
    for feed in feeds {
        report.feeds += 1;
        check(db, &reader, &feed, &mut report).await?;
    }
    missing_feeds(&reader, &mut report).await?;
    Ok(report)
}

async fn check(db: &Db, reader: &Reader<'_>, feed: &Feed, report: &mut Report) -> Result<()> {
    let mut wrong = |what: String| report.findings.push(Finding { feed: feed.feed_id, what });
    let now = db.clock().now();
    let horizon = now - TimeDelta::days(HORIZON_DAYS);
    let must = expected(reader, feed, horizon).await?;
    // What has passed the horizon may stay until its job has run: the job's own delay is not a disagreement.
    let may = expected(reader, feed, chrono::DateTime::UNIX_EPOCH).await?;
    let changes = reader
        .all::<Change>(
            "SELECT seq, entity, entity_id, op, doc_version FROM sync_change WHERE feed_id = $1 ORDER BY seq",
            [feed.feed_id.into()],
        )
        .await?;
    let mut live = Live::new();
    let mut digest = 0_i64;
    for change in &changes {
        let Some(kind) = EntityKind::from_name(&change.entity) else {
            wrong(format!("unknown entity {}", change.entity));
            continue;
        };
        if change.seq > feed.head {
            wrong(format!("change {} is beyond the head {}", change.seq, feed.head));
        }
        if change.op == "put" {
            live.insert((kind, change.entity_id), change.doc_version);
            digest = digest.wrapping_add(digest_of(kind, change.entity_id, change.doc_version));
        }
    }
    let name = |entity: &(EntityKind, Uuid)| format!("{} {}", entity.0.name(), entity.1);
    for (entity, doc_version) in &must {
        match live.get(entity) {
            None => wrong(format!("{} is missing", name(entity))),
            Some(held) if held != doc_version => {
                wrong(format!("{} stands at {held}, the document at {doc_version}", name(entity)));
            }
            Some(_) => {}
        }
    }
    for entity in live.keys().filter(|entity| !may.contains_key(*entity)) {
        wrong(format!("{} should not be there", name(entity)));
    }
    if feed.live_count != live.len() as i64 {
        wrong(format!("live_count is {}, live are {}", feed.live_count, live.len()));
    }
    if feed.digest != digest {
        wrong(format!("digest is {}, the sum is {digest}", feed.digest));
    }
    report.documents += live.len() as u64;
    Ok(())
}

/// What the feed should hold, from the business rows alone.
async fn expected(reader: &Reader<'_>, feed: &Feed, horizon: crate::Time) -> Result<Live> {
    let mut live = Live::new();
    let queries: Vec<(EntityKind, String)> = if feed.kind == "reference" {
        [EntityKind::RequestType, EntityKind::Material, EntityKind::Work]
            .into_iter()
            .map(|kind| {
                let table = kind.root().0;
                let sql = format!(
                    "SELECT id, doc_version FROM {table} WHERE organization_id = $1 AND active AND $2 IS NOT NULL"
                );
                (kind, sql)
            })
            .collect()
    } else {
        let held = |table: &str, join: &str, and: &str| {
            format!(
                "SELECT DISTINCT d.id, d.doc_version FROM {table} d
                 JOIN ticket t ON {join}
                 JOIN visit v ON v.ticket_id = t.id
                 JOIN visit_assignee a ON a.visit_id = v.id
                 JOIN app_user u ON u.id = a.technician_id
                 WHERE a.technician_id = $1 AND u.active AND {SIDE} {and}
                   AND (v.status IN ({OPEN_VISIT}) OR (v.status IN ({WORKED_VISIT}) AND v.ended_at > $2))"
            )
        };
        vec![
            (EntityKind::Ticket, held("ticket", "t.id = d.id", "")),
            (EntityKind::Premises, held("premises", "t.premises_id = d.id", "")),
            (
                EntityKind::ResidentContact,
                held(
                    "resident",
                    "t.resident_id = d.id",
                    &format!("AND t.status IN ({OPEN_TICKET}) AND u.organization_id = t.organization_id"),
                ),
            ),
            (
                EntityKind::VanStock,
                "SELECT p.id, p.doc_version FROM stock_place p JOIN app_user u ON u.id = p.technician_id
                 WHERE p.technician_id = $1 AND p.active AND u.active AND $2 IS NOT NULL"
                    .to_owned(),
            ),
            (
                EntityKind::Outcome,
                "SELECT r.id, r.doc_version FROM review r JOIN app_user u ON u.id = r.technician_id
                 WHERE r.technician_id = $1 AND u.active AND (r.decided_at IS NULL OR r.decided_at > $2)"
                    .to_owned(),
            ),
            (
                EntityKind::MyCalendar,
                "SELECT c.technician_id AS id, c.doc_version FROM technician_calendar c
                 JOIN app_user u ON u.id = c.technician_id
                 WHERE c.technician_id = $1 AND u.active AND $2 IS NOT NULL"
                    .to_owned(),
            ),
        ]
    };
    let owner = if feed.kind == "reference" { feed.organization_id } else { feed.feed_id };
    for (kind, sql) in queries {
        for document in reader.all::<Document>(&sql, [owner.into(), horizon.into()]).await? {
            live.insert((kind, document.id), document.doc_version);
        }
    }
    Ok(live)
}

async fn missing_feeds(reader: &Reader<'_>, report: &mut Report) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Owner {
        id: Uuid,
    }
    let owners: BTreeSet<Uuid> = reader
        .all::<Owner>(
            "SELECT id FROM organization WHERE id NOT IN (SELECT feed_id FROM sync_feed)
             UNION SELECT id FROM technician WHERE id NOT IN (SELECT feed_id FROM sync_feed)",
            [],
        )
        .await?
        .into_iter()
        .map(|owner| owner.id)
        .collect();
    report
        .findings
        .extend(owners.into_iter().map(|feed| Finding { feed, what: "the feed is missing".to_owned() }));
    Ok(())
}

impl Report {
    /// Fails when something was found.
    ///
    /// # Errors
    /// `internal`, naming the first finding.
    pub fn clean(&self) -> Result<()> {
        match self.findings.first() {
            None => Ok(()),
            Some(first) => Err(Error::internal(format!("feed {}: {}", first.feed, first.what))),
        }
    }
}
