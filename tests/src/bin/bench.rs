//! `bench [--judge] [--rounds N] [--engine sqlite|postgres] [--only writes|growth|slots|due|photos|sync|messages] [--large N]`: the
//! service against its own statements through bare sqlx, and large databases against small ones, on the same machine, in
//! turn. Ratios are judged (`--judge` makes a missed aim an exit code), absolute figures are only printed.
#![expect(clippy::expect_used, clippy::panic, reason = "a bench fails by panicking, with words")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints what it found")]

#[path = "../bench/bulk.rs"]
mod bulk;
#[path = "../bench/due.rs"]
mod due;
#[path = "../bench/growth.rs"]
mod growth;
#[path = "../bench/http.rs"]
mod http;
#[path = "../bench/messages/mod.rs"]
mod messages;
#[path = "../bench/photos.rs"]
mod photos;
#[path = "../bench/record.rs"]
mod record;
#[path = "../bench/replay.rs"]
mod replay;
#[path = "../bench/server.rs"]
mod server;
#[path = "../bench/side.rs"]
mod side;
#[path = "../bench/slots.rs"]
mod slots;
#[path = "../bench/sync/mod.rs"]
mod sync;
#[path = "../bench/table.rs"]
mod table;
#[path = "../bench/writes.rs"]
mod writes;

use std::process::ExitCode;

use naryad_tests::Engine;

use crate::table::Table;

/// What the command line asks for.
struct Wish {
    judge: bool,
    rounds: usize,
    /// Tickets of the large database.
    large: u64,
    engines: Vec<Engine>,
    parts: Vec<String>,
}

const PARTS: [&str; 7] = ["writes", "slots", "due", "photos", "growth", "sync", "messages"];

fn main() -> ExitCode {
    let Some(wish) = wish() else {
        eprintln!(
            "usage: bench [--judge] [--rounds N] [--engine sqlite|postgres] [--only {}] [--large N]",
            PARTS.join("|")
        );
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let mut table = Table::default();
    for engine in &wish.engines {
        for part in &wish.parts {
            runtime.block_on(Box::pin(measure(*engine, part, &wish, &mut table)));
        }
    }
    println!("{table}");
    if wish.judge && table.missed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn measure(engine: Engine, part: &str, wish: &Wish, table: &mut Table) {
    match part {
        "writes" => Box::pin(writes::measure(engine, wish.rounds, table)).await,
        "slots" => Box::pin(slots::measure(engine, table)).await,
        "due" => Box::pin(due::measure(engine, table)).await,
        "photos" => Box::pin(photos::measure(engine, wish.large, table)).await,
        "sync" => Box::pin(sync::measure(engine, wish.rounds, wish.large, table)).await,
        "messages" => Box::pin(messages::measure(engine, table)).await,
        _ => Box::pin(growth::measure(engine, wish.large, table)).await,
    }
}

fn wish() -> Option<Wish> {
    let mut wish = Wish {
        judge: false,
        rounds: 7,
        large: 1_000_000,
        engines: vec![Engine::Sqlite, Engine::Postgres],
        parts: PARTS.map(str::to_owned).to_vec(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--judge" => wish.judge = true,
            "--rounds" => wish.rounds = arguments.next()?.parse().ok().filter(|rounds| *rounds > 0)?,
            "--large" => wish.large = arguments.next()?.parse().ok().filter(|large| *large >= 10_000)?,
            "--only" => wish.parts = vec![arguments.next().filter(|part| PARTS.contains(&part.as_str()))?],
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
