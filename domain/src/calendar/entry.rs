//! An entry in a technician's calendar.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    feed::EntityKind,
    id::{EntryId, OrganizationId, TechnicianId, TicketId, VisitId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "calendar_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EntryId,
    pub organization_id: OrganizationId,
    pub technician_id: TechnicianId,
    pub visit_id: Option<VisitId>,
    pub ticket_id: Option<TicketId>,
    pub absence_id: Option<Uuid>,
    pub kind: EntryKind,
    pub busy_start: Time,
    pub busy_end: Time,
    pub planned_start: Time,
    pub planned_end: Time,
    pub active: bool,
    pub hold_token: Option<Uuid>,
    pub hold_until: Option<Time>,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "calendar_entry",
        journaling: Journaling { plain: &["kind"], personal: &[], silent: &["hold_token", "version"] },
        entity: Some(EntityKind::MyCalendar),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        match self.ticket_id {
            Some(ticket) => Subject::new(SubjectKind::Ticket, ticket),
            None => Subject::new(SubjectKind::Technician, self.technician_id),
        }
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        for row in [before, after].into_iter().flatten() {
            touched.add(row.organization_id, Touch::Document(EntityKind::MyCalendar, row.technician_id.0));
        }
    }
}

/// What an entry is.
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
pub enum EntryKind {
    /// Kept for a dispatcher on the phone, until `hold_until`.
    Hold,
    /// A booked visit.
    Booking,
    /// The technician is away.
    Absence,
    /// A break in the shift.
    Break,
}
