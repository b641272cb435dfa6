//! The row of a notification.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use super::{Lane, NotificationKind};
use crate::{
    Time,
    id::{NotificationId, OrganizationId, ResidentId, TicketId, UserId, VisitId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "notification")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NotificationId,
    pub organization_id: OrganizationId,
    pub ticket_id: Option<TicketId>,
    pub visit_id: Option<VisitId>,
    pub user_id: Option<UserId>,
    pub resident_id: Option<ResidentId>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub person: String,
    pub kind: NotificationKind,
    pub event_key: String,
    pub facts: Json,
    pub lane: Lane,
    pub state: NotificationState,
    pub ladder: Option<Json>,
    pub rung: i64,
    pub attempt: i64,
    pub next_at: Option<Time>,
    pub await_until: Option<Time>,
    pub reference: Option<String>,
    pub lease: Option<Uuid>,
    pub title: Option<String>,
    pub brief: Option<String>,
    pub body: Option<String>,
    pub last_error: Option<String>,
    pub created_at: Time,
    pub settled_at: Option<Time>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "notification",
        journaling: Journaling {
            plain: &["kind", "event_key"],
            personal: &["phone", "email"],
            // `person` says the same as the columns it is made of; how it is delivered stands in its own log.
            silent: &[
                "person",
                "facts",
                "lane",
                "state",
                "ladder",
                "rung",
                "attempt",
                "next_at",
                "await_until",
                "reference",
                "lease",
                "title",
                "brief",
                "body",
                "last_error",
                "settled_at",
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

    fn touch(_: Option<&Self>, _: Option<&Self>, _: &mut Touched) {}
}

/// How far a notification has come.
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
pub enum NotificationState {
    /// It waits to be sent.
    Queued,
    /// A provider took it; a sign that it arrived is awaited.
    Sent,
    /// Nothing brought it: somebody calls.
    Call,
    /// The phone has it.
    Delivered,
    /// The app showed it.
    Read,
    /// The last provider took it; more cannot be known.
    Taken,
    /// Somebody said it by phone.
    Told,
    /// Nothing brought it.
    Failed,
    /// Another says more, or what it was to say is no longer so.
    Superseded,
}
