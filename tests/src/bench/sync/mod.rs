//! Offline work: what phones pull and push, their open streams, and many phones at once.

mod bootstrap;
mod crew;
mod growth;
mod phones;
mod push;
mod streams;

use naryad_tests::Engine;

use crate::table::Table;

pub(crate) async fn measure(engine: Engine, rounds: usize, large: u64, table: &mut Table) {
    bootstrap::measure(engine, rounds, table).await;
    push::measure(engine, rounds, table).await;
    growth::measure(engine, large, table).await;
    streams::measure(engine, table).await;
    phones::measure(engine, rounds, table).await;
}
