//! Ten thousand pushes of one worker, from rows that wait to the outcomes, against a loop that sends the same messages by
//! bare reqwest, as many at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use naryad_domain::{
    Clock, Scope,
    auth::Role,
    clock::SystemClock,
    db::Db,
    id::OrganizationId,
    notification::mass::{MassState, SendMassNotice, Spread},
};
use naryad_tests::{Engine, fcm::Fcm, load::Town};
use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};
use uuid::Uuid;

use super::{LOOK_EVERY, PATIENCE, Provider, notice_to};
use crate::{
    bulk::{self, Hand},
    server::Site,
    side::processor_time,
    table::{Measure, Table, median},
};

const PUSHES: usize = 10_000;
const ROUNDS: usize = 3;
/// As many on their way at once as the worker has.
const AT_ONCE: usize = 32;
/// At least sixty of a hundred of the pace of the bare loop.
const AIM: f64 = 1.66;

/// How a pass went.
struct Pass {
    /// From the first message that was taken to the last.
    took: Duration,
    /// Processor time of the service, in seconds.
    work: f64,
    messages: Vec<Value>,
}

pub(super) async fn measure(engine: Engine, table: &mut Table) {
    let site = Site::found(engine).await;
    let town = site.settle(1, 1).await;
    let hand = Hand::open(&site.location()).await;
    let houses = bulk::residents(&hand, &town, PUSHES as u64, SystemClock::default().now().timestamp()).await;
    hand.close().await;
    let provider = Provider::open(&site).await;
    eprintln!("{engine:?}: {PUSHES} residents have the app");
    let mut measure = Measure::at_most(engine, "10000 pushes, one worker", "a bare loop of them", AIM);
    let (mut rates, mut work) = ([Vec::new(), Vec::new()], Vec::new());
    let mut messages: Arc<[Value]> = Arc::new([]);
    for round in 0..=ROUNDS {
        let (mine, theirs) = if round % 2 == 0 {
            let mine = ours(&site, &town, &houses, &provider).await;
            messages = mine.messages.clone().into();
            (mine, reference(&provider.fcm, &messages).await)
        } else {
            let theirs = reference(&provider.fcm, &messages).await;
            (ours(&site, &town, &houses, &provider).await, theirs)
        };
        if round > 0 {
            measure.note(mine.took, theirs);
            let rate = |took: Duration| PUSHES as f64 / took.as_secs_f64();
            rates[0].push(rate(mine.took));
            rates[1].push(rate(theirs));
            work.push(mine.work / PUSHES as f64);
        }
    }
    table.add(measure);
    table.tell(
        engine,
        &format!(
            "pushes a second: {:.0}, of the bare loop {:.0}; {:.2} ms of the service's processor time each",
            median(&rates[0]),
            median(&rates[1]),
            median(&work) * 1000.0
        ),
    );
    site.close().await;
}

/// Writes the messages, as the product does, while nobody brings them, and lets the service bring them.
async fn ours(site: &Site, town: &Town, houses: &[Uuid], provider: &Provider) -> Pass {
    let db = Db::open(&site.location(), 4, Arc::new(SystemClock::default()))
        .await
        .expect("the database can be opened");
    write(&db, town, houses).await;
    let fcm = &provider.fcm;
    let before = fcm.asked();
    let server = provider.serve(site).await;
    let begun = processor_time(server.process());
    arrived(fcm, before + PUSHES).await;
    let taken = fcm.taken_after(before);
    while left(&db, town.organization).await > 0 {
        sleep(LOOK_EVERY).await;
    }
    let work = processor_time(server.process()) - begun;
    db.close().await;
    server.stop().await;
    assert_eq!(fcm.asked(), before + PUSHES, "each is sent once");
    Pass { took: between(&taken), work, messages: taken.into_iter().map(|(_, message)| message).collect() }
}

/// A mass notice, spread to its end.
async fn write(db: &Db, town: &Town, houses: &[Uuid]) {
    let args = serde_json::from_value(notice_to(houses)).expect("a notice");
    let scope = Scope::staff(town.organization, town.dispatcher, Role::Dispatcher);
    let notice = db.write(scope, SendMassNotice { args }).await.expect("the notice is sent");
    assert_eq!((notice.state, notice.audience), (MassState::Spreading, PUSHES as i64));
    // As often as there are portions, and some times more: what is spread is left alone.
    for _ in 0..=PUSHES / 500 {
        let spread = Spread { mass_notice_id: notice.id };
        db.write(Scope::system(town.organization), spread).await.expect("the notice is spread");
    }
    assert_eq!(left(db, town.organization).await, PUSHES as i64, "each resident has a message");
}

/// Messages of which nothing is written down yet.
async fn left(db: &Db, organization: OrganizationId) -> i64 {
    #[derive(FromQueryResult)]
    struct Left {
        n: i64,
    }
    let sql = "SELECT count(*) AS n FROM notification WHERE state <> 'sent' AND organization_id = $1";
    let left = db.reader().one::<Left>(sql, [organization.0.into()]).await;
    left.expect("the messages can be counted").map_or(0, |left| left.n)
}

/// Waits until so many messages have come.
async fn arrived(fcm: &Fcm, count: usize) {
    let (mut last, mut since) = (fcm.asked(), Instant::now());
    while fcm.asked() < count {
        sleep(LOOK_EVERY).await;
        if fcm.asked() != last {
            (last, since) = (fcm.asked(), Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "of {count} messages {last} came, and then no more");
    }
    // The last one has come; it is taken in a moment.
    while fcm.taken_after(count - 1).is_empty() {
        sleep(LOOK_EVERY).await;
    }
}

fn between(taken: &[(Instant, Value)]) -> Duration {
    match taken {
        [(first, _), .., (last, _)] => *last - *first,
        _ => Duration::ZERO,
    }
}

/// Sends the same messages and reads the answers.
async fn reference(fcm: &Fcm, messages: &Arc<[Value]>) -> Duration {
    let before = fcm.asked();
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let (token, address) = (fcm.access(), fcm.send_address());
    let next = Arc::new(AtomicUsize::new(0));
    let mut sending = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (http, token, address) = (http.clone(), token.clone(), address.clone());
        let (messages, next) = (Arc::clone(messages), Arc::clone(&next));
        sending.spawn(async move {
            while let Some(message) = messages.get(next.fetch_add(1, Ordering::Relaxed)) {
                let request = http.post(&address).bearer_auth(&token).json(&json!({ "message": message }));
                let answer = request.send().await.expect("an answer");
                assert!(answer.status().is_success(), "a message was answered {}", answer.status());
                answer.bytes().await.expect("a whole answer");
            }
        });
    }
    sending.join_all().await;
    between(&fcm.taken_after(before))
}
