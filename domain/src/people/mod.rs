//! Organizations, staff, technicians, residents, devices.

pub mod account;
pub mod device;
pub mod email;
pub mod locale;
pub mod me;
pub mod organization;
pub mod phone;
pub mod resident;
pub mod served;
mod settings;
pub mod technician;
pub mod user;

pub use self::settings::{Authorities, Settings};

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
