//! Balances computed anew from the movements.

use sea_orm::FromQueryResult;

use crate::{
    Result,
    db::Db,
    id::{MaterialId, PlaceId},
};

/// A balance that is not the sum of its movements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Finding {
    /// The place.
    pub place_id: PlaceId,
    /// The material.
    pub material_id: MaterialId,
    /// What is written down, in thousandths.
    pub written_milli: i64,
    /// What the movements come to, in thousandths.
    pub moved_milli: i64,
}

/// Compares every balance with the sum of its movements.
///
/// # Errors
/// The database cannot be read.
pub async fn verify(db: &Db) -> Result<Vec<Finding>> {
    let sql = "SELECT place_id, material_id,
                      CAST(SUM(written) AS BIGINT) AS written_milli, CAST(SUM(moved) AS BIGINT) AS moved_milli
               FROM (
                   SELECT place_id, material_id, quantity_milli AS written, 0 AS moved FROM stock_balance
                   UNION ALL
                   SELECT to_place_id, material_id, 0, quantity_milli FROM stock_movement WHERE to_place_id IS NOT NULL
                   UNION ALL
                   SELECT from_place_id, material_id, 0, -quantity_milli FROM stock_movement
                   WHERE from_place_id IS NOT NULL
               ) AS sides
               GROUP BY place_id, material_id HAVING SUM(written) <> SUM(moved)
               ORDER BY place_id, material_id";
    db.reader().all(sql, []).await
}
