//! The row of an alert.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    deadline::Basis,
    id::{AlertId, DeadlineId, OrganizationId, TicketId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "alert")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AlertId,
    pub organization_id: OrganizationId,
    pub executor_organization_id: Option<OrganizationId>,
    pub deadline_id: Option<DeadlineId>,
    pub ticket_id: Option<TicketId>,
    pub kind: String,
    pub basis: Option<Basis>,
    pub step: i64,
    pub percent: i64,
    pub round: i64,
    pub fired_at: Time,
    pub due_at: Option<Time>,
    pub acknowledged_at: Option<Time>,
    pub acknowledged_by: Option<Uuid>,
    pub taken_back_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub version: i64,
    pub rung: i64,
    pub climb_at: Option<Time>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "alert",
        journaling: Journaling {
            plain: &["kind", "basis"],
            personal: &[],
            silent: &[
                "organization_id",
                "executor_organization_id",
                "ticket_id",
                "step",
                "round",
                "version",
                "rung",
                "climb_at",
            ],
        },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        match self.ticket_id {
            Some(ticket) => Subject::new(SubjectKind::Ticket, ticket),
            None => Subject::new(SubjectKind::Organization, self.organization_id),
        }
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        let Some(row) = after.or(before) else { return };
        touched.add(row.organization_id, Touch::Topic("alert"));
        let executors = [before, after].into_iter().flatten().filter_map(|row| row.executor_organization_id);
        for executor in executors {
            touched.add(row.organization_id, Touch::Watched(executor));
            touched.add(executor, Touch::Topic("alert"));
        }
    }
}
