//! A flat, a shop, a common area or a plant room in a building.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

pub mod store;

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    feed::EntityKind,
    id::{BuildingId, OrganizationId, PremisesId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Told, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "premises")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PremisesId,
    pub organization_id: OrganizationId,
    pub building_id: BuildingId,
    pub kind: PremisesKind,
    pub number: String,
    pub entrance: Option<String>,
    pub floor: Option<String>,
    pub access_notes: Option<String>,
    pub doc_version: i64,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "premises",
        journaling: Journaling {
            plain: &["kind", "number", "entrance", "floor"],
            personal: &["access_notes"],
            silent: &["doc_version", "version"],
        },
        entity: Some(EntityKind::Premises),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Premises, self.id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            let kind = EntityKind::Premises;
            let touch =
                if before.is_none() { Touch::New(kind, row.id.0) } else { Touch::Document(kind, row.id.0) };
            touched.add(row.organization_id, touch);
        }
        if let (Some(old), Some(new)) = (before, after)
            && old.number != new.number
        {
            // The number stands in the tickets too. It changes seldom: the whole building is looked at.
            touched.add(new.organization_id, Touch::Told(Told::Building, new.building_id.0));
        }
    }
}

/// What premises are.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum PremisesKind {
    /// A flat.
    Flat,
    /// A shop or an office.
    Commercial,
    /// A stairwell, a yard, a roof.
    Common,
    /// A basement, a plant room.
    Technical,
}
