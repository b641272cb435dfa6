//! That something was erased, why and by whom: the fact stands in the journal, in place of what it stood for.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Time,
    feed::EntityKind,
    id::OrganizationId,
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "erasure")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: OrganizationId,
    pub subject_kind: ErasedKind,
    pub subject_id: Uuid,
    pub ground: Ground,
    pub paths: Json,
    pub erased_by: Uuid,
    pub erased_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "erasure",
        journaling: Journaling { plain: &["subject_kind", "ground", "paths"], personal: &[], silent: &[] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        match self.subject_kind {
            ErasedKind::Resident => Subject::new(SubjectKind::Resident, self.subject_id),
            ErasedKind::Ticket => Subject::new(SubjectKind::Ticket, self.subject_id),
        }
    }

    fn touch(_: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        let Some(row) = after else { return };
        let kind = match row.subject_kind {
            ErasedKind::Resident => EntityKind::ResidentContact,
            ErasedKind::Ticket => EntityKind::Ticket,
        };
        touched.add(row.organization_id, Touch::Document(kind, row.subject_id));
    }
}

/// Of what something was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumIter, DeriveActiveEnum)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum ErasedKind {
    Resident,
    Ticket,
}

/// Why personal data are erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumIter, DeriveActiveEnum, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum Ground {
    /// The person has asked for it.
    Request,
    /// The consent was withdrawn.
    ConsentWithdrawn,
    /// The purpose is reached, or the term of keeping is over.
    PurposeReached,
    /// A court or the authority has ordered it.
    Order,
}
