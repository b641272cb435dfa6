//! A booking that lost its time: its ticket waits for another.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use super::CauseKind;
use crate::{
    Time,
    id::{OrganizationId, RebookingId, TicketId, VisitId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "rebooking")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RebookingId,
    pub organization_id: OrganizationId,
    pub staff_organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub visit_id: VisitId,
    pub cause: CauseKind,
    pub event_key: String,
    pub planned_start: Time,
    pub planned_end: Time,
    pub window_start: Option<Time>,
    pub window_end: Option<Time>,
    pub since: Time,
    pub resolved_at: Option<Time>,
    pub resolved_visit_id: Option<VisitId>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "rebooking",
        journaling: Journaling { plain: &["cause", "event_key"], personal: &[], silent: &[] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Ticket, self.ticket_id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            touched.add(row.organization_id, Touch::Watched(row.staff_organization_id));
            touched.add(row.organization_id, Touch::Topic("rebooking"));
            touched.add(row.staff_organization_id, Touch::Topic("rebooking"));
        }
    }
}
