//! The row of a notice to the local authority.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    catalogue::AuthorityNature,
    id::{AuthorityNoticeId, NotificationId, OrganizationId, TicketId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "authority_notice")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuthorityNoticeId,
    pub organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub nature: AuthorityNature,
    pub planned_term: Option<Time>,
    pub body: Option<String>,
    pub email: Option<String>,
    pub drafted_at: Time,
    pub sent_at: Option<Time>,
    pub sent_by: Option<Uuid>,
    pub notification_id: Option<NotificationId>,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "authority_notice",
        journaling: Journaling {
            // The address of an office, which the organization has set.
            plain: &["nature", "email"],
            personal: &["body"],
            silent: &["version"],
        },
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
            touched.add(row.organization_id, Touch::Topic("authority_notice"));
        }
    }
}
