//! Registration, booking, and booking of a kept time over HTTP, against the same statements through bare sqlx.

use std::sync::Arc;

use naryad_tests::Engine;

use crate::{
    server::Site,
    side::{self, Course, Ours, Reference, Shape, Side},
    table::{Start, Table},
};

/// Technicians who are booked in turn.
const TECHNICIANS: usize = 50;

/// How often the server is started to see how long that takes.
const STARTS: usize = 5;

/// Measures so many rounds.
pub(crate) async fn measure(engine: Engine, rounds: usize, table: &mut Table) {
    // Every ticket has a flat of its own, as in life; one round more than is measured warms both sides up.
    let flats = (rounds + 1) * Shape::tickets();
    eprintln!("{engine:?}: settling {flats} flats and {TECHNICIANS} technicians");
    let site = Site::found(engine).await;
    let town = site.settle(TECHNICIANS, flats).await;
    table.disk(site.sync_time());
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let server = site.serve(&[]).await;
        starts.push(Start { time: server.start, memory: server.memory() });
        server.stop().await;
    }
    table.start(engine, &mut starts);

    let course = Arc::new(Course::of(town, rounds + 1));
    let (recording, other) = (site.copy().await, site.copy().await);
    eprintln!("{engine:?}: recording {} requests", course.len());
    let recorded = side::record(&recording, &course).await;
    recording.remove().await;
    let mut reference = Reference::open(&other, recorded);
    let server = site.serve(&[]).await;
    let mut ours = Ours::open(&server, Arc::clone(&course), &site);
    let mut place = 0;
    for round in 0..=rounds {
        eprintln!("{engine:?}: round {round} of {rounds}");
        for shape in Shape::ROUND {
            let places = place..place + shape.count;
            place += shape.count;
            // Whoever comes second finds a machine that the first has used: they take turns.
            let (mine, theirs) = if round % 2 == 0 {
                let mine = ours.watched(shape, places.clone()).await;
                (mine, reference.watched(shape, places.clone()).await)
            } else {
                let theirs = reference.watched(shape, places.clone()).await;
                (ours.watched(shape, places.clone()).await, theirs)
            };
            if round > 0 {
                table.measured(engine, shape, mine, theirs, reference.statements(places.start));
            }
        }
    }
    server.stop().await;
    reference.close().await;
    site.close().await;
    other.remove().await;
}
