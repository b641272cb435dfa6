//! Photos: evidence of the work, kept as it was sent.

pub mod format;
