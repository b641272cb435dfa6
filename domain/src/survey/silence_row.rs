//! The row of a wish not to be asked.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use super::answer_row::AnswerChannel;
use crate::{
    Time,
    id::{OrganizationId, PremisesId, ResidentId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "do_not_ask")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub person: String,
    pub resident_id: Option<ResidentId>,
    pub premises_id: Option<PremisesId>,
    pub channel: AnswerChannel,
    pub said_at: Time,
    pub said_by: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "do_not_ask",
        // The person of a phone would stay in the chain of the organization, where no erasure looks for it.
        journaling: Journaling { plain: &["channel"], personal: &[], silent: &["person"] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        match (self.resident_id, self.premises_id) {
            (Some(resident), _) => Subject::new(SubjectKind::Resident, resident),
            (None, Some(premises)) => Subject::new(SubjectKind::Premises, premises),
            (None, None) => Subject::new(SubjectKind::Organization, self.organization_id),
        }
    }

    fn touch(_: Option<&Self>, _: Option<&Self>, _: &mut Touched) {}
}
