//! A queue that is delivered: a hundred acts over HTTP, against their own statements through bare sqlx, in the same four
//! writes. The reference says no SAVEPOINT, of which the service opens and releases one for each act.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use naryad_tests::Engine;
use sea_orm::Statement;
use uuid::Uuid;

use super::crew::{self, Desk, Phone, all_applied, read};
use crate::{
    http::Connection,
    record::{self, Recorded, Recorder},
    replay::Pool,
    server::Site,
    table::{Measure, Table},
};

/// Acts of a push, and in one write of it.
const ACTS: usize = 100;
const CHUNK: usize = 25;
/// Tickets that the acts are about.
const TICKETS: usize = 25;
/// Acts about one ticket, one after another.
const ABOUT: usize = ACTS / TICKETS;
/// Half the pace of the bare statements.
const AIM: f64 = 2.0;

/// What one push says to the database.
struct Pushed {
    reads: Recorded,
    writes: Vec<Recorded>,
}

/// A phone with a full queue, each time it is asked.
#[derive(Clone)]
struct Queue {
    phone: Phone,
    tickets: Arc<[Uuid]>,
    material: Uuid,
}

impl Queue {
    /// The body of the next push.
    fn next(&mut self) -> String {
        let acts: Vec<_> = (0..ACTS)
            .map(|number| crew::act(number % ABOUT, self.tickets[number / ABOUT], self.material))
            .collect();
        self.phone.delivers(&acts)
    }
}

pub(super) async fn measure(engine: Engine, rounds: usize, table: &mut Table) {
    let rounds = rounds * 3;
    let site = Site::found(engine).await;
    let town = site.settle(1, TICKETS).await;
    let server = site.serve(&[]).await;
    let mut desk = Desk::open(&server, &site, &town, 0).await;
    let (tickets, material) = (desk.give(0, TICKETS).await.into(), desk.material().await);
    let phone = Phone::register(&server, &site, &town, 0).await;
    let mut queue = Queue { phone, tickets, material };
    server.stop().await;
    let (recording, other) = (site.copy().await, site.copy().await);
    eprintln!("{engine:?}: recording {} pushes", rounds + 1);
    let recorded = record(engine, &recording, queue.clone(), rounds + 1).await;
    recording.remove().await;
    describe(engine, &recorded, table);

    let server = site.serve(&[]).await;
    let mut connection = Connection::open(&server.address, &queue.phone.token).await;
    let pool = Pool::open(&other.location());
    let mut measure = Measure::at_most(engine, "push of 100 acts", "their bare statements", AIM);
    for (round, pushed) in recorded.iter().enumerate() {
        let (mine, theirs) = if round % 2 == 0 {
            let mine = ours(&mut connection, &mut queue).await;
            (mine, reference(&pool, pushed).await)
        } else {
            let theirs = reference(&pool, pushed).await;
            (ours(&mut connection, &mut queue).await, theirs)
        };
        if round > 0 {
            measure.note(mine, theirs);
        }
    }
    table.add(measure);
    pool.close().await;
    server.stop().await;
    site.close().await;
    other.remove().await;
}

/// Pushes on a copy, as often as will be measured: the reference says each push once, as the service does.
async fn record(engine: Engine, site: &Site, mut queue: Queue, pushes: usize) -> Vec<Pushed> {
    let recorder = Recorder::open(site).await;
    let mut connection = recorder.connect(&queue.phone.token).await;
    let mut recorded = Vec::with_capacity(pushes);
    for _ in 0..pushes {
        recorder.take();
        all_applied(&read(connection.ask("/v1/sync/push", &queue.next()).await), ACTS);
        recorded.push(writes(engine, recorder.take()));
    }
    drop(connection);
    recorder.close().await;
    recorded
}

/// Each write begins by taking the stream in hand, as does the look at it before the first one.
fn writes(engine: Engine, said: Recorded) -> Pushed {
    let begins = |statement: &Statement| match engine {
        Engine::Postgres => {
            statement.sql.contains("FROM sync_stream") && statement.sql.contains("FOR NO KEY UPDATE")
        }
        Engine::Sqlite => statement.sql.contains("FROM sync_stream"),
    };
    let mut writes = record::cut(said, begins);
    assert_eq!(writes.len(), 1 + ACTS / CHUNK, "a push is so many writes, after some reads");
    Pushed { reads: writes.remove(0), writes }
}

fn describe(engine: Engine, recorded: &[Pushed], table: &mut Table) {
    let said = |pushed: &Pushed| pushed.reads.len() + pushed.writes.iter().map(Vec::len).sum::<usize>();
    let counts: Vec<usize> = recorded.iter().map(said).collect();
    let (least, most) = (counts.iter().min(), counts.iter().max());
    let (least, most) = least.zip(most).expect("pushes were recorded");
    table.tell(engine, &format!("a push of {ACTS} acts has {least} to {most} statements, without SAVEPOINT"));
}

async fn ours(connection: &mut Connection, queue: &mut Queue) -> Duration {
    let body = queue.next();
    let begin = Instant::now();
    let answer = connection.ask("/v1/sync/push", &body).await;
    let took = begin.elapsed();
    all_applied(&read(answer), ACTS);
    took
}

async fn reference(pool: &Pool, pushed: &Pushed) -> Duration {
    let begin = Instant::now();
    pool.read(&pushed.reads).await;
    for write in &pushed.writes {
        pool.write(write).await;
    }
    begin.elapsed()
}
