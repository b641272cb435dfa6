//! The kind of work of a ticket: the version of the request type it was born with.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sea_orm::EntityTrait;

use super::row;
use crate::{
    Error, Result, Scope,
    catalogue::{Rules, request_type, store, version},
    db::Reader,
    id::RequestTypeId,
    worktime::{ProductionDays, WorkCalendar},
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
        let (kind, version) = store::current(reader, scope, id).await?;
        if !kind.active {
            return Err(Error::field("request_type_id", "is no longer in use"));
        }
        Self::read(kind, version)
    }

    /// The version a ticket was born with.
    pub(crate) async fn of(reader: &Reader<'_>, ticket: &row::Model) -> Result<Self> {
        let missing = |column: &str| Error::internal(format!("ticket {}, column {column}", ticket.id));
        let id = ticket.request_type_id;
        let kind = request_type::Entity::find_by_id(id).one(reader).await?;
        let version = store::find_version(reader, id, ticket.request_type_version).await?;
        Self::read(
            kind.ok_or_else(|| missing("request_type_id"))?,
            version.ok_or_else(|| missing("request_type_version"))?,
        )
    }

    /// The planned term of work that counts from `started_from`, by the clock of the building and the production
    /// calendar of the owner.
    pub(crate) fn term(
        &self,
        started_from: DateTime<Utc>,
        zone: Tz,
        days: &ProductionDays,
    ) -> Option<DateTime<Utc>> {
        let term = self.rules.resolve.as_ref()?;
        WorkCalendar::new(&self.rules.clock, zone, days).due_in_season(started_from, term)
    }

    fn read(kind: request_type::Model, version: version::Model) -> Result<Self> {
        Ok(Self {
            rules: version.rules()?,
            version: version.number,
            code: kind.code,
            name_ru: version.name_ru,
            name_en: version.name_en,
            emergency: version.emergency,
        })
    }
}
