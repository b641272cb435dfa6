//! A building.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

pub mod store;

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{BuildingId, OrganizationId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Told, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "building")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BuildingId,
    pub organization_id: OrganizationId,
    pub address: String,
    pub fias_id: Option<Uuid>,
    pub zone: String,
    pub latitude_e7: Option<i64>,
    pub longitude_e7: Option<i64>,
    pub search: String,
    pub active: bool,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "building",
        journaling: Journaling { plain: &["address", "zone"], personal: &[], silent: &["search", "version"] },
        entity: Some(crate::feed::EntityKind::Premises),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Building, self.id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let (Some(old), Some(new)) = (before, after)
            && (old.address != new.address
                || old.zone != new.zone
                || (old.latitude_e7, old.longitude_e7) != (new.latitude_e7, new.longitude_e7))
        {
            touched.add(new.organization_id, Touch::Told(Told::Building, new.id.0));
        }
    }
}
