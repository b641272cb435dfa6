//! A material in the price list.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Error, Result, Time,
    feed::EntityKind,
    id::{MaterialId, OrganizationId},
    journal::{Subject, SubjectKind},
    text::Line,
    write::{Journaling, Row, Table, Told, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "material")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MaterialId,
    pub organization_id: OrganizationId,
    pub code: String,
    pub name: String,
    pub unit: String,
    pub price_minor: i64,
    pub active: bool,
    pub decimals: i64,
    pub stocked: bool,
    pub doc_version: i64,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "material",
        journaling: Journaling {
            plain: &["code", "name", "unit"],
            personal: &[],
            silent: &["doc_version", "version"],
        },
        entity: Some(EntityKind::Material),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Material, self.id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            let kind = EntityKind::Material;
            let touch =
                if before.is_none() { Touch::New(kind, row.id.0) } else { Touch::Document(kind, row.id.0) };
            touched.add(row.organization_id, touch);
        }
        if let (Some(old), Some(new)) = (before, after)
            && (&old.code, &old.name, &old.unit) != (&new.code, &new.name, &new.unit)
        {
            touched.add(new.organization_id, Touch::Told(Told::Material, new.id.0));
        }
    }
}

impl Model {
    /// Whether so much of it can be counted, in the unit the client counts in.
    ///
    /// # Errors
    /// `invalid_field`: `unit` for another unit than the material's, `field` for more decimals than it takes.
    pub(crate) fn check_quantity(
        &self,
        quantity: super::Quantity,
        unit: Option<&Line<20>>,
        field: &str,
    ) -> Result<()> {
        if let Some(unit) = unit
            && unit.as_str() != self.unit
        {
            return Err(Error::field("unit", format!("the material is counted in «{}»", self.unit)));
        }
        let step = match self.decimals {
            0 => 1000,
            1 => 100,
            2 => 10,
            _ => 1,
        };
        if quantity.milli() % step == 0 {
            return Ok(());
        }
        Err(Error::field(field, format!("{} are counted with at most {} decimals", self.unit, self.decimals)))
    }
}
