//! `soak [KILLS]`: the storm of the crash story for long. Without a number it takes `N` of the environment, as
//! `make soak N=500` sets it.
#![expect(clippy::print_stdout, reason = "a command prints what it found")]

use naryad_tests::{
    Engine,
    load::Storm,
    story::{Door, run},
};

/// Kills without any number given.
const KILLS: u64 = 200;

fn main() {
    let number = std::env::args().nth(1).or_else(|| std::env::var("N").ok());
    let kills = number.and_then(|number| number.parse().ok()).unwrap_or(KILLS);
    for engine in [Engine::Sqlite, Engine::Postgres] {
        run(engine, Door::Closed, async |house| {
            let survived = Storm { clients: 8, kills }.pass(house).await;
            println!("{engine:?}: {kills} kills, {survived:?}");
        });
    }
}
