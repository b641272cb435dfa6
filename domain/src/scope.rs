//! Who asks, and what of it he may see.

/// (under construction)
pub struct Scope;
