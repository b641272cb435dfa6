//! Pokes between nodes.
//!
//! On PostgreSQL own pokes go out by NOTIFY, outside every transaction (inside, it would take a lock of the whole
//! database), gathered for a moment; those of other nodes come in by LISTEN. On both engines the journal is looked at
//! every few seconds too: that notices a command run beside the server, and what LISTEN lost.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use naryad_domain::{
    Result,
    db::Db,
    feed::Poke,
    id::{OrganizationId, new_uuid},
};
use sea_orm::{DbBackend, FromQueryResult};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const CHANNEL: &str = "naryad_pokes";
/// Own pokes of this long go out as one.
const GATHER: Duration = Duration::from_millis(50);
/// How often the journal is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How far the journal is read back on PostgreSQL: a transaction that is recorded earlier may commit later.
const LOOK_BACK: TimeDelta = TimeDelta::seconds(30);
/// PostgreSQL takes payloads below 8000 bytes.
const PAYLOAD: usize = 7900;

/// What one node tells the others.
#[derive(Debug, Serialize, Deserialize)]
struct Message {
    node: Uuid,
    pokes: Vec<Poke>,
}

/// Carries pokes until the shutdown.
pub(crate) async fn run(db: &Db, stop: &CancellationToken) {
    let carrying = async {
        match db.postgres_pool() {
            Some(pool) => {
                let node = new_uuid(&**db.clock());
                tokio::join!(tell(db, pool, node), hear(db, pool, node), look(db));
            }
            None => look(db).await,
        }
    };
    stop.run_until_cancelled(carrying).await;
}

/// Tells the other nodes what this one did.
async fn tell(db: &Db, pool: &PgPool, node: Uuid) {
    let mut own = db.pokes().subscribe_own();
    while let Some(gathered) = gather(&mut own).await {
        for payload in messages(node, gathered) {
            let told =
                sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload).execute(pool).await;
            if let Err(error) = told {
                // The others look at the journal by themselves a little later.
                tracing::warn!(%error, "the other nodes could not be told of a change");
            }
        }
    }
}

/// Waits for a poke, gathers those that follow closely, one an organization. `None`: there will be no more.
async fn gather(own: &mut Receiver<Poke>) -> Option<BTreeMap<OrganizationId, Poke>> {
    let mut gathered = BTreeMap::new();
    let mut add = |poke: Poke| match gathered.entry(poke.organization) {
        Entry::Vacant(first) => drop(first.insert(poke)),
        Entry::Occupied(mut known) => known.get_mut().join(poke),
    };
    loop {
        match own.recv().await {
            Ok(poke) => break add(poke),
            // What was lost here is found in the journal.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
    tokio::time::sleep(GATHER).await;
    while let Ok(poke) = own.try_recv() {
        add(poke);
    }
    Some(gathered)
}

/// As few payloads as fit the limit.
fn messages(node: Uuid, gathered: BTreeMap<OrganizationId, Poke>) -> Vec<String> {
    let write =
        |pokes: &[Poke]| serde_json::to_string(&Message { node, pokes: pokes.to_vec() }).unwrap_or_default();
    let pokes: Vec<_> = gathered.into_values().collect();
    // An organization's poke has at most some 4200 bytes: kinds of entities are few, and so are the feeds it names.
    let at_once = pokes
        .iter()
        .map(|poke| write(std::slice::from_ref(poke)).len())
        .max()
        .map_or(1, |longest| (PAYLOAD / longest).max(1));
    pokes.chunks(at_once).map(write).collect()
}

/// Hears what the other nodes did; after a break everybody looks again.
async fn hear(db: &Db, pool: &PgPool, node: Uuid) {
    let mut pause = Duration::from_millis(100);
    let mut heard_before = false;
    loop {
        match listen(pool).await {
            Ok(mut listener) => {
                pause = Duration::from_millis(100);
                if std::mem::replace(&mut heard_before, true) {
                    poke_everybody(db).await;
                }
                let error = relay(db, &mut listener, node).await;
                tracing::warn!(%error, "listening for the other nodes broke off");
            }
            Err(error) => tracing::warn!(%error, "cannot listen for the other nodes"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}

async fn listen(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    // A connection of its own: one from the pool would be missing there for good.
    let options = (*pool.connect_options()).clone();
    let single = sqlx::postgres::PgPoolOptions::new().max_connections(1).connect_with(options).await?;
    let mut listener = PgListener::connect_with(&single).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Passes on what comes, until the connection breaks.
async fn relay(db: &Db, listener: &mut PgListener, node: Uuid) -> sqlx::Error {
    loop {
        match listener.try_recv().await {
            Ok(Some(notification)) => match serde_json::from_str::<Message>(notification.payload()) {
                Ok(message) if message.node == node => {}
                Ok(message) => message.pokes.into_iter().for_each(|poke| db.pokes().relay(poke)),
                Err(error) => tracing::warn!(%error, "another node says what this one does not understand"),
            },
            Ok(None) => return sqlx::Error::Protocol("the connection was closed".to_owned()),
            Err(error) => return error,
        }
    }
}

/// Anything may have changed: every organization's streams look again.
async fn poke_everybody(db: &Db) {
    #[derive(FromQueryResult)]
    struct Row {
        id: OrganizationId,
    }
    match db.reader().all::<Row>("SELECT id FROM organization", []).await {
        Ok(rows) => rows.into_iter().for_each(|row| db.pokes().relay(Poke::new(row.id))),
        Err(error) => tracing::warn!(%error, "the organizations could not be read"),
    }
}

/// Looks at the journal and pokes for what nobody has poked.
async fn look(db: &Db) {
    let mut pokes = db.pokes().subscribe();
    let mut journal = Journal::default();
    let mut started = false;
    loop {
        let mut poked = BTreeSet::new();
        loop {
            match pokes.try_recv() {
                Ok(poke) => drop(poked.insert(poke.organization)),
                Err(tokio::sync::broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
        match journal.news(db).await {
            // What stood there before the start was poked by whoever wrote it.
            Ok(news) if started => {
                for organization in news.difference(&poked) {
                    db.pokes().relay(Poke::new(*organization));
                }
            }
            Ok(_) => started = true,
            Err(error) => tracing::warn!(%error, "the journal could not be looked at"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// How far the journal has been looked at.
#[derive(Debug, Default)]
struct Journal {
    /// SQLite: the last row.
    row: i64,
    /// PostgreSQL: the latest events seen.
    seen: BTreeSet<Vec<u8>>,
}

impl Journal {
    /// Organizations with events that were not there the last time.
    async fn news(&mut self, db: &Db) -> Result<BTreeSet<OrganizationId>> {
        match db.backend() {
            DbBackend::Postgres => self.by_time(db).await,
            _ => self.by_row(db).await,
        }
    }

    async fn by_row(&mut self, db: &Db) -> Result<BTreeSet<OrganizationId>> {
        #[derive(FromQueryResult)]
        struct Row {
            organization_id: OrganizationId,
            last: i64,
        }
        let rows = db
            .reader()
            .all::<Row>(
                "SELECT organization_id, MAX(rowid) AS last FROM event WHERE rowid > $1 GROUP BY organization_id",
                [self.row.into()],
            )
            .await?;
        self.row = rows.iter().map(|row| row.last).max().unwrap_or(self.row);
        Ok(rows.into_iter().map(|row| row.organization_id).collect())
    }

    async fn by_time(&mut self, db: &Db) -> Result<BTreeSet<OrganizationId>> {
        #[derive(FromQueryResult)]
        struct Row {
            organization_id: OrganizationId,
            hash: Vec<u8>,
        }
        let since: DateTime<Utc> = db.clock().now() - LOOK_BACK;
        let rows = db
            .reader()
            .all::<Row>("SELECT organization_id, hash FROM event WHERE recorded_at > $1", [since.into()])
            .await?;
        let fresh =
            rows.iter().filter(|row| !self.seen.contains(&row.hash)).map(|row| row.organization_id).collect();
        self.seen = rows.into_iter().map(|row| row.hash).collect();
        Ok(fresh)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use naryad_domain::{
        clock::ManualClock,
        db::Location,
        testing::{self, TestDb},
    };
    use sqlx::ConnectOptions;

    use super::*;

    /// What is to happen by itself has this long.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Another node on the same database; `None` where a file has one server.
    async fn node_beside(house: &TestDb) -> Option<Db> {
        let url = house.db.postgres_pool()?.connect_options().to_url_lossy().to_string();
        Some(Db::open(&Location::Postgres(url), 4, Arc::new(house.clock.clone())).await.unwrap())
    }

    async fn next(pokes: &mut Receiver<Poke>) -> Poke {
        tokio::time::timeout(PATIENCE, pokes.recv()).await.expect("a poke comes in time").unwrap()
    }

    #[tokio::test]
    async fn another_node_hears_what_this_one_did_and_again_after_a_break() {
        for house in testing::databases().await {
            let Some(other) = node_beside(&house).await else { continue };
            let (stop, mut pokes) = (CancellationToken::new(), other.pokes().subscribe());
            let (db, beside, stopped) = (house.db.clone(), other.clone(), stop.clone());
            let running =
                tokio::spawn(async move { tokio::join!(run(&db, &stopped), run(&beside, &stopped)) });
            // Until LISTEN stands, only the look at the journal would tell: write until something is heard.
            let first = loop {
                let built = testing::house(&house.db).await;
                match tokio::time::timeout(GATHER * 4, pokes.recv()).await {
                    Ok(poke) => break (poke.unwrap().organization, built.organization),
                    Err(_) => continue,
                }
            };
            assert_eq!(first.0, first.1);

            let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE datname = current_database() AND query LIKE 'LISTEN%'";
            sqlx::query(cut).execute(house.db.postgres_pool().unwrap()).await.unwrap();
            // Everybody looks again once LISTEN stands anew; the poke names nothing.
            while !next(&mut pokes).await.entities.is_empty() {}
            stop.cancel();
            running.await.unwrap();
        }
    }

    #[tokio::test]
    async fn the_journal_tells_of_writes_that_nobody_poked_for() {
        for house in testing::databases().await {
            let mut journal = Journal::default();
            let one = testing::house(&house.db).await.organization;
            assert_eq!(journal.news(&house.db).await.unwrap(), BTreeSet::from([one]));
            assert_eq!(journal.news(&house.db).await.unwrap(), BTreeSet::new());
            let other = testing::house(&house.db).await.organization;
            assert_eq!(journal.news(&house.db).await.unwrap(), BTreeSet::from([other]));
            house.clock.advance(LOOK_BACK * 2);
            assert_eq!(journal.news(&house.db).await.unwrap(), BTreeSet::new(), "what is old is not news");
        }
    }

    #[test]
    fn many_organizations_fit_into_few_payloads() {
        let clock = ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap());
        let organizations: Vec<_> = (0..1000).map(|_| OrganizationId::new(&clock)).collect();
        let gathered = organizations.iter().map(|id| {
            let mut poke = Poke::new(*id);
            poke.entities.insert("ticket".to_owned());
            (*id, poke)
        });
        let payloads = messages(new_uuid(&clock), gathered.collect());
        assert!(payloads.len() < 40, "{}", payloads.len());
        assert!(payloads.iter().all(|payload| payload.len() < 8000));
        let told: usize = payloads
            .iter()
            .map(|payload| serde_json::from_str::<Message>(payload).unwrap().pokes.len())
            .sum();
        assert_eq!(told, organizations.len());
    }
}
