//! What makes a user a technician: his trades and the buildings he serves.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

pub mod store;

use sea_orm::entity::prelude::*;

use crate::{
    id::{OrganizationId, TechnicianId},
    journal::{Subject, SubjectKind},
    write::{FeedOwner, Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "technician")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TechnicianId,
    pub organization_id: OrganizationId,
    pub service_number: Option<String>,
    pub trades: Json,
    pub serves_all_buildings: bool,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "technician",
        journaling: Journaling { plain: &["trades"], personal: &["service_number"], silent: &["version"] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Technician, self.id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let (None, Some(new)) = (before, after) {
            touched.add(new.organization_id, Touch::FeedCreated(new.id.0, FeedOwner::Technician));
            touched.add(new.organization_id, Touch::FeedOpened(new.id.0));
        }
    }
}
