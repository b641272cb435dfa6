//! What must not grow: the same ten changes pulled out of a small and of a large database, in turn.

use std::time::{Duration, Instant};

use naryad_domain::{Clock, clock::SystemClock};
use naryad_tests::Engine;

use super::crew::{Desk, Phone, place_of, read};
use crate::{
    bulk::{self, Due, Hand},
    http::Connection,
    server::{Server, Site},
    table::{Measure, Table},
};

const CHANGES: usize = 10;
const TECHNICIANS: usize = 50;
/// How often is pulled.
const TIMES: usize = 300;
/// The pull out of the large one takes at most so many times as long as out of the small one.
const AIM: f64 = 1.2;
/// The tickets of the bulk end so many seconds ago: their visits are beyond the horizon of the phones.
const LONG_AGO: i64 = 60 * 86_400;

/// A database with a server, and a phone that stands ten changes before the heads.
struct Side {
    site: Site,
    server: Server,
    token: String,
    asked: String,
}

impl Side {
    async fn open(engine: Engine, tickets: u64) -> Self {
        let site = Site::found(engine).await;
        // The first flat is that of the bulk.
        let town = site.settle(TECHNICIANS, 1 + CHANGES).await;
        let now = SystemClock::default().now().timestamp();
        let hand = Hand::open(&site.location()).await;
        bulk::fill(&hand, &town, tickets, 0, now - LONG_AGO, Due::Far).await;
        bulk::visited(&hand, &town, tickets, now - LONG_AGO, now).await;
        hand.close().await;
        let server = site.serve(&[]).await;
        let mut desk = Desk::open(&server, &site, &town, 1).await;
        let own = desk.give(0, CHANGES).await;
        let phone = Phone::register(&server, &site, &town, 0).await;
        let mut connection = Connection::open(&server.address, &phone.token).await;
        let pages = phone.pull(&mut connection, None).await;
        let place = pages.last().map(|(_, page)| place_of(page));
        for ticket in own {
            desk.comment(ticket).await;
        }
        Self { site, server, asked: phone.asks(place.as_deref()), token: phone.token }
    }

    /// A connection of the phone, which pulls all changes over it once.
    async fn connect(&self) -> Connection {
        let mut connection = Connection::open(&self.server.address, &self.token).await;
        let page = read(connection.ask("/v1/sync/pull", &self.asked).await);
        assert_eq!(
            page["changes"].as_array().map_or(0, Vec::len),
            CHANGES,
            "the phone lacks so many changes"
        );
        connection
    }

    /// How long the pull takes.
    async fn pull(&self, connection: &mut Connection) -> Duration {
        let begin = Instant::now();
        connection.ask("/v1/sync/pull", &self.asked).await;
        begin.elapsed()
    }
}

pub(super) async fn measure(engine: Engine, large: u64, table: &mut Table) {
    eprintln!("{engine:?}: phones among 10000 and {large} tickets");
    let few = Side::open(engine, 10_000).await;
    let many = Side::open(engine, large).await;
    // Only now: a server closes what is idle for as long as the large database is being filled.
    let (mut one, mut other) = (few.connect().await, many.connect().await);
    let mut measure = Measure::at_most(engine, "pull of 10 changes", "10k : large", AIM);
    for round in 0..=TIMES {
        let (less, more) = if round % 2 == 0 {
            let less = few.pull(&mut one).await;
            (less, many.pull(&mut other).await)
        } else {
            let more = many.pull(&mut other).await;
            (few.pull(&mut one).await, more)
        };
        if round > 0 {
            measure.note(more, less);
        }
    }
    table.add(measure);
    few.server.stop().await;
    many.server.stop().await;
    few.site.remove().await;
    many.site.close().await;
}
