//! The row of a text message that somebody wrote back.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{InvitationId, OrganizationId, ResidentId, SmsReplyId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "sms_reply")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SmsReplyId,
    pub organization_id: OrganizationId,
    pub resident_id: Option<ResidentId>,
    pub phone: String,
    pub body: String,
    pub outcome: ReplyOutcome,
    pub invitation_id: Option<InvitationId>,
    pub received_at: Time,
    pub read_at: Option<Time>,
    pub read_by: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "sms_reply",
        journaling: Journaling { plain: &["outcome"], personal: &["phone", "body"], silent: &[] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        match self.resident_id {
            Some(resident) => Subject::new(SubjectKind::Resident, resident),
            None => Subject::new(SubjectKind::Organization, self.organization_id),
        }
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            touched.add(row.organization_id, Touch::Topic("survey"));
        }
    }
}

/// What a text message was.
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
pub enum ReplyOutcome {
    /// A mark.
    Answer,
    /// «Do not ask me».
    Stop,
    /// Something else, that nobody has read.
    Unread,
    /// Something else, that somebody has read.
    Read,
}
