//! Policies of terms.

pub mod row;
pub mod version;
