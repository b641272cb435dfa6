//! A comment on a ticket.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    feed::EntityKind,
    id::{CommentId, OrganizationId, TicketId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "ticket_comment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CommentId,
    pub organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub audience: Audience,
    pub author_kind: AuthorKind,
    pub author_id: Uuid,
    pub author_name: String,
    pub body: String,
    pub written_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "ticket_comment",
        journaling: Journaling {
            plain: &["audience", "author_kind"],
            personal: &["author_name", "body"],
            silent: &[],
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
        if let Some(row) = after.or(before) {
            touched.add(row.organization_id, Touch::Document(EntityKind::Ticket, row.ticket_id.0));
        }
    }
}

/// Who reads a comment.
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
#[schema(as = CommentAudience)]
pub enum Audience {
    /// Staff only.
    Internal,
    /// Staff and the resident.
    Resident,
}

/// Who wrote a comment.
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
pub enum AuthorKind {
    /// A member of staff.
    Staff,
    /// The resident.
    Resident,
}
