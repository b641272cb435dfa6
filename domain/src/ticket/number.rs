//! The registration number: per organization and year, without gaps.

use chrono::Datelike;
use sea_orm::FromQueryResult;

use crate::{Error, Result, Time, id::OrganizationId, write::LockRank, write::Tx};

/// The next number of the organization in the local year of `at`: `2026-000123`. The counter is locked until the commit,
/// and a write that fails gives its number back.
pub(crate) async fn next(
    tx: &mut Tx,
    organization: OrganizationId,
    zone: chrono_tz::Tz,
    at: Time,
) -> Result<String> {
    #[derive(FromQueryResult)]
    struct Counter {
        last: i64,
    }
    tx.rank(LockRank::Counter)?;
    let year = at.with_timezone(&zone).year();
    let counter = tx
        .execute_returning::<Counter>(
            "INSERT INTO number_counter (organization_id, year, last) VALUES ($1, $2, 1)
             ON CONFLICT (organization_id, year) DO UPDATE SET last = number_counter.last + 1 RETURNING last",
            [organization.0.into(), i64::from(year).into()],
        )
        .await?
        .pop()
        .ok_or_else(|| Error::internal("the counter of numbers did not answer"))?;
    Ok(format!("{year}-{:06}", counter.last))
}
