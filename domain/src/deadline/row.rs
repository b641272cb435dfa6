//! The row of a clock.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use super::{Basis, DeadlineKind, DeadlineState, DeadlineSubject};
use crate::{
    Time,
    catalogue::Unit,
    id::{BuildingId, DeadlineId, DeadlinePolicyId, OrganizationId, RequestTypeId, TicketId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "deadline")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeadlineId,
    pub organization_id: OrganizationId,
    pub executor_organization_id: Option<OrganizationId>,
    pub subject_kind: DeadlineSubject,
    pub subject_id: Uuid,
    pub ticket_id: Option<TicketId>,
    pub building_id: Option<BuildingId>,
    pub request_type_id: Option<RequestTypeId>,
    pub kind: DeadlineKind,
    pub basis: Basis,
    pub policy_id: Option<DeadlinePolicyId>,
    pub policy_version: i64,
    pub calendar_version: i64,
    pub clock: Json,
    pub zone: String,
    pub started_from: Time,
    pub target_amount: i64,
    pub target_unit: Unit,
    pub pauses: bool,
    pub edited: bool,
    pub edit_reason: Option<String>,
    pub total_s: Option<i64>,
    pub consumed_s: i64,
    pub running_since: Option<Time>,
    pub due_at: Option<Time>,
    pub broken_at: Option<Time>,
    pub late_from: Option<Time>,
    pub grace_s: i64,
    pub next_fire_at: Option<Time>,
    pub told: i64,
    pub fired: i64,
    pub repeats: i64,
    pub state: DeadlineState,
    pub met_at: Option<Time>,
    pub late_s: Option<i64>,
    pub alert_acked: bool,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "deadline",
        journaling: Journaling {
            plain: &["kind", "basis", "target_unit", "state"],
            personal: &["edit_reason"],
            // What follows from the rest, or stands on the ticket whose chain this is.
            silent: &[
                "organization_id",
                "executor_organization_id",
                "subject_kind",
                "subject_id",
                "ticket_id",
                "building_id",
                "request_type_id",
                "policy_id",
                "clock",
                "zone",
                "pauses",
                "total_s",
                "running_since",
                "late_from",
                "grace_s",
                "next_fire_at",
                "told",
                "fired",
                "repeats",
                "alert_acked",
                "version",
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
        touched.add(row.organization_id, Touch::Topic("deadline"));
        let executors = [before, after].into_iter().flatten().filter_map(|row| row.executor_organization_id);
        for executor in executors {
            touched.add(row.organization_id, Touch::Watched(executor));
            touched.add(executor, Touch::Topic("deadline"));
        }
    }
}
