//! A notice to fifty thousand, spread and brought by one worker: how soon something urgent arrives meanwhile, and whether
//! the memory of the service stays what it was.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use naryad_domain::{Clock, clock::SystemClock};
use naryad_tests::{Engine, fcm::Fcm, load::Town};
use serde_json::Value;
use tokio::time::sleep;
use uuid::Uuid;

use super::{LOOK_EVERY, PATIENCE, Provider, notice_to};
use crate::{
    bulk::{self, Hand},
    http::Connection,
    server::{Server, Site},
    table::{Measure, Table, median},
};

const RESIDENTS: usize = 50_000;
/// So often somebody is told something urgent meanwhile.
const EMERGENCIES: usize = 20;
/// The slowest of them takes at most this share of the time of the notice.
const AIM: f64 = 0.1;
/// Memory is compared with what it was when so many had been told.
const WARM: usize = RESIDENTS / 10;
/// It grows to at most so many times as much.
const GROWTH: f64 = 1.1;

pub(super) async fn measure(engine: Engine, table: &mut Table) {
    let site = Site::found(engine).await;
    let town = site.settle(1, EMERGENCIES).await;
    let (hand, now) = (Hand::open(&site.location()).await, SystemClock::default().now().timestamp());
    let houses = bulk::residents(&hand, &town, RESIDENTS as u64, now).await;
    bulk::phone(&hand, &town, 0, now).await;
    hand.close().await;
    let provider = Provider::open(&site).await;
    let server = provider.serve(&site).await;
    let mut desk = Desk::open(&server, &site, town).await;
    eprintln!("{engine:?}: {RESIDENTS} residents have the app");

    let mut watch = Watch::new(&provider.fcm, &server);
    let begin = Instant::now();
    desk.announce(&houses).await;
    let mut urgent = Vec::with_capacity(EMERGENCIES);
    for number in 0..EMERGENCIES {
        // The first at once, while the notice is spread; the others evenly after it.
        watch.until(|seen| seen.told >= RESIDENTS * number / EMERGENCIES).await;
        let told = Instant::now();
        let ticket = desk.call_out(number).await;
        watch.until(|seen| seen.urgent.contains_key(&ticket)).await;
        urgent.push(watch.seen.urgent[&ticket] - told);
    }
    watch.until(|seen| seen.told >= RESIDENTS).await;
    let whole = watch.seen.last - begin;
    let seen = watch.seen;
    report(engine, &urgent, whole, &seen, table);
    server.stop().await;
    site.close().await;
}

fn report(engine: Engine, urgent: &[Duration], whole: Duration, seen: &Seen, table: &mut Table) {
    let worst = urgent.iter().copied().max().unwrap_or_default();
    let mut measure = Measure::at_most(engine, "something urgent, slowest", "the notice meanwhile", AIM);
    measure.note(worst, whole);
    table.add(measure);
    let seconds: Vec<f64> = urgent.iter().map(Duration::as_secs_f64).collect();
    table.tell(
        engine,
        &format!(
            "a notice to {RESIDENTS} took {:.1} s, {:.0} a second; of {EMERGENCIES} urgent pushes meanwhile the slowest \
             took {:.3} s, the median {:.3} s",
            whole.as_secs_f64(),
            RESIDENTS as f64 / whole.as_secs_f64(),
            worst.as_secs_f64(),
            median(&seconds)
        ),
    );
    match seen.memory {
        Some((warm, peak)) => {
            let mut measure =
                Measure::at_most(engine, "memory of a notice (MiB)", "after its first tenth", GROWTH);
            measure.note_memory(peak, warm);
            table.add(measure);
        }
        None => table.tell(engine, "the memory of the service is unknown here"),
    }
}

/// What has arrived so far.
struct Seen {
    /// Residents who were told of the notice.
    told: usize,
    /// When the last of them was.
    last: Instant,
    /// When the technician was told of a ticket.
    urgent: BTreeMap<Uuid, Instant>,
    /// Memory of the service when it was warm, and the most of it since.
    memory: Option<(u64, u64)>,
}

struct Watch<'a> {
    fcm: &'a Fcm,
    server: &'a Server,
    messages: usize,
    seen: Seen,
}

impl<'a> Watch<'a> {
    fn new(fcm: &'a Fcm, server: &'a Server) -> Self {
        let seen = Seen { told: 0, last: Instant::now(), urgent: BTreeMap::new(), memory: None };
        Self { fcm, server, messages: 0, seen }
    }

    async fn until(&mut self, come: impl Fn(&Seen) -> bool) {
        let mut since = Instant::now();
        loop {
            if self.look() {
                since = Instant::now();
            }
            if come(&self.seen) {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{} were told, and then nobody any more", self.seen.told);
            sleep(LOOK_EVERY).await;
        }
    }

    /// Whether anything came since the last look.
    fn look(&mut self) -> bool {
        let taken = self.fcm.taken_after(self.messages);
        self.messages += taken.len();
        for (at, message) in &taken {
            self.note(*at, message);
        }
        if self.seen.told >= WARM
            && let Some(now) = self.server.memory()
        {
            let (warm, peak) = self.seen.memory.unwrap_or((now, now));
            self.seen.memory = Some((warm, peak.max(now)));
        }
        !taken.is_empty()
    }

    fn note(&mut self, at: Instant, message: &Value) {
        let data = &message["data"];
        if data["kind"] != "notification" {
            return;
        }
        match data["ticket_id"].as_str().and_then(|id| id.parse().ok()) {
            Some(ticket) => {
                self.seen.urgent.entry(ticket).or_insert(at);
            }
            None => {
                self.seen.told += 1;
                self.seen.last = at;
            }
        }
    }
}

/// The dispatcher.
struct Desk {
    town: Town,
    connection: Connection,
    /// Tickets that nobody has yet.
    tickets: Vec<Uuid>,
}

impl Desk {
    async fn open(server: &Server, site: &Site, town: Town) -> Self {
        let mut connection = Connection::open(&server.address, &town.token(site.data())).await;
        let mut tickets = Vec::with_capacity(EMERGENCIES);
        for flat in 0..EMERGENCIES {
            let ticket = Uuid::now_v7();
            connection.post("/v1/tickets", &key(), &town.registration(ticket, flat).to_string()).await;
            tickets.push(ticket);
        }
        Self { town, connection, tickets }
    }

    async fn announce(&mut self, houses: &[Uuid]) {
        self.connection.post("/v1/mass-notices", &key(), &notice_to(houses).to_string()).await;
    }

    /// Sends the technician to a ticket: he is told at once.
    async fn call_out(&mut self, number: usize) -> Uuid {
        let ticket = self.tickets[number];
        let body = self.town.booking(Uuid::now_v7(), 0, number as i64).to_string();
        self.connection.post(&format!("/v1/tickets/{ticket}/plan"), &key(), &body).await;
        ticket
    }
}

fn key() -> String {
    Uuid::now_v7().to_string()
}
