//! A phone, tablet or browser that is told what happens.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

pub mod store;

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{DeviceId, OrganizationId, ResidentId, UserId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "device")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeviceId,
    pub organization_id: OrganizationId,
    pub user_id: Option<UserId>,
    pub resident_id: Option<ResidentId>,
    pub platform: Platform,
    pub push_token: Option<String>,
    pub app_version: String,
    pub active: bool,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "device",
        journaling: Journaling {
            plain: &["platform", "app_version"],
            personal: &[],
            silent: &["push_token", "version"],
        },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Device, self.id)
    }

    fn touch(_before: Option<&Self>, _after: Option<&Self>, _touched: &mut Touched) {}
}

/// What a device runs.
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
pub enum Platform {
    /// Android.
    Android,
    /// iOS.
    Ios,
    /// A browser.
    Web,
}
