//! A weekly template of shifts.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use super::{LocalDate, WeekShifts};
use crate::{
    Error, Result, Time,
    feed::EntityKind,
    id::{OrganizationId, ShiftId, TechnicianId},
    journal::{Subject, SubjectKind},
    place::Zone,
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "shift_template")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ShiftId,
    pub organization_id: OrganizationId,
    pub technician_id: TechnicianId,
    pub zone: String,
    pub valid_from: LocalDate,
    pub valid_to: Option<LocalDate>,
    pub week: Json,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "shift_template",
        journaling: Journaling {
            plain: &["zone", "valid_from", "valid_to", "week"],
            personal: &[],
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
        Ok(Zone::stored(&self.zone, format!("shift_template {}", self.id))?.tz())
    }

    /// Its week.
    ///
    /// # Errors
    /// The row holds something else.
    pub fn shifts(&self) -> Result<Vec<WeekShifts>> {
        serde_json::from_value(self.week.clone())
            .map_err(|fault| Error::internal(format!("shift_template {}, column week: {fault}", self.id)))
    }

    /// Whether it holds on a date.
    pub fn is_valid_on(&self, date: LocalDate) -> bool {
        self.valid_from <= date && self.valid_to.is_none_or(|last| date <= last)
    }
}
