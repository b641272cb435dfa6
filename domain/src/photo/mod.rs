//! Photos and the uploads that bring their bytes.

pub mod row;
