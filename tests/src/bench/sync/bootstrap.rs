//! A phone that begins: five hundred tickets over HTTP, against the statements of the same pulls through bare sqlx and the
//! same documents written as JSON.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use naryad_tests::Engine;
use serde_json::Value;

use super::crew::{Desk, Phone};
use crate::{
    http::Connection,
    record::{Recorded, Recorder},
    replay::Pool,
    server::Site,
    table::{Measure, Table},
};

const TICKETS: usize = 500;
/// Half the pace of the bare statements.
const AIM: f64 = 2.0;

/// A pull as it was asked, what it said to the database, and its answer.
struct Page {
    asked: String,
    said: Recorded,
    answer: Value,
}

pub(super) async fn measure(engine: Engine, rounds: usize, table: &mut Table) {
    let site = Site::found(engine).await;
    let town = site.settle(1, TICKETS).await;
    let server = site.serve(&[]).await;
    eprintln!("{engine:?}: {TICKETS} tickets are booked");
    Desk::open(&server, &site, &town, 0).await.give(0, TICKETS).await;
    let phone = Phone::register(&server, &site, &town, 0).await;
    server.stop().await;
    let (recording, other) = (site.copy().await, site.copy().await);
    let pages = record(&recording, &phone).await;
    recording.remove().await;
    describe(engine, &pages, table);

    let server = site.serve(&[]).await;
    let mut connection = Connection::open(&server.address, &phone.token).await;
    let pool = Pool::open(&other.location());
    let mut measure = Measure::at_most(engine, "bootstrap of 500 tickets", "statements + JSON", AIM);
    for round in 0..=rounds * 3 {
        let (mine, theirs) = if round % 2 == 0 {
            let mine = ours(&mut connection, &pages).await;
            (mine, reference(&pool, &pages).await)
        } else {
            let theirs = reference(&pool, &pages).await;
            (ours(&mut connection, &pages).await, theirs)
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

/// Pulls twice on a copy: the first time the phone is noted as seen, the second time is as every later one.
async fn record(site: &Site, phone: &Phone) -> Vec<Page> {
    let recorder = Recorder::open(site).await;
    let mut connection = recorder.connect(&phone.token).await;
    let walked = phone.pull(&mut connection, None).await;
    recorder.take();
    let mut pages = Vec::with_capacity(walked.len());
    for (asked, answer) in walked {
        connection.ask("/v1/sync/pull", &asked).await;
        pages.push(Page { asked, said: recorder.take(), answer });
    }
    drop(connection);
    recorder.close().await;
    pages
}

fn describe(engine: Engine, pages: &[Page], table: &mut Table) {
    let changes = pages.iter().flat_map(|page| page.answer["changes"].as_array());
    let changes: usize = changes.map(Vec::len).sum();
    let said: usize = pages.iter().map(|page| page.said.len()).sum();
    let bytes: usize = pages.iter().map(|page| page.answer.to_string().len()).sum();
    table.tell(
        engine,
        &format!(
            "a bootstrap has {} pages, {changes} changes, {said} statements, {} KiB",
            pages.len(),
            bytes / 1024
        ),
    );
}

async fn ours(connection: &mut Connection, pages: &[Page]) -> Duration {
    let begin = Instant::now();
    for page in pages {
        connection.ask("/v1/sync/pull", &page.asked).await;
    }
    begin.elapsed()
}

async fn reference(pool: &Pool, pages: &[Page]) -> Duration {
    let begin = Instant::now();
    for page in pages {
        pool.snapshot(&page.said).await;
        black_box(serde_json::to_vec(&page.answer).expect("an answer is written"));
    }
    begin.elapsed()
}
