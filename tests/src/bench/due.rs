//! Ten thousand clocks that are due at once: the alarms of the worker against the same statements through bare sqlx.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use naryad_domain::{
    Clock, Scope,
    clock::SystemClock,
    db::Db,
    deadline::{Fire, is_any_due},
    id::OrganizationId,
};
use naryad_tests::Engine;

use crate::{
    bulk::{self, Due, Hand},
    record::{self, Recorded},
    replay::Pool,
    server::Site,
    table::{Measure, Table},
};

const CLOCKS: u64 = 10_000;
const ROUNDS: usize = 3;
/// As many alarms in one write as the worker gives.
const BATCH: u16 = 50;
/// Twice the time of the bare statements: half their pace.
const AIM: f64 = 2.0;

/// Gives all alarms; between them `told` hears of each write.
async fn fire(db: &Db, organization: OrganizationId, mut told: impl FnMut()) -> Duration {
    let begin = Instant::now();
    while is_any_due(db).await.expect("the clocks can be polled") {
        let act = Fire { limit: BATCH };
        let fired = db.write(Scope::system(organization), act).await.expect("alarms are given");
        assert!(fired > 0, "what is due is taken");
        told();
    }
    begin.elapsed()
}

pub(crate) async fn measure(engine: Engine, table: &mut Table) {
    let site = Site::found(engine).await;
    let town = site.settle(1, 1).await;
    let hand = Hand::open(&site.location()).await;
    bulk::fill(&hand, &town, CLOCKS, CLOCKS, SystemClock::default().now().timestamp(), Due::Past).await;
    hand.close().await;
    eprintln!("{engine:?}: {CLOCKS} clocks are due");
    let recorded = {
        let copy = site.copy().await;
        let heard = Arc::new(Mutex::new(Recorded::new()));
        let db = record::watched(&copy, Arc::clone(&heard)).await;
        let mut writes: Vec<Recorded> = Vec::new();
        fire(&db, town.organization, || writes.push(record::take(&heard))).await;
        db.close().await;
        copy.remove().await;
        writes
    };
    let mut measure = Measure::at_most(engine, "10000 clocks due at once", "their bare statements", AIM);
    for _ in 0..ROUNDS {
        let (ours, theirs) = (site.copy().await, site.copy().await);
        let clock = Arc::new(SystemClock::default());
        let db = Db::open(&ours.location(), 10, clock).await.expect("the database can be opened");
        let mine = fire(&db, town.organization, || {}).await;
        db.close().await;
        let pool = Pool::open(&theirs.location());
        let begin = Instant::now();
        for write in &recorded {
            pool.write(write).await;
        }
        measure.note(mine, begin.elapsed());
        pool.close().await;
        ours.close().await;
        theirs.remove().await;
    }
    table.add(measure);
    site.remove().await;
}
