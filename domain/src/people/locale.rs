//! The languages a resident can be written to in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A language.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ToSchema,
    sea_orm::EnumIter,
    sea_orm::DeriveActiveEnum,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum Locale {
    /// Russian.
    #[default]
    Ru,
    /// English.
    En,
}

impl Locale {
    /// The language as it is stored; one that is not known is the first.
    pub(crate) fn stored(text: &str) -> Self {
        if text == "en" { Self::En } else { Self::default() }
    }
}
