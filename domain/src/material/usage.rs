//! A line of used material, with the price as it was.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

mod document;
mod edit;
#[cfg(test)]
mod tests;

use sea_orm::entity::prelude::*;

pub(crate) use self::edit::hold_at_work;
pub use self::{
    document::{UsageDocument, lines, of_ticket, of_tickets},
    edit::{RemoveUsage, UseMaterial, UseMaterialArgs, Used},
};

use crate::{
    Time,
    feed::EntityKind,
    id::{MaterialId, OrganizationId, TicketId, UsageId, VisitId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "material_usage")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UsageId,
    pub organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub visit_id: Option<VisitId>,
    pub material_id: MaterialId,
    pub material_version: Option<i64>,
    pub name: String,
    pub unit: String,
    pub price_minor: i64,
    pub quantity_milli: i64,
    pub used_by: Uuid,
    pub used_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "material_usage",
        journaling: Journaling { plain: &["name", "unit"], personal: &[], silent: &[] },
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
