//! The harness of the stories: real processes, both databases, a clock that is moved by hand, and a client that holds
//! every answer against `openapi.yaml`.
//!
//! ```ignore
//! on_both! {
//!     /// The dispatcher books Anna; a second booking over it is refused with other times.
//!     async fn a_slot_is_booked_once(house: &House) {
//!         proves!(R34);
//!         let company = house.company("УК Дом").await;
//!         let dispatcher = house.sign_in(&company.user(Role::Dispatcher).await).await;
//!         let ticket = dispatcher.post("/v1/tickets", json!({ "description": "Течёт кран" })).await.ok(201).id("/id");
//!         house.clock().advance_minutes(31);
//!         dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), json!({})).await.problem(422, "invalid_field");
//!     }
//! }
//! ```
#![expect(clippy::expect_used, clippy::panic, reason = "a harness fails its test by panicking, with words")]

pub mod answer;
pub mod client;
pub mod clock;
pub mod command;
pub mod database;
pub mod estate;
pub mod events;
pub mod faulty;
pub mod fcm;
pub mod house;
pub mod load;
pub mod node;
pub mod openapi;
pub mod outbox;
pub mod people;
pub mod phone;
pub mod photos;
pub mod promises;
pub mod proof;
pub mod proxy;
pub mod simulator;
pub mod sms;
pub mod smtp;
pub mod story;
pub mod web_push;

#[cfg(test)]
mod stand_in;

pub use answer::Answer;
pub use client::Client;
pub use clock::HandClock;
pub use database::Engine;
pub use house::House;
pub use node::Node;
pub use openapi::Contract;
pub use outbox::Message;
pub use people::{Organization, Role, User};
pub use proxy::Proxy;
