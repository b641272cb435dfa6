//! What an item of a price list was, from when on.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Result, db::Reader, write::Tx};

/// A version of an item of a price list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema, FromQueryResult)]
pub struct PriceVersion {
    /// The version of the item that it began with.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// What it is counted in.
    pub unit: String,
    /// The price of one unit, in kopecks.
    pub price_minor: i64,
    /// From when on.
    pub from_at: DateTime<Utc>,
}

/// Notes what an item is from now on. Its own row is locked.
pub(crate) async fn note_version(
    tx: &Tx,
    item: Uuid,
    version: i64,
    name: &str,
    unit: &str,
    price_minor: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO price_version (item_id, version, name, unit, price_minor, from_at) VALUES ($1, $2, $3, $4, $5, $6)",
        [item.into(), version.into(), name.into(), unit.into(), price_minor.into(), tx.now().into()],
    )
    .await?;
    Ok(())
}

/// The versions of an item, the newest first. The caller has seen the item through its scope.
///
/// # Errors
/// The database cannot be read.
pub async fn versions(reader: &Reader<'_>, item: Uuid) -> Result<Vec<PriceVersion>> {
    let sql = "SELECT version, name, unit, price_minor, from_at FROM price_version WHERE item_id = $1 ORDER BY version DESC";
    reader.all(sql, [item.into()]).await
}
