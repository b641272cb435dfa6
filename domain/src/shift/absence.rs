//! An absence of a technician, or a break of his outside those of the shift.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    calendar::{Span, entry::EntryKind},
    feed::EntityKind,
    id::{AbsenceId, OrganizationId, TechnicianId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "absence")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AbsenceId,
    pub organization_id: OrganizationId,
    pub technician_id: TechnicianId,
    pub kind: AbsenceKind,
    pub starts_at: Time,
    pub ends_at: Time,
    pub reason: Option<String>,
    pub cancelled_at: Option<Time>,
    pub recorded_by: Uuid,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "absence",
        // That somebody was ill is a matter of his health.
        journaling: Journaling { plain: &[], personal: &["kind", "reason"], silent: &["version"] },
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
    /// From when to when.
    pub fn span(&self) -> Span {
        Span { start: self.starts_at, end: self.ends_at }
    }
}

/// Why somebody is away.
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
pub enum AbsenceKind {
    /// On holiday.
    Vacation,
    /// Ill.
    Sick,
    /// At a training.
    Training,
    /// Something else; the reason says what.
    Other,
    /// A break on a day: it gives way to an absence, and takes nobody's booking.
    Break,
}

impl AbsenceKind {
    /// The entry it makes in the calendar.
    pub fn entry(self) -> EntryKind {
        match self {
            Self::Break => EntryKind::Break,
            _ => EntryKind::Absence,
        }
    }
}
