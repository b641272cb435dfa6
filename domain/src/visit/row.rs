//! The row of a visit.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    feed::EntityKind,
    id::{OrganizationId, TicketId, VisitId},
    journal::{Subject, SubjectKind},
    visit::{VisitStatus, WindowKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "visit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: VisitId,
    pub organization_id: OrganizationId,
    pub staff_organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub status: VisitStatus,
    pub window_kind: WindowKind,
    pub window_start: Option<Time>,
    pub window_end: Option<Time>,
    pub planned_start: Time,
    pub planned_end: Time,
    pub en_route_at: Option<Time>,
    pub started_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub reason: Option<String>,
    pub override_reason: Option<String>,
    pub version: i64,
    pub created_at: Time,
    pub changed_at: Option<Time>,
    pub checklist: Option<Json>,
    pub checklist_at: Option<Time>,
    pub confirmed_at: Option<Time>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "visit",
        journaling: Journaling {
            plain: &["status", "window_kind", "checklist"],
            personal: &["reason", "override_reason"],
            silent: &["version", "changed_at"],
        },
        entity: Some(EntityKind::Ticket),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Ticket, self.ticket_id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        let Some(row) = after.or(before) else { return };
        let ticket = row.ticket_id.0;
        touched.add(row.organization_id, Touch::Document(EntityKind::Ticket, ticket));
        touched.add(row.organization_id, Touch::Reach(EntityKind::Ticket, ticket));
        touched.add(row.organization_id, Touch::Watched(row.staff_organization_id));
        if let Some(new) = after
            && before.is_none_or(|old| old.ended_at != new.ended_at)
            && let Some(at) = new.ended_at
        {
            touched.add(
                row.organization_id,
                Touch::Ended { entity: (EntityKind::Ticket, ticket), by: new.id.0, at },
            );
        }
    }
}
