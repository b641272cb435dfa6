//! What differs from the weekly template on a date.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use super::{LocalDate, ShiftWindow};
use crate::{
    Error, Result, Time,
    feed::EntityKind,
    id::{OrganizationId, ShiftExceptionId, TechnicianId},
    journal::{Subject, SubjectKind},
    place::Zone,
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "shift_exception")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ShiftExceptionId,
    pub organization_id: OrganizationId,
    pub technician_id: TechnicianId,
    pub zone: String,
    pub on_date: LocalDate,
    pub kind: ExceptionKind,
    pub windows: Json,
    pub reason: String,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "shift_exception",
        journaling: Journaling {
            plain: &["zone", "on_date", "kind", "windows"],
            personal: &["reason"],
            silent: &["version"],
        },
        entity: Some(EntityKind::MyCalendar),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Technician, self.technician_id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        for row in [before, after].into_iter().flatten() {
            touched.add(row.organization_id, Touch::Document(EntityKind::MyCalendar, row.technician_id.0));
        }
    }
}

impl Model {
    /// The zone of its hours.
    ///
    /// # Errors
    /// The row holds a name that is no zone.
    pub fn tz(&self) -> Result<chrono_tz::Tz> {
        Ok(Zone::stored(&self.zone, format!("shift_exception {}", self.id))?.tz())
    }

    /// Its hours.
    ///
    /// # Errors
    /// The row holds something else.
    pub fn hours(&self) -> Result<Vec<ShiftWindow>> {
        serde_json::from_value(self.windows.clone())
            .map_err(|fault| Error::internal(format!("shift_exception {}, column windows: {fault}", self.id)))
    }
}

/// What an exception does to the shifts that begin on its date.
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
pub enum ExceptionKind {
    /// Its shifts come on top of those of the template.
    Added,
    /// Its shifts come instead.
    Replaced,
    /// There are none.
    Removed,
}
