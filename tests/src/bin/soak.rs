//! `soak`: the simulator of offline work and the storm of the crash story, for as long as `MINUTES` of the environment says,
//! from the seed that `SEED` says: `make soak MINUTES=60 SEED=1000`. A seed that fails is printed before it fails.
#![expect(clippy::print_stdout, reason = "a command prints what it found")]

use std::time::{Duration, Instant};

use naryad_tests::{
    Engine,
    load::Storm,
    simulator::{Simulation, Tally},
    story::{Door, run},
};

/// Minutes without any number given.
const MINUTES: u64 = 30;

/// Events of a simulation.
const STEPS: u32 = 400;

/// Kills of a storm between two seeds.
const KILLS: u64 = 20;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn main() {
    let end = Instant::now() + Duration::from_secs(60 * number("MINUTES").unwrap_or(MINUTES));
    let mut seed = number("SEED").unwrap_or(1000);
    let (mut all, mut runs) = (Tally::default(), 0_u64);
    while Instant::now() < end {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let mut tally = Tally::default();
            run(engine, Door::Closed, async |house| {
                tally = Simulation { seed, steps: STEPS }.run(house).await;
            });
            println!("{engine:?}: seed {seed}: {tally:?}");
            all = all.with(tally);
            runs += 1;
        }
        if seed % 10 == 9 {
            for engine in [Engine::Sqlite, Engine::Postgres] {
                run(engine, Door::Closed, async |house| {
                    let survived = Storm { clients: 8, kills: KILLS }.pass(house).await;
                    println!("{engine:?}: {KILLS} kills under load, {survived:?}");
                });
                all.kills += KILLS;
            }
        }
        seed += 1;
    }
    println!(
        "{runs} runs, {} simulated device-days, {} kills, {} mutations; next SEED={seed}\n{all:?}",
        all.device_minutes / (24 * 60),
        all.kills,
        all.mutations
    );
}
