//! Two hundred phones at once, each pushing what it recorded and pulling what is new.

use std::time::{Duration, Instant};

use naryad_tests::Engine;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::crew::{self, Desk, Phone, all_applied, place_of, read};
use crate::{
    http::Connection,
    server::Site,
    table::{Table, high, median},
};

const PHONES: usize = 200;
/// Tickets on each, and acts in each push.
const TICKETS: usize = 2;
const ACTS: usize = 4;

/// How long each question took, in seconds.
#[derive(Default)]
struct Times {
    pushes: Vec<f64>,
    pulls: Vec<f64>,
}

/// A phone at work.
struct Worker {
    phone: Phone,
    connection: Connection,
    tickets: Vec<Uuid>,
    material: Uuid,
    place: String,
    times: Times,
}

impl Worker {
    /// Pushes and pulls, one after another.
    async fn work(mut self, rounds: usize) -> Times {
        for round in 0..=rounds {
            let (push, pull) = (self.push(round).await, self.pull().await);
            if round > 0 {
                self.times.pushes.push(push.as_secs_f64());
                self.times.pulls.push(pull.as_secs_f64());
            }
        }
        self.times
    }

    async fn push(&mut self, round: usize) -> Duration {
        let ticket = self.tickets[round % self.tickets.len()];
        let acts: Vec<_> = (0..ACTS).map(|number| crew::act(number, ticket, self.material)).collect();
        let body = self.phone.delivers(&acts);
        let begin = Instant::now();
        let answer = self.connection.ask("/v1/sync/push", &body).await;
        let took = begin.elapsed();
        all_applied(&read(answer), ACTS);
        took
    }

    async fn pull(&mut self) -> Duration {
        let asked = self.phone.asks(Some(&self.place));
        let begin = Instant::now();
        let page = self.connection.ask("/v1/sync/pull", &asked).await;
        let took = begin.elapsed();
        self.place = place_of(&read(page));
        took
    }
}

pub(super) async fn measure(engine: Engine, rounds: usize, table: &mut Table) {
    let site = Site::found(engine).await;
    eprintln!("{engine:?}: settling {PHONES} technicians");
    let town = site.settle(PHONES, PHONES * TICKETS).await;
    let server = site.serve(&[]).await;
    let mut desk = Desk::open(&server, &site, &town, 0).await;
    let material = desk.material().await;
    let mut ready = Vec::with_capacity(PHONES);
    for number in 0..PHONES {
        let tickets = desk.give(number, TICKETS).await;
        let phone = Phone::register(&server, &site, &town, number).await;
        let mut connection = Connection::open(&server.address, &phone.token).await;
        let pages = phone.pull(&mut connection, None).await;
        let place = pages.last().map(|(_, page)| place_of(page)).expect("a phone has begun");
        ready.push(Worker { phone, connection, tickets, material, place, times: Times::default() });
    }
    eprintln!("{engine:?}: {PHONES} phones at once");
    let begin = Instant::now();
    let mut at_work: JoinSet<_> = ready.into_iter().map(|worker| worker.work(rounds)).collect();
    let mut times = Times::default();
    while let Some(done) = at_work.join_next().await {
        let done = done.expect("a phone gets through");
        times.pushes.extend(done.pushes);
        times.pulls.extend(done.pulls);
    }
    let each = PHONES * (rounds + 1);
    let rate = each as f64 / begin.elapsed().as_secs_f64();
    for (what, times) in [("push of 4 acts", &times.pushes), ("pull", &times.pulls)] {
        table.tell(
            engine,
            &format!(
                "{PHONES} phones at once, {what}: p50 {:.0} ms, p99 {:.0} ms, {rate:.0} a second",
                median(times) * 1000.0,
                high(times) * 1000.0
            ),
        );
    }
    server.stop().await;
    site.close().await;
}
