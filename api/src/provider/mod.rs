//! What the ways to all services outside share: where keys may go, a client that waits for nobody long, answers that came
//! whole, and the guard that stands before each of them.

mod answer;
mod breaker;
mod client;
mod guard;
mod rate;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    answer::{Answer, down},
    client::{address, client, form, in_time},
    guard::Guard,
};
