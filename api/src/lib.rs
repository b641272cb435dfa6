//! The HTTP interface of Naryad and its only binary.
//!
//! A request goes one way: route, extractors (who are you, what do you ask), one use case of the domain, rendering.
//! `problem` alone knows the status of an error; `server` puts the same service together for `main` and for tests.

mod act;
mod alert;
mod auth;
mod backup;
mod board;
mod catalogue;
pub mod cli;
pub mod config;
mod deadline;
mod demo;
mod docs;
pub mod events;
pub mod extract;
pub mod fcm;
mod handover;
mod health;
mod ical;
mod job;
pub mod limit;
mod lock;
mod material;
mod metrics;
mod notification;
mod notify;
pub mod openapi;
mod paid;
mod people;
mod photo;
mod place;
pub mod privacy;
pub mod problem;
mod provider;
pub mod reply;
mod request;
mod review;
mod routes;
pub mod s3;
pub mod server;
mod shift;
mod slot;
pub mod sms;
pub mod smtp;
pub mod state;
mod stock;
mod survey;
mod sync;
mod ticket;
mod track;
mod upload;
mod visit;
pub mod web_push;
mod worktime;
