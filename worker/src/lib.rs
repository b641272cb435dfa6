//! Background jobs of Naryad: the claim loop and one file a job.
//!
//! A job's effect and its completion are one commit ([`Completing`](naryad_domain::job::Completing)). A worker that is
//! killed leaves a lease that runs out, and the job returns; one that is stopped gives its jobs back.

mod authority_remind;
mod auto_close;
mod beat;
mod call_again;
mod deadline_recalculate;
mod deadlines;
mod drain;
mod escalations;
mod feed_expire;
mod handover_expire;
mod mass_notice_spread;
mod notifications;
mod periodic;
mod phone_poke;
mod photo_examine;
mod registry;
mod rota;
mod tenants;
mod ticket_refold;
mod upload_judge;
mod uploads;
mod visit_overrun;
mod worker;

pub use deadlines::fire_all;
pub use drain::{drain, next_due};
pub use naryad_domain::job::ATTEMPTS;
pub use periodic::{Services, Task};
pub use registry::{Registry, registry};
pub use rota::Beat;
pub use worker::{LEASE, Pace, run};
