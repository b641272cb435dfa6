//! The row of a mass notice.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use super::MassState;
use crate::{
    Time,
    id::{MassNoticeId, OrganizationId, ResidentId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "mass_notice")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MassNoticeId,
    pub organization_id: OrganizationId,
    pub building_ids: Json,
    pub title: String,
    pub body: String,
    pub state: MassState,
    pub audience: i64,
    pub spread: i64,
    pub cursor: Option<ResidentId>,
    pub created_by: Uuid,
    pub created_at: Time,
    pub ended_at: Option<Time>,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "mass_notice",
        journaling: Journaling {
            plain: &["building_ids", "title", "body", "state"],
            personal: &[],
            silent: &["spread", "cursor", "version"],
        },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Organization, self.organization_id)
    }

    fn touch(_: Option<&Self>, _: Option<&Self>, _: &mut Touched) {}
}
