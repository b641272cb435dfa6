//! Texts at the edge: phone numbers, bounded lines and texts, the official style, and what search looks in.
//!
//! Whatever is parsed here is not checked again behind the edge.

pub mod fold;
pub mod limited;
mod mend;
pub mod official;
pub mod phone;
mod question;
pub mod when;

pub use fold::{fold, query_terms, search_column};
pub use limited::{Line, NotLimited, Text};
pub use official::{Finding, NotOfficial, require_official};
pub use phone::{PhoneError, PhoneNumber};
pub use question::{NotAsked, QUESTION_CHARS, QUESTION_WORDS, Question};
