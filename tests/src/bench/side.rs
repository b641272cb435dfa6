//! The two sides that are compared: the service over HTTP, and its statements through bare sqlx.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use naryad_tests::load::Town;
use serde_json::json;
use uuid::Uuid;

use crate::{
    http::Connection,
    record::{self, Recorded, Recorder},
    replay::Pool,
    server::{Server, Site},
};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// A ticket is registered.
    Register,
    /// A visit is booked for it.
    Plan,
    /// A time is kept, then booked with the token: two requests.
    HoldPlan,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    pub(crate) what: What,
    pub(crate) clients: usize,
    pub(crate) count: usize,
}

const fn shape(what: What, clients: usize, count: usize) -> Shape {
    Shape { what, clients, count }
}

impl Shape {
    /// What a round is made of. As many are booked as are registered.
    pub(crate) const ROUND: [Shape; 6] = [
        shape(What::Register, 1, 200),
        shape(What::Register, 8, 500),
        shape(What::Plan, 1, 100),
        shape(What::Plan, 8, 300),
        shape(What::HoldPlan, 1, 100),
        shape(What::HoldPlan, 8, 200),
    ];

    /// How many tickets a round registers.
    pub(crate) fn tickets() -> usize {
        Self::ROUND.iter().filter(|shape| shape.what == What::Register).map(|shape| shape.count).sum()
    }
}

/// How a pass went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Done in a second.
    pub(crate) rate: f64,
    /// Seconds of processor time for one, without what PostgreSQL takes; 0 where there is no /proc. Less noisy than the
    /// pace on a machine that does other things too.
    pub(crate) work: f64,
}

/// Something that can do a share of a round.
pub(crate) trait Side {
    /// The process that does it.
    fn process(&self) -> u32;

    /// Does what stands in the course at these places, and says how many were done in a second.
    async fn pass(&mut self, shape: Shape, places: std::ops::Range<usize>) -> f64;

    /// Does it, watched.
    async fn watched(&mut self, shape: Shape, places: std::ops::Range<usize>) -> Pace {
        let before = processor_time(self.process());
        let rate = self.pass(shape, places).await;
        Pace { rate, work: (processor_time(self.process()) - before) / shape.count as f64 }
    }
}

/// Seconds of processor time that a process has used, by /proc, whose tick is a hundredth of a second everywhere.
pub(crate) fn processor_time(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // After the name in brackets, which may hold spaces: fields 14 and 15 of the line.
    let rest = text.rsplit(") ").next().unwrap_or_default();
    rest.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Everything that will be asked, in its order: the same for the recording, for the service and for the reference.
pub(crate) struct Course {
    town: Town,
    asked: Vec<(What, Uuid, usize)>,
}

impl Course {
    /// A course of so many rounds.
    pub(crate) fn of(town: Town, rounds: usize) -> Self {
        let tickets: Vec<Uuid> = (0..rounds * Shape::tickets()).map(|_| Uuid::now_v7()).collect();
        let mut asked = Vec::new();
        let (mut registered, mut booked) = (0, 0);
        for shape in (0..rounds).flat_map(|_| Shape::ROUND) {
            let next = if shape.what == What::Register { &mut registered } else { &mut booked };
            for _ in 0..shape.count {
                asked.push((shape.what, tickets[*next], *next));
                *next += 1;
            }
        }
        Self { town, asked }
    }

    /// How many places it has.
    pub(crate) fn len(&self) -> usize {
        self.asked.len()
    }

    /// Asks what stands at a place.
    async fn ask(&self, connection: &mut Connection, place: usize) {
        let (what, ticket, index) = self.asked[place];
        let key = || Uuid::now_v7().to_string();
        let plan = format!("/v1/tickets/{ticket}/plan");
        match what {
            What::Register => {
                let body = self.town.registration(ticket, index).to_string();
                connection.post("/v1/tickets", &key(), &body).await;
            }
            What::Plan => {
                let body = self.town.booking(Uuid::now_v7(), index, hour(&self.town, index)).to_string();
                connection.post(&plan, &key(), &body).await;
            }
            What::HoldPlan => {
                let mut body = self.town.booking(Uuid::now_v7(), index, hour(&self.town, index));
                let visit = body["visit_id"].take();
                if let Some(fields) = body.as_object_mut() {
                    fields.remove("visit_id");
                    fields.insert("ticket_id".to_owned(), json!(ticket));
                }
                let held = connection.post("/v1/slots/hold", &key(), &body.to_string()).await;
                let held: serde_json::Value = serde_json::from_slice(held).expect("an answer of JSON");
                let body = json!({ "visit_id": visit, "hold_token": held["hold_token"] });
                connection.post(&plan, &key(), &body.to_string()).await;
            }
        }
    }
}

/// Hours are not booked in their order: some of what is ahead is booked already, some is not.
fn hour(town: &Town, place: usize) -> i64 {
    const AHEAD: usize = 24 * 12;
    let turn = place / town.technicians.len();
    (turn / AHEAD * AHEAD + turn % AHEAD * 37 % AHEAD) as i64
}

/// Records the whole course on a copy of its own: for each place its requests, each with its statements.
pub(crate) async fn record(site: &Site, course: &Course) -> Vec<Vec<Recorded>> {
    let recorder = Recorder::open(site).await;
    let mut connection = recorder.connect(&course.town.token(site.data())).await;
    let mut recorded = Vec::with_capacity(course.asked.len());
    for place in 0..course.asked.len() {
        course.ask(&mut connection, place).await;
        recorded.push(requests(recorder.take()));
    }
    drop(connection);
    recorder.close().await;
    recorded
}

/// Each request begins by taking its idempotency key.
fn requests(said: Recorded) -> Vec<Recorded> {
    record::cut(said, |statement| statement.sql.contains("INTO idempotency_key"))
}

/// Lets clients take the places until none is left; done in a second.
async fn timed<F: Future<Output = ()> + Send + 'static>(
    shape: Shape,
    places: std::ops::Range<usize>,
    client: impl Fn(Arc<AtomicUsize>, usize) -> F,
) -> f64 {
    let next = Arc::new(AtomicUsize::new(places.start));
    let begin = Instant::now();
    let clients: Vec<_> =
        (0..shape.clients).map(|_| tokio::spawn(client(Arc::clone(&next), places.end))).collect();
    for client in clients {
        client.await.expect("a client gets through");
    }
    shape.count as f64 / begin.elapsed().as_secs_f64()
}

/// The service.
pub(crate) struct Ours {
    process: u32,
    address: String,
    token: String,
    course: Arc<Course>,
}

impl Ours {
    pub(crate) fn open(server: &Server, course: Arc<Course>, site: &Site) -> Self {
        let token = course.town.token(site.data());
        Self { process: server.process(), address: server.address.clone(), token, course }
    }
}

impl Side for Ours {
    fn process(&self) -> u32 {
        self.process
    }

    async fn pass(&mut self, shape: Shape, places: std::ops::Range<usize>) -> f64 {
        let mut connections = Vec::new();
        for _ in 0..shape.clients {
            connections.push(Connection::open(&self.address, &self.token).await);
        }
        let connections = Mutex::new(connections);
        timed(shape, places, |next, end| {
            let course = Arc::clone(&self.course);
            let connection = connections.lock().ok().and_then(|mut connections| connections.pop());
            async move {
                let mut connection = connection.expect("a connection for each client");
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= end {
                        break;
                    }
                    course.ask(&mut connection, place).await;
                }
            }
        })
        .await
    }
}

/// The statements of the service.
pub(crate) struct Reference {
    pool: Pool,
    recorded: Arc<Vec<Vec<Recorded>>>,
}

impl Reference {
    pub(crate) fn open(site: &Site, recorded: Vec<Vec<Recorded>>) -> Self {
        Self { pool: Pool::open(&site.location()), recorded: Arc::new(recorded) }
    }

    /// How many statements a place has.
    pub(crate) fn statements(&self, place: usize) -> usize {
        self.recorded[place].iter().map(Vec::len).sum()
    }

    pub(crate) async fn close(self) {
        self.pool.close().await;
    }
}

impl Side for Reference {
    fn process(&self) -> u32 {
        std::process::id()
    }

    async fn pass(&mut self, shape: Shape, places: std::ops::Range<usize>) -> f64 {
        timed(shape, places, |next, end| {
            let (pool, recorded) = (self.pool.clone(), Arc::clone(&self.recorded));
            async move {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= end {
                        break;
                    }
                    for request in &recorded[place] {
                        pool.write(request).await;
                    }
                }
            }
        })
        .await
    }
}
