//! An imported production calendar of a year: never changed, the highest version counts.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use super::store::NamedDay;
use crate::{
    Error, Result, Time,
    id::OrganizationId,
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "production_calendar")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub region: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub year: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    pub days: Json,
    pub imported_by: Uuid,
    pub imported_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "production_calendar",
        journaling: Journaling { plain: &["region", "days"], personal: &[], silent: &[] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Organization, self.organization_id)
    }

    fn touch(_before: Option<&Self>, _after: Option<&Self>, _touched: &mut Touched) {}
}

impl Model {
    /// The days it names.
    ///
    /// # Errors
    /// `internal` naming the row: only checked days are stored.
    pub(super) fn named(&self) -> Result<Vec<NamedDay>> {
        serde_json::from_value(self.days.clone()).map_err(|fault| {
            let (region, year, version) = (&self.region, self.year, self.version);
            Error::internal(format!(
                "production calendar {year} {region:?} version {version}, column days: {fault}"
            ))
        })
    }
}
