//! Many days of offline work at random, judged at their end; `make soak` goes on for as long as asked.

use naryad_tests::{
    Engine, proves,
    simulator::Simulation,
    story::{Door, run},
};

/// Events of a run.
const STEPS: u32 = 220;

fn simulate(engine: Engine, seed: u64) {
    run(engine, Door::Closed, async |house| {
        proves!(R5);
        proves!(R36);
        let tally = Simulation { seed, steps: STEPS }.run(house).await;
        assert!(tally.mutations > 0 && tally.broken > 0, "nothing happened: {tally:?}");
        eprintln!("{tally:?}");
    });
}

macro_rules! seeds {
    ($($name:ident: $seed:expr),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::simulate(naryad_tests::Engine::Sqlite, $seed); })*
        }

        mod postgres {
            $(#[test] fn $name() { super::simulate(naryad_tests::Engine::Postgres, $seed); })*
        }
    };
}

seeds! { seed_1: 1, seed_2: 2, seed_3: 3, seed_4: 4 }
