//! The kind of work of a ticket: the version of the request type it was born with.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::row;
use crate::{
    Error, Result, Scope,
    catalogue::{Rules, due, request_type, version},
    db::Reader,
    id::RequestTypeId,
};

/// A version of a request type, read.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) version: i64,
    pub(crate) code: String,
    pub(crate) name_ru: String,
    pub(crate) name_en: String,
    pub(crate) emergency: bool,
    pub(crate) rules: Rules,
}

impl Kind {
    /// The current version of an active type of the scope's organization.
    pub(crate) async fn current(reader: &Reader<'_>, scope: &Scope, id: RequestTypeId) -> Result<Self> {
        let kind = request_type::Entity::find_by_id(id)
            .filter(request_type::Column::OrganizationId.eq(scope.organization()))
            .one(reader)
            .await?
            .ok_or_else(|| Error::not_found("request type"))?;
        if !kind.active {
            return Err(Error::field("request_type_id", "is no longer in use"));
        }
        Self::read(reader, &kind, kind.current_version).await
    }

    /// The version a ticket was born with.
    pub(crate) async fn of(reader: &Reader<'_>, ticket: &row::Model) -> Result<Self> {
        let kind = request_type::Entity::find_by_id(ticket.request_type_id)
            .one(reader)
            .await?
            .ok_or_else(|| Error::internal(format!("ticket {}, column request_type_id", ticket.id)))?;
        Self::read(reader, &kind, ticket.request_type_version).await
    }

    /// The planned term of work that counts from `started_from`, by the clock of the building.
    pub(crate) fn term(&self, started_from: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        self.rules.resolve.as_ref().and_then(|term| due(started_from, term, &self.rules.clock, zone))
    }

    async fn read(reader: &Reader<'_>, kind: &request_type::Model, number: i64) -> Result<Self> {
        let row = version::Entity::find_by_id((kind.id, number))
            .one(reader)
            .await?
            .ok_or_else(|| Error::internal(format!("request_type {}, version {number}", kind.id)))?;
        let rules = row.rules()?;
        Ok(Self {
            version: number,
            code: kind.code.clone(),
            name_ru: row.name_ru,
            name_en: row.name_en,
            emergency: row.emergency,
            rules,
        })
    }
}
