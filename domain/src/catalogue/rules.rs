//! What a version of a kind of work says beyond its name: terms, demands, precondition.

use serde::{Deserialize, Serialize};

use super::{Amount, Clock, Demands, Precondition, Term};
use crate::{Error, Result};

/// The rules of a version; stored as JSON with the version and never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Within what the damage is localized.
    pub localize: Option<Amount>,
    /// Within what the work is done or the answer given.
    pub resolve: Option<Term>,
    /// Within what the quality of the utility is checked on site.
    pub check_visit: Option<Amount>,
    /// When the terms count.
    pub clock: Clock,
    /// What closing demands.
    pub demands: Demands,
    /// What the applicant is told first.
    pub precondition: Option<Precondition>,
}

impl super::version::Model {
    /// The rules of this version.
    ///
    /// # Errors
    /// `internal` naming the row: only checked rules are stored.
    pub fn rules(&self) -> Result<Rules> {
        serde_json::from_value(self.rules.clone()).map_err(|fault| {
            let (id, number) = (self.request_type_id, self.number);
            Error::internal(format!("request_type_version {id}/{number}, column rules: {fault}"))
        })
    }

    /// The branch of the business this kind of work belongs to.
    ///
    /// # Errors
    /// `internal` naming the row: only known names are stored.
    pub fn category(&self) -> Result<super::Category> {
        use sea_orm::ActiveEnum;
        super::Category::try_from_value(&self.category).map_err(|fault| {
            let (id, number) = (self.request_type_id, self.number);
            Error::internal(format!("request_type_version {id}/{number}, column category: {fault}"))
        })
    }
}
