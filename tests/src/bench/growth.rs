//! What must not grow: the same question asked of a small and of a large database, in turn.

use std::time::{Duration, Instant};

use naryad_domain::{Clock, Scope, auth::Role, clock::SystemClock, db::Db, page::PageRequest, ticket};
use naryad_tests::{Engine, load::Town};
use serde_json::{Value, json};

use crate::{
    bulk::{self, Due, Hand},
    server::Site,
    table::{Measure, Table},
};

/// How often each question is asked.
const TIMES: usize = 60;
/// The large answer takes at most so many times as long as the small one.
const AIM: f64 = 1.2;

/// What is asked for, in the words of a filter.
type Question = fn(&Side) -> Value;

struct Side {
    db: Db,
    scope: Scope,
    last: u64,
    town: Town,
}

impl Side {
    async fn open(site: &Site, tickets: u64, clocks: u64) -> Self {
        let town = site.settle(50, 1).await;
        let hand = Hand::open(&site.location()).await;
        let clock = SystemClock::default();
        bulk::fill(&hand, &town, tickets, clocks, clock.now().timestamp(), Due::Far).await;
        hand.close().await;
        let db = Db::open(&site.location(), 4, std::sync::Arc::new(clock))
            .await
            .expect("the database can be opened");
        let scope = Scope::staff(town.organization, town.dispatcher, Role::Dispatcher);
        Self { db, scope, last: tickets - 1, town }
    }

    /// How long a page of the list takes.
    async fn list(&self, filter: &Value) -> Duration {
        let filter = serde_json::from_value(filter.clone()).expect("a filter");
        let page = PageRequest::new(None, Some(50)).expect("a page");
        let begin = Instant::now();
        let page = ticket::list(&self.db.reader(), &self.scope, &filter, &page, self.db.clock().now())
            .await
            .expect("a page of tickets");
        let took = begin.elapsed();
        assert!(!page.items.is_empty(), "{filter:?} finds nothing");
        took
    }

    /// How long it takes to learn that no clock is due.
    async fn poll(&self) -> Duration {
        let begin = Instant::now();
        let due = naryad_domain::deadline::is_any_due(&self.db).await.expect("the clocks can be polled");
        let took = begin.elapsed();
        assert!(!due, "no clock is due for ten years");
        took
    }
}

/// Asks both.
pub(crate) async fn measure(engine: Engine, large: u64, table: &mut Table) {
    let (few, many) = (Site::found(engine).await, Site::found(engine).await);
    eprintln!("{engine:?}: 10000 and {large} tickets, 1000 and {large} open clocks");
    let small = Side::open(&few, 10_000, 1_000).await;
    let big = Side::open(&many, large, large).await;
    let number = |side: &Side| json!({ "q": format!("2026-{:06}", side.last / 2) });
    let phone = |side: &Side| json!({ "q": format!("79{:09}", side.last / 2 * 7919 % 1_000_000_000) });
    let questions: [(&str, Question); 8] = [
        ("first page", |_| json!({})),
        ("registered", |_| json!({ "status": "registered" })),
        ("building, closed", |side| json!({ "status": "closed", "building_id": side.town.building })),
        ("emergencies", |_| json!({ "emergency": true })),
        ("q: a number", number),
        ("q: a phone", phone),
        ("q: a surname", |_| json!({ "q": "Ильин" })),
        ("q: two words", |_| json!({ "q": "Макаров канализац кухн" })),
    ];
    for (what, question) in questions {
        let (one, other) = (question(&small), question(&big));
        let mut measure = Measure::at_most(engine, what, "10k : large", AIM);
        for round in 0..=TIMES {
            let (less, more) = (small.list(&one).await, big.list(&other).await);
            if round > 0 {
                measure.note(more, less);
            }
        }
        table.add(measure);
    }
    let mut measure = Measure::at_most(engine, "poll of no due clock", "1k : large", AIM);
    for round in 0..=TIMES * 5 {
        let (less, more) = (small.poll().await, big.poll().await);
        if round > 0 {
            measure.note(more, less);
        }
    }
    table.add(measure);
    small.db.close().await;
    big.db.close().await;
    few.remove().await;
    many.close().await;
}
