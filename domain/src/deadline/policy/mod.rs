//! Policies of terms: which clocks run, by what right, when they warn. The organization has one, and a kind of work may
//! have its own; where there is none, the defaults hold. A version is never changed: a clock tells by which it runs.

pub mod row;
mod rules;
pub mod store;
pub mod version;

use sea_orm::FromQueryResult;

pub use self::rules::{Contract, Count, PolicyRules, Target};
use crate::{
    Error, Result,
    db::Reader,
    id::{DeadlinePolicyId, OrganizationId, RequestTypeId},
};

/// A policy in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// Which; absent: the defaults of the service.
    pub id: Option<DeadlinePolicyId>,
    /// The number of its version; 0 for the defaults.
    pub number: i64,
    /// What it says.
    pub rules: PolicyRules,
}

/// The policy in force for a kind of work: its own, else the organization's, else the defaults.
///
/// # Errors
/// The database cannot be read.
pub async fn current(
    reader: &Reader<'_>,
    organization: OrganizationId,
    request_type: Option<RequestTypeId>,
) -> Result<Policy> {
    #[derive(FromQueryResult)]
    struct Row {
        id: DeadlinePolicyId,
        request_type_id: Option<RequestTypeId>,
        number: i64,
        rules: serde_json::Value,
    }
    let rows = reader
        .all::<Row>(
            "SELECT p.id, p.request_type_id, v.number, v.rules
             FROM deadline_policy p
             JOIN deadline_policy_version v ON v.policy_id = p.id AND v.number = p.current_version
             WHERE p.organization_id = $1 AND p.active AND (p.request_type_id IS NULL OR p.request_type_id = $2)",
            [organization.0.into(), request_type.map(|id| id.0).into()],
        )
        .await?;
    let Some(row) = rows.into_iter().max_by_key(|row| row.request_type_id.is_some()) else {
        return Ok(Policy::default());
    };
    Ok(Policy { id: Some(row.id), number: row.number, rules: read(row.id, row.number, row.rules)? })
}

fn read(policy: DeadlinePolicyId, number: i64, rules: serde_json::Value) -> Result<PolicyRules> {
    serde_json::from_value(rules).map_err(|fault| {
        Error::internal(format!("deadline_policy_version {policy}/{number}, column rules: {fault}"))
    })
}
