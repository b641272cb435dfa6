//! What an organization's reference feed holds: kinds of work, and the price lists.

use std::collections::BTreeMap;

use naryad_domain::{
    Error, Result,
    catalogue::{Demands, request_type, version},
    db::Reader,
    id::{MaterialId, OrganizationId, RequestTypeId, WorkId},
    material::price,
    paid::work,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PhoneDocument, under_ids};

/// A kind of work, in its current version.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneRequestType {
    /// Which one.
    pub id: RequestTypeId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Stable code.
    pub code: String,
    /// The number of the version of its rules.
    pub version: i64,
    /// Name in Russian.
    pub name_ru: String,
    /// Name in English.
    pub name_en: String,
    /// The emergency service goes at once.
    pub emergency: bool,
    /// How long a visit lasts, in minutes.
    pub duration_minutes: i64,
    /// What closing demands.
    pub demands: Demands,
}

/// A material in the price list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneMaterial {
    /// Which one.
    pub id: MaterialId,
    /// Whose price list it is.
    pub organization_id: OrganizationId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What it is counted in.
    pub unit: String,
    /// The price of one unit, in kopecks.
    pub price_minor: i64,
    /// How many decimals its quantities take, 0 to 3.
    pub decimals: i64,
    /// Whether stock of it is kept.
    pub stocked: bool,
}

/// A work in the price list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneWork {
    /// Which one.
    pub id: WorkId,
    /// Whose price list it is.
    pub organization_id: OrganizationId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What it is counted in.
    pub unit: String,
    /// The price of one unit, in kopecks.
    pub price_minor: i64,
}

/// Two statements.
pub(super) async fn request_types(
    reader: &Reader<'_>,
    feed: Uuid,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, PhoneDocument>> {
    let kinds = request_type::Entity::find()
        .filter(request_type::Column::Id.is_in(ids.iter().copied()))
        .filter(request_type::Column::OrganizationId.eq(feed))
        .all(reader)
        .await?;
    let numbers: Vec<i64> = kinds.iter().map(|kind| kind.current_version).collect();
    let versions = version::Entity::find()
        .filter(version::Column::RequestTypeId.is_in(ids.iter().copied()))
        .filter(version::Column::Number.is_in(numbers))
        .all(reader)
        .await?;
    let mut versions: BTreeMap<(RequestTypeId, i64), version::Model> =
        versions.into_iter().map(|version| ((version.request_type_id, version.number), version)).collect();
    let mut documents = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let version = versions
            .remove(&(kind.id, kind.current_version))
            .ok_or_else(|| Error::internal(format!("request_type {}, column current_version", kind.id)))?;
        documents.push((
            kind.id.0,
            PhoneRequestType {
                id: kind.id,
                organization_id: kind.organization_id,
                code: kind.code,
                version: version.number,
                demands: version.rules()?.demands,
                name_ru: version.name_ru,
                name_en: version.name_en,
                emergency: version.emergency,
                duration_minutes: version.duration_s / 60,
            },
        ));
    }
    Ok(under_ids(documents))
}

/// One statement.
pub(super) async fn materials(
    reader: &Reader<'_>,
    feed: Uuid,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, PhoneDocument>> {
    let rows = price::Entity::find()
        .filter(price::Column::Id.is_in(ids.iter().copied()))
        .filter(price::Column::OrganizationId.eq(feed))
        .all(reader)
        .await?;
    Ok(under_ids(rows.into_iter().map(|row| {
        let price::Model { id, organization_id, code, name, unit, price_minor, decimals, stocked, .. } = row;
        (id.0, PhoneMaterial { id, organization_id, code, name, unit, price_minor, decimals, stocked })
    })))
}

/// One statement.
pub(super) async fn works(
    reader: &Reader<'_>,
    feed: Uuid,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, PhoneDocument>> {
    let rows = work::Entity::find()
        .filter(work::Column::Id.is_in(ids.iter().copied()))
        .filter(work::Column::OrganizationId.eq(feed))
        .all(reader)
        .await?;
    Ok(under_ids(rows.into_iter().map(|row| {
        let work::Model { id, organization_id, code, name, unit, price_minor, .. } = row;
        (id.0, PhoneWork { id, organization_id, code, name, unit, price_minor })
    })))
}
