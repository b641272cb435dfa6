//! What a version of a kind of work says beyond its name: terms, demands, precondition.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Amount, Category, Clock, Demands, Precondition, Term};
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
    /// What calls in vain end in; absent: as the emergency of the kind says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered_calls: Option<UnansweredCalls>,
    /// A failure of equipment that serves a whole building: director and master are told at once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub accident: bool,
    /// Whether the local authority is told; absent: of emergencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority_notice: Option<bool>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What becomes of a ticket whose applicant did not answer the phone three times (R103).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnansweredCalls {
    /// It is cancelled, and the applicant is written to. Never an emergency, nor one whose work has begun: these end in
    /// the review of the desk.
    Cancel,
    /// The desk decides.
    Review,
    /// Nothing: the calls are only noted, and nobody is reminded.
    Off,
}

/// What the local authority is told of (R24).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    ToSchema,
    sea_orm::EnumIter,
    sea_orm::DeriveActiveEnum,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum AuthorityNature {
    /// Cold or hot water.
    Water,
    /// Sewage.
    Sewage,
    /// Heating.
    Heating,
}

impl AuthorityNature {
    /// What damage of this branch is to the authority; none where the law does not ask for a notice, as for electricity.
    pub fn of(category: Category) -> Option<Self> {
        match category {
            Category::ColdWater | Category::HotWater => Some(Self::Water),
            Category::Sewage => Some(Self::Sewage),
            Category::Heating => Some(Self::Heating),
            _ => None,
        }
    }
}

impl Rules {
    /// What calls in vain end in: the review of the desk for emergencies, where nothing else is said.
    pub fn unanswered_calls(&self, emergency: bool) -> UnansweredCalls {
        let usual = if emergency { UnansweredCalls::Review } else { UnansweredCalls::Cancel };
        self.unanswered_calls.unwrap_or(usual)
    }

    /// What the local authority is told of damage of this kind, if it is told.
    pub fn authority(&self, category: Category, emergency: bool) -> Option<AuthorityNature> {
        AuthorityNature::of(category).filter(|_| self.authority_notice.unwrap_or(emergency))
    }

    /// Passes rules that ask for no notice to the authority where there is none.
    ///
    /// # Errors
    /// `invalid_field` naming `authority_notice`.
    pub(super) fn check_authority(&self, category: Category) -> Result<()> {
        if self.authority_notice == Some(true) && AuthorityNature::of(category).is_none() {
            return Err(Error::field("authority_notice", "is only of water, sewage and heating"));
        }
        Ok(())
    }
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
