//! The two sides that are compared: the service over HTTP, and its statements through bare sqlx.

use std::{
    future::Future,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use naryad_domain::{
    Clock,
    clock::SystemClock,
    db::{Db, Location},
};
use naryad_tests::load::Town;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::{
    http::Connection,
    reference::{self, Pool},
    server::{Server, Site},
    statements::{self, Statement},
    values::{Facts, Sizes},
};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// A ticket is registered.
    Register,
    /// A visit is booked for it.
    Plan,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    pub(crate) what: What,
    pub(crate) clients: usize,
    pub(crate) count: usize,
}

impl Shape {
    /// What a round is made of. As many are booked as are registered.
    pub(crate) const ROUND: [Shape; 4] = [
        Shape { what: What::Register, clients: 1, count: 100 },
        Shape { what: What::Register, clients: 8, count: 400 },
        Shape { what: What::Plan, clients: 1, count: 100 },
        Shape { what: What::Plan, clients: 8, count: 400 },
    ];
}

/// How a pass went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Writes a second.
    pub(crate) rate: f64,
    /// Seconds of processor time for one write, without what PostgreSQL takes; 0 where there is no /proc. Less noisy
    /// than the pace on a machine that does other things too.
    pub(crate) work: f64,
}

/// Something that can do a share of a round.
pub(crate) trait Side {
    /// The process that does it.
    fn process(&self) -> u32;

    /// Does it and says how many were done in a second.
    async fn pass(&mut self, shape: Shape) -> f64;

    /// Does it, watched.
    async fn watched(&mut self, shape: Shape) -> Pace {
        let before = processor_time(self.process());
        let rate = self.pass(shape).await;
        Pace { rate, work: (processor_time(self.process()) - before) / shape.count as f64 }
    }
}

/// Seconds of processor time that a process has used, by /proc, whose tick is a hundredth of a second everywhere.
fn processor_time(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // After the name in brackets, which may hold spaces: fields 14 and 15 of the line.
    let rest = text.rsplit(") ").next().unwrap_or_default();
    rest.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Tickets that have been registered, and which of them are booked already.
#[derive(Debug, Default)]
struct Done {
    tickets: Vec<Uuid>,
    planned: usize,
}

impl Done {
    /// The tickets of the next pass, and the place of the first among all.
    fn take(&mut self, shape: Shape) -> (Vec<Uuid>, usize) {
        match shape.what {
            What::Register => {
                let first = self.tickets.len();
                self.tickets.extend((0..shape.count).map(|_| Uuid::now_v7()));
                (self.tickets[first..].to_vec(), first)
            }
            What::Plan => {
                let first = self.planned;
                self.planned += shape.count;
                (self.tickets[first..self.planned].to_vec(), first)
            }
        }
    }
}

/// Lets clients take the numbers below `count` until none is left; done in a second.
async fn timed<F: Future<Output = ()> + Send + 'static>(
    shape: Shape,
    client: impl Fn(Arc<AtomicUsize>) -> F,
) -> f64 {
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let clients: Vec<_> = (0..shape.clients).map(|_| tokio::spawn(client(Arc::clone(&next)))).collect();
    for client in clients {
        client.await.expect("a client gets through");
    }
    shape.count as f64 / begin.elapsed().as_secs_f64()
}

fn route(what: What, ticket: Uuid) -> String {
    match what {
        What::Register => "/v1/tickets".to_owned(),
        What::Plan => format!("/v1/tickets/{ticket}/plan"),
    }
}

fn body(town: &Town, what: What, ticket: Uuid, place: usize) -> String {
    match what {
        What::Register => town.registration(ticket, place),
        What::Plan => town.booking(Uuid::now_v7(), place, hour(town, place)),
    }
    .to_string()
}

/// Hours are not booked in their order: some of what is ahead is booked already, some is not.
fn hour(town: &Town, place: usize) -> i64 {
    const AHEAD: usize = 24 * 14;
    let turn = place / town.technicians.len();
    (turn / AHEAD * AHEAD + turn % AHEAD * 37 % AHEAD) as i64
}

/// The service.
pub(crate) struct Ours {
    process: u32,
    address: String,
    token: String,
    town: Arc<Town>,
    done: Done,
}

impl Ours {
    pub(crate) fn open(server: &Server, town: Town, data: &Path) -> Self {
        let token = town.token(data);
        let process = server.process();
        Self { process, address: server.address.clone(), token, town: Arc::new(town), done: Done::default() }
    }
}

impl Side for Ours {
    fn process(&self) -> u32 {
        self.process
    }

    async fn pass(&mut self, shape: Shape) -> f64 {
        let (tickets, first) = self.done.take(shape);
        let tickets = Arc::new(tickets);
        let mut connections = Vec::new();
        for _ in 0..shape.clients {
            connections.push(Connection::open(&self.address, &self.token).await);
        }
        let connections = std::sync::Mutex::new(connections);
        timed(shape, |next| {
            let (tickets, town) = (Arc::clone(&tickets), Arc::clone(&self.town));
            let connection = connections.lock().ok().and_then(|mut connections| connections.pop());
            async move {
                let mut connection = connection.expect("a connection for each client");
                while let Some(ticket) = tickets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let place = first + tickets.iter().position(|other| other == ticket).unwrap_or(0);
                    let body = body(&town, shape.what, *ticket, place);
                    let key = Uuid::now_v7().to_string();
                    connection.post(&route(shape.what, *ticket), &key, &body).await;
                }
            }
        })
        .await
    }
}

/// The statements of the service.
pub(crate) struct Reference {
    inner: Arc<Inner>,
    done: Done,
}

struct Inner {
    pool: Pool,
    town: Town,
    register: Vec<Statement>,
    plan: Vec<Statement>,
    sizes: [Sizes; 2],
    clock: SystemClock,
}

impl Reference {
    pub(crate) fn open(
        site: &Site,
        town: Town,
        register: Vec<Statement>,
        plan: Vec<Statement>,
        sizes: [Sizes; 2],
    ) -> Self {
        let pool = Pool::open(&site.location());
        let inner = Inner { pool, town, register, plan, sizes, clock: SystemClock::default() };
        for what in [What::Register, What::Plan] {
            reference::check(inner.statements(what), &inner.facts(what, Uuid::now_v7(), 0));
        }
        Self { inner: Arc::new(inner), done: Done::default() }
    }

    pub(crate) async fn close(self) {
        if let Some(inner) = Arc::into_inner(self.inner) {
            inner.pool.close().await;
        }
    }
}

impl Inner {
    fn statements(&self, what: What) -> &[Statement] {
        match what {
            What::Register => &self.register,
            What::Plan => &self.plan,
        }
    }

    fn facts(&self, what: What, ticket: Uuid, place: usize) -> Facts<'_> {
        Facts {
            town: &self.town,
            route: match what {
                What::Register => "POST /v1/tickets",
                What::Plan => "POST /v1/tickets/00000000-0000-0000-0000-000000000000/plan",
            },
            act: match what {
                What::Register => "ticket.register",
                What::Plan => "ticket.plan",
            },
            key: Uuid::now_v7(),
            ticket,
            visit: Uuid::now_v7(),
            flat: place,
            technician: place,
            hour: hour(&self.town, place),
            now: self.clock.now(),
            sizes: self.sizes[what as usize],
            returned: 0,
        }
    }
}

impl Side for Reference {
    fn process(&self) -> u32 {
        std::process::id()
    }

    async fn pass(&mut self, shape: Shape) -> f64 {
        let (tickets, first) = self.done.take(shape);
        let tickets = Arc::new(tickets);
        timed(shape, |next| {
            let (tickets, inner) = (Arc::clone(&tickets), Arc::clone(&self.inner));
            async move {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(ticket) = tickets.get(index) else { break };
                    let facts = inner.facts(shape.what, *ticket, first + index);
                    inner.pool.run(inner.statements(shape.what), facts).await;
                }
            }
        })
        .await
    }
}

/// Watches the service register and book once, and takes down its statements and how much it stores.
pub(crate) async fn observe(site: &Site, town: &Town) -> (Vec<Statement>, Vec<Statement>, [Sizes; 2]) {
    let logging =
        [("NARYAD_LOG", "info,sqlx::query=debug"), ("NARYAD_LOG_FORMAT", "json"), ("NARYAD_WORKER", "false")];
    let server = site.serve(&logging).await;
    let mut connection = Connection::open(&server.address, &town.token(site.data())).await;
    let ticket = Uuid::now_v7();
    let mut statements = Vec::new();
    let mut answers = Vec::new();
    // The last flat and the last hour are nobody else's.
    let last = town.premises.len() - 1;
    for what in [What::Register, What::Plan] {
        let before = server.log().len();
        let body = body(town, what, ticket, last);
        let answer = connection.post(&route(what, ticket), &Uuid::now_v7().to_string(), &body).await;
        answers.push(answer.len());
        statements.push(statements::in_log(&server.log()[before..]));
    }
    server.stop().await;
    let events = event_sizes(&site.location()).await;
    let sizes = [0, 1].map(|index| Sizes { event: events[index], answer: answers[index] });
    let plan = statements.pop().unwrap_or_default();
    let register = statements.pop().unwrap_or_default();
    (register, plan, sizes)
}

async fn event_sizes(location: &Location) -> [usize; 2] {
    #[derive(FromQueryResult)]
    struct Size {
        size: i64,
    }
    let db =
        Db::open(location, 2, Arc::new(SystemClock::default())).await.expect("the database can be opened");
    let mut sizes = [0; 2];
    for (size, act) in sizes.iter_mut().zip(["ticket.register", "ticket.plan"]) {
        let sql = "SELECT CAST(max(length(bytes)) AS BIGINT) AS size FROM event WHERE act = $1";
        let row = db.reader().one::<Size>(sql, [act.into()]).await.expect("the journal can be read");
        *size = row.map_or(0, |row| usize::try_from(row.size).unwrap_or(0));
    }
    db.close().await;
    sizes
}
