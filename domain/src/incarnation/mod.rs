//! Which life of the database this is.
//!
//! A database that is restored from a backup comes back as it was, with whatever counters it had: phones hold cursors from
//! after the backup, and to the database they look like its own. So the database bears an incarnation, every cursor names
//! it, and a restore begins another one. Whoever restores by `naryad restore` or `naryad restore --mark` says so. One who
//! only puts an older file back is found out: once a minute the database raises its beat and then, when that is committed,
//! tells it to the store of photos, outside the database. A database that is behind what it had told was restored.
//!
//! Identifiers of incarnations are UUIDs of version 7, each later than the one before it, whatever the clock says. A
//! database therefore knows of every life that began before its own, and of none that began after.

mod beacon;
mod store;
#[cfg(test)]
mod tests;

pub use self::{
    beacon::{Beacon, beat, check_at_start},
    store::{Renew, current},
};
