//! `bench [--judge] [--rounds N] [--engine sqlite|postgres]`: registration and booking over HTTP against the same
//! statements through bare sqlx, on the same machine, one after the other. Ratios are judged (`--judge` makes a missed
//! aim an exit code), absolute figures are only printed.
#![expect(clippy::expect_used, clippy::panic, reason = "a bench fails by panicking, with words")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints what it found")]

#[path = "../bench/http.rs"]
mod http;
#[path = "../bench/reference.rs"]
mod reference;
#[path = "../bench/server.rs"]
mod server;
#[path = "../bench/side.rs"]
mod side;
#[path = "../bench/statements.rs"]
mod statements;
#[path = "../bench/table.rs"]
mod table;
#[path = "../bench/values.rs"]
mod values;

use std::process::ExitCode;

use naryad_tests::Engine;

use crate::{
    server::Site,
    side::{Ours, Reference, Shape, Side},
    table::{Start, Table},
};

/// Technicians who are booked in turn.
const TECHNICIANS: usize = 50;

/// How often the server is started to see how long that takes.
const STARTS: usize = 5;

/// What the command line asks for.
struct Wish {
    judge: bool,
    rounds: usize,
    engines: Vec<Engine>,
}

fn main() -> ExitCode {
    let Some(wish) = wish() else {
        eprintln!("usage: bench [--judge] [--rounds N] [--engine sqlite|postgres]");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let mut table = Table::default();
    for engine in &wish.engines {
        runtime.block_on(Box::pin(measure(*engine, wish.rounds, &mut table)));
    }
    println!("{table}");
    if wish.judge && table.missed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn wish() -> Option<Wish> {
    let mut wish = Wish { judge: false, rounds: 7, engines: vec![Engine::Sqlite, Engine::Postgres] };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--judge" => wish.judge = true,
            "--rounds" => wish.rounds = arguments.next()?.parse().ok().filter(|rounds| *rounds > 0)?,
            "--engine" => {
                wish.engines = match arguments.next()?.as_str() {
                    "sqlite" => vec![Engine::Sqlite],
                    "postgres" => vec![Engine::Postgres],
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
    Some(wish)
}

async fn measure(engine: Engine, rounds: usize, table: &mut Table) {
    // Every booking has a flat of its own, as in life; one round more than is measured warms both sides up.
    let flats = (rounds + 1) * Shape::ROUND.iter().map(|shape| shape.count).sum::<usize>();
    eprintln!("{engine:?}: settling {flats} flats and {TECHNICIANS} technicians, twice");
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

    let (register, plan, sizes) = side::observe(&site, &town).await;
    let other = Site::found(engine).await;
    let mut reference =
        Reference::open(&other, other.settle(TECHNICIANS, flats).await, register, plan, sizes);
    let server = site.serve(&[]).await;
    let mut ours = Ours::open(&server, town, site.data());
    for round in 0..=rounds {
        eprintln!("{engine:?}: round {round} of {rounds}");
        for shape in Shape::ROUND {
            // Whoever comes second finds a machine that the first has used: they take turns.
            let (mine, theirs) = if round % 2 == 0 {
                let mine = ours.watched(shape).await;
                (mine, reference.watched(shape).await)
            } else {
                let theirs = reference.watched(shape).await;
                (ours.watched(shape).await, theirs)
            };
            if round > 0 {
                table.measured(engine, shape, mine, theirs);
            }
        }
    }
    server.stop().await;
    reference.close().await;
    site.close().await;
    other.remove().await;
}
