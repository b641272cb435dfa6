//! The row of a ticket.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    feed::EntityKind,
    id::{BuildingId, OrganizationId, PremisesId, RequestTypeId, ResidentId, TicketId},
    journal::{Subject, SubjectKind},
    ticket::{ExecutorKind, InformedHow, Source, Status},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "ticket")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TicketId,
    pub organization_id: OrganizationId,
    pub executor_kind: ExecutorKind,
    pub executor_organization_id: Option<OrganizationId>,
    pub number: String,
    pub request_type_id: RequestTypeId,
    pub request_type_version: i64,
    pub status: Status,
    pub source: Source,
    pub emergency: bool,
    pub building_id: BuildingId,
    pub premises_id: Option<PremisesId>,
    pub place: Option<String>,
    pub resident_id: Option<ResidentId>,
    pub applicant_name: Option<String>,
    pub applicant_phone: Option<String>,
    pub description: String,
    pub original_words: Option<String>,
    pub cause: Option<String>,
    pub measures: Option<String>,
    pub crew_needed: Option<bool>,
    pub precondition_confirmed: bool,
    pub wished_start: Option<Time>,
    pub wished_end: Option<Time>,
    pub fields: Json,
    pub planned_term: Option<Time>,
    pub registered_by: Uuid,
    pub registered_at: Time,
    pub damaged_at: Option<Time>,
    pub localized_at: Option<Time>,
    pub informed_at: Option<Time>,
    pub informed_how: Option<InformedHow>,
    pub completed_at: Option<Time>,
    pub closed_at: Option<Time>,
    pub cancelled_at: Option<Time>,
    pub hold_reason: Option<String>,
    pub hold_until: Option<Time>,
    pub outcome_reason: Option<String>,
    pub return_count: i64,
    pub evidence_missing: bool,
    pub follows_id: Option<TicketId>,
    pub search: String,
    pub version: i64,
    pub doc_version: i64,
    pub updated_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "ticket",
        journaling: Journaling {
            plain: &["executor_kind", "number", "status", "source", "informed_how"],
            personal: &[
                "place",
                "applicant_name",
                "applicant_phone",
                "description",
                "original_words",
                "cause",
                "measures",
                "fields",
                "hold_reason",
                "outcome_reason",
            ],
            silent: &["search", "version", "doc_version", "updated_at"],
        },
        entity: Some(EntityKind::Ticket),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Ticket, self.id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        let Some(new) = after else { return };
        let Some(old) = before else {
            touched.add(new.organization_id, Touch::New(EntityKind::Ticket, new.id.0));
            return;
        };
        touched.add(new.organization_id, Touch::Document(EntityKind::Ticket, new.id.0));
        // Whether the crew still needs the contact depends on the status, and whether it sees the ticket on the executor.
        if old.status != new.status || old.executor_organization_id != new.executor_organization_id {
            touched.add(new.organization_id, Touch::Reach(EntityKind::Ticket, new.id.0));
        }
        // The history of a flat tells what was done there.
        let told = |status| matches!(status, Status::Completed | Status::Closed | Status::Cancelled);
        if old.status != new.status
            && (told(old.status) || told(new.status))
            && let Some(premises) = new.premises_id
        {
            touched.add(new.organization_id, Touch::Document(EntityKind::Premises, premises.0));
        }
        if old.premises_id != new.premises_id {
            for id in [old.premises_id, new.premises_id].into_iter().flatten() {
                touched.add(new.organization_id, Touch::Reach(EntityKind::Premises, id.0));
            }
        }
        if old.resident_id != new.resident_id {
            for id in [old.resident_id, new.resident_id].into_iter().flatten() {
                touched.add(new.organization_id, Touch::Reach(EntityKind::ResidentContact, id.0));
            }
        }
        for executor in [old.executor_organization_id, new.executor_organization_id].into_iter().flatten() {
            touched.add(new.organization_id, Touch::Watched(executor));
        }
    }
}
