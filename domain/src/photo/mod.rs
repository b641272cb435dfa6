//! Photos and the uploads that bring their bytes.

pub mod format;
pub mod row;

/// stub
pub async fn counts(
    _r: &crate::db::Reader<'_>,
    _t: crate::id::TicketId,
) -> crate::Result<std::collections::BTreeMap<crate::catalogue::PhotoKind, u32>> {
    Ok(Default::default())
}
/// stub
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct PhotoDocument {}
/// stub
pub async fn of_ticket(
    _r: &crate::db::Reader<'_>,
    _s: &crate::Scope,
    _t: crate::id::TicketId,
) -> crate::Result<Vec<PhotoDocument>> {
    Ok(vec![])
}
/// stub
pub fn pending(_p: &[PhotoDocument]) -> u32 {
    0
}
